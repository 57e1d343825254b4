"""Where a circuit can go wrong: its gates, found layer by layer, and the faults of each.

Layers end at TICK. A circuit is read into a program: plain instructions, and faults, the places where
a gate may fail.

Kinds of gates, and the channel each fault stands for:

    1Q      one-qubit gate       DEPOLARIZE1 after it
    2Q      two-qubit gate       DEPOLARIZE2 after it
    M       measurement          its result flips
    R       reset                the other state is prepared
    idle    a qubit left alone in a layer of gates              DEPOLARIZE1
    wait    a qubit left alone while others are measured or reset   DEPOLARIZE1
    stray   two qubits at distance 2 in QUBIT_COORDS (next neighbours on a grid whose couplers are
            diagonal), each in a two-qubit gate of its own in the same layer   DEPOLARIZE2
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import stim

from counterpoint.base import BadInput

Kind = Literal["1Q", "2Q", "M", "R", "idle", "wait", "stray"]
KINDS: tuple[Kind, ...] = get_args(Kind)
# Above these a channel is no further from the identity: fully mixing.
MIXING: dict[Kind, float] = {
    "1Q": 3 / 4,
    "2Q": 15 / 16,
    "M": 1 / 2,
    "R": 1 / 2,
    "idle": 3 / 4,
    "wait": 3 / 4,
    "stray": 15 / 16,
}


@dataclass(frozen=True, order=True)
class Gate:
    """What has one error rate: a kind of operation on one qubit or one pair."""

    kind: Kind
    qubits: tuple[int, ...]  # ascending

    @property
    def name(self) -> str:
        """Such as "1Q 5" or "2Q 3-8"."""
        return f"{self.kind} {'-'.join(map(str, self.qubits))}"


@dataclass(frozen=True)
class Fault:
    """One place in the program where a gate may go wrong."""

    gate: Gate
    channel: str  # stim's name; for kind M the measurement itself, which takes the rate as its argument
    targets: str
    flips: str  # the Paulis that generate its errors

    @property
    def template(self) -> str:
        return f"{self.channel}(%s) {self.targets}"


@dataclass(frozen=True)
class Again:
    """A REPEAT block."""

    count: int
    body: tuple[Step, ...]


Step = str | Fault | Again


def faults_of(program: Sequence[Step]) -> Iterator[Fault]:
    """Each fault of the program, those of a REPEAT block once."""
    for step in program:
        if isinstance(step, Fault):
            yield step
        elif isinstance(step, Again):
            yield from faults_of(step.body)


def read(circuit: stim.Circuit, kinds: Iterable[Kind] = KINDS) -> tuple[Step, ...]:
    """The program of a noiseless circuit with the faults of `kinds`.

    Raises BadInput where the circuit has noise already or an operation outside one- and two-qubit gates,
    resets and one-qubit measurements.
    """
    return _Reader(frozenset(kinds), _qubits(circuit), _strays_of(circuit)).block(circuit)


def _qubits(circuit: stim.Circuit) -> set[int]:
    """The qubits that anything is done to."""
    found: set[int] = set()
    for instruction in circuit:
        if isinstance(instruction, stim.CircuitRepeatBlock):
            found |= _qubits(instruction.body_copy())
        elif instruction.name not in ANNOTATIONS:
            found |= {t.value for t in instruction.targets_copy() if t.is_qubit_target}
    return found


ANNOTATIONS = frozenset({"DETECTOR", "OBSERVABLE_INCLUDE", "QUBIT_COORDS", "SHIFT_COORDS", "TICK", "MPAD"})
StrayPairs = Callable[[list[tuple[int, int]]], list[tuple[int, int]]]


def _strays_of(circuit: stim.Circuit) -> StrayPairs:
    """From the pairs in one layer's two-qubit gates, the pairs of their qubits that stray couplings join."""
    place = {tuple(c[:2]): q for q, c in circuit.get_final_qubit_coordinates().items() if len(c) >= 2}
    where = {q: c for c, q in place.items()}

    def strays(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
        active = {q for pair in pairs for q in pair}
        found = set()
        for q in active & where.keys():
            x, y = where[q]
            for step in ((x + 2, y), (x, y + 2)):
                other = place.get(step)
                if other in active:
                    found.add((min(q, other), max(q, other)))
        return sorted(found - set(pairs))

    return strays


class _Reader:
    """Turns a circuit into a program, one layer at a time."""

    def __init__(self, kinds: frozenset[Kind], everywhere: set[int], strays: StrayPairs) -> None:
        self.kinds = kinds
        self.everywhere = everywhere
        self.strays = strays

    def block(self, circuit: stim.Circuit) -> tuple[Step, ...]:
        steps: list[Step] = []
        layer: list[stim.CircuitInstruction] = []
        for instruction in circuit:
            if isinstance(instruction, stim.CircuitRepeatBlock):
                steps += self.layer(layer)
                steps.append(Again(instruction.repeat_count, self.block(instruction.body_copy())))
                layer = []
            elif instruction.name == "TICK":
                steps += [*self.layer(layer), "TICK"]
                layer = []
            else:
                layer.append(instruction)
        return (*steps, *self.layer(layer))

    def layer(self, instructions: list[stim.CircuitInstruction]) -> list[Step]:
        steps: list[Step] = []
        busy: set[int] = set()
        pairs: list[tuple[int, int]] = []
        resonators = False  # is anything measured or reset in this layer?
        for instruction in instructions:
            if instruction.name in ANNOTATIONS:
                steps.append(str(instruction))
                continue
            _refuse(instruction)
            data = stim.gate_data(instruction.name)
            busy |= {t.value for t in instruction.targets_copy()}
            resonators |= data.is_reset or data.produces_measurements
            steps += self.operation(instruction, data)
            if data.is_two_qubit_gate:
                pairs += [_pair(group) for group in instruction.target_groups()]
        if busy:
            if "stray" in self.kinds:
                steps += [_fault("stray", "DEPOLARIZE2", pair, "XZ") for pair in self.strays(pairs)]
            kind: Kind = "wait" if resonators else "idle"
            if kind in self.kinds:
                steps += [_fault(kind, "DEPOLARIZE1", (q,), "XZ") for q in sorted(self.everywhere - busy)]
        return steps

    def operation(self, instruction: stim.CircuitInstruction, data: stim.GateData) -> list[Step]:
        steps: list[Step] = []
        basis = {"X": "Z"}.get(instruction.name.lstrip("M").lstrip("R")[:1], "X")  # the Pauli that flips it
        targets = instruction.targets_copy()
        if data.produces_measurements and "M" in self.kinds:
            for t in targets:
                text = f"{'!' if t.is_inverted_result_target else ''}{t.value}"
                steps.append(Fault(Gate("M", (t.value,)), instruction.name, text, basis))
        else:
            steps.append(str(instruction))
        if data.is_reset and "R" in self.kinds:
            steps += [_fault("R", f"{basis}_ERROR", (t.value,), basis) for t in targets]
        if data.is_unitary and data.is_single_qubit_gate and "1Q" in self.kinds:
            steps += [_fault("1Q", "DEPOLARIZE1", (t.value,), "XZ") for t in targets]
        if data.is_two_qubit_gate and "2Q" in self.kinds:
            steps += [_fault("2Q", "DEPOLARIZE2", _pair(g), "XZ") for g in instruction.target_groups()]
        return steps


def _pair(group: list[stim.GateTarget]) -> tuple[int, int]:
    a, b = (t.value for t in group)
    return (min(a, b), max(a, b))


def _fault(kind: Kind, channel: str, qubits: tuple[int, ...], flips: str) -> Fault:
    return Fault(Gate(kind, qubits), channel, " ".join(map(str, qubits)), flips)


def _refuse(instruction: stim.CircuitInstruction) -> None:
    """Raise BadInput for what this noise model cannot read."""
    data = stim.gate_data(instruction.name)
    if (data.is_noisy_gate and not data.produces_measurements) or instruction.gate_args_copy():
        raise BadInput(f"the circuit has noise already, '{instruction}': give the noiseless circuit, without it")
    known = (data.is_unitary or data.is_reset or data.produces_measurements) and not data.takes_pauli_targets
    two_qubit_measurement = data.produces_measurements and data.is_two_qubit_gate
    plain = all(t.is_qubit_target for t in instruction.targets_copy())
    if not known or two_qubit_measurement or not plain:
        raise BadInput(
            f"the circuit has '{instruction}', and a rate for each gate is defined for one- and two-qubit "
            "gates, resets and one-qubit measurements: rewrite it in those"
        )
