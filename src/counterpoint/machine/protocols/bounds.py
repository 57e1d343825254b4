"""Bounds of what games won tell: exact for one game, conservative for a mean over unlike ones."""

from __future__ import annotations

from collections.abc import Callable

from scipy.special import betaincinv

from counterpoint.base import Verdict
from counterpoint.quops.estimate import COVERAGE, Estimate

SURE = 0.999  # of each of a verdict's two bounds
TAIL = (1 - COVERAGE) / 2  # of each end of a figure's interval


def ends(wins: int, shots: int, tail: float) -> tuple[float, float]:
    """Bounds of a rate, each passed with a probability of at most `tail` (Clopper, Pearson, Biometrika 26, 404 (1934)).

    `wins` may be pooled from games of unlike chances, for their mean: the sum is less spread than a binomial of the
    mean chance (Hoeffding, Ann. Math. Stat. 27, 713 (1956)), so that the bounds are conservative.
    """
    low = float(betaincinv(wins, shots - wins + 1, tail)) if wins else 0.0
    high = float(betaincinv(wins + 1, shots - wins, 1 - tail)) if wins < shots else 1.0
    return low, high


def rate(wins: int, shots: int) -> Estimate:
    """The share of games won."""
    return Estimate(wins / shots, *ends(wins, shots, TAIL))


def judged(hypothesis: str, margin: float, wins: int, shots: int, figure: Callable[[float], float]) -> Verdict:
    """The verdict on an increasing `figure` of the pooled chance to win."""
    low, high = ends(wins, shots, 1 - SURE)
    return Verdict(hypothesis, margin, figure(wins / shots), figure(low), figure(high))
