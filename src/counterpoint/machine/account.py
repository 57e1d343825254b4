"""What a circuit of logical operations is charged, from their measured errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from counterpoint.machine.operations import Measured
from counterpoint.quops.estimate import Estimate
from counterpoint.quops.operation import QuOps


@dataclass(frozen=True)
class Charge:
    """One kind of operation in a circuit."""

    operation: str
    count: float  # uses, on average: corrections happen in one half of the cases
    error: Estimate  # of one use
    charged: float  # of one use: the error, or where no failure was seen the upper bound
    failures: int | None  # that were counted; None where the error is an assumption
    shots: int | None  # in each of the two bases, whose rates add

    @property
    def expected(self) -> float:
        """Errors of all uses, on average."""
        return self.count * self.charged

    @property
    def quops(self) -> QuOps:
        """Uses before one fails: 1 / error."""
        low, high = self.error.low, self.error.high
        return QuOps(
            value=1 / self.error.value if self.error.value else None,
            low=1 / high,
            high=1 / low if low else None,
            operation=self.operation,
        )


@dataclass(frozen=True)
class Account:
    """All charges of a circuit."""

    charges: tuple[Charge, ...]
    steps: int  # of d rounds
    cycles: int  # in one shot

    @property
    def expected(self) -> float:
        """Errors in one shot, on average: the failure budget."""
        return sum(one.expected for one in self.charges)

    def share(self, charge: Charge) -> float:
        """The part of the failure budget that one kind of operation takes; 0 where nothing fails."""
        return charge.expected / self.expected if self.expected else 0.0

    @property
    def success(self) -> Estimate:
        """Probability that nothing fails, at what is charged, and between all errors at their 95 % ends at once.

        A shot can be right in spite of an error, so that the circuit's outcomes are at least as good.
        """
        value, low, high = (
            prod((1 - error) ** count for error, count in ends)
            for ends in (
                [(c.charged, c.count) for c in self.charges],
                [(c.error.high, c.count) for c in self.charges],
                [(c.error.low, c.count) for c in self.charges],
            )
        )
        return Estimate(value, low, high)


def account(
    uses: Mapping[str, float],
    measured: Mapping[str, Measured],
    assumed: Mapping[str, float],
    *,
    steps: int,
    cycles: int,
) -> Account:
    """Charge `uses` of each operation.

    Args:
        measured: of those that were measured.
        assumed: errors of the others; 0 is no charge.
        steps, cycles: of the circuit, in one shot.
    """
    charges: list[Charge] = []
    for name, count in uses.items():
        if name in measured:
            one = measured[name]
            charges.append(Charge(name, count, one.error, one.charged, one.failures, one.shots))
        elif p := assumed[name]:
            charges.append(Charge(name, count, Estimate(p, p, p), p, None, None))
    return Account(tuple(charges), steps, cycles)
