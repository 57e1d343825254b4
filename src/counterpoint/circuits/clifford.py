"""Stim circuits as general ones, and general circuits of Clifford gates and T as stim ones.

T is the tagged gate S[T], its inverse S_DAG[T].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import stim

from counterpoint.base import BadInput
from counterpoint.circuits.circuit import Circuit, Operation, settled
from counterpoint.circuits.limits import OPERATIONS, QUBITS
from counterpoint.circuits.turns import PAULIS, parts

_SAME = {
    "S[T]": "t",
    "S_DAG[T]": "tdg",
    **dict(I="id", X="x", Y="y", Z="z", H="h", S="s", S_DAG="sdg", SQRT_X="sx", R="reset"),
    **dict(CX="cx", CY="cy", CZ="cz", SWAP="swap"),
}
_DROPPED = ("DETECTOR", "OBSERVABLE_INCLUDE", "QUBIT_COORDS", "SHIFT_COORDS")
_FEEDBACK = {"CX": "x", "XCZ": "x", "CY": "y", "YCZ": "y", "CZ": "z"}  # what is done where the result is 1
_QUARTERS = ((), ("s",), ("z",), ("sdg",))  # of S in a row


def from_stim(circuit: stim.Circuit) -> Circuit:
    """The general circuit that a noiseless stim circuit is: measurement k writes bit k, TICK is a barrier over all.

    Annotations are dropped, and gates by which a qubit that was measured for the last time is left in another state.
    Raises BadInput for noise, sweep bits, a padding MPAD of 1, and for more than `limits.QUBITS` qubits, or
    `limits.OPERATIONS` targets of its instructions.
    """
    targets = _targets_of(circuit, circuit.num_qubits)
    for given, most, what in ((circuit.num_qubits, QUBITS, "qubits"), (targets, OPERATIONS, "targets of instructions")):
        if given > most:
            raise BadInput(f"a stim circuit of {given:,} {what} was given and {most:,} are allowed: give a smaller one")
    reader = _FromStim(circuit.num_qubits)
    for instruction in circuit.flattened():
        if isinstance(instruction, stim.CircuitInstruction) and instruction.name not in _DROPPED:
            reader.instruction(instruction)
    return Circuit(circuit.num_qubits, reader.bits, _without_tails(reader.operations))


def _targets_of(circuit: stim.Circuit, qubits: int) -> int:
    """How many targets its instructions have, those of TICK being all qubits."""
    count = 0
    for one in circuit:
        if isinstance(one, stim.CircuitRepeatBlock):
            count += one.repeat_count * _targets_of(one.body_copy(), qubits)
        elif one.name == "TICK":
            count += qubits
        elif one.name not in _DROPPED:
            count += len(one.targets_copy())
    return count


@final
class _FromStim:
    def __init__(self, qubits: int) -> None:
        self.qubits = qubits
        self.bits = 0
        self.operations: list[Operation] = []

    def instruction(self, one: stim.CircuitInstruction) -> None:
        data = stim.gate_data(one.name)
        if (data.is_noisy_gate and not data.produces_measurements) or one.gate_args_copy():
            raise BadInput(
                f"the circuit has noise, '{one}', and 0 of it is read: give it without, the machine has its own"
            )
        if one.name == "TICK":
            self.operations.append(Operation("barrier", tuple(range(self.qubits))))
            return
        name = f"{one.name}[T]" if one.name in ("S", "S_DAG") and one.tag == "T" else one.name
        for group in one.target_groups():
            if any(t.is_sweep_bit_target for t in group):
                raise BadInput(f"'{one}' depends on a sweep bit, and measurements alone are read: leave it out")
            if any(t.is_measurement_record_target for t in group):
                self.feedback(one, group)
            elif name in _SAME:
                self.operations.append(Operation(_SAME[name], tuple(t.value for t in group)))
            elif name == "MPAD":
                self.pad(one, group[0].value)
            else:
                self.simpler(one, group)

    def feedback(self, one: stim.CircuitInstruction, group: Sequence[stim.GateTarget]) -> None:
        record = [t.value for t in group if t.is_measurement_record_target]
        qubits = [t.value for t in group if t.is_qubit_target]
        if not qubits:
            return  # CZ between two results is a global phase
        if -record[0] > self.bits:
            raise BadInput(
                f"'{one}' looks back by {-record[0]} measurements and there are {self.bits}: look back less far"
            )
        condition = (self.bits + record[0], 1)
        self.operations.append(Operation(_FEEDBACK[one.name], tuple(qubits), condition=condition))

    def pad(self, one: stim.CircuitInstruction, value: int) -> None:
        if value:
            raise BadInput(
                f"'{one}' puts a 1 into the record without a qubit, and 0 alone can stand there: leave it out"
            )
        self.bits += 1

    def simpler(self, one: stim.CircuitInstruction, group: Sequence[stim.GateTarget]) -> None:
        """By stim's decomposition into H, S, CX, M and R; runs of S are one gate."""
        inverted = sum(t.is_inverted_result_target for t in group) % 2 == 1  # seen only where something is measured
        turns: dict[int, int] = {}  # S gates that are still to be done on each qubit
        for part in _decomposed(one.name, _targets(one.name, group)):
            for targets in part.target_groups():
                qubits = tuple(t.value for t in targets)
                if part.name == "S":
                    turns[qubits[0]] = turns.get(qubits[0], 0) + 1
                    continue
                self.turn(turns, qubits)
                if part.name == "M":
                    self.measure(qubits[0], inverted)
                elif part.name == "MPAD":
                    self.pad(one, qubits[0] ^ inverted)
                else:
                    self.operations.append(Operation(_SAME[part.name], qubits))
        self.turn(turns, tuple(turns))

    def turn(self, turns: dict[int, int], qubits: Sequence[int]) -> None:
        for q in qubits:
            self.operations += [Operation(name, (q,)) for name in _QUARTERS[turns.pop(q, 0) % 4]]

    def measure(self, qubit: int, inverted: bool) -> None:
        flip = [Operation("x", (qubit,))] if inverted else []
        self.operations += [*flip, Operation("measure", (qubit,), bit=self.bits), *flip]
        self.bits += 1


