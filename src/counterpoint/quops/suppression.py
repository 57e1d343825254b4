"""Lambda: by what factor the logical error falls when the code distance grows by two, from counts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import root_scalar
from scipy.special import chdtrc, chdtri, xlogy

from counterpoint.base import BadInput, Floats
from counterpoint.quops.cycle import error_per_cycle
from counterpoint.quops.estimate import COVERAGE, Estimate, check_counts

_REACH = float(chdtri(1, 1 - COVERAGE))  # deviance above the best at an end of an interval: 3.84
_STEEPEST, _DEEPEST = 50.0, 300.0  # |ln Lambda| and |ln eps| looked at; beyond is as good as infinity
_STEPS = 200


@dataclass(frozen=True)
class Tally:
    """Counts of one experiment at one distance."""

    distance: int
    rounds: int  # cycles in one shot
    failures: int  # shots with any observable wrong
    shots: int
    ceiling: float = 0.5  # error of an answer that knows nothing; 1 - 2**-m where any of m observables may be wrong

    @property
    def steps(self) -> float:
        """(d + 1) / 2, the power of Lambda."""
        return (self.distance + 1) / 2


@dataclass(frozen=True)
class Suppression:
    """A and Lambda of eps_d = A Lambda**(-(d + 1) / 2), fitted to counts by maximum likelihood.

    Where failures were seen at the smallest distance alone, Lambda has a lower bound only: `factor` and
    `high` are None. Where none was seen at all, it has no bound, and `error` still gives those of eps.
    """

    tallies: tuple[Tally, ...]
    amplitude: float | None  # A, a cycle; None where it is not finite
    factor: float | None  # Lambda
    low: float  # 95 %, by profile likelihood
    high: float | None
    deviance: float  # of the fit, against a rate of its own for each experiment
    freedom: int  # experiments less the two parameters
    p: float | None  # that constant Lambda gives such a deviance or a larger one; None without freedom or failures

    @property
    def failures(self) -> int:
        """All that were counted."""
        return sum(tally.failures for tally in self.tallies)

    def error(self, distance: int) -> Estimate:
        """eps at any distance under constant Lambda, with its 95 % interval by profile likelihood.

        With no failure at all: 0 and the exact binomial bound at a distance that was run; no bound elsewhere.
        """
        most = max(tally.ceiling for tally in self.tallies)
        if not self.failures:
            ran = [tally for tally in self.tallies if tally.distance == distance]
            bounds = [error_per_cycle(0, tally.shots, tally.rounds).high for tally in ran]
            return Estimate(0.0, 0.0, min(bounds, default=most))
        data = _Counts.of(self.tallies)
        best, lowest = data.best()
        steps = (distance + 1) / 2
        value = float(best[0] - best[1] * steps)
        low, high = data.ends_of_height(steps, value, lowest)
        ends = (0.0 if end <= -_DEEPEST else min(most, math.exp(min(end, 0.0))) for end in (value, low, high))
        return Estimate(*ends)


def fit_suppression(tallies: Sequence[Tally]) -> Suppression:
    """Fit eps_d = A Lambda**(-(d + 1) / 2) (Google Quantum AI, Nature 638, 920 (2025), equation 1) to counts.

    Failures of r cycles are binomial with P = c (1 - (1 - eps / c)**r) for the ceiling c: with one observable,
    (1 - (1 - 2 eps)**r) / 2. (ln A, ln Lambda) are found
    by Fisher's scoring; the interval is where twice the log likelihood, maximised over A, stays within 3.84
    of its maximum. No failure is a count like any other. Constant Lambda is an assumption: see `p`.

    Raises:
        BadInput: impossible counts, fewer than two distances, or an experiment that fails as often as guessing.
    """
    for tally in tallies:
        check_counts(tally.failures, tally.shots)
        if tally.rounds < 1:
            raise BadInput(f"an experiment of {tally.rounds} cycles has no error per cycle: give at least 1")
        if tally.failures >= tally.ceiling * tally.shots:
            raise BadInput(
                f"{tally.failures} of {tally.shots} shots fail at distance {tally.distance}, and guessing fails "
                f"{tally.ceiling:.3g} of them: leave it out, or run fewer cycles"
            )
    distances = sorted({tally.distance for tally in tallies})
    if len(distances) < 2:
        raise BadInput(
            f"Lambda compares distances, and {distances} holds {len(distances)} of the 2 that it needs: add an "
            "experiment at another distance"
        )
    freedom = len(tallies) - 2
    failing = {tally.distance for tally in tallies if tally.failures}
    if not failing:
        return Suppression(tuple(tallies), None, None, 0.0, None, 0.0, freedom, None)
    data = _Counts.of(tallies)
    best, lowest = data.best()
    low, high = data.ends_of_slope(float(best[1]), lowest)
    only_least, only_most = failing == {distances[0]}, failing == {distances[-1]}
    return Suppression(
        tallies=tuple(tallies),
        amplitude=None if only_least or only_most else math.exp(best[0]),
        factor=None if only_least else 0.0 if only_most else math.exp(best[1]),
        low=0.0 if only_most else math.exp(low),
        high=None if only_least else math.exp(high),
        deviance=lowest,
        freedom=freedom,
        p=float(chdtrc(freedom, lowest)) if freedom else None,
    )


@dataclass(frozen=True, eq=False)
class _Counts:
    """The counts of m experiments as arrays, (m,) each."""

    steps: Floats
    rounds: Floats
    failures: Floats
    shots: Floats
    ceiling: Floats

    @classmethod
    def of(cls, tallies: Sequence[Tally]) -> _Counts:
        rows = [(tally.steps, tally.rounds, tally.failures, tally.shots, tally.ceiling) for tally in tallies]
        return cls(*np.array(rows, np.float64).T)

    def best(self) -> tuple[Floats, float]:
        """(ln A, ln Lambda) of the highest likelihood, and the deviance there."""
        start = math.log(self.failures.sum() / (self.shots * self.rounds).sum())
        design = np.stack([np.ones_like(self.steps), -self.steps], axis=1)
        return self._climb(np.zeros_like(self.steps), design, np.array([start, 0.0]))

    def ends_of_slope(self, best: float, lowest: float) -> tuple[float, float]:
        """The interval of ln Lambda around its `best`; `lowest` is the deviance there."""

        def deviance(slope: float) -> float:
            offset = -slope * (self.steps - self.steps.mean())  # about the middle, so that no exponential overflows
            start = math.log(self.failures.sum() / (self.shots * self.rounds * np.exp(offset)).sum())
            return self._climb(offset, np.ones((len(offset), 1)), np.array([start]))[1]

        return _ends(deviance, best, lowest, _STEEPEST)

    def ends_of_height(self, steps: float, best: float, lowest: float) -> tuple[float, float]:
        """The interval of ln eps at (d + 1) / 2 = `steps` around its `best`."""
        worst = int(np.argmax(self.failures / (self.shots * self.rounds)))
        rate = self.failures[worst] / self.shots[worst] / self.ceiling[worst]
        seen = math.log(-self.ceiling[worst] * math.expm1(math.log1p(-rate) / self.rounds[worst]))
        apart = steps - self.steps[worst]

        def deviance(height: float) -> float:
            # The climb begins on the line through the worst experiment's own error, or level where `height` is above
            # it: no error starts so high that the likelihood is flat there.
            start = (seen - height) / apart if apart and height < seen else 0.0
            design = (steps - self.steps)[:, None]
            return self._climb(np.full_like(self.steps, height), design, np.array([start]))[1]

        return _ends(deviance, best, lowest, _DEEPEST)

    def _climb(self, offset: Floats, design: Floats, free: Floats) -> tuple[Floats, float]:
        """Fisher's scoring of ln eps = offset + design @ free, and the deviance reached."""
        deviance, score, weight = self._deviance(offset + design @ free)
        for _ in range(_STEPS):
            step = np.linalg.lstsq(design.T * weight @ design, design.T @ score, rcond=None)[0]
            step *= min(1.0, 2.0 / max(np.abs(design @ step).max(), 1e-300))  # no leap out of the parabola
            while (new := self._deviance(offset + design @ (free + step)))[0] > deviance:
                step /= 2
                if np.abs(step).max() < 1e-10:
                    return free, deviance
            gain, free = deviance - new[0], free + step
            deviance, score, weight = new
            if gain < 1e-9:
                break
        return free, deviance

    def _deviance(self, height: Floats) -> tuple[float, Floats, Floats]:
        """Deviance at ln eps = `height`, the slope of the log likelihood in it, and its information."""
        c, k, n = self.ceiling, self.failures, self.shots
        share = np.minimum(np.exp(np.minimum(height, 0.0)) / c, 1 - 1e-9)
        left = np.exp(self.rounds * np.log1p(-share))
        p = -c * np.expm1(self.rounds * np.log1p(-share))
        p = np.maximum(p, 1e-300)
        slope = c * self.rounds * share * left / (1 - share)
        fitted = xlogy(k, p) + xlogy(n - k, 1 - p)
        own = xlogy(k, k / n) + xlogy(n - k, 1 - k / n)
        score = (k / p - (n - k) / (1 - p)) * slope
        return 2 * max(0.0, float((own - fitted).sum())), score, n * slope**2 / (p * (1 - p))


def _ends(deviance: Callable[[float], float], best: float, lowest: float, most: float) -> tuple[float, float]:
    """Where the profile `deviance` is `_REACH` above `lowest`, on either side; +-`most` where it never is."""

    def excess(figure: float) -> float:
        return deviance(figure) - lowest - _REACH

    found: list[float] = []
    for side in (-1, 1):
        near, reach = max(-most, min(most, best)), 0.05
        far = max(-most, min(most, near + side * reach))
        while (outside := excess(far)) < 0 and abs(far) < most:
            near, reach = far, 2 * reach
            far = max(-most, min(most, near + side * reach))
        if outside >= 0 and excess(near) < 0:
            far = float(root_scalar(excess, bracket=sorted((near, far)), xtol=1e-7).root)
        found.append(far)
    return found[0], found[1]
