"""QuOps: how many logical operations a machine can be trusted with before one of them fails."""

from __future__ import annotations

import math
from dataclasses import dataclass

from counterpoint.base import BadInput
from counterpoint.quops.estimate import Estimate


@dataclass(frozen=True)
class QuOps:
    """Reliable operations, with the 95 % interval; None where no failure was seen, and `low` is the bound."""

    value: float | None
    low: float
    high: float | None
    operation: str  # what one operation is


def quops(error_per_cycle: Estimate, cycles_per_operation: int) -> QuOps:
    """QuOps = 1 / (error of one logical operation), an operation being n cycles of one patch.

    Its error is P = (1 - (1 - 2 eps)**n) / 2, the inverse of the error per cycle; n is the code
    distance by default of the field (one operation of lattice surgery takes d cycles).

    Raises:
        BadInput: no cycle, or an error outside 0 to 1/2.
    """
    if cycles_per_operation < 1:
        raise BadInput(f"an operation of {cycles_per_operation} cycles does nothing: give at least 1 (default: d)")
    if not 0 <= error_per_cycle.low <= error_per_cycle.high <= 0.5:
        raise BadInput(
            f"an error a cycle from {error_per_cycle.low:g} to {error_per_cycle.high:g} was given, and one "
            "lies between 0 and 0.5: give the error a cycle, not a percentage"
        )
    operation = f"{cycles_per_operation} cycles of one patch"
    return reliable(error_per_cycle.through(lambda error: accumulated(error, cycles_per_operation)), operation)


def reliable(error: Estimate, operation: str) -> QuOps:
    """QuOps = 1 / `error`, of one operation as it was counted or fitted.

    Raises:
        BadInput: an error whose upper bound is 0, which no count gives.
    """
    if not error.high:
        raise BadInput("an error of exactly 0 to 0 was given: give the upper bound that the shots allow")
    value, high = (None if end == 0 else 1 / end for end in (error.value, error.low))
    return QuOps(value, 1 / error.high, high, operation)


def accumulated(error: float, cycles: int, ceiling: float = 0.5) -> float:
    """P = c (1 - (1 - eps / c)**n): the error of n cycles with eps each, for the ceiling c of knowing nothing."""
    return ceiling if error >= ceiling else -ceiling * math.expm1(cycles * math.log1p(-error / ceiling))
