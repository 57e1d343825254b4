"""Memory experiments of the rotated surface code, as hardware runs them.

Layout: data qubits at odd coordinates (2i+1, 2j+1), the measure qubits of weight-4 checks at even
ones, those of weight-2 checks on the border; couplers run along the diagonals. Nothing but R, H,
CZ and M is used, each layer ends with TICK.

Each round touches a data qubit in four CZ layers. With the orders below, its checks in the first
and the last layer are of one type and those of the two middle layers are of the other, so that the
H which turn CZ into the X check's CNOT cancel between neighbouring layers and between rounds: two
are left on each data qubit in each round, the same for all ("XZZX" form; Bonilla Ataides et al.,
arXiv:2009.07851). The order inside a check keeps hook errors across the logical operator, so that
the circuit's distance is the code's (Tomita and Svore, arXiv:1404.3747).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import stim

from counterpoint.base import BadInput
from counterpoint.codes.rounds import check_memory, in_rounds

Point = tuple[int, int]

# Where the data qubit of each CZ layer stands, seen from the measure qubit.
X_ORDER: tuple[Point, ...] = ((1, 1), (-1, 1), (1, -1), (-1, -1))
Z_ORDER: tuple[Point, ...] = ((1, 1), (1, -1), (-1, 1), (-1, -1))


@dataclass(frozen=True)
class Layout:
    """The rotated patch of one distance."""

    distance: int
    data: frozenset[Point]
    x_checks: tuple[Point, ...]
    z_checks: tuple[Point, ...]

    @property
    def qubits(self) -> dict[Point, int]:
        """Index of each qubit, by coordinates in lexicographic order."""
        return {point: i for i, point in enumerate(sorted([*self.data, *self.x_checks, *self.z_checks]))}

    def support(self, check: Point) -> list[Point]:
        """The data qubits of a check."""
        x, y = check
        near = [(x + dx, y + dy) for dx, dy in X_ORDER]
        return [point for point in near if point in self.data]


def layout(distance: int) -> Layout:
    """The rotated patch with 2 distance^2 - 1 qubits. Raises BadInput unless distance is odd and >= 3."""
    if distance < 3 or distance % 2 == 0:
        raise BadInput(f"a rotated surface code of distance {distance} was asked for: give an odd distance, 3 or more")
    data = frozenset((2 * i + 1, 2 * j + 1) for i in range(distance) for j in range(distance))
    x_checks, z_checks = checks((1, 1), distance, distance)
    return Layout(distance, data, x_checks, z_checks)


def plane(check: Point) -> Literal["X", "Z"]:
    """The type of a check on the chequered plane on which X and Z alternate."""
    return "X" if (check[0] + check[1]) // 2 % 2 == 1 else "Z"


def checks(first: Point, columns: int, rows: int, sides: str = "XZ") -> tuple[tuple[Point, ...], tuple[Point, ...]]:
    """X and Z checks, in lexicographic order, of a rectangle of data qubits whose first one is at `first`.

    All are on one plane, so that rectangles side by side fit together. Weight-2 checks are X
    along rows and Z along columns (`sides` "XZ": a patch with one logical qubit, where rows and columns are odd), or of
    one type all around ("XX", "ZZ").
    """
    left, top = first[0] - 1, first[1] - 1
    right, bottom = left + 2 * columns, top + 2 * rows
    found: dict[str, list[Point]] = {"X": [], "Z": []}
    for x in range(left, right + 1, 2):
        for y in range(top, bottom + 1, 2):
            kind = plane((x, y))
            on_row, on_column = y in (top, bottom), x in (left, right)
            if (on_row and kind != sides[0]) or (on_column and kind != sides[1]) or (on_row and on_column):
                continue
            found[kind].append((x, y))
    return tuple(found["X"]), tuple(found["Z"])


def memory(distance: int, rounds: int, basis: Literal["Z", "X"] = "Z") -> stim.Circuit:
    """Noiseless memory experiment: prepare, `rounds` rounds of checks, measure all qubits.

    Qubits 2 d^2 - 1, CZ gates 4 d (d - 1) in a round; detectors have coordinates (x, y, t) of their
    check, t in rounds; observable 0 is the logical operator of `basis`. The bulk rounds are one
    REPEAT block. Raises BadInput for an even or small distance, rounds < 1 or another basis.
    """
    patch = layout(distance)
    check_memory(rounds, basis)
    lines = _Lines(patch, basis)
    return in_rounds(lines.prepare(), lines.round, rounds)


class _Lines:
    """The lines of one memory experiment."""

    def __init__(self, patch: Layout, basis: Literal["Z", "X"]) -> None:
        self.patch = patch
        self.index = patch.qubits
        self.own = patch.z_checks if basis == "Z" else patch.x_checks  # checks known from the start
        self.measured = sorted(patch.x_checks + patch.z_checks)
        # A data qubit whose first check of a round is of X type stands in the Hadamard frame between rounds.
        in_frame = {p: (p[0] - 1 + p[1] - 1) // 2 % 2 == 1 for p in patch.data}
        self.turned = [p for p in patch.data if in_frame[p] == (basis == "Z")]
        # The logical operator runs where its ends meet borders of its own kind.
        self.logical = [p for p in sorted(patch.data) if (p[1] if basis == "Z" else p[0]) == 1]

    def _on(self, gate: str, points: Iterable[Point]) -> str:
        return gate + " " + " ".join(str(i) for i in sorted(self.index[p] for p in points))

    def prepare(self) -> list[str]:
        coordinates = [f"QUBIT_COORDS({x}, {y}) {i}" for (x, y), i in self.index.items()]
        return [
            *coordinates,
            self._on("R", list(self.index)),
            "TICK",
            self._on("H", self.measured + self.turned),
            "TICK",
        ]

    def round(self, first: bool, last: bool) -> list[str]:
        reset = [] if first else self.reset()
        return [*reset, *self.checks(last), *(self.finish(first) if last else self.detectors(first))]

    def reset(self) -> list[str]:
        return ["TICK", self._on("R", self.measured), "TICK", self._on("H", self.measured), "TICK"]

    def checks(self, last: bool = False) -> list[str]:
        """One round from the first CZ layer to its measurement, the data qubits' too in the last round."""
        turn = self._on("H", self.patch.data)
        out = []
        for step in range(4):
            out += [self._layer(step), "TICK"]
            if step in (0, 2):
                out += [turn, "TICK"]
        out += [self._on("H", self.measured + (self.turned if last else [])), "TICK"]
        out.append(self._on("M", self.measured))
        if last:
            out.append(self._on("M", self.patch.data))
        return out

    def _layer(self, step: int) -> str:
        pairs = []
        for checks, order in ((self.patch.x_checks, X_ORDER), (self.patch.z_checks, Z_ORDER)):
            dx, dy = order[step]
            pairs += [((x, y), (x + dx, y + dy)) for x, y in checks if (x + dx, y + dy) in self.patch.data]
        numbered = sorted((self.index[a], self.index[b]) for a, b in pairs)
        return "CZ " + " ".join(f"{a} {b}" for a, b in numbered)

    def _check_record(self, check: Point, rounds_ago: int, later: int) -> int:
        """Record offset of a check's result, with `later` measurements after its round's."""
        n = len(self.measured)
        return self.measured.index(check) - n * (rounds_ago + 1) - later

    def detectors(self, first: bool = False, later: int = 0) -> list[str]:
        """Compare each check with the round before (in the first round, with its known value)."""
        out = []
        for check in self.measured:
            if first and check not in self.own:
                continue
            offsets = [self._check_record(check, 0, later)]
            if not first:
                offsets.append(self._check_record(check, 1, later))
            out.append(_detector(check, 0, offsets))
        return [*out, "SHIFT_COORDS(0, 0, 1)"]

    def finish(self, first: bool = False) -> list[str]:
        """Detectors of the last round, those that the data qubits close, and the observable."""
        data = sorted(self.patch.data)
        record = {p: i - len(data) for i, p in enumerate(data)}
        out = self.detectors(first, later=len(data))
        for check in sorted(self.own):
            offsets = [record[p] for p in self.patch.support(check)]
            out.append(_detector(check, 0, [*offsets, self._check_record(check, 0, len(data))]))
        return [*out, "OBSERVABLE_INCLUDE(0) " + " ".join(f"rec[{record[p]}]" for p in self.logical)]


def _detector(check: Point, t: int, offsets: list[int]) -> str:
    return f"DETECTOR({check[0]}, {check[1]}, {t}) " + " ".join(f"rec[{o}]" for o in offsets)
