"""Local search from random starts: the best change of one variable, again and again, until none is better."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np

from counterpoint.base import Bits, Floats, Key
from counterpoint.workloads.optimise.ising import Ising
from counterpoint.workloads.optimise.runs import Runs, filled

citation = (
    "@book{Hoos2004, title={Stochastic Local Search: Foundations and Applications}, author={Hoos, Holger H. and"
    ' St{\\"u}tzle, Thomas}, publisher={Morgan Kaufmann}, year={2004}}'
)

ENTRIES = 2**16  # runs times variables that are searched side by side: more would leave the processor's cache
ROUNDING = 1e-12  # of all weights; what a change must gain, so that rounding never lets a search turn in circles


@final
@dataclass(frozen=True)
class Local:
    """One run is one descent to a local optimum; many are made side by side."""

    def __str__(self) -> str:
        return "local search"

    def runs(self, ising: Ising, seconds: float, key: Key) -> Runs:
        """As `Method.runs`."""
        return filled(ising, seconds, key, str(self), lambda: _start(ising))


def _start(ising: Ising) -> Callable[[int, Key], Bits]:
    couplings, most = square(ising), max(1, ENTRIES // ising.size)

    def batch(count: int, key: Key) -> Bits:
        rng = np.random.default_rng(key)
        starts = rng.integers(0, 2, (count, ising.size), np.uint8)
        return np.concatenate([descended(ising, couplings, starts[i : i + most]) for i in range(0, count, most)])

    return batch


def square(ising: Ising) -> Floats:
    """(n, n) couplings, symmetric."""
    found = np.zeros((ising.size, ising.size))
    found[ising.pairs[:, 0], ising.pairs[:, 1]] = found[ising.pairs[:, 1], ising.pairs[:, 0]] = ising.couplings
    return found


def descended(ising: Ising, couplings: Floats, starts: Bits) -> Bits:
    """(k, n) local optima, to which starts (k, n) descend by changing the variable that gains most, the lowest first.

    Args:
        couplings: (n, n) of `square`.
    """
    spins = 1.0 - 2.0 * starts
    gains = 2 * spins * (ising.fields + spins @ couplings)  # by which the energy falls when a spin is turned
    least = ROUNDING * ising.weight
    rows = np.arange(len(spins))
    while rows.size:
        at = gains[rows].argmax(1)
        better = gains[rows, at] > least
        rows, at = rows[better], at[better]
        turned = spins[rows, at]
        spins[rows, at] = -turned
        gains[rows] -= 4 * spins[rows] * couplings[at] * turned[:, None]
        gains[rows, at] *= -1
    return (spins < 0).astype(np.uint8)
