"""Stability experiments of the rotated surface code: how well a product of checks is kept in time."""

from __future__ import annotations

from collections.abc import Iterable

import stim

from counterpoint.base import BadInput
from counterpoint.codes.frame import Basis
from counterpoint.codes.surface import X_ORDER, Z_ORDER, Point, checks, plane


def stability(size: int, rounds: int, basis: Basis = "X") -> stim.Circuit:
    """Noiseless stability experiment (Gidney, Quantum 6, 786 (2022), arXiv:2204.13834) with size^2 data qubits.

    The patch's borders are all of type `basis`, so that it has no logical qubit and the product of its checks of that
    type is the identity: prepared in the other basis, single ones are random and their product is even. Flipping it
    takes a wrong result in every round: what memory is for errors in space, this is for errors in time, those of a
    joint parity. Gates R, RX, M, MX, CX, layers ended by TICK; detectors have coordinates (x, y, t); observable 0 is
    the product in the first round; the bulk rounds are one REPEAT block.

    Raises:
        BadInput: an odd or small size, no round, or another basis.
    """
    if size < 2 or size % 2:
        raise BadInput(f"a stability experiment of size {size} was asked for: give an even size, 2 or more")
    if rounds < 1:
        raise BadInput(f"a stability experiment of {rounds} rounds was asked for: give 1 round or more")
    if basis not in ("Z", "X"):
        raise BadInput(f"a stability experiment in basis {basis!r} was asked for: give 'Z' or 'X'")
    patch = _Patch(size, basis)
    lines = [f"QUBIT_COORDS({x}, {y}) {i}" for (x, y), i in patch.index.items()]
    lines += [patch.on(patch.other_reset, patch.data), *patch.round(first=True)]
    if rounds > 1:
        lines += [f"REPEAT {rounds - 1} {{", "TICK", *patch.round(), "}"]
    return stim.Circuit("\n".join([*lines, *patch.finish(rounds)]))


class _Patch:
    """A square of data qubits whose borders are all of type `basis`."""

    def __init__(self, size: int, basis: Basis) -> None:
        first = (1, 1) if basis == "X" else (3, 1)  # the chequered plane begins with the other type
        self.basis: Basis = basis
        self.other_reset, self.other_read = ("R", "M") if basis == "X" else ("RX", "MX")
        self.data = sorted((first[0] + 2 * i, first[1] + 2 * j) for i in range(size) for j in range(size))
        x_checks, z_checks = checks(first, size, size, sides=basis * 2)
        self.checks = [*z_checks, *x_checks]  # in the order of their results
        self.index = {point: i for i, point in enumerate(sorted([*self.data, *self.checks]))}

    def on(self, gate: str, points: Iterable[Point]) -> str:
        return f"{gate} " + " ".join(str(self.index[p]) for p in points)

    def of(self, kind: Basis) -> list[Point]:
        return [check for check in self.checks if plane(check) == kind]

    def round(self, first: bool = False) -> list[str]:
        """One round; in the first, checks of the basis that was prepared are known and the others are not."""
        lines = [self.on("R", self.of("Z")), self.on("RX", self.of("X")), "TICK"]
        for x_step, z_step in zip(X_ORDER, Z_ORDER, strict=True):
            pairs: list[str] = []
            for x, y in self.checks:
                dx, dy = x_step if plane((x, y)) == "X" else z_step
                if (point := (x + dx, y + dy)) in self.index and point in set(self.data):
                    a, b = self.index[x, y], self.index[point]
                    pairs.append(f"{a} {b}" if plane((x, y)) == "X" else f"{b} {a}")
            lines += ["CX " + " ".join(pairs), "TICK"]
        lines += [self.on("M", self.of("Z")), self.on("MX", self.of("X"))]
        n = len(self.checks)
        for i, (x, y) in enumerate(self.checks):
            if not first:
                lines.append(f"DETECTOR({x}, {y}, 0) rec[{i - n}] rec[{i - 2 * n}]")
            elif plane((x, y)) != self.basis:
                lines.append(f"DETECTOR({x}, {y}, 0) rec[{i - n}]")
        return [*lines, "SHIFT_COORDS(0, 0, 1)"]

    def finish(self, rounds: int) -> list[str]:
        """The data qubits' results, in the layer of the last round's; the detectors that they close; the observable."""
        n, m = len(self.checks), len(self.data)
        lines = [self.on(self.other_read, self.data)]
        for i, (x, y) in enumerate(self.checks):
            if plane((x, y)) != self.basis:
                near = [self.data.index(p) for dx, dy in X_ORDER if (p := (x + dx, y + dy)) in self.data]
                lines.append(f"DETECTOR({x}, {y}, 0) rec[{i - n - m}] " + " ".join(f"rec[{j - m}]" for j in near))
        own = [i for i, check in enumerate(self.checks) if plane(check) == self.basis]
        return [*lines, "OBSERVABLE_INCLUDE(0) " + " ".join(f"rec[{i - rounds * n - m}]" for i in own)]
