"""How a solver's time grows with the size of the problem: constant times base to the size, with intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from counterpoint.base import BadInput
from counterpoint.quops.estimate import COVERAGE, Estimate


@dataclass(frozen=True)
class Scaling:
    """y(n) = constant base**(n - centre), at sizes n.

    Raises BadInput where it does not grow: a fit without a slope meets nothing.
    """

    constant: Estimate  # at the centre
    base: Estimate  # its error independent of the constant's: so it is where the centre is the mean size
    centre: float = 0.0

    def __post_init__(self) -> None:
        for name, one in (("constant", self.constant), ("base", self.base)):
            if not 0 < one.low <= one.value <= one.high < math.inf:
                raise BadInput(
                    f"a {name} of {one.value:g} ({one.low:g}-{one.high:g}) was given: give finite numbers above 0, "
                    "from low to high"
                )
        if self.base.value <= 1:
            raise BadInput(
                f"a fit with base {self.base.value:g} does not grow with the size, and one above 1 is needed: measure "
                "sizes that are further apart"
            )

    def at(self, size: float) -> Estimate:
        """y at `size`, with the interval of the line there: errors of constant and base add in squares."""
        away = size - self.centre
        value = math.log(self.constant.value) + away * math.log(self.base.value)
        ends = (self.base.low, self.base.high) if away >= 0 else (self.base.high, self.base.low)
        low, high = (
            math.hypot(math.log(c / self.constant.value), away * math.log(b / self.base.value))
            for c, b in zip((self.constant.low, self.constant.high), ends, strict=True)
        )
        return Estimate(_exp(value), _exp(value - low), _exp(value + high))


def fitted(sizes: Sequence[float], values: Sequence[float]) -> Scaling:
    """Least squares of ln `values` on `sizes`, with Student's intervals.

    Raises:
        BadInput: fewer than three values, all of one size, one that is not a finite number above 0, or no growth.
    """
    n, y = np.array(sizes, np.float64), np.array(values, np.float64)
    if n.size != y.size or n.size < 3:
        raise BadInput(f"{n.size} sizes and {y.size} values were given: give one value for each of at least 3 sizes")
    if not (np.isfinite(y).all() and (y > 0).all() and np.isfinite(n).all()):
        raise BadInput(f"values from {y.min():g} to {y.max():g} were given: give finite numbers above 0")
    centre, spread = float(n.mean()), float(((n - n.mean()) ** 2).sum())
    if spread == 0:
        raise BadInput(f"all {n.size} values are of size {n[0]:g} and have no slope: give at least 2 sizes")
    logs = np.log(y)
    slope = float((n - centre) @ logs / spread)
    rest = logs - logs.mean() - slope * (n - centre)
    error = math.sqrt(float(rest @ rest) / (n.size - 2))
    reach = float(stdtrit(n.size - 2, (1 + COVERAGE) / 2)) * error
    return Scaling(
        _around(float(logs.mean()), reach / math.sqrt(n.size)), _around(slope, reach / math.sqrt(spread)), centre
    )


def _around(value: float, reach: float) -> Estimate:
    return Estimate(_exp(value), _exp(value - reach), _exp(value + reach))


def _exp(power: float) -> float:
    return math.exp(power) if power < 709 else math.inf
