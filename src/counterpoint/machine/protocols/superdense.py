"""Superdense coding: two bits carried by one qubit, whose partner was sent ahead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2
from typing import final

import numpy as np
from scipy.special import entr
from scipy.stats import chi2

from counterpoint.base import Counts, Floats, Verdict
from counterpoint.circuits.circuit import Circuit
from counterpoint.machine.protocols.bell import PAIR
from counterpoint.machine.protocols.bounds import SURE, TAIL, ends, rate
from counterpoint.machine.protocols.protocol import BARRIER, Figure, Finding, Protocol, measured, on
from counterpoint.quops.estimate import Estimate

DRAWS = 2000
LOG_TWO = float(np.log(2))  # nats of a bit
MESSAGES = {"00": (), "01": ("x",), "10": ("z",), "11": ("x", "z")}  # what is done to qubit 0


@final
@dataclass(frozen=True)
class Superdense(Protocol):
    """Mutual information of message and answer, equal priors: 2 bits for a Bell pair, at most 1 without one.

    Bennett, Wiesner, Phys. Rev. Lett. 69, 2881 (1992); the limit of a qubit without entanglement is Holevo's, Probl.
    Inf. Transm. 9, 177 (1973). The figure is that of the counted shares. The verdict does not rest on its interval,
    which is no strict one: below, the information is bounded by Fano's inequality from the pooled success, above by
    the entropies that the sixteen chances still allow.
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
        bits = _bits(table)
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


def _bits(table: Counts) -> Estimate:
    """The information of the shares counted in (4, 4), with its 95 % interval.

    Chances are drawn from the counts' Dirichlet distributions. Rare answers lower the information, so that, as in the
    exact interval of a rate, its upper end takes the counts as they are and its lower end some more of each, half a
    one. The lower end lies lower yet by what counts feign where the truth is 0: a chi^2 of 9 degrees of freedom over
    2 N ln 2 bits.
    """
    value = float(information(table / table.sum(axis=1, keepdims=True)))
    rng = np.random.default_rng((0,))
    ends = []
    for more, at in ((1 / 2, TAIL), (0, 1 - TAIL)):
        weights = rng.standard_gamma(table + more, (DRAWS, *table.shape))
        ends.append(float(np.quantile(information(weights / weights.sum(axis=2, keepdims=True)), at)))
    feigned = float(chi2.isf(TAIL, 9)) / (2 * int(table.sum()) * LOG_TWO)
    return Estimate(value, max(0.0, min(ends[0], value) - feigned), max(ends[1], value))


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
