"""What a size would need: the distance, qubits and time at which an operation fails once in 10**6, 10**9, 10**12."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Literal

from counterpoint.base import BadInput
from counterpoint.quops.suppression import Suppression

TARGETS = {"MegaQuOp": 10**6, "GigaQuOp": 10**9, "TeraQuOp": 10**12}  # operations, of which one may fail
FARTHEST = 201  # distance looked at; a patch has 80,801 qubits there

Rate = float | Fraction


@dataclass(frozen=True)
class Operation:
    """One operation: how many cycles it takes, on how many qubits; by default d cycles of one rotated patch."""

    steps: int = 1  # of d cycles each
    cycles: int | None = None  # in all, where their number does not depend on the distance
    area: tuple[int, int, int] = (2, 0, -1)  # (a, b, c): a d^2 + b d + c qubits

    def cycles_at(self, distance: int) -> int:
        """Cycles of one operation."""
        return self.steps * distance if self.cycles is None else self.cycles

    def qubits_at(self, distance: int) -> int:
        """Physical qubits, those that measure checks with them."""
        a, b, c = self.area
        return a * distance**2 + b * distance + c


IDLE = Operation()


@dataclass(frozen=True)
class Size:
    """One distance and what it costs."""

    distance: int
    qubits: int
    seconds: float  # of one operation


@dataclass(frozen=True)
class Forecast:
    """What one target needs; None is out of reach, up to distance `FARTHEST`."""

    target: str
    operations: int  # of which one may fail on average
    size: Size | None  # of the fit itself; None, too, where it has no value but only a bound
    low: Size | None  # ends of the 95 % interval
    high: Size | None


def reaches(error: Rate, cycles: int, operations: int, floor: Rate = 0) -> bool:
    """Does an operation of n cycles fail at most once in `operations`? Exact: a tie counts as reached.

    P = (1 - ((1 - 2 eps) (1 - 2 floor))**n) / 2 <= 1 / operations, in whole numbers: floats stand for the
    fractions that they are, so give decimals as `Fraction` where a tie matters.
    """
    left = (1 - 2 * Fraction(error)) * (1 - 2 * Fraction(floor))
    return left.numerator**cycles * operations >= (operations - 2) * left.denominator**cycles


def distance_for(
    error: Callable[[int], Rate],
    operations: int,
    operation: Operation = IDLE,
    floor: Rate = 0,
) -> int | None:
    """The least odd distance from 3 at which one operation fails at most once in `operations`.

    Args:
        error: a cycle, by distance.
        operation: what may fail once in so many.
        floor: error a cycle that no distance suppresses, such as of rare bursts: an assumption.

    Returns:
        The distance, or None where there is none up to `FARTHEST`.

    Raises:
        BadInput: a floor outside 0 to 1/2.
    """
    if not 0 <= floor < 0.5:
        raise BadInput(f"a floor of {float(floor):g} a cycle was given: give an error from 0 to below 0.5")
    for distance in range(3, FARTHEST + 1, 2):
        cycles = operation.cycles_at(distance)
        if not reaches(0, cycles, operations, floor):
            return None  # out of reach of larger ones, too: their operations are not shorter
        if reaches(error(distance), cycles, operations, floor):
            return distance
    return None


def forecast(fit: Suppression, operation: Operation, cycle_seconds: float, floor: float = 0.0) -> tuple[Forecast, ...]:
    """What each of `TARGETS` needs under constant Lambda; the interval is the range of d over the likelihood region.

    A distance is in it where some (A, Lambda) whose deviance is within 3.84 of the best needs it: that is
    where the profile interval of eps at this distance crosses the target.
    """
    error = cache(fit.error)

    def size(operations: int, end: Literal["value", "low", "high"]) -> Size | None:
        if not fit.failures or (not fit.factor and end != "high"):
            return None  # there are bounds only
        d = distance_for(lambda d: getattr(error(d), end), operations, operation, floor)
        return None if d is None else Size(d, operation.qubits_at(d), operation.cycles_at(d) * cycle_seconds)

    return tuple(
        Forecast(name, operations, size(operations, "value"), size(operations, "low"), size(operations, "high"))
        for name, operations in TARGETS.items()
    )
