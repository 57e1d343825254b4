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
from dataclasses import dataclass, replace
from itertools import pairwise

import stim

from counterpoint.base import BadInput
from counterpoint.codes.frame import Basis, Frame, Known
from counterpoint.codes.steps import Cell, Step, check_steps, line
from counterpoint.codes.surface import X_ORDER, Z_ORDER, Point, checks, plane

BASES: tuple[Basis, ...] = ("X", "Z")
OTHER: dict[Basis, Basis] = {"X": "Z", "Z": "X"}


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
        return any(term[:2] in ("XX", "ZZ") for term in self.terms)


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
        check_steps(self.name, self.cells, self.steps)

    def rounds(self, distance: int) -> int:
        """Rounds of the program in steps of `distance` rounds."""
        return distance * len(self.steps)

    def compile(self, distance: int, rounds: int | None = None) -> Surgery:
        """The circuit with gates R, RX, M, MX, CX, and what the program applies, layers ended by TICK.

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
        self.turned: set[str] = set()  # patches with X and Z exchanged
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
        kinds: dict[Point, Basis] = {check: plane(check) for check in (*x_checks, *z_checks)}
        return Patch(data, kinds)

    def single(self, qubit: str) -> Patch:
        patch = self.patches[(qubit,)]
        if qubit not in self.turned:
            return patch
        return replace(patch, kinds={check: OTHER[kind] for check, kind in patch.kinds.items()})

    def seam(self, group: tuple[str, ...]) -> frozenset[Point]:
        """The data qubits between the patches of a group."""
        return self.patches[group].data.difference(*(self.patches[(q,)].data for q in group))

    def logical(self, qubit: str, basis: Basis) -> list[Point]:
        """Z along the patch's first row, X along its first column; exchanged by an H."""
        x, y = self.corner(qubit)
        row = (basis == "Z") != (qubit in self.turned)
        return [(x + 2 * i, y) if row else (x, y + 2 * i) for i in range(self.distance)]

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
        self.turned = (self.turned - step.begin.keys()) ^ set(step.turn)
        present = [self.patches[group] for group in groups]
        present += [self.single(qubit) for qubit in alive if qubit not in merged]
        last: dict[Point, Basis] = {}  # data qubits that are measured with the last round
        for group in groups:
            other = OTHER[line(self.program.cells, group)]
            seam: dict[Point, Basis] = {p: other for p in self.seam(group)}
            self.fresh.update(seam)
            last.update(seam)
        for qubit, basis in step.begin.items():
            self.frame.prepare(qubit, basis)
            self.fresh.update({p: basis for p in self.patches[(qubit,)].data})
        for qubit, basis in step.end.items():
            last.update({p: basis for p in self.patches[(qubit,)].data})
        first = self.round(present, step)
        for group in groups:
            self.join(group, first, number)
        self.repeat(present)
        self.lines.append("TICK")
        self.round(present)
        results = self.close(last)
        for group in groups:
            basis = OTHER[line(self.program.cells, group)]
            x, y = min(self.corner(q) for q in group)
            along = [p for p in self.seam(group) if (p[0] == x if basis == "X" else p[1] == y)]
            self.frame.correct(group, basis, [results[p] for p in along])
        for qubit, basis in step.end.items():
            of = [results[p] for p in self.logical(qubit, basis)]
            self.note(self.frame.finish(qubit, basis, of, f"{basis} {qubit}"))

    def round(self, patches: Sequence[Patch], step: Step | None = None) -> dict[Point, int]:
        """One round of every patch's checks, a step's first with its gates, and the number of each result."""
        kinds: dict[Point, Basis] = {check: kind for patch in patches for check, kind in patch.kinds.items()}
        data = frozenset[Point]().union(*(patch.data for patch in patches))
        for basis, gate in (("Z", "R"), ("X", "RX")):
            begun = [p for p, prepared in self.fresh.items() if prepared == basis]
            self.on(gate, [*(c for c, kind in kinds.items() if kind == basis), *begun])
        self.lines.append("TICK")
        if step is not None:
            self.turn(step.turn)
            self.apply(step.paulis)
        support: dict[Point, set[Point]] = {check: set() for check in kinds}
        for x_step, z_step in zip(X_ORDER, Z_ORDER, strict=True):
            pairs: list[tuple[int, int]] = []
            for check, kind in kinds.items():
                dx, dy = x_step if plane(check) == "X" else z_step  # hooks lie across whatever an H has made of it
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

    def turn(self, qubits: Sequence[str]) -> None:
        """A layer of H on all data qubits of patches: what was X is Z."""
        if not qubits:
            return
        points = frozenset[Point]().union(*(self.patches[(q,)].data for q in qubits))
        self.on("H", points)
        self.lines.append("TICK")
        self.fresh.update({p: OTHER[basis] for p, basis in self.fresh.items() if p in points})
        for check, known in self.value.items():
            if known.basis and known.support <= points:
                self.value[check] = replace(known, basis=OTHER[known.basis])
        for qubit in qubits:
            self.frame.turn(qubit)

    def apply(self, paulis: Mapping[str, str]) -> None:
        """A layer of logical Paulis: on the data qubits of their lines, where these cross a Y."""
        if not paulis:
            return
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
        basis = line(self.program.cells, group)
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
