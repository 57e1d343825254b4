"""Nonlocal correlations: the inequality of Clauser, Horne, Shimony and Holt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import final

from counterpoint.base import Counts
from counterpoint.circuits.circuit import Circuit
from counterpoint.machine.protocols.bell import PAIR
from counterpoint.machine.protocols.bounds import judged, rate
from counterpoint.machine.protocols.protocol import Figure, Finding, Protocol, agreeing, measured, on

ALICE = ((), ("h",))  # Z, X
BOB = (("s", "h", "t", "h", "sdg"), ("s", "h", "tdg", "h", "sdg"))  # (Z + X) / sqrt 2, (Z - X) / sqrt 2: Ry(-+pi/4)


@final
@dataclass(frozen=True)
class Chsh(Protocol):
    """S = E00 + E01 + E10 - E11 of a Bell pair: at most 2 with local hidden variables, 2 sqrt 2 for quantum.

    Phys. Rev. Lett. 23, 880 (1969); Tsirelson's bound, Lett. Math. Phys. 4, 93 (1980). As a game that is won where
    the signs agree (in the last setting: differ), S = 8 w - 4 with w the mean chance to win.
    """

    title = "CHSH, S > 2"
    part = 1

    def programs(self) -> tuple[Circuit, ...]:
        """Alice's two settings times Bob's."""
        return tuple(measured(2, [*PAIR, *on(0, a), *on(1, b)]) for a in ALICE for b in BOB)

    def read(self, counts: Sequence[Counts]) -> Finding:
        """S by the games won."""
        shots = int(counts[0].sum())
        alike = [agreeing(one) for one in counts]
        wins = sum(alike[:3]) + shots - alike[3]
        return Finding(
            (Figure("S", rate(wins, 4 * shots).through(_s), 2 * sqrt(2)),),
            judged("no local hidden variables: S above 2", 2.0, wins, 4 * shots, _s),
        )


def _s(won: float) -> float:
    return 8 * won - 4
