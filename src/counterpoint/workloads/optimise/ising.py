"""An Ising problem: what QUBO and Max-Cut become, and what every optimiser here minimises."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from counterpoint.base import BadInput, Bits, Floats

SMALLEST = 1e-300  # angles are divided by weights


@dataclass(frozen=True, eq=False)
class Ising:
    """Minimise offset + sum_i fields_i s_i + sum_k couplings_k s_a s_b, (a, b) = pairs_k, over spins s = 1 - 2 x.

    Raises BadInput for shapes that do not agree, a pair out of range or with itself, numbers that are not finite or
    whose sum of absolute values is not, and weights of which none is 1e-300 or more, unless all are 0.
    """

    fields: Floats  # (n,)
    pairs: NDArray[np.int64]  # (m, 2) each pair once, the lower number first
    couplings: Floats  # (m,)
    offset: float = 0.0

    def __post_init__(self) -> None:
        n = self.fields.size
        if self.pairs.shape != (self.couplings.size, 2):
            raise BadInput(
                f"{self.couplings.size} couplings and pairs of shape {self.pairs.shape} were given: give one for each"
            )
        if self.couplings.size and not (
            self.pairs[:, 0].min() >= 0 and self.pairs[:, 1].max() < n and (self.pairs[:, 0] < self.pairs[:, 1]).all()
        ):
            raise BadInput(
                f"a pair is out of the {n} variables, joins one with itself or has the higher number first: give pairs "
                f"a < b from 0 to {n - 1}"
            )
        with np.errstate(over="ignore"):
            size = self.weight + abs(self.offset)
        if not np.isfinite(size):
            raise BadInput(f"the weights add up to {size} and must be finite in double precision: scale them down")
        most = max(np.abs(self.fields).max(initial=0.0), np.abs(self.couplings).max(initial=0.0))
        if 0 < most < SMALLEST:
            raise BadInput(
                f"the largest field or coupling of the spins is {most:g} and one of {SMALLEST:g} or more is needed in "
                "double precision: scale the weights up"
            )

    @property
    def size(self) -> int:
        """How many variables there are."""
        return self.fields.size

    @property
    def weight(self) -> float:
        """The sum of the weights without sign."""
        return float(np.abs(self.fields).sum() + np.abs(self.couplings).sum())

    def energies(self, bits: Bits) -> Floats:
        """(shots,) energies of assignments x (shots, n) of 0 and 1."""
        spins = 1.0 - 2.0 * bits
        products = spins[:, self.pairs[:, 0]] * spins[:, self.pairs[:, 1]]
        return self.offset + spins @ self.fields + products @ self.couplings
