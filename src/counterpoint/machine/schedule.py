"""A circuit of logical qubits as the operations of lattice surgery that carry it out, layer by layer.

Layers end at TICK and last as many steps of d rounds as their longest operation; who has less to do holds. Paulis are
free, in the frame. What each gate is made of:

    R RX, M MX      a patch held for a step, after its preparation or before its readout
    H               `hadamard`                          MZZ MXX    `merge-zz`, `merge-xx`
    CX              `cnot`                              CZ         `cnot` between two `hadamard` of its target
    S S_DAG         `merge-zz` with a patch in |Y>, which is read in X; the patch is kept, and taken as good
    S[T] S_DAG[T]   `merge-zz` with an injected magic state, which is read in X; then in one half of the cases the
                    correction S, and in the other a step of holding

The outcome of the merge for T is random, and a wrong reading of it leaves S or its inverse behind: of both alike, which
is Z in one half of the cases.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import stim

from counterpoint.base import BadInput
from counterpoint.circuits.trajectories import check_size
from counterpoint.machine.operations import WRONG, Fault

MAGIC = "magic"  # the operation that stands for an injected magic state; its fault is Z0
FREE = ("X", "Y", "Z")
ANNOTATIONS = ("DETECTOR", "OBSERVABLE_INCLUDE", "QUBIT_COORDS", "SHIFT_COORDS")
STEPS: dict[str, tuple[str, ...]] = {  # what each gate takes time for, one after the other
    **dict.fromkeys(("R", "RX", "M", "MX"), ("hold",)),
    "H": ("hadamard",),
    "CX": ("cnot",),
    "CZ": ("hadamard", "cnot", "hadamard"),
    "MZZ": ("merge-zz",),
    "MXX": ("merge-xx",),
    **dict.fromkeys(("S", "S_DAG"), ("merge-zz",)),
    **dict.fromkeys(("S[T]", "S_DAG[T]"), ("merge-zz", "merge-zz")),
}
Paulis = frozenset[tuple[str, int]]  # such as ("X", 3)


@dataclass(frozen=True)
class Use:
    """One use of an operation: what each of its faults does to the circuit's qubits, each case with its weight."""

    operation: str
    cases: tuple[tuple[float, Mapping[str, Paulis]], ...]

    @property
    def count(self) -> float:
        """How often it is used, on average."""
        return sum(weight for weight, _ in self.cases)

    def lines(self, faults: Sequence[Mapping[Fault, float]]) -> list[str]:
        """Correlated errors, of each basis a chain that excludes one another."""
        out: list[str] = []
        for chances in faults:
            joined: dict[Paulis, float] = {}
            for weight, meaning in self.cases:
                for fault, p in chances.items():
                    paulis = frozenset[tuple[str, int]]()
                    for one in fault:
                        paulis ^= meaning.get(one, frozenset())
                    joined[paulis] = joined.get(paulis, 0.0) + weight * p
            left = 1.0
            for paulis, p in joined.items():
                if paulis and p > 0:
                    name = "CORRELATED_ERROR" if left == 1 else "ELSE_CORRELATED_ERROR"
                    out.append(f"{name}({min(1.0, p / left)!r}) {_targets(paulis)}")
                    left -= p
        return out


def _targets(paulis: Paulis) -> str:
    kinds: dict[int, set[str]] = {}
    for kind, qubit in sorted(paulis):
        kinds.setdefault(qubit, set()).add(kind)
    return " ".join(f"{'Y' if len(k) == 2 else min(k)}{q}" for q, k in kinds.items())


def _on(*qubits: int) -> dict[str, Paulis]:
    return {f"{kind}{i}": frozenset({(kind, q)}) for i, q in enumerate(qubits) for kind in "XZ"}


def _by_merging(qubit: int) -> dict[str, Paulis]:
    """Of a merge with a patch that is read in X: a wrong parity is a wrong Z, and X of the patch is not seen."""
    z = frozenset({("Z", qubit)})
    return {"X0": frozenset({("X", qubit)}), "Z0": z, WRONG: z}


@dataclass(frozen=True)
class Schedule:
    """What is done, in order."""

    parts: tuple[str | Use, ...]  # stim's lines, and between them where operations may fail
    steps: int  # of d rounds
    qubits: tuple[int, ...]  # logical ones
    flag: int  # a bit beside them, by which joint parities are read wrong
    magic: bool  # whether there is a T

    @property
    def uses(self) -> dict[str, float]:
        """How often each operation is used, on average."""
        found: dict[str, float] = {}
        for part in self.parts:
            if isinstance(part, Use):
                found[part.operation] = found.get(part.operation, 0.0) + part.count
        return found

    def circuit(self, faults: Mapping[str, Sequence[Mapping[Fault, float]]]) -> stim.Circuit:
        """The circuit with `faults` of each operation, of each basis the probabilities; those without have none."""
        lines: list[str] = []
        for part in self.parts:
            lines += [part] if isinstance(part, str) else part.lines(faults.get(part.operation, ()))
        return stim.Circuit("\n".join(lines))


def schedule(circuit: stim.Circuit, steps: Mapping[str, int]) -> Schedule:
    """Read a noiseless circuit of logical qubits.

    Args:
        steps: of each operation.

    Raises:
        BadInput: the circuit has noise, a gate that is not known, or feedback; a qubit is used before it is prepared
            or after it was measured, or twice in a layer; nothing is measured; T on too many qubits.
    """
    reader = _Reader(circuit, steps)
    layer: list[stim.CircuitInstruction] = []
    for instruction in (i for i in circuit.flattened() if isinstance(i, stim.CircuitInstruction)):
        if instruction.name == "TICK":
            reader.layer(layer)
            layer = []
        elif instruction.name not in ANNOTATIONS:
            layer.append(instruction)
    reader.layer(layer)
    if not circuit.num_measurements:
        raise BadInput("a circuit with 0 measurements was given, and has nothing to return: add M or MX")
    if reader.magic:
        check_size(len(reader.seen))
    return Schedule(tuple(reader.parts), reader.steps, tuple(sorted(reader.seen)), circuit.num_qubits, reader.magic)


