"""An estimate with its 95 % interval: of a mean Student's, of a rate that was counted the exact one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv, stdtrit

from counterpoint.base import BadInput, Floats

COVERAGE = 0.95  # of every interval
_TAIL = (1 - COVERAGE) / 2


@dataclass(frozen=True)
class Estimate:
    """A figure and its 95 % interval."""

    value: float
    low: float
    high: float

    def through(self, increasing: Callable[[float], float]) -> Estimate:
        """The estimate of an increasing function of the figure; the interval keeps its coverage exactly."""
        return Estimate(increasing(self.value), increasing(self.low), increasing(self.high))


def student(values: Floats) -> Estimate:
    """The mean of `values` (n,), with Student's 95 % interval.

    Raises BadInput for fewer than 2 values, and one that is not finite.
    """
    if values.size < 2 or not np.isfinite(values).all():
        raise BadInput(f"{np.isfinite(values).sum()} finite values of {values.size} were given: give 2 or more, finite")
    mean = float(values.mean())
    reach = float(stdtrit(values.size - 1, 1 - _TAIL) * values.std(ddof=1) / np.sqrt(values.size))
    return Estimate(mean, mean - reach, mean + reach)


def check_counts(failures: int, shots: int) -> None:
    """Raises BadInput unless 0 <= failures <= shots and there is a shot."""
    if shots < 1:
        raise BadInput(f"{failures} failures in {shots} shots give no rate: decode at least 1 shot")
    if not 0 <= failures <= shots:
        raise BadInput(f"{failures} failures were counted in {shots} shots: count each shot once, as failed or not")


def binomial_interval(failures: int, shots: int) -> tuple[float, float]:
    """The exact 95 % interval of a rate (Clopper and Pearson, Biometrika 26, 404 (1934)).

    No failure gives (0, 1 - 0.025**(1 / shots)): a bound, not the claim that there is no error.

    Raises:
        BadInput: no shots, or failures outside 0 to shots.
    """
    check_counts(failures, shots)
    low = float(betaincinv(failures, shots - failures + 1, _TAIL)) if failures else 0.0
    high = float(betaincinv(failures + 1, shots - failures, 1 - _TAIL)) if failures < shots else 1.0
    return low, high


def error_per_shot(failures: int, shots: int) -> Estimate:
    """Logical errors a shot with the exact interval. Raises BadInput as `binomial_interval` does."""
    return Estimate(failures / max(shots, 1), *binomial_interval(failures, shots))
