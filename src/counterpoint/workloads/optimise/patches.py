"""Which patches of a chip to use: places of a smaller code, what the telemetry says of them, and the Ising problem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from counterpoint.base import BadInput, Bits, Floats
from counterpoint.codes.surface import checks
from counterpoint.workloads.optimise.ising import Ising
from counterpoint.workloads.optimise.quadratic import qubo

MOST = 20  # places that are weighed against each other: variables of the problem


@dataclass(frozen=True, eq=False)
class Patches:
    """P places where a patch could be put.

    A set of places that do not overlap is worth the sum of its places' worths: 1 for a patch, and up to 1 more the
    fewer detection events it has, so that a patch more is never worth less than a better one.
    """

    places: tuple[str, ...]  # coordinates of the first data qubit, such as "3,1"
    rates: Floats  # (P,) detection events a detector, over the patch's checks
    overlaps: NDArray[np.bool_]  # (P, P) that share a data qubit; no place with itself

    @classmethod
    def of(cls, sites: Sequence[str], rates: Floats, distance: int, smaller: int, most: int = MOST) -> Patches:
        """The best places of a rotated code of distance `smaller` on a chip of `distance`, at most so many.

        Args:
            sites: names of the chip's sites, such as "2,4".
            rates: (S,) detection events a detector at each; NaN where a site is dead: no place with it is taken.

        Raises BadInput where no place is left.
        """
        at = {name: i for i, name in enumerate(sites)}
        found: list[tuple[float, int, int]] = []
        for column in range(distance - smaller + 1):
            for row in range(distance - smaller + 1):
                own = [point for kind in checks((2 * column + 1, 2 * row + 1), smaller, smaller) for point in kind]
                rate = float(np.mean([rates[at[f"{x},{y}"]] for x, y in own]))
                found += [(rate, column, row)] if np.isfinite(rate) else []
        if not found:
            raise BadInput(
                f"0 places for a patch of distance {smaller} are left on a chip of distance {distance}: its sites are "
                "dead, or take a smaller patch"
            )
        best = sorted(found)[:most]
        corner = np.array([(column, row) for _, column, row in best])
        apart = np.abs(corner[:, None] - corner[None]).max(axis=2)
        return cls(
            tuple(f"{2 * column + 1},{2 * row + 1}" for _, column, row in best),
            np.array([rate for rate, _, _ in best]),
            (apart < smaller) & ~np.eye(len(best), dtype=bool),
        )

    @property
    def worths(self) -> Floats:
        """(P,) of each place, 1 to 2."""
        span = self.rates.max() - self.rates.min()
        return 1 + (self.rates.max() - self.rates) / (span or 1.0)

    def problem(self) -> Ising:
        """Minimise minus the worth, with 3 for each overlap: more than any place is worth, so that optima have none."""
        pairs = np.argwhere(np.triu(self.overlaps))
        return qubo(-self.worths, pairs, np.full(len(pairs), 3.0))

    def taken(self, bits: Bits) -> list[int]:
        """The places that an assignment (P,) takes, of those that overlap the better one alone."""
        kept: list[int] = []
        for i in sorted(np.flatnonzero(bits), key=lambda i: self.rates[i]):
            if not self.overlaps[i, kept].any():
                kept.append(int(i))
        return kept

    def at(self, place: str) -> list[int]:
        """The place of that name, or none where it is not among them."""
        return [self.places.index(place)] if place in self.places else []

    def words(self, taken: Sequence[int]) -> str:
        """Places with their rates, for a person."""
        return " and ".join(f"{self.places[i]} ({self.rates[i]:.2%})" for i in taken) or "none"

    def worth(self, taken: Sequence[int]) -> float:
        """Of places that do not overlap."""
        return float(self.worths[list(taken)].sum())