class _Reader:
    def __init__(self, circuit: stim.Circuit, steps: Mapping[str, int]) -> None:
        self.length = steps
        self.flag = circuit.num_qubits
        self.parts: list[str | Use] = []
        self.steps = 0
        self.alive: set[int] = set()
        self.seen: set[int] = set()
        self.magic = False

    def layer(self, instructions: Sequence[stim.CircuitInstruction]) -> None:
        busy: dict[int, int] = {}  # steps that each qubit needs
        ended: set[int] = set()
        for instruction in instructions:
            name = _name(instruction)
            for group in instruction.target_groups():
                qubits = [t.value for t in group]
                self.check(name, instruction, qubits, busy)
                if name in FREE:
                    self.parts.append(f"{name} {qubits[0]}")
                    continue
                busy |= dict.fromkeys(qubits, sum(self.length[one] for one in STEPS[name]))
                ended |= set(qubits) if name in ("R", "RX", "M", "MX") else set()
                self.gate(name, group, qubits)
        longest = max(busy.values(), default=0)
        for qubit in sorted(self.alive - ended):
            self.parts += [Use("hold", ((1.0, _on(qubit)),))] * (longest - busy.get(qubit, 0))
        self.steps += longest

    def check(
        self, name: str, instruction: stim.CircuitInstruction, qubits: Sequence[int], busy: Mapping[int, int]
    ) -> None:
        for q in qubits:
            if name in ("R", "RX"):
                self.alive.add(q)
                self.seen.add(q)
            if q not in self.alive:
                raise BadInput(
                    f"'{instruction}' uses logical qubit {q}, which was measured or never prepared: prepare it by R "
                    "or RX"
                )
            if q in busy and name not in FREE:
                raise BadInput(
                    f"'{instruction}' uses logical qubit {q} for the 2nd time in one layer, and 1 use is allowed: "
                    "put a TICK before it"
                )

    def gate(self, name: str, group: Sequence[stim.GateTarget], qubits: Sequence[int]) -> None:
        first, plain = qubits[0], " ".join(map(str, qubits))
        inverted = "!" if sum(t.is_inverted_result_target for t in group) % 2 else ""
        match name:
            case "R" | "RX":
                self.parts += [f"{name} {first}", Use("hold", ((1.0, _on(first)),))]
            case "M" | "MX":
                self.parts += [Use("hold", ((1.0, _on(first)),)), f"{name} {inverted}{first}"]
                self.alive.discard(first)
            case "H":
                self.parts += [f"H {first}", Use("hadamard", ((1.0, _on(first)),))]
            case "CX":
                self.parts += [f"CX {plain}", Use("cnot", ((1.0, _on(*qubits)),))]
            case "CZ":
                turn = [f"H {qubits[1]}", Use("hadamard", ((1.0, _on(qubits[1])),))]
                self.parts += [*turn, f"CX {plain}", Use("cnot", ((1.0, _on(*qubits)),)), *turn]
            case "MZZ" | "MXX":
                self.merge(name[-1], qubits, inverted)
            case "S" | "S_DAG":
                self.parts += [f"{name} {first}", Use("merge-zz", ((1.0, _by_merging(first)),))]
            case _:
                self.injected(name, first)

    def merge(self, kind: str, qubits: Sequence[int], inverted: str) -> None:
        """Faults stand before the parity is read, which sees them itself: the flag makes up for it."""
        a, b = qubits
        flip: Paulis = frozenset({("X", self.flag)})
        seen = "X" if kind == "Z" else "Z"  # what the parity sees
        meaning = _on(a, b) | {WRONG: flip}
        for one in (f"{seen}0", f"{seen}1"):
            meaning[one] ^= flip
        self.parts.append(Use(f"merge-{kind * 2}".lower(), ((1.0, meaning),)))
        self.parts += [f"MPP {inverted}{kind}{a}*{kind}{b}*Z{self.flag}", f"R {self.flag}"]

    def injected(self, name: str, qubit: int) -> None:
        self.magic = True
        meaning = _by_merging(qubit)
        harmless = meaning | {WRONG: frozenset[tuple[str, int]]()}
        self.parts += [
            f"{name} {qubit}",
            Use(MAGIC, ((1.0, _on(qubit)),)),
            Use("merge-zz", ((0.5, meaning), (0.5, harmless))),
            Use("merge-zz", ((0.5, meaning),)),
            Use("hold", ((0.5, _on(qubit)),)),
        ]


def _name(instruction: stim.CircuitInstruction) -> str:
    """Its name, with the tag where that makes another gate of it. Raises BadInput for what cannot be run."""
    data = stim.gate_data(instruction.name)
    if (data.is_noisy_gate and not data.produces_measurements) or instruction.gate_args_copy():
        raise BadInput(
            f"the circuit has noise already, '{instruction}': give it without, the machine adds what it measured"
        )
    name = f"{instruction.name}[{instruction.tag}]" if instruction.tag else instruction.name
    if name not in STEPS and name not in FREE:
        known = ", ".join([*STEPS, *FREE])
        raise BadInput(f"the circuit has '{instruction}', and logical qubits have {known}: give it in those")
    if not all(t.is_qubit_target for t in instruction.targets_copy()):
        raise BadInput(
            f"'{instruction}' depends on a result, and 0 gates may: leave it out, and put the result into the "
            "OBSERVABLE_INCLUDE that it changes"
        )
    return name
