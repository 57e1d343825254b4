"""What gates that share a qubit do to each other: crosstalk of their knobs, and errors that add in amplitude.

Letters in shapes: C candidates, N knobs, G gates with knobs, Q qubits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from counterpoint.base import Floats
from counterpoint.codes.faults import Gate


@dataclass(frozen=True, eq=False)
class Sharing:
    """Which of G gates acts on which of Q qubits, and how many knobs each has; knobs of a gate stand together."""

    acts: sparse.csr_array  # (G, Q), 1 where the gate acts on the qubit
    knobs: Floats  # (G,)

    @classmethod
    def of(cls, gates: Sequence[Gate], knobs: Sequence[int]) -> Sharing:
        """The sharing of `gates`, all different, with `knobs` of each."""
        rows = np.repeat(np.arange(len(gates)), [len(g.qubits) for g in gates])
        columns = np.unique([q for g in gates for q in g.qubits], return_inverse=True)[1]
        return cls(sparse.csr_array((np.ones(rows.size), (rows, columns))), np.asarray(knobs, float))

    @property
    def qubits(self) -> Floats:
        """(G,) how many qubits each gate acts on."""
        return np.asarray(self.acts.sum(axis=1), float)

    def sum(self, each: Floats) -> Floats:
        """(C, G) sums over the knobs of each gate of `each` (C, N)."""
        first = np.r_[0, np.cumsum(self.knobs)[:-1]].astype(np.int64)
        return np.add.reduceat(each, first, axis=1)


@dataclass(frozen=True, eq=False)
class Crosstalk:
    """A knob also feels its neighbours: x_felt = x + fraction * (mean of x over its neighbours).

    x is setting minus optimum in units of the knob's scale. Neighbours are the knobs of the other gates
    on the gate's qubits. With fraction below 1 no settings but the optima give x_felt = 0.
    """

    sharing: Sharing
    fraction: float

    def felt(self, x: Floats) -> Floats:
        """(C, N) offsets that act, from those that are set."""
        s = self.sharing
        gates = s.sum(x)
        # Two different gates share at most one qubit: what is reached over a gate's qubits, less itself.
        total = gates @ s.acts @ s.acts.T - s.qubits * gates
        number = s.knobs @ s.acts @ s.acts.T - s.qubits * s.knobs
        mean = np.divide(total, number, out=np.zeros_like(total), where=number > 0)
        return x + self.fraction * np.repeat(mean, s.knobs.astype(np.int64), axis=1)


@dataclass(frozen=True, eq=False)
class Coherence:
    """Over-rotations of the gates on a qubit add in amplitude between two projections by the checks.

    A knob that is x scales off adds response * x^2 to its gate's error: as an over-rotation by theta that
    is sin^2(theta / 2), so its amplitude is a = sign * sqrt(response) * x. In one cycle a gate g is used
    n_g times and a share w_g = 1 / (its number of qubits) of its errors falls on each of its qubits. The
    checks project each qubit q once a cycle, so that what adds up there is, for the gates' own sums,

        A_q^2 = (sum of sqrt(n_g w_g) a_k)^2    in amplitude, and
        P_q   = sum of n_g w_g a_k^2            in probability,

    both sums over the knobs k of the gates g on q. With a share c of coherence the qubit's error in a
    cycle is (1 - c) P_q + c A_q^2: R_q = 1 - c + c A_q^2 / P_q times that of independent errors. Each
    gate's share of it is left in proportion to its own, so that an error of gate g is

        floor_g + (sum of a_k^2 over its own knobs) * (mean of R_q over its qubits).

    It is the quadratic law where one knob is off alone, and on average over signs; for several it has
    cross terms between all knobs of gates on one qubit. Small angles, as in the quadratic law itself.
    """

    sharing: Sharing
    share: float  # c, 0 to 1
    uses: Floats  # (G,) n_g
    sign: Floats  # (N,) +1 or -1

    def interfered(self, x: Floats, response: Floats) -> Floats:
        """(C, G) errors above the floors under offsets `x` (C, N) and `response` (N,)."""
        s = self.sharing
        weight = self.uses / s.qubits
        own = s.sum(response * x**2)
        amplitude = s.sum(self.sign * np.sqrt(response) * x)
        together = (amplitude * np.sqrt(weight)) @ s.acts
        apart = (own * weight) @ s.acts
        ratio = np.divide(together**2, apart, out=np.ones_like(apart), where=apart > 0)
        factor = 1 - self.share + self.share * ratio
        return own * (factor @ s.acts.T) / s.qubits
