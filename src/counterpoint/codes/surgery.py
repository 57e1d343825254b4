"""Lattice surgery: programs of surface-code patches on a grid, as noiseless circuits.

Patches of distance d stand in the cells of a grid, a column or a row of data qubits apart. Patches of one column are
merged along their X borders, which measures the product of their logical Z; patches of one row along their Z borders,
which measures the product of their X (Horsman, Fowler, Devitt and Van Meter, New J. Phys. 14, 123011 (2012)). The
seam's data qubits are prepared, and on splitting measured, in the other basis. The parity is the product of the merged
patch's checks of its own type between the two logical operators, as they are first measured.

A program runs in steps of d rounds or more. What its results say of the logical qubits is followed in a `Frame`: each
certain outcome is an observable, the time-like parities with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import stim

from counterpoint.base import BadInput
from counterpoint.codes.frame import Basis, Frame, Known
from counterpoint.codes.surface import X_ORDER, Z_ORDER, Point, checks

Cell = tuple[int, int]  # column, row
BASES: tuple[Basis, ...] = ("X", "Z")
OTHER: dict[Basis, Basis] = {"X": "Z", "Z": "X"}


@dataclass(frozen=True)
class Step:
    """What happens in d rounds, by the patches' names."""

    begin: Mapping[str, Basis] = field(default_factory=dict)  # prepared before the first round
    paulis: Mapping[str, str] = field(default_factory=dict)  # "X", "Z" or "XZ", applied to the data qubits
    merge: Sequence[Sequence[str]] = ()  # each group neighbours in one line; split after the last round
    end: Mapping[str, Basis] = field(default_factory=dict)  # measured with the last round


@dataclass(frozen=True)
class Observable:
    """A parity of logical outcomes that is certain."""

    terms: tuple[str, ...]  # the logical measurements, such as "Z target" or, in step 2, "ZZ control-ancilla @2"
    results: frozenset[int]

    @property
    def name(self) -> str:
        return " + ".join(self.terms)

    @property
    def timelike(self) -> bool:
        """Whether a joint parity is in it: then a chain of wrong results can flip it, too."""
        return any("-" in term for term in self.terms)


@dataclass(frozen=True)
class Surgery:
    """A program's circuit."""

    circuit: stim.Circuit
    observables: tuple[Observable, ...]


@dataclass(frozen=True)
class Program:
    """Patches in cells of a grid, and what is done to them, step by step."""

    name: str
    cells: Mapping[str, Cell]
    steps: Sequence[Step]

    def __post_init__(self) -> None:
        _check(self)

    def rounds(self, distance: int) -> int:
        """Rounds of the program in steps of `distance` rounds."""
        return distance * len(self.steps)

    def compile(self, distance: int, rounds: int | None = None) -> Surgery:
        """The circuit with gates R, RX, M, MX, CX (and X, Z where the program has them), layers ended by TICK.

        Detectors have coordinates (x, y, t) of their check, t in rounds. The rounds in the middle of a step are one
        REPEAT block.

        Args:
            distance: of each patch, odd, 3 or more.
            rounds: of each step; `distance` unless told otherwise.

        Raises:
            BadInput: an even or small distance, or fewer rounds than that: the parities would be protected less.
        """
        if distance < 3 or distance % 2 == 0:
            raise BadInput(f"patches of distance {distance} were asked for: give an odd distance, 3 or more")
        rounds = distance if rounds is None else rounds
        if rounds < distance:
            raise BadInput(
                f"steps of {rounds} rounds at distance {distance} protect joint parities less than patches: "
                f"give {distance} rounds or more"
            )
        return _Compiler(self, distance, rounds).surgery()

    def circuit(self, distance: int, rounds: int | None = None) -> stim.Circuit:
        """The circuit of `compile`."""
        return self.compile(distance, rounds).circuit


def line(program: Program, group: Sequence[str]) -> Basis:
    """What merging `group` measures: Z of patches in one column, X of patches in one row."""
    return "Z" if len({program.cells[q][0] for q in group}) == 1 else "X"


