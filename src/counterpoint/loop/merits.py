"""What the rows of the drift suite show: mean merits, the break-even, and the figures that were asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from counterpoint.base import Floats, Verdict
from counterpoint.loop.suite import AGENT, HEADLINES, PERIODS, Scored
from counterpoint.quops.estimate import COVERAGE, Estimate, student

DRAWS = 4000  # of the bootstrap


def mean_merit(scores: Iterable[Scored]) -> Estimate | None:
    """The mean merit over seeds with Student's 95 % interval; the ends are NaN for a single seed."""
    values = np.array([s.merit for s in scores if s.merit is not None])
    if not values.size:
        return None
    if values.size == 1:
        return Estimate(float(values[0]), float("nan"), float("nan"))
    return student(values)


def break_even(scores: Iterable[Scored], phases: str) -> Estimate | None:
    """The frequency, per epoch, at which one explorer's mean merit on sines first falls through 0.

    Linear in log f between neighbouring frequencies; the interval resamples seeds. Infinite where it never
    falls through 0 in the frequencies of the suite; None where some of these were not run.

    Args:
        phases: "common" or "independent".
    """
    end = ", independent" if phases == "independent" else ""
    by: dict[int, dict[int, float]] = {}
    for s in scores:
        for period in PERIODS:
            if s.row.drift == f"sine 1/{period}{end}" and s.merit is not None:
                by.setdefault(period, {})[s.row.seed] = s.merit
    if set(by) != set(PERIODS):
        return None
    seeds = sorted(set.intersection(*(set(found) for found in by.values())))
    if not seeds:
        return None
    merits = np.array([[by[p][seed] for seed in seeds] for p in PERIODS])
    rng = np.random.default_rng((0,))
    draws = [_crossing(merits[:, rng.integers(len(seeds), size=len(seeds))].mean(axis=1)) for _ in range(DRAWS)]
    tail = 50 * (1 - COVERAGE)
    low, high = np.percentile(draws, [tail, 100 - tail], method="nearest")
    return Estimate(_crossing(merits.mean(axis=1)), float(low), float(high))


def _crossing(merits: Floats) -> float:
    """Where `merits`, at the frequencies 1 / PERIODS, first falls through 0."""
    log_f = -np.log(PERIODS)
    for i in range(len(merits)):
        if merits[i] <= 0:
            if i == 0:
                return 1 / PERIODS[0]
            part = merits[i - 1] / (merits[i - 1] - merits[i])
            return float(np.exp(log_f[i - 1] + part * (log_f[i] - log_f[i - 1])))
    return float("inf")


def verdicts(results: Sequence[Scored], explorer: str = AGENT) -> list[Verdict]:
    """What was asked of the agent beforehand (docs/decisions/0006), and what the rows show of it."""
    mine = [s for s in results if s.row.explorer == explorer and s.row.place[1:] == ("published", 3, 1)]
    found: list[Verdict] = []
    for drift, margin in HEADLINES.items():
        mean = mean_merit([s for s in mine if s.row.drift == drift])
        if mean is not None:
            found.append(Verdict(f"merit of {explorer} on {drift}", margin, mean.value, mean.low, mean.high))
    even = break_even(mine, "independent")
    if even is not None:
        found.append(Verdict(f"break-even of {explorer}, independent phases", 1 / 30, even.value, even.low, even.high))
    return found
