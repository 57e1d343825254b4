"""Superdense coding: two bits carried by one qubit, whose partner was sent ahead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2
from typing import final

import numpy as np
from scipy.special import entr

from counterpoint.base import Counts, Floats, Verdict
from counterpoint.circuits.circuit import Circuit
from counterpoint.machine.protocols.bell import PAIR
from counterpoint.machine.protocols.bounds import SURE, ends, rate, spread
from counterpoint.machine.protocols.protocol import BARRIER, Figure, Finding, Protocol, measured, on

LOG_TWO = float(np.log(2))  # nats of a bit
MESSAGES = {"00": (), "01": ("x",), "10": ("z",), "11": ("x", "z")}  # what is done to qubit 0


@final
@dataclass(frozen=True)
class Superdense(Protocol):
    """Mutual information of message and answer, equal priors: 2 bits for a Bell pair, at most 1 without one.

    Bennett, Wiesner, Phys. Rev. Lett. 69, 2881 (1992); the limit of a qubit without entanglement is Holevo's, Probl.
    Inf. Transm. 9, 177 (1973). The figure is that of the counted shares, its interval Jeffreys'. The verdict does not
    rest on it, since it errs upwards where the truth is 1 bit: below it is bounded by Fano's inequality from the
    pooled success, above by the entropies that the sixteen chances still allow.
    """

    title = "superdense, bits > 1"
    part = 1

    def programs(self) -> tuple[Circuit, ...]:
        """A Bell pair, the message on qubit 0, and the pair taken apart."""
        return tuple(
            measured(2, [*PAIR, BARRIER, *on(0, gates), BARRIER, ("cx", 0, 1), ("h", 0)]) for gates in MESSAGES.values()
        )

    def read(self, counts: Sequence[Counts]) -> Finding:
        """Success for each message, and the mutual information in bits."""
        table = np.array([one.ravel() for one in counts])  # (4 messages, 4 answers)
        shots = int(table[0].sum())
        right = [int(k) for k in np.diag(table)]
        bits = spread(table, information)
        low, high = _limits(table)
        return Finding(
            (
                *(Figure(f"success {m}", rate(k, shots), 1.0) for m, k in zip(MESSAGES, right, strict=True)),
                Figure("information, bits", bits, 2.0),
            ),
            Verdict("more than one bit on one qubit", 1.0, bits.value, low, high),
        )


def information(chances: Floats) -> Floats:
    """(...) bits of mutual information of (..., 4 messages, 4 answers), equal priors."""
    answers, given = chances.mean(axis=-2), entr(chances).sum(axis=-1).mean(axis=-1)
    return (entr(answers).sum(axis=-1) - given) / LOG_TWO


def _limits(table: Counts) -> tuple[float, float]:
    """Bounds of the mutual information, in bits.

    Below: 2 - h(e) - e log2 3 at the largest error e that the pooled success allows (Fano; Cover, Thomas, Elements of
    Information Theory, theorem 2.10.1); a success of 1/4 or less tells nothing. Above: no answer has more than 2
    bits, less the mean entropy for a message, each of whose concave terms is least at an end of its own interval.
    """
    shots, tail = int(table[0].sum()), 1 - SURE
    error = 1 - ends(int(np.trace(table)), 4 * shots, tail)[0]
    binary = float(entr(error) + entr(1 - error)) / LOG_TWO
    low = max(0.0, 2 - binary - error * log2(3)) if error < 3 / 4 else 0.0
    cells = np.array([ends(int(k), shots, tail / (2 * table.size)) for k in table.ravel()])
    return low, 2 - float(entr(cells).min(axis=1).sum()) / 4 / LOG_TWO