def _check(program: Program) -> None:
    """Raise BadInput for a program that cannot be run."""
    taken: dict[Cell, str] = {}
    for qubit, cell in program.cells.items():
        if cell in taken:
            raise BadInput(f"patches '{taken[cell]}' and '{qubit}' overlap in cell {cell}: give each a cell of its own")
        taken[cell] = qubit
    alive: set[str] = set()
    for number, step in enumerate(program.steps, 1):
        where = f"step {number} of program '{program.name}'"
        merged: set[str] = set()
        for qubit in [*step.begin, *step.paulis, *step.end, *(q for group in step.merge for q in group)]:
            if qubit not in program.cells:
                raise BadInput(f"{where} names patch '{qubit}', and the grid has {', '.join(program.cells)}: name these")
        for qubit in step.begin:
            if qubit in alive:
                raise BadInput(f"{where} prepares patch '{qubit}', which is in use: measure it first")
        alive |= step.begin.keys()
        for qubit in [*step.paulis, *(q for group in step.merge for q in group), *step.end]:
            if qubit not in alive:
                raise BadInput(f"{where} uses patch '{qubit}', which was measured or never prepared: prepare it first")
        for group in step.merge:
            _check_seams(program, group, where)
            if again := merged & set(group):
                raise BadInput(f"{where} merges patch '{min(again)}' twice: merge 1 group at a time")
            merged |= set(group)
        alive -= step.end.keys()
    if alive:
        raise BadInput(f"program '{program.name}' ends with patch '{min(alive)}' in use: measure it in its last step")


def _check_seams(program: Program, group: Sequence[str], where: str) -> None:
    if len(group) < 2:
        raise BadInput(f"{where} merges {len(group)} patch: name 2 or more")
    for a, b in zip(group, group[1:], strict=False):
        (x, y), (u, v) = program.cells[a], program.cells[b]
        if abs(x - u) + abs(y - v) != 1:
            raise BadInput(
                f"{where} merges '{a}' in cell {x, y} with '{b}' in cell {u, v}, and no seam lies between them: "
                "merge neighbours in a row or a column"
            )
    cells = [program.cells[q] for q in group]
    if min(len({c[0] for c in cells}), len({c[1] for c in cells})) > 1:
        raise BadInput(f"{where} merges {', '.join(group)} around a corner: merge patches of one row or one column")


@dataclass(frozen=True)
class Patch:
    """A rectangle of data qubits that is one patch for a step: a cell, or several merged."""

    data: frozenset[Point]
    kinds: Mapping[Point, Basis]  # of its checks


@dataclass(frozen=True)
class Value:
    """What is known of a check: the parity of `results`."""

    support: frozenset[Point]
    results: frozenset[int]
    basis: Basis | None = None


