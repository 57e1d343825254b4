"""What every protocol of the check is: circuits out, counts in, a finding."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from counterpoint.base import Counts, Verdict
from counterpoint.circuits import qasm
from counterpoint.circuits.circuit import Circuit, Operation
from counterpoint.quops.estimate import Estimate

Gate = tuple[str, int] | tuple[str, int, int]  # name and qubits
BARRIER = ("barrier",)  # on all qubits: no compiler may carry a gate across it


@dataclass(frozen=True)
class Figure:
    """One number with its 95 % interval."""

    name: str
    estimate: Estimate
    ideal: float  # of a noiseless machine
    unit: str = ""  # "%": the number is a share, shown as per cent


@dataclass(frozen=True)
class Finding:
    """What a protocol shows: figures, and a verdict where there is a classical or separable bound.

    Unlike a comparison's, the verdict's two bounds hold with 99.9 % each.
    """

    figures: tuple[Figure, ...]
    verdict: Verdict | None = None


class Protocol(ABC):
    """A frozen record of settings. Pure: nothing is run here, so that all circuits may wait in one queue."""

    title: str
    part: int  # each circuit runs for one in so many of the shots asked for

    @abstractmethod
    def programs(self) -> tuple[Circuit, ...]:
        """The circuits on 1 to 3 qubits, of h, s, sdg, t, tdg, x, y, z and cx, measured at the end."""

    @abstractmethod
    def read(self, counts: Sequence[Counts]) -> Finding:
        """What the counts show: one array for each circuit, (2,) * M, bit k of the outcome along axis k.

        Circuits of one protocol run for equally many shots, at least 1.
        """

    def circuits(self) -> tuple[str, ...]:
        """The circuits as OpenQASM 3."""
        return tuple(qasm.write(one) for one in self.programs())


def measured(qubits: int, gates: Sequence[Gate | tuple[str]]) -> Circuit:
    """`gates`, then a barrier, then every qubit k measured into bit k."""
    done = [
        Operation(gate[0], tuple(range(qubits)) if gate == BARRIER else tuple(int(q) for q in gate[1:]))
        for gate in (*gates, BARRIER)
    ]
    return Circuit(qubits, qubits, (*done, *(Operation("measure", (q,), bit=q) for q in range(qubits))))


def on(qubit: int, names: Sequence[str]) -> list[Gate]:
    """One-qubit gates in order."""
    return [(name, qubit) for name in names]


def tally(bits: NDArray[np.bool_]) -> Counts:
    """(2,) * M: how often each outcome of (shots, M) bits came."""
    width = bits.shape[1]
    numbers = bits.astype(np.int64) @ (1 << np.arange(width)[::-1])
    return np.bincount(numbers, minlength=2**width).reshape((2,) * width)


def agreeing(counts: Counts) -> int:
    """Outcomes with an even number of ones."""
    parity = np.indices(counts.shape).sum(axis=0) % 2
    return int(counts[parity == 0].sum())
