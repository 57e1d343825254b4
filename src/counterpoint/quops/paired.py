"""Two decoders on the same shots: what the shots that only one of them fails say."""

from __future__ import annotations

import math

from scipy.special import bdtr, ndtri

from counterpoint.base import BadInput
from counterpoint.quops.estimate import COVERAGE, Estimate


def mcnemar(only_this: int, only_other: int) -> float:
    """Exact two-sided p that the two fail equally often (McNemar, Psychometrika 12, 153 (1947)).

    Under that hypothesis a shot that exactly one of them fails is either one's with probability 1/2,
    so the count is binomial. No such shot gives p = 1.

    Args:
        only_this: shots that this decoder fails and the other does not.
        only_other: the other way round.

    Raises:
        BadInput: a negative count.
    """
    if min(only_this, only_other) < 0:
        raise BadInput(f"{only_this} and {only_other} discordant shots were given: counts start at 0")
    return min(1.0, 2 * float(bdtr(min(only_this, only_other), only_this + only_other, 0.5)))


def failure_ratio(both: int, only_this: int, only_other: int) -> Estimate:
    """Failures of this decoder over failures of the other on the same shots, with a paired interval.

    The interval is Gaussian in the logarithm, whose variance is (b + c) / ((a + b) (a + c)) for paired
    proportions (delta method; see Bonett and Price, Stat. Med. 25, 3039 (2006)).

    Raises:
        BadInput: one of them fails nowhere, so that there is no ratio.
    """
    this, other = both + only_this, both + only_other
    if not this or not other:
        raise BadInput(f"{this} and {other} failures have no ratio: decode more shots until both are above 0")
    spread = math.sqrt((only_this + only_other) / (this * other)) * float(ndtri((1 + COVERAGE) / 2))
    return Estimate(this / other, this / other * math.exp(-spread), this / other * math.exp(spread))
