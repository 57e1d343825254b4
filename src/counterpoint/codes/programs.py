"""The programs of lattice surgery that come with the product, each to be read out in the basis X or Z."""

from __future__ import annotations

from collections.abc import Callable

from counterpoint.codes.frame import Basis
from counterpoint.codes.surgery import Program, Step


def parity_zz(basis: Basis = "Z") -> Program:
    """The product ZZ of two patches, by merging and splitting them."""
    cells = {"a": (0, 0), "b": (0, 1)}
    both = dict.fromkeys(cells, basis)
    return Program("parity-zz", cells, [Step(begin=both, merge=[("a", "b")], end=both)])


def parity_xx(basis: Basis = "Z") -> Program:
    """The product XX of two patches, by merging and splitting them."""
    cells = {"a": (0, 0), "b": (1, 0)}
    both = dict.fromkeys(cells, basis)
    return Program("parity-xx", cells, [Step(begin=both, merge=[("a", "b")], end=both)])


def bell(basis: Basis = "Z") -> Program:
    """A Bell pair: XX of two patches in |0>."""
    cells = {"a": (0, 0), "b": (1, 0)}
    begin, end = dict[str, Basis].fromkeys(cells, "Z"), dict.fromkeys(cells, basis)
    return Program("bell", cells, [Step(begin=begin, merge=[("a", "b")]), Step(end=end)])


def ghz(basis: Basis = "Z") -> Program:
    """Three patches in |+>, ZZ of both pairs of neighbours in one merge."""
    cells = {"a": (0, 0), "b": (0, 1), "c": (0, 2)}
    begin, end = dict[str, Basis].fromkeys(cells, "X"), dict.fromkeys(cells, basis)
    return Program("ghz", cells, [Step(begin=begin, merge=[("a", "b", "c")]), Step(end=end)])


def cnot(basis: Basis = "Z") -> Program:
    """CNOT: ZZ of control and an ancilla in |+>, XX of ancilla and target, and the ancilla measured in Z.

    As Horsman et al., New J. Phys. 14, 123011 (2012), section 4.1; control and target begin and end in `basis`.
    """
    cells = {"control": (0, 0), "ancilla": (0, 1), "target": (1, 1)}
    both: dict[str, Basis] = {"control": basis, "target": basis}
    steps = [
        Step(begin=both),
        Step(begin={"ancilla": "X"}, merge=[("control", "ancilla")]),
        Step(merge=[("ancilla", "target")], end={"ancilla": "Z"}),
        Step(end=both),
    ]
    return Program("cnot", cells, steps)


def teleportation(basis: Basis = "Z") -> Program:
    """A state of `basis` teleported over a Bell pair: ZZ with its half, then both measured in X."""
    cells = {"message": (0, 0), "here": (0, 1), "there": (1, 1)}
    steps = [
        Step(begin={"message": basis, "here": "Z", "there": "Z"}, merge=[("here", "there")]),
        Step(merge=[("message", "here")], end={"message": "X", "here": "X"}),
        Step(end={"there": basis}),
    ]
    return Program("teleportation", cells, steps)


def superdense(message: str = "") -> Program:
    """Two bits over one logical qubit: X and Z of `message`, applied to half of a Bell pair; XX, then ZZ read out."""
    cells = {"sent": (0, 0), "kept": (1, 0)}
    pair = [("sent", "kept")]
    ready: dict[str, Basis] = {"sent": "Z", "kept": "Z"}
    steps = [
        Step(begin=ready, merge=pair),
        Step(paulis={"sent": message}),
        Step(merge=pair, end=ready),
    ]
    return Program("superdense", cells, steps)


PROGRAMS: dict[str, Callable[[Basis], Program]] = {
    "parity-zz": parity_zz,
    "parity-xx": parity_xx,
    "bell": bell,
    "cnot": cnot,
    "teleportation": teleportation,
    "ghz": ghz,
}