class _Compiler:
    """Writes the circuit of one program."""

    def __init__(self, program: Program, distance: int, rounds: int) -> None:
        self.program = program
        self.distance = distance
        self.rounds = rounds
        self.frame = Frame()
        self.found: list[Known] = []
        self.measured = 0  # results so far
        self.fresh: dict[Point, Basis] = {}  # data qubits prepared for the next round
        self.value: dict[Point, Value] = {}  # of each check that was measured
        groups = [*(tuple(group) for step in program.steps for group in step.merge), *((q,) for q in program.cells)]
        self.patches = {group: self.patch(group) for group in groups}
        points = sorted({p for patch in self.patches.values() for p in (*patch.data, *patch.kinds)})
        self.index = {point: i for i, point in enumerate(points)}
        self.lines = [f"QUBIT_COORDS({x}, {y}) {i}" for (x, y), i in self.index.items()]

    # where things are

    def corner(self, qubit: str) -> Point:
        column, row = self.program.cells[qubit]
        pitch = 2 * (self.distance + 1)
        return pitch * column + 1, pitch * row + 1

    def patch(self, group: tuple[str, ...]) -> Patch:
        corners = [self.corner(q) for q in group]
        (x, y), (u, v) = min(corners), max(corners)
        columns, rows = (u - x) // 2 + self.distance, (v - y) // 2 + self.distance
        data = frozenset((x + 2 * i, y + 2 * j) for i in range(columns) for j in range(rows))
        x_checks, z_checks = checks((x, y), columns, rows)
        kinds: dict[Point, Basis] = {**dict.fromkeys(x_checks, "X"), **dict.fromkeys(z_checks, "Z")}
        return Patch(data, kinds)

    def seam(self, group: tuple[str, ...]) -> frozenset[Point]:
        """The data qubits between the patches of a group."""
        return self.patches[group].data.difference(*(self.patches[(q,)].data for q in group))

    def logical(self, qubit: str, basis: Basis) -> list[Point]:
        """Z along the patch's first row, X along its first column."""
        x, y = self.corner(qubit)
        return [(x + 2 * i, y) if basis == "Z" else (x, y + 2 * i) for i in range(self.distance)]

    # what happens

    def surgery(self) -> Surgery:
        alive: dict[str, None] = {}
        for number, step in enumerate(self.program.steps):
            alive |= dict.fromkeys(step.begin)
            if number:
                self.lines.append("TICK")
            self.step(step, list(alive), number + 1)
            for qubit in step.end:
                del alive[qubit]
        observables = tuple(Observable(tuple(sorted(one.terms)), one.results) for one in self.found)
        for i, one in enumerate(observables):
            self.lines.append(f"OBSERVABLE_INCLUDE({i}) {self.records(one.results)}")
        return Surgery(stim.Circuit("\n".join(self.lines)), observables)

    def step(self, step: Step, alive: Sequence[str], number: int) -> None:
        groups = [tuple(group) for group in step.merge]
        merged = {q for group in groups for q in group}
        present = [self.patches[group] for group in [*groups, *((q,) for q in alive if q not in merged)]]
        last: dict[Point, Basis] = {}  # data qubits that are measured with the last round
        for group in groups:
            seam = dict.fromkeys(self.seam(group), OTHER[line(self.program, group)])
            self.fresh |= seam
            last |= seam
        for qubit, basis in step.begin.items():
            self.frame.prepare(qubit, basis)
            self.fresh |= dict.fromkeys(self.patches[(qubit,)].data, basis)
        for qubit, basis in step.end.items():
            last |= dict.fromkeys(self.patches[(qubit,)].data, basis)
        first = self.round(present, step.paulis)
        for group in groups:
            self.join(group, first, number)
        self.repeat(present)
        self.lines.append("TICK")
        self.round(present)
        results = self.close(last)
        for group in groups:
            basis = OTHER[line(self.program, group)]
            x, y = min(self.corner(q) for q in group)
            along = [p for p in self.seam(group) if (p[0] == x if basis == "X" else p[1] == y)]
            self.frame.correct(group, basis, [results[p] for p in along])
        for qubit, basis in step.end.items():
            of = [results[p] for p in self.logical(qubit, basis)]
            self.note(self.frame.finish(qubit, basis, of, f"{basis} {qubit}"))

    def round(self, patches: Sequence[Patch], paulis: Mapping[str, str] | None = None) -> dict[Point, int]:
        """One round of every patch's checks, and the number of each result."""
        kinds = {check: kind for patch in patches for check, kind in patch.kinds.items()}
        data = frozenset[Point]().union(*(patch.data for patch in patches))
        for basis, gate in (("Z", "R"), ("X", "RX")):
            begun = [p for p, prepared in self.fresh.items() if prepared == basis]
            self.on(gate, [*(c for c, kind in kinds.items() if kind == basis), *begun])
        self.lines.append("TICK")
        if paulis:
            self.apply(paulis)
        support: dict[Point, set[Point]] = {check: set() for check in kinds}
        for x_step, z_step in zip(X_ORDER, Z_ORDER, strict=True):
            pairs: list[tuple[int, int]] = []
            for check, kind in kinds.items():
                dx, dy = x_step if kind == "X" else z_step
                point = (check[0] + dx, check[1] + dy)
                if point in data:
                    support[check].add(point)
                    a, b = self.index[check], self.index[point]
                    pairs.append((a, b) if kind == "X" else (b, a))
            self.lines += ["CX " + " ".join(f"{a} {b}" for a, b in sorted(pairs)), "TICK"]
        results = self.read(kinds)
        for check, result in sorted(results.items()):
            known = self.value.get(check, Value(frozenset(), frozenset()))
            new = support[check] - known.support
            if all(self.fresh.get(point) == kinds[check] for point in new):
                self.detector(check, known.results | {result})
            self.value[check] = Value(frozenset(support[check]), frozenset({result}), kinds[check])
        self.fresh = {}
        self.lines.append("SHIFT_COORDS(0, 0, 1)")
        return results

    def apply(self, paulis: Mapping[str, str]) -> None:
        """A layer of logical Paulis: on the data qubits of their lines, where these cross a Y."""
        lines = {
            pauli: {p for q, applied in paulis.items() if pauli in applied for p in self.logical(q, pauli)}
            for pauli in BASES
        }
        self.on("X", lines["X"] - lines["Z"])
        self.on("Y", lines["X"] & lines["Z"])
        self.on("Z", lines["Z"] - lines["X"])
        self.lines.append("TICK")

    def repeat(self, patches: Sequence[Patch]) -> None:
        """The rounds between a step's first and last, as one block."""
        times, before, outer = self.rounds - 2, self.measured, self.lines
        self.lines = ["TICK"]
        self.round(patches)
        skipped = (times - 1) * (self.measured - before)
        self.measured += skipped
        for check, known in self.value.items():
            if min(known.results) >= before:
                self.value[check] = replace(known, results=frozenset(r + skipped for r in known.results))
        self.lines = [*outer, f"REPEAT {times} {{", *self.lines, "}"]

    def join(self, group: tuple[str, ...], results: Mapping[Point, int], step: int) -> None:
        """The joint parities of neighbours: the checks of the parity's type between their logical operators."""
        basis = line(self.program, group)
        axis = 1 if basis == "Z" else 0
        kinds = self.patches[group].kinds
        for a, b in pairwise(sorted(group, key=self.corner)):
            low, high = self.corner(a)[axis], self.corner(b)[axis]
            between = [results[c] for c, kind in kinds.items() if kind == basis and low < c[axis] < high]
            self.note(self.frame.measure(basis, [a, b], between, f"{basis}{basis} {a}-{b} @{step}"))

    def close(self, last: Mapping[Point, Basis]) -> dict[Point, int]:
        """Measure data qubits: their checks of the same basis shrink, or end in a detector; the others are lost."""
        results = self.read(last)
        for check, known in sorted(self.value.items()):
            gone = known.support & last.keys()
            if any(last[point] != known.basis for point in gone):
                del self.value[check]
            elif gone:
                together = known.results | {results[point] for point in gone}
                if gone == known.support:
                    self.detector(check, together)
                    del self.value[check]
                else:
                    self.value[check] = Value(known.support - gone, together, known.basis)
        return results

    def note(self, parity: Known | None) -> None:
        if parity is not None:
            self.found.append(parity)

    # lines

    def on(self, gate: str, points: Iterable[Point]) -> None:
        targets = " ".join(str(self.index[p]) for p in sorted(points))
        if targets:
            self.lines.append(f"{gate} {targets}")

    def read(self, points: Mapping[Point, Basis]) -> dict[Point, int]:
        """Measure each point in its basis, and the number of each result."""
        numbers: dict[Point, int] = {}
        for basis, gate in (("Z", "M"), ("X", "MX")):
            ordered = sorted(p for p, kind in points.items() if kind == basis)
            self.on(gate, ordered)
            numbers |= {p: self.measured + i for i, p in enumerate(ordered)}
            self.measured += len(ordered)
        return numbers

    def records(self, results: Iterable[int]) -> str:
        return " ".join(f"rec[{r - self.measured}]" for r in sorted(results))

    def detector(self, check: Point, results: Iterable[int]) -> None:
        self.lines.append(f"DETECTOR({check[0]}, {check[1]}, 0) {self.records(results)}")
