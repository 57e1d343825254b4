"""Time to solution: how long a heuristic is to be run again and again until it has the best answer at 99 %.

Of runs of t seconds, each of which succeeds with chance p, ln(0.01) / ln(1 - p) are needed (Ronnow et al., Science
345, 420 (2014), eq. 1), one at least.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from counterpoint.base import BadInput, Floats, Key, fold_in
from counterpoint.quops.estimate import COVERAGE, Estimate
from counterpoint.workloads.cost.scaling import Scaling

citation = (
    "@article{Ronnow2014, title={Defining and detecting quantum speedup}, author={R{\\o}nnow, Troels F. and Wang,"
    " Zhihui and Job, Joshua and Boixo, Sergio and Isakov, Sergei V. and Wecker, David and Martinis, John M. and Lidar,"
    " Daniel A. and Troyer, Matthias}, journal={Science}, volume={345}, pages={420--424}, year={2014}}"
)

WANTED = 0.99  # chance of the best answer
DRAWS = 1_000  # of the bootstrap
_ENDS = ((1 - COVERAGE) / 2, (1 + COVERAGE) / 2)


@dataclass(frozen=True)
class Tally:
    """How often one heuristic reached the best known value of one problem.

    Raises BadInput for no runs, more hits than runs, and seconds that are not a finite number above 0.
    """

    runs: int
    hits: int
    seconds: float  # a run

    def __post_init__(self) -> None:
        if not 0 <= self.hits <= self.runs or self.runs < 1:
            raise BadInput(f"{self.hits} hits in {self.runs} runs were given: give 1 run or more, and no more hits")
        if not (math.isfinite(self.seconds) and self.seconds > 0):
            raise BadInput(f"a run of {self.seconds:g} s was given: give a finite time above 0")


@dataclass(frozen=True)
class Bounded:
    """A figure with its 95 % interval; None stands for no bound, as where nothing succeeded."""

    value: float | None
    low: float
    high: float | None


@dataclass(frozen=True, eq=False)
class Growth:
    """How time to solution grows: as base^n, a least-squares line of its logarithm."""

    times: Mapping[int, Bounded]  # seconds, the median problem of each size
    base: Bounded


def solution_time(tallies: Sequence[Tally], key: Key) -> Bounded:
    """Seconds to 99 %, of the median of these problems, by bootstrap over problems and over the runs on each.

    Where a draw has no success the low end takes what chance could have hidden (1 - u^(1 / runs), u uniform) and the
    high end has no bound; where all succeed the ends are the other way round. Raises BadInput for no problems.
    """
    if not tallies:
        raise BadInput("0 problems were given to take a time of: give 1 or more")
    runs, hits, seconds = _arrays(tallies)
    value = float(np.median(_seconds(hits / runs, seconds)))
    low, high = (np.median(drawn, axis=1) for drawn in _draws(tallies, key))
    return _bounded(value, low, high)


def growth(tallies: Mapping[int, Sequence[Tally]], key: Key) -> Growth:
    """Time to solution by size n, and the base of its growth, by bootstrap as in `solution_time`.

    Raises BadInput for fewer than 3 sizes, which no line can be judged on, and a size without problems.
    """
    if len(tallies) < 3:
        raise BadInput(f"{len(tallies)} sizes were given to see how a time grows: give 3 or more")
    sizes = sorted(tallies)
    keys = {n: fold_in(key, "size", n) for n in sizes}
    times = {n: solution_time(tallies[n], keys[n]) for n in sizes}
    drawn = [_draws(tallies[n], keys[n]) for n in sizes]
    low, high = (np.stack([np.median(one[end], axis=1) for one in drawn], axis=1) for end in (0, 1))
    points = np.array([[times[n].value or math.inf for n in sizes]])
    bases = [_base(np.array(sizes, np.float64), some) for some in (points, low, high)]
    return Growth(times, _bounded(float(bases[0][0]), bases[1], bases[2]))


def of_growth(grown: Growth) -> Scaling:
    """Its line: the constant is the mean of the logarithms, whose errors are independent.

    Raises BadInput where a time or the base has no upper bound, as where nothing succeeded.
    """
    sizes, times = list(grown.times), [_estimate(f"the time at size {n}", one) for n, one in grown.times.items()]
    logs = [math.log(one.value) for one in times]
    middle = sum(logs) / len(sizes)
    low = math.hypot(*(at - math.log(one.low) for at, one in zip(logs, times, strict=True))) / len(sizes)
    high = math.hypot(*(math.log(one.high) - at for at, one in zip(logs, times, strict=True))) / len(sizes)
    constant = Estimate(middle, middle - low, middle + high).through(math.exp)
    return Scaling(constant, _estimate("the base", grown.base), sum(sizes) / len(sizes))


def least_time(settings: Sequence[Sequence[Tally]], otherwise: Sequence[float], key: Key) -> int:
    """Which setting has the least time to solution on its problems; where none has one, the least of `otherwise`."""
    times = [solution_time(some, key).value for some in settings]
    ranks = [(math.inf if time is None else time, other) for time, other in zip(times, otherwise, strict=True)]
    return min(range(len(ranks)), key=ranks.__getitem__)


def _estimate(name: str, one: Bounded) -> Estimate:
    if one.value is None or one.high is None:
        raise BadInput(
            f"{name} is at least {one.low:g} and has no upper bound: give more runs, or leave out sizes that are never "
            "solved"
        )
    return Estimate(one.value, one.low, one.high)


def _seconds(chances: Floats, seconds: Floats) -> Floats:
    """To 99 %, by chances and seconds of a run; inf where the chance is 0."""
    with np.errstate(divide="ignore"):
        return seconds * math.log(1 - WANTED) / np.log1p(-np.minimum(chances, WANTED))  # one run is the least


def _draws(tallies: Sequence[Tally], key: Key) -> tuple[Floats, Floats]:
    """(draws, problems) seconds of problems and runs that are drawn again, with chances at the low and the high end."""
    rng = np.random.default_rng(key)
    picked = rng.integers(len(tallies), size=(DRAWS, len(tallies)))
    runs, hits, seconds = (values[picked] for values in _arrays(tallies))
    chances = rng.binomial(runs.astype(np.int64), hits / runs) / runs
    hidden = rng.random(chances.shape) ** (1 / runs)
    best = np.where(chances == 0, 1 - hidden, chances)
    worst = np.where(chances == 1, hidden, chances)
    return _seconds(best, seconds), _seconds(worst, seconds)


def _arrays(tallies: Sequence[Tally]) -> tuple[Floats, ...]:
    """Runs, hits and seconds, (problems,) each."""
    return tuple(np.array([getattr(one, name) for one in tallies]) for name in ("runs", "hits", "seconds"))


def _base(sizes: Floats, times: Floats) -> Floats:
    """(draws,) bases of times (draws, sizes); inf where one of them has no bound."""
    away = sizes - sizes.mean()
    bounded = np.isfinite(times).all(axis=1)
    slopes = np.log(np.where(np.isfinite(times), times, 1.0)) @ away / (away @ away)
    return np.where(bounded, np.exp(slopes), np.inf)


def _bounded(value: float, low: Floats, high: Floats) -> Bounded:
    ends = [float(np.quantile(one, at, method="inverted_cdf")) for one, at in zip((low, high), _ENDS, strict=True)]
    return Bounded(_finite(value), ends[0], _finite(ends[1]))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
