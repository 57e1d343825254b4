"""Entanglement of a pair: the fidelity of a Bell state from three settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from counterpoint.base import Counts
from counterpoint.circuits.circuit import Circuit
from counterpoint.machine.protocols.bounds import judged, rate
from counterpoint.machine.protocols.protocol import Figure, Finding, Gate, Protocol, agreeing, measured, on

PAIR: list[Gate] = [("h", 0), ("cx", 0, 1)]  # (|00> + |11>) / sqrt 2
TURNS = {"Z": (), "X": ("h",), "Y": ("sdg", "h")}  # that a measurement of another axis begins with


@final
@dataclass(frozen=True)
class Bell(Protocol):
    """F = (1 + <XX> - <YY> + <ZZ>) / 4 of (|00> + |11>) / sqrt 2; above 1/2 no separable state is.

    The witness of Guehne and Toth, Phys. Rep. 474, 1 (2009), section 6. With w the chance to see the sign that the
    Bell state gives, averaged over the settings, F = (3 w - 1) / 2.
    """

    title = "Bell pair, F > 1/2"
    part = 1

    def programs(self) -> tuple[Circuit, ...]:
        """The pair, measured along ZZ, XX and YY."""
        return tuple(measured(2, [*PAIR, *on(0, turn), *on(1, turn)]) for turn in TURNS.values())

    def read(self, counts: Sequence[Counts]) -> Finding:
        """Correlations and fidelity."""
        shots = int(counts[0].sum())
        alike = [agreeing(one) for one in counts]
        wins = [alike[0], alike[1], shots - alike[2]]
        names = ("<ZZ>", "<XX>", "-<YY>")
        return Finding(
            (
                *(Figure(name, rate(k, shots).through(_correlation), 1.0) for name, k in zip(names, wins, strict=True)),
                Figure("fidelity", rate(sum(wins), 3 * shots).through(fidelity), 1.0),
            ),
            judged("the pair is entangled: fidelity above 1/2", 1 / 2, sum(wins), 3 * shots, fidelity),
        )


def fidelity(won: float) -> float:
    """Of the mean chance to see the state's own sign."""
    return (3 * won - 1) / 2


def _correlation(alike: float) -> float:
    return 2 * alike - 1
