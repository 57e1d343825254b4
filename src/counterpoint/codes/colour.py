"""Memory experiments of the 6.6.6 triangular colour code, by superdense syndrome extraction.

Layout: a triangle of faces of six data qubits (four on its border), in each face two measure qubits side by side: the
left one gives the face's X check, the right one its Z check. Drawn as a brick wall, whose columns are x and rows y,
couplers run along both; QUBIT_COORDS and detectors have (x - y, x + y), so that they run along the diagonals, as on
`surface`'s grid. Nothing but R, H, CZ and M is used, each layer ends with TICK.

A round (Gidney and Jones, arXiv:2312.08813, "superdense"): the two measure qubits of a face are made a Bell pair, each
touches the data qubits on its side in three CZ layers, once for either check, and a Bell measurement reads both
checks. It leaves a byproduct: where the Z check's result is 1, X on the data qubits of one side of the face (which side
is the same, up to that check). It is not undone, detectors and the observable take it into account. The last round
runs backwards, and there X results leave Z: the experiment is the same seen from either end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import stim

from counterpoint.base import BadInput
from counterpoint.codes.rounds import check_memory, in_rounds

Point = tuple[int, int]  # column and row of the brick wall

STEPS = (1, 0, -1)  # of each side's three data qubits: above, outwards, below


@dataclass(frozen=True)
class Layout:
    """The triangular patch of one distance; a face is named by its left measure qubit."""

    distance: int
    data: frozenset[Point]
    faces: tuple[Point, ...]

    @property
    def qubits(self) -> dict[Point, int]:
        """Index of each qubit, by column and row in lexicographic order."""
        right = tuple(_right(face) for face in self.faces)
        return {point: i for i, point in enumerate(sorted([*self.data, *self.faces, *right]))}

    def left_side(self, face: Point) -> frozenset[Point]:
        """The face's data qubits that its left measure qubit touches."""
        x, y = face
        return self.data & {(x, y + 1), (x - 1, y), (x, y - 1)}

    def support(self, face: Point) -> frozenset[Point]:
        """The data qubits of a face."""
        x, y = face
        return self.left_side(face) | self.data & {(x + 1, y + 1), (x + 2, y), (x + 1, y - 1)}


def _right(face: Point) -> Point:
    return face[0] + 1, face[1]


