"""Stim circuits as general ones, and general circuits of Clifford gates and T as stim ones.

T is the tagged gate S[T], its inverse S_DAG[T].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import stim

from counterpoint.base import BadInput
from counterpoint.circuits.circuit import Circuit, Operation

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
    Raises BadInput for noise, sweep bits, and a padding MPAD of 1.
    """
    reader = _FromStim(circuit.num_qubits)
    for instruction in circuit.flattened():
        if isinstance(instruction, stim.CircuitInstruction) and instruction.name not in _DROPPED:
            reader.instruction(instruction)
    return Circuit(circuit.num_qubits, reader.bits, _without_tails(reader.operations))


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
