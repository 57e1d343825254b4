"""Superposition: H makes a coin, and a second H brings it back, which no coin does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from counterpoint.base import Counts, Verdict
from counterpoint.circuits.circuit import Circuit
from counterpoint.machine.protocols.bounds import SURE, TAIL, ends, rate
from counterpoint.machine.protocols.protocol import BARRIER, Figure, Finding, Protocol, measured
from counterpoint.quops.estimate import Estimate


@final
@dataclass(frozen=True)
class Coin(Protocol):
    """Interference, against any chain of coins.

    H is tossed from 0, from 1, and twice in a row. Were the qubit a coin in between, 0 would come after H H with a
    mixture of the two first chances, never more often than with the larger (the law of total probability). The figure
    is by how much it does: 1/2 without noise, 0 or less without coherence, also where readout favours 0.
    """

    title = "coin, interference > 0"
    part = 1

    def programs(self) -> tuple[Circuit, ...]:
        """H from 0, H from 1, H twice with a barrier in between."""
        return tuple(measured(1, gates) for gates in ([("h", 0)], [("x", 0), ("h", 0)], [("h", 0), BARRIER, ("h", 0)]))

    def read(self, counts: Sequence[Counts]) -> Finding:
        """Chances of 0, and by how much the last is above both others."""
        zeros, shots = [int(one[0]) for one in counts], int(counts[0].sum())
        excess = (zeros[2] - max(zeros[:2])) / shots
        return Finding(
            (
                Figure("0 after H", rate(zeros[0], shots), 1 / 2),
                Figure("0 after X H", rate(zeros[1], shots), 1 / 2),
                Figure("0 after H H", rate(zeros[2], shots), 1.0),
                Figure("interference", Estimate(excess, *_excess(zeros, shots, TAIL)), 1 / 2),
            ),
            Verdict("H after H gives 0 more often than any coin", 0.0, excess, *_excess(zeros, shots, 1 - SURE)),
        )


def _excess(zeros: Sequence[int], shots: int, tail: float) -> tuple[float, float]:
    """Bounds that hold where all three rates keep theirs (Bonferroni)."""
    (low0, high0), (low1, high1), (low, high) = (ends(k, shots, tail / 3) for k in zeros)
    return low - max(high0, high1), high - max(low0, low1)