def layout(distance: int) -> Layout:
    """The triangle with (3 distance^2 + 1) / 4 data qubits. Raises BadInput unless distance is odd and >= 3."""
    if distance < 3 or distance % 2 == 0:
        raise BadInput(f"a colour code of distance {distance} was asked for: give an odd distance, 3 or more")
    base = 2 * distance - 2
    points = [(x, y) for x in range(base + 1) for y in range(1 + min((3 * x + 1) // 2, (3 * (base - x) + 2) // 2))]
    faces = tuple((x, y) for x, y in points if x % 2 == 1 and (x // 2 + y) % 2 == 0)
    return Layout(distance, frozenset(points) - {*faces} - {_right(face) for face in faces}, faces)


def memory(distance: int, rounds: int, basis: Literal["Z", "X"] = "Z") -> stim.Circuit:
    """Noiseless memory experiment: prepare, `rounds` rounds of checks, measure all qubits.

    Qubits (3 d^2 - 1) / 2, checks 3 (d^2 - 1) / 4, CZ gates 3 (d - 1) (7 d - 1) / 4 in a round. Detectors have
    coordinates (x, y, 0, c, t): the place of the measure qubit; the face's colour 0, 1, 2 for X checks and that plus 3
    for Z checks, fourth as Chromobius reads it; and t in rounds. Observable 0 is Z along the triangle's base or X on
    every data qubit, by `basis`. The bulk rounds are one REPEAT block. Raises BadInput for an even or small distance,
    rounds < 1 or another basis.
    """
    patch = layout(distance)
    check_memory(rounds, basis)
    lines = _Lines(patch, basis)
    return in_rounds(lines.prepare(), lines.round, rounds)


class _Lines:
    """The lines of one memory experiment."""

    def __init__(self, patch: Layout, basis: Literal["Z", "X"]) -> None:
        self.patch = patch
        self.basis = basis
        self.index = patch.qubits
        self.left = patch.faces  # measure qubits of X checks
        self.right = tuple(_right(face) for face in patch.faces)  # and of Z checks
        self.measured = sorted(self.left + self.right)
        self.number = {point: i for i, point in enumerate(self.measured)}
        self.support = {face: patch.support(face) for face in patch.faces}
        self.left_side = {face: patch.left_side(face) for face in patch.faces}
        self.logical = frozenset(p for p in patch.data if basis == "X" or p[1] == 0)
        # Of each face, those whose byproducts flip its check.
        self.flipped_by = {
            face: [other for other, side in self.left_side.items() if len(side & support) % 2]
            for face, support in self.support.items()
        }

    def _on(self, gate: str, points: Iterable[Point]) -> str:
        return gate + " " + " ".join(str(i) for i in sorted(self.index[p] for p in points))

    def prepare(self) -> list[str]:
        places = {i: _place(point) for point, i in self.index.items()}
        turned = [*self.measured, *(self.patch.data if self.basis == "X" else ())]
        return [
            *(f"QUBIT_COORDS({x}, {y}) {i}" for i, (x, y) in places.items()),
            self._on("R", self.index),
            "TICK",
            self._on("H", turned),
            "TICK",
        ]

    def round(self, first: bool, last: bool) -> list[str]:
        reset = [] if first else self.reset()
        told = self.finish(first) if last else [*self.detectors(first), *self.byproduct()]
        return [*reset, *self.checks(last), *told]

    def reset(self) -> list[str]:
        return ["TICK", self._on("R", self.measured), "TICK", self._on("H", self.measured), "TICK"]

    def checks(self, last: bool = False) -> list[str]:
        """One round from the first CZ layer to its measurement; the last one runs backwards and measures all qubits."""
        pair = self._layer((face, _right(face)) for face in self.patch.faces)
        touch = [self._touch(step) for step in STEPS]
        turns = [self._on("H", self.left), self._on("H", [*self.right, *self.patch.data])]
        if last:
            touch.reverse()
            turns.reverse()
        ended = [*self.measured, *(self.patch.data if last and self.basis == "X" else ())]
        layers = [pair, turns[0], *touch, self._on("H", self.index), *touch, turns[1], pair, self._on("H", ended)]
        out = [line for layer in layers for line in (layer, "TICK")]
        out.append(self._on("M", self.measured))
        if last:
            out.append(self._on("M", self.patch.data))
        return out

    def _touch(self, step: int) -> str:
        pairs = [((x, y), (x, y + step) if step else (x - 1, y)) for x, y in self.left]
        pairs += [((x, y), (x, y + step) if step else (x + 1, y)) for x, y in self.right]
        return self._layer((a, b) for a, b in pairs if b in self.index)

    def _layer(self, pairs: Iterable[tuple[Point, Point]]) -> str:
        numbered = sorted((self.index[a], self.index[b]) for a, b in pairs)
        return "CZ " + " ".join(f"{a} {b}" for a, b in numbered)

    def _record(self, check: Point, rounds_ago: int, later: int) -> int:
        """Record offset of a check's result, with `later` measurements after its round's."""
        return self.number[check] - len(self.measured) * (rounds_ago + 1) - later

    def detectors(self, first: bool = False, later: int = 0) -> list[str]:
        """Compare each check with the round before, after its byproducts (in the first round, with its known value)."""
        out = []
        for check in self.measured:
            is_x = check in self.support
            if first and is_x != (self.basis == "X"):
                continue
            compared = set() if first else {check}
            if not first and not is_x:
                compared ^= {_right(face) for face in self.flipped_by[check[0] - 1, check[1]]}
            offsets = [self._record(check, 0, later), *(self._record(c, 1, later) for c in sorted(compared))]
            out.append(_detector(check, is_x, offsets))
        return [*out, "SHIFT_COORDS(0, 0, 0, 0, 1)"]

    def byproduct(self) -> list[str]:
        """The observable takes the X of this round's byproducts into account."""
        flips = [_right(f) for f in self.patch.faces if len(self.left_side[f] & self.logical) % 2]
        return [_observable([self._record(c, 0, 0) for c in flips])] if self.basis == "Z" else []

    def finish(self, first: bool = False) -> list[str]:
        """Detectors of the last round, those that the data qubits close, and the observable."""
        data = sorted(self.patch.data)
        record = {p: i - len(data) for i, p in enumerate(data)}
        is_x = self.basis == "X"
        out = self.detectors(first, later=len(data))
        for face in self.patch.faces:
            check = face if is_x else _right(face)
            results = {check} ^ (set(self.flipped_by[face]) if is_x else set())
            offsets = [record[p] for p in sorted(self.support[face])]
            out.append(_detector(check, is_x, [*offsets, *(self._record(c, 0, len(data)) for c in sorted(results))]))
        flips = [f for f in self.patch.faces if is_x and len(self.left_side[f] & self.logical) % 2]
        offsets = [record[p] for p in sorted(self.logical)]
        return [*out, _observable([*offsets, *(self._record(c, 0, len(data)) for c in flips)])]


def _place(point: Point) -> Point:
    return point[0] - point[1], point[0] + point[1]


def _detector(check: Point, is_x: bool, offsets: list[int]) -> str:
    x, y = _place(check)
    colour = check[1] % 3 + (0 if is_x else 3)
    return f"DETECTOR({x}, {y}, 0, {colour}, 0) " + " ".join(f"rec[{o}]" for o in offsets)


def _observable(offsets: list[int]) -> str:
    return "OBSERVABLE_INCLUDE(0) " + " ".join(f"rec[{o}]" for o in offsets)
