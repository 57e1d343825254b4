"""Circuits rewritten in the gates that superconducting hardware has: R, M, H and CZ."""

from __future__ import annotations

from collections.abc import Sequence

import stim

from counterpoint.base import BadInput
from counterpoint.codes.faults import ANNOTATIONS

# Of each gate: what stands in its place, and in which frame each of its qubits must be; True: behind an H.
PLAIN: dict[str, tuple[str, tuple[bool, ...]]] = {
    "M": ("M", (False,)),
    "MX": ("M", (True,)),
    "CX": ("CZ", (False, True)),
    "CZ": ("CZ", (False, False)),
    "XCX": ("CZ", (True, True)),
}
RESETS = {"R": False, "RX": True}  # the frame that a reset leaves
PAULIS = {"X": "Z", "Z": "X", "Y": "Y"}  # what each is behind an H


def native(circuit: stim.Circuit) -> stim.Circuit:
    """The same noiseless circuit with R, M, H, CZ and Paulis alone.

    CX is CZ between two H on its target, and a result in X is one in Z behind an H. A qubit is turned by an H only
    between gates that see it in different frames, so that neighbouring ones cancel: in a layer of H that stands there
    already, or else in a new one before the gate. An H of the circuit's own turns the frame and costs nothing. REPEAT
    blocks stay blocks.

    Raises:
        BadInput: the circuit has another operation, or noise.
    """
    writer = _Writer()
    writer.block(circuit)
    return stim.Circuit("\n".join(writer.text()))


class _Writer:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.turned: dict[int, bool] = {}  # is the qubit behind an H?
        self.layers: dict[int, set[int]] = {}  # of H: the number of its line, and its qubits
        self.used: dict[int, int] = {}  # the line before which each qubit was last used

    def text(self) -> list[str]:
        for number, qubits in self.layers.items():
            self.lines[number] = f"H {_text(sorted(qubits))}"
        return self.lines

    def block(self, circuit: stim.Circuit) -> None:
        layer: list[stim.CircuitInstruction] = []
        for instruction in circuit:
            if isinstance(instruction, stim.CircuitRepeatBlock):
                self.layer(layer)
                layer = []
                self.repeat(instruction)
            elif instruction.name == "TICK":
                self.layer(layer)
                self.lines.append("TICK")
                layer = []
            else:
                layer.append(instruction)
        self.layer(layer)

    def layer(self, instructions: Sequence[stim.CircuitInstruction]) -> None:
        """A layer, and before it, where they are needed, one of H."""
        wanted: dict[int, bool] = {}
        lines: list[str] = []
        for instruction in instructions:
            name = instruction.name
            if name in ANNOTATIONS:
                lines.append(str(instruction))
                continue
            targets = instruction.targets_copy()
            if instruction.gate_args_copy() or not all(t.is_qubit_target for t in targets):
                raise BadInput(f"'{instruction}' has noise or a condition: give the noiseless circuit without it")
            qubits = [t.value for t in targets]
            if name in RESETS:
                lines.append(f"R {_text(qubits)}")
                self.turned |= dict.fromkeys(qubits, RESETS[name])
            elif name == "H":
                self.turned |= {q: not self.turned.get(q, False) for q in qubits}
            elif name in PAULIS:
                for pauli, behind in ((name, False), (PAULIS[name], True)):
                    chosen = [q for q in qubits if self.turned.get(q, False) == behind]
                    lines += [f"{pauli} {_text(chosen)}"] if chosen else []
            elif name in PLAIN:
                plain, frames = PLAIN[name]
                inverted = ["!" if t.is_inverted_result_target else "" for t in targets]
                lines.append(f"{plain} " + " ".join(f"{i}{q}" for i, q in zip(inverted, qubits, strict=True)))
                wanted |= {q: frames[i % len(frames)] for i, q in enumerate(qubits)}
            else:
                raise BadInput(
                    f"the circuit has '{instruction}', and {', '.join([*RESETS, *PLAIN, *PAULIS, 'H'])} can be "
                    "rewritten: give it in those"
                )
        self.turn([q for q, frame in wanted.items() if self.turned.get(q, False) != frame])
        self.lines += lines
        busy = {t.value for i in instructions if i.name not in ANNOTATIONS for t in i.targets_copy()}
        self.used |= dict.fromkeys(busy, len(self.lines))

    def turn(self, qubits: Sequence[int]) -> None:
        """An H on each of `qubits`, in the last layer of H since the qubit was used, or in a new one."""
        latest = max(self.layers, default=-1)
        late = [q for q in qubits if self.used.get(q, 0) > latest]
        if late:
            latest = len(self.lines)
            self.lines += ["", "TICK"]
            self.layers[latest] = set()
        if qubits:
            self.layers[latest] |= set(qubits)
            self.turned |= {q: not self.turned.get(q, False) for q in qubits}
            self.used |= dict.fromkeys(qubits, len(self.lines))

    def repeat(self, block: stim.CircuitRepeatBlock) -> None:
        """The block between frames that it leaves as it finds them."""
        body = block.body_copy()
        tried = _Writer()
        tried.turned = dict(self.turned)
        tried.block(body)
        free = _reset_first(body)
        start = {q: frame for q, frame in tried.turned.items() if q not in free}
        self.turn([q for q, frame in start.items() if self.turned.get(q, False) != frame])
        inner = _Writer()
        inner.turned = dict(self.turned)
        inner.block(body)
        inner.close([q for q, frame in start.items() if inner.turned[q] != frame])
        self.lines += [f"REPEAT {block.repeat_count} {{", *inner.text(), "}"]
        self.turned = inner.turned
        self.used = dict.fromkeys(self.turned, len(self.lines))

    def close(self, qubits: Sequence[int]) -> None:
        """A last layer of H, behind the block's own."""
        if qubits:
            self.lines += ["TICK", f"H {_text(sorted(qubits))}"]
            self.turned |= {q: not self.turned[q] for q in qubits}


def _text(qubits: Sequence[int]) -> str:
    return " ".join(map(str, qubits))


def _reset_first(body: stim.Circuit) -> set[int]:
    """The qubits that the body resets before it does anything else to them."""
    seen: set[int] = set()
    reset: set[int] = set()
    for instruction in body.flattened():
        assert isinstance(instruction, stim.CircuitInstruction)  # flattened: no blocks are left
        if instruction.name not in ANNOTATIONS:
            qubits = {t.value for t in instruction.targets_copy()} - seen
            seen |= qubits
            if instruction.name in RESETS:
                reset |= qubits
    return reset
