"""Teleportation: a state goes to the third qubit by a Bell pair and two bits, which correct it in software."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from counterpoint.base import Counts
from counterpoint.circuits.circuit import Circuit
from counterpoint.machine.protocols.bounds import judged, rate
from counterpoint.machine.protocols.protocol import BARRIER, Figure, Finding, Protocol, measured, on

# Of each input: the gates that make it from |0> and that bring it back, and which results of the Bell measurement
# (bits 0 and 1) flip the outcome.
INPUTS = {
    "0": ((), (), (0, 1)),
    "1": (("x",), ("x",), (0, 1)),
    "+": (("h",), ("h",), (1, 0)),
    "-": (("x", "h"), ("h", "x"), (1, 0)),
    "+i": (("h", "s"), ("sdg", "h"), (1, 1)),
    "-i": (("x", "h", "s"), ("sdg", "h", "x"), (1, 1)),
}


@final
@dataclass(frozen=True)
class Teleportation(Protocol):
    """The mean fidelity of six states on three axes, which is that of all pure states; without entanglement <= 2/3.

    Bennett et al., Phys. Rev. Lett. 70, 1895 (1993); the bound of measuring and preparing anew is that of Massar and
    Popescu, Phys. Rev. Lett. 74, 1259 (1995). No gate waits for a result: the two results say in software which
    outcome of the third qubit means what (its Pauli frame), so that machines without feed-forward can do it.
    """

    title = "teleportation, F > 2/3"
    part = 1

    def programs(self) -> tuple[Circuit, ...]:
        """Input on qubit 0, the pair on 1 and 2, a Bell measurement of 0 and 1, and the input undone on 2."""
        return tuple(
            measured(
                3,
                [*on(0, make), ("h", 1), ("cx", 1, 2), BARRIER, ("cx", 0, 1), ("h", 0), BARRIER, *on(2, undo)],
            )
            for make, undo, _ in INPUTS.values()
        )

    def read(self, counts: Sequence[Counts]) -> Finding:
        """Fidelity of each axis and of all."""
        shots = int(counts[0].sum())
        wins = [_kept(one, flips) for one, (_, _, flips) in zip(counts, INPUTS.values(), strict=True)]
        axes = [
            Figure(f"along {axis}", rate(wins[k] + wins[k + 1], 2 * shots), 1.0)
            for k, axis in ((0, "Z"), (2, "X"), (4, "Y"))
        ]
        return Finding(
            (*axes, Figure("fidelity", rate(sum(wins), 6 * shots), 1.0)),
            judged("better than measuring and preparing anew", 2 / 3, sum(wins), 6 * shots, float),
        )


def _kept(counts: Counts, flips: tuple[int, int]) -> int:
    """Outcomes 0 of the third qubit, corrected by the first two."""
    first, second, third = np.indices(counts.shape)
    return int(counts[(first * flips[0] + second * flips[1] + third) % 2 == 0].sum())