def _decomposed(name: str, targets: Sequence[stim.GateTarget]) -> list[stim.CircuitInstruction]:
    alone = stim.Circuit()
    alone.append(name, targets)
    return [one for one in alone.decomposed() if isinstance(one, stim.CircuitInstruction)]


def _targets(name: str, group: Sequence[stim.GateTarget]) -> list[stim.GateTarget]:
    """The targets again, without the inversion of a result."""
    out: list[stim.GateTarget] = []
    for t in group:
        sign = t.is_inverted_result_target and name in ("SPP", "SPP_DAG")  # there it is part of the gate
        pauli = t.pauli_type != "I"
        if pauli and out:
            out.append(stim.target_combiner())
        out.append(stim.target_pauli(t.value, t.pauli_type, sign) if pauli else stim.GateTarget(t.value))
    return out


def _without_tails(operations: Sequence[Operation]) -> tuple[Operation, ...]:
    """Without what is done to qubits that were measured, all of them, for the last time."""
    last = {one.qubits[0]: i for i, one in enumerate(operations) if one.name == "measure"}
    needed: set[int] = set()
    kept: list[Operation] = []
    for i, one in reversed(list(enumerate(operations))):
        if one.name != "barrier":
            if needed.isdisjoint(one.qubits) and all(i > last.get(q, i) for q in one.qubits):
                continue
            needed.update(one.qubits)
        kept.append(one)
    return tuple(reversed(kept))


def to_stim(circuit: Circuit) -> stim.Circuit:
    """The same circuit in R, M, H, S, CX, CZ, Paulis, and S[T] for T, in layers that end at TICK.

    Every qubit is prepared by R before its first use. Each operation is in the first layer in which its qubits are
    free, and none passes a barrier. Measurements stand in another order than they were given in: `record_of` tells
    which is which.

    Raises:
        BadInput: a gate that `turns.parts` does not take; anything that depends on a bit.
    """
    return _laid(circuit).circuit()


def record_of(circuit: Circuit) -> tuple[int | None, ...]:
    """(bits,) which measurement of `to_stim` each bit has in the end; None where it stays 0. Raises as that."""
    writer = _laid(circuit)
    record = writer.record()
    return tuple(record[writer.held[bit]] if bit in writer.held else None for bit in range(circuit.bits))


def _laid(circuit: Circuit) -> _ToStim:
    writer = _ToStim()
    for one in settled(circuit).operations:
        writer.do(one)
    return writer


@dataclass(frozen=True)
class _Entry:
    layer: int
    name: str
    qubits: tuple[int, ...]


@final
class _ToStim:
    def __init__(self) -> None:
        self.entries: list[_Entry] = []
        self.free: dict[int, int] = {}  # the first layer that is free for each qubit
        self.used: set[int] = set()
        self.held: dict[int, int] = {}  # the entry of the measurement whose result each bit has

    def do(self, one: Operation) -> None:
        if one.condition is not None:
            raise BadInput(
                f"'{one.name}' depends on bit {one.condition[0]}, and what is done to logical qubits cannot: take the "
                "condition away, or a machine that follows results, such as ideal, aer or a chip"
            )
        if one.name == "barrier":
            layer = max((self.free.get(q, 0) for q in one.qubits), default=0)
            self.free |= dict.fromkeys(one.qubits, layer)
        elif one.name == "reset":
            self.put("R", one.qubits)
        else:
            self.prepare(one.qubits)
            if one.name == "measure":
                self.put("M", one.qubits)
                assert one.bit is not None  # as Circuit has checked
                self.held[one.bit] = len(self.entries) - 1
            else:
                for name, qubits in parts(one):
                    self.put(name, qubits)

    def prepare(self, qubits: tuple[int, ...]) -> None:
        for q in qubits:
            if q not in self.used:
                self.put("R", (q,))

    def put(self, name: str, qubits: tuple[int, ...]) -> None:
        """In the first layer that is free for all; Paulis take no time and stand in the layer before."""
        layer = max(self.free.get(q, 0) for q in qubits)
        if name in PAULIS:
            layer = max(layer - 1, 0)
        else:
            self.free |= dict.fromkeys(qubits, layer + 1)
        self.used.update(qubits)
        self.entries.append(_Entry(layer, name, qubits))

    def order(self) -> list[int]:
        return sorted(range(len(self.entries)), key=lambda i: self.entries[i].layer)

    def record(self) -> dict[int, int]:
        """Where the result of each entry that measures stands in the record."""
        measured = [i for i in self.order() if self.entries[i].name == "M"]
        return {entry: k for k, entry in enumerate(measured)}

    def circuit(self) -> stim.Circuit:
        out, layer = stim.Circuit(), 0
        for i in self.order():
            entry = self.entries[i]
            if entry.layer > layer:
                out.append("TICK", [])
                layer = entry.layer
            name, _, tag = entry.name.rstrip("]").partition("[")
            out.append(name, entry.qubits, tag=tag)
        return out
