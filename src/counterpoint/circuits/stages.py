"""The layers of a parameterised circuit: turns of single qubits, permutations of the basis states, and phases of them.

Each gate goes into the first layer that it can be in, and layers that repeat are found, so that they can be run as a
loop: the time that a circuit takes to compile then does not grow with its depth.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import pi
from typing import Literal, final

import numpy as np
from numpy.typing import NDArray

from counterpoint.base import Floats
from counterpoint.circuits.ansatz import Angle, Ansatz, Gate, parts
from counterpoint.circuits.matrices import MATRICES
from counterpoint.circuits.vector import Order

Kind = Literal["turns", "permutation", "phases"]
Terms = NDArray[np.complex128]  # (5, 2, 2) of a one-qubit gate, by 1, cos a/2, sin a/2, cos a, sin a

PERMUTATIONS = ("x", "cx", "swap", "ccx", "cswap")
PHASES = {"z": pi, "s": pi / 2, "sdg": -pi / 2, "t": pi / 4, "tdg": -pi / 4, "cz": pi}  # of all qubits 1
_Z = np.diag([1.0, -1.0]).astype(complex)


@final
@dataclass(frozen=True)
class Stage:
    """One layer."""

    kind: Kind
    gates: tuple[Gate, ...]

    def shape(self, qubits: int) -> Hashable:
        """What two layers have in common that can be run by the same code on other angles."""
        if self.kind == "permutation":
            return self.kind, repr([(g.name, g.qubits) for g in self.gates])
        if self.kind == "phases":
            numbers: dict[Angle | None, int] = {source: i for i, source in enumerate(self.sources)}
            angles = [[(a.constant, a.scale, numbers.get(_source(a))) for a in g.angles] for g in self.gates]
            named = (sorted((g.name, g.qubits, tuple(a)) for g, a in zip(self.gates, angles, strict=True)),)
            return self.kind, repr(named), tuple(a.datum is not None for a in self.sources)
        by_qubit = [[g.name for g in self.gates if g.qubits == (q,)] for q in range(qubits)]
        return self.kind, repr(by_qubit), self.has_data

    @property
    def has_data(self) -> bool:
        return any(a.datum is not None for g in self.gates for a in g.angles)

    @property
    def sources(self) -> tuple[Angle, ...]:
        """The parameters and data that its angles are made of, each once, with scale 1."""
        return tuple(dict.fromkeys(s for g in self.gates for a in g.angles if (s := _source(a)) is not None))

    def order(self, qubits: int) -> Order:
        """(2^n,) which amplitude comes to each basis state in a permutation."""
        index = np.arange(2**qubits)
        for gate in self.gates:
            *controls, target = gate.qubits
            swapped = "swap" in gate.name
            if swapped:
                other = controls.pop()
                differ = (index >> target ^ index >> other) & 1
                moved = index ^ (differ << target | differ << other)
            else:
                moved = index ^ 1 << target
            held = np.logical_and.reduce([index >> c & 1 == 1 for c in controls], axis=0, initial=True)
            index = np.where(held, moved, index)
        order = np.empty_like(index)
        order[index] = np.arange(index.size)
        return order

    def tables(self, qubits: int) -> tuple[Floats, Floats]:
        """(2^n,) the constant angle of each basis state and (S, 2^n) its factor for each source: exp(-i angle)."""
        index = np.arange(2**qubits)
        sources = self.sources
        constant, tables = np.zeros(index.size), np.zeros((len(sources), index.size))
        for gate in self.gates:
            values = _share(gate, index)
            angle = gate.angles[0] if gate.angles else Angle(PHASES[gate.name])
            constant -= angle.constant * values
            if (source := _source(angle)) is not None:
                tables[sources.index(source)] -= angle.scale * values
        return constant, tables

    def rounds(self, qubits: int) -> tuple[NDArray[np.complex128], tuple[tuple[Angle, ...], ...]]:
        """(R, n, 5, 2, 2) the terms of the R gates in a row of each qubit, and their (R, n) angles."""
        by_qubit = [[g for g in self.gates if g.qubits == (q,)] for q in range(qubits)]
        depth = max(map(len, by_qubit))
        rows = [[on[r] if r < len(on) else None for on in by_qubit] for r in range(depth)]
        terms = np.array([[_terms("id" if g is None else g.name) for g in row] for row in rows])
        angles = tuple(tuple(g.angles[0] if g is not None and g.angles else Angle() for g in row) for row in rows)
        return terms, angles


@final
@dataclass(frozen=True)
class Run:
    """Some layers in a row, `times` over."""

    first: int
    length: int
    times: int


def stages(ansatz: Ansatz) -> tuple[Stage, ...]:
    """The layers in order; neighbours of one kind are turns by data and turns by parameters.

    Those are kept apart since matrices by data are one set for each of a batch, and are not differentiated.
    """
    kinds: list[Kind] = []
    held: list[list[Gate]] = []
    inputs: list[set[bool]] = []  # of each layer, whether it has data, whether parameters
    last = [-1] * ansatz.qubits
    for gate in (part for given in ansatz.gates for part in parts(given)):
        allowed = _kinds(gate)
        needs = {source.datum is not None for a in gate.angles if (source := _source(a)) is not None}
        later = range(max(0, *(last[q] for q in gate.qubits)), len(kinds))
        fits = (s for s in later if kinds[s] in allowed and (kinds[s] != "turns" or len(inputs[s] | needs) < 2))
        place = next(fits, len(kinds))
        if place == len(kinds):
            kinds.append(allowed[0])
            held.append([])
            inputs.append(set())
        held[place].append(gate)
        inputs[place] |= needs
        for q in gate.qubits:
            last[q] = place
    return tuple(Stage(kind, tuple(gates)) for kind, gates in zip(kinds, held, strict=True))


def runs(shapes: Sequence[Hashable]) -> tuple[Run, ...]:
    """The layers of these shapes in as few different pieces as a search from the left finds."""
    found: list[Run] = []
    first = 0
    while first < len(shapes):
        best = Run(first, 1, 1)
        for length in range(1, (len(shapes) - first) // 2 + 1):
            times = 1
            while shapes[first : first + length] == shapes[(at := first + times * length) : at + length]:
                times += 1
            if times > 1 and times * length > best.times * best.length:
                best = Run(first, length, times)
        found.append(best)
        first += best.length * best.times
    return tuple(found)


def _kinds(gate: Gate) -> tuple[Kind, ...]:
    """Of which kinds a layer may be that has the gate, the first where a new one is made."""
    if len(gate.qubits) > 1:
        return ("permutation",) if gate.name in PERMUTATIONS else ("phases",)
    if gate.name == "x":
        return "turns", "permutation"
    return ("turns", "phases") if gate.name in PHASES or gate.name in ("rz", "p") else ("turns",)


def _source(angle: Angle) -> Angle | None:
    if angle.parameter is None and angle.datum is None:
        return None
    return Angle(parameter=angle.parameter, datum=angle.datum)


def _share(gate: Gate, index: NDArray[np.int64]) -> Floats:
    """(2^n,) what the gate's angle is multiplied by in the phase exp(i ...) of each basis state."""
    bits = [(index >> q & 1).astype(np.float64) for q in gate.qubits]
    match gate.name:
        case "rz":
            return bits[0] - 0.5
        case "crz":
            return bits[0] * (bits[1] - 0.5)
        case "rzz":
            return -(1 - 2 * bits[0]) * (1 - 2 * bits[1]) / 2
        case _:
            return np.prod(bits, axis=0)


def _terms(name: str) -> Terms:
    """(5, 2, 2) of a gate by name."""
    terms = np.zeros((5, 2, 2), np.complex128)
    if name in ("rx", "ry", "rz"):
        terms[1] = np.eye(2)
        terms[2] = -1j * (_Z if name == "rz" else MATRICES[name[1]]())
    elif name == "p":
        terms[:, 1, 1] = 0, 0, 0, 1, 1j
        terms[0, 0, 0] = 1
    else:
        terms[0] = MATRICES[name]()
    return terms
