"""A circuit in the gates that superconducting hardware has, in layers: R, M, CZ and any gate of one qubit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import stim

from counterpoint.circuits import tags
from counterpoint.circuits.circuit import Circuit, Operation
from counterpoint.circuits.decompose import decomposed, in_cz
from counterpoint.circuits.matrices import MATRICES, Matrix
from counterpoint.circuits.tagged import Tagged, check_conditions


@dataclass(frozen=True)
class _Entry:
    name: str
    tag: str
    qubits: tuple[int, ...]
    measurement: int | None = None  # its number in the order of the program
    condition: tuple[int, bool] | None = None  # on such a measurement


def layered(circuit: Circuit) -> Tagged:
    """`circuit` in layers that end at TICK, each operation in the first that it can be in.

    Every qubit that is used is reset first. Neighbouring gates of one qubit are merged, so that at most one stands
    between two CZ; none is merged across a barrier, or with one that depends on a result. Where nothing depends on
    results, all is read in one last layer. What has a condition is tagged (`tags`), as are gates that stim has not.

    Raises:
        BadInput: a measurement or a reset depends on a result.
    """
    parts = decomposed(circuit)
    check_conditions(parts)
    writer = _Writer(parts)
    for one in parts.operations:
        for part in in_cz(one):
            writer.do(part)
    return writer.done()


class _Writer:
    def __init__(self, circuit: Circuit) -> None:
        self.together = not circuit.depends_on_results
        self.bits = circuit.bits
        self.layers: list[list[_Entry]] = []
        self.free: dict[int, int] = {}  # the first layer that each qubit can be used in
        self.ready: dict[int, int] = {}  # and each bit be looked at in
        self.pending: dict[int, Matrix] = {}  # gates of one qubit that are not written yet
        self.held: dict[int, int] = {}  # which measurement each bit holds
        self.measurements = 0
        self.last: list[tuple[int, int]] = []  # qubits to be read in the end, and the bits they go to
        for q in circuit.used:
            self.put(_Entry("R", "", (q,)))

    def do(self, one: Operation) -> None:
        """An operation as it comes in the program."""
        if one.name in ("measure", "barrier", "reset"):
            self.flush(one.qubits)
        match one.name:
            case "measure":
                self.measure(one)
            case "reset":
                self.put(_Entry("R", "", one.qubits))
            case "barrier":
                self.free |= dict.fromkeys(one.qubits, max((self.free.get(q, 0) for q in one.qubits), default=0))
            case name:
                matrix = MATRICES[name](*one.parameters)
                if one.condition is not None:
                    bit, value = one.condition
                    self.flush(one.qubits)
                    self.put(_entry(one.qubits, matrix, (self.held[bit], bool(value))), self.ready[bit])
                elif name == "cz":
                    self.flush(one.qubits)
                    self.put(_Entry("CZ", "", one.qubits))
                else:
                    (q,) = one.qubits
                    self.pending[q] = matrix @ self.pending.get(q, np.eye(2))

    def measure(self, one: Operation) -> None:
        assert one.bit is not None
        if self.together:
            self.last.append((one.qubits[0], one.bit))
            return
        self.ready[one.bit] = 1 + self.put(_Entry("M", "", one.qubits, self.measurements))
        self.held[one.bit] = self.measurements
        self.measurements += 1

    def flush(self, qubits: Iterable[int]) -> None:
        """Write the merged gate of each of `qubits`."""
        for q in qubits:
            matrix = self.pending.pop(q, np.eye(2, dtype=np.complex128))
            if tags.gate(matrix) != ("I", ""):
                self.put(_entry((q,), matrix, None))

    def put(self, entry: _Entry, earliest: int = 0) -> int:
        """Into the first layer from `earliest` in which its qubits are free; which one that is."""
        at = max(earliest, *(self.free.get(q, 0) for q in entry.qubits))
        while len(self.layers) <= at:
            self.layers.append([])
        self.layers[at].append(entry)
        self.free |= dict.fromkeys(entry.qubits, at + 1)
        return at

    def done(self) -> Tagged:
        self.flush(list(self.pending))
        if self.last:
            self.layers.append([_Entry("M", "", (q,), k) for k, (q, _) in enumerate(self.last)])
            self.held = {bit: k for k, (_, bit) in enumerate(self.last)}
        lines: list[str] = []
        number: dict[int, int] = {}  # of each measurement, its result
        for layer in self.layers:
            for one in layer:
                if one.measurement is not None:
                    number[one.measurement] = len(number)
                condition = tags.Condition(number[one.condition[0]], one.condition[1]) if one.condition else None
                lines.append(tags.instruction(one.name, one.tag, " ".join(map(str, one.qubits)), condition))
            lines.append("TICK")
        record = tuple(number[self.held[bit]] if bit in self.held else None for bit in range(self.bits))
        return Tagged(stim.Circuit("\n".join(lines[:-1])), record)


def _entry(qubits: tuple[int, ...], matrix: Matrix, condition: tuple[int, bool] | None) -> _Entry:
    name, tag = tags.gate(matrix) if len(qubits) == 1 else ("CZ", "")
    return _Entry(name, tag, qubits, condition=condition)
