"""Readout of a pair: what is read where 00, 01, 10 and 11 were prepared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import final

import numpy as np

from counterpoint.base import Counts
from counterpoint.circuits.circuit import Circuit
from counterpoint.machine.protocols.bounds import TAIL, ends, rate
from counterpoint.machine.protocols.protocol import Figure, Finding, Protocol, measured, on
from counterpoint.quops.estimate import Estimate

PREPARED = tuple(product((0, 1), repeat=2))


@final
@dataclass(frozen=True)
class Readout(Protocol):
    """The confusion matrix of a pair, preparation included: each qubit's two errors, and whether they come together.

    The correlation is P(both wrong) - P(first wrong) P(second wrong), averaged over the preparations: 0 where the
    matrix is the product of two.
    """

    title = "readout"
    part = 1

    def programs(self) -> tuple[Circuit, ...]:
        """Four preparations by x."""
        return tuple(measured(2, [*on(0, ["x"] * a), *on(1, ["x"] * b)]) for a, b in PREPARED)

    def read(self, counts: Sequence[Counts]) -> Finding:
        """Errors as shares, and their correlation."""
        # (4, 2, 2) by (first wrong, second wrong)
        wrong = np.array([np.roll(one, (a, b), (0, 1)) for one, (a, b) in zip(counts, PREPARED, strict=True)])
        shots, figures = int(wrong[0].sum()), []
        for qubit in (0, 1):
            missed = wrong.sum(axis=2 - qubit)[:, 1]
            for value in (0, 1):
                seen = int(missed[[one[qubit] == value for one in PREPARED]].sum())
                name = f"P({1 - value}|{value}) qubit {qubit}, %"
                figures.append(Figure(name, rate(seen, 2 * shots), 0.0, "%"))
        return Finding((*figures, Figure("correlation, %", _together(wrong), 0.0, "%")))


def _together(wrong: Counts) -> Estimate:
    """The correlation of errors in (4, 2, 2) counts; the interval holds where all nine rates keep theirs (Bonferroni).

    These are both errors at once, pooled, and each qubit's error after each preparation.
    """
    shots, tail = int(wrong[0].sum()), TAIL / 9
    both = int(wrong[:, 1, 1].sum())
    missed = [[int(one.sum(axis=1 - qubit)[1]) for qubit in (0, 1)] for one in wrong]
    bounds = np.array([[ends(k, shots, tail) for k in pair] for pair in missed])  # (4, 2 qubits, 2 ends)
    (low, high), (least, most) = ends(both, 4 * shots, tail), bounds.prod(axis=1).mean(axis=0)
    value = both / (4 * shots) - float(np.prod(np.array(missed) / shots, axis=1).mean())
    return Estimate(value, low - float(most), high - float(least))
