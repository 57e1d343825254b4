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
    value, low, high = (
        _operations(error, cycles_per_operation)
        for error in (error_per_cycle.value, error_per_cycle.high, error_per_cycle.low)
    )
    if low is None:
        raise BadInput("an error a cycle of exactly 0 to 0 was given: give the upper bound that the shots allow")
    return QuOps(value, low, high, operation)


def _operations(error: float, cycles: int) -> float | None:
    if error == 0:
        return None
    return 2.0 if error == 0.5 else -2 / math.expm1(cycles * math.log1p(-2 * error))
