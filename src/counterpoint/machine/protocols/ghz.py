"""Entanglement of three: the fidelity of a GHZ state from populations and four parities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from counterpoint.base import Counts
from counterpoint.circuits.circuit import Circuit
from counterpoint.machine.protocols.bell import PAIR, TURNS, fidelity
from counterpoint.machine.protocols.bounds import judged, rate
from counterpoint.machine.protocols.protocol import Figure, Finding, Gate, Protocol, agreeing, measured, on

SETTINGS = ("ZZZ", "ZZZ", "XXX", "XYY", "YXY", "YYX")


@final
@dataclass(frozen=True)
class Ghz(Protocol):
    """F = (P000 + P111) / 2 + (<XXX> - <XYY> - <YXY> - <YYX>) / 8; above 1/2 all three are entangled.

    The projector on (|000> + |111>) / sqrt 2, written out; the bound is that of any state that is separable between
    one qubit and the other two (Guehne, Toth, Phys. Rep. 474, 1 (2009), section 6). The populations weigh twice a
    parity, so they are measured twice: with w the chance of what the state gives, averaged over the six circuits,
    F = (3 w - 1) / 2.
    """

    title = "GHZ, F > 1/2"
    part = 1

    def programs(self) -> tuple[Circuit, ...]:
        """Three qubits in a chain, measured in six settings."""
        state: list[Gate] = [*PAIR, ("cx", 1, 2)]
        turned = [[gate for q, axis in enumerate(setting) for gate in on(q, TURNS[axis])] for setting in SETTINGS]
        return tuple(measured(3, [*state, *turn]) for turn in turned)

    def read(self, counts: Sequence[Counts]) -> Finding:
        """Populations, coherence and fidelity."""
        shots = int(counts[0].sum())
        same = [int(one[0, 0, 0] + one[1, 1, 1]) for one in counts[:2]]
        even = [agreeing(one) for one in counts[2:]]
        signs = [even[0], *(shots - k for k in even[1:])]
        wins = sum(same) + sum(signs)
        return Finding(
            (
                Figure("P000 + P111", rate(sum(same), 2 * shots), 1.0),
                Figure("coherence", rate(sum(signs), 4 * shots).through(lambda w: 2 * w - 1), 1.0),
                Figure("fidelity", rate(wins, 6 * shots).through(fidelity), 1.0),
            ),
            judged("all three qubits are entangled: fidelity above 1/2", 1 / 2, wins, 6 * shots, fidelity),
        )
