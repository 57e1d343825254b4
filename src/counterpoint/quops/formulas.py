"""Published formulas for the error of a surface code patch: eps_d = a (p / p*)**((d + 1) / 2) a cycle."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from counterpoint.base import BadInput
from counterpoint.quops.forecast import IDLE, Operation, distance_for

Exact = Fraction | str | float


@dataclass(frozen=True)
class Formula:
    """A prefactor and a threshold. Odd distances have whole powers, so that all is exact in fractions."""

    name: str
    prefactor: Fraction  # a, a cycle
    threshold: Fraction  # p*
    source: str

    def suppression(self, p: Exact) -> Fraction:
        """Lambda = p* / p. Raises BadInput where p is not above 0 and below p*."""
        return 1 / self._ratio(p)

    def error(self, p: Exact, distance: int) -> Fraction:
        """Logical error a cycle at physical error p: a number, or its decimal digits as they are written.

        A float stands for its shortest decimal: 0.001 is 1/1000. Raises BadInput unless 0 < p < p* and the
        distance is odd.
        """
        if distance < 1 or distance % 2 == 0:
            raise BadInput(
                f"the error of a patch of distance {distance} was asked for: give an odd distance, 1 or more"
            )
        return self.prefactor * self._ratio(p) ** ((distance + 1) // 2)

    def distance(self, p: Exact, operations: int, operation: Operation = IDLE) -> int | None:
        """The least odd distance from 3 at which one operation fails at most once in `operations`."""
        return distance_for(lambda d: self.error(p, d), operations, operation)

    def _ratio(self, p: Exact) -> Fraction:
        rate = p if isinstance(p, Fraction) else Fraction(str(p))
        if not 0 < rate < self.threshold:
            raise BadInput(
                f"a physical error of {float(rate):g} was given, and the formula {self.name} holds above 0 and below "
                f"its threshold {float(self.threshold):g}: give a number between them"
            )
        return rate / self.threshold


FORMULAS = {
    "gidney-fowler": Formula("gidney-fowler", Fraction(1, 10), Fraction(1, 100), "arXiv:1808.06709, section XV"),
    "beverland": Formula("beverland", Fraction(3, 100), Fraction(1, 100), "arXiv:2211.07629, appendix E"),
}
