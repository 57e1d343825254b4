"""The programs of lattice surgery that come with the product, each to be read out in the basis X or Z."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import stim

from counterpoint.codes.frame import Basis
from counterpoint.codes.steps import Step
from counterpoint.codes.surgery import Program


def all_in(basis: Basis, qubits: Iterable[str]) -> dict[str, Basis]:
    """The same basis for each qubit."""
    return {qubit: basis for qubit in qubits}


def idle(basis: Basis = "Z") -> Program:
    """A patch that waits: a memory experiment."""
    return Program("idle", {"a": (0, 0)}, [Step(begin={"a": basis}, end={"a": basis})])


def hadamard(basis: Basis = "Z") -> Program:
    """H of a patch, read out in `basis`: an H on every data qubit, then its checks with X and Z exchanged.

    The patch keeps its place and its borders change theirs, so that it merges along the other ones afterwards; turning
    it back takes a second H.
    """
    begin: Basis = "X" if basis == "Z" else "Z"
    return Program("hadamard", {"a": (0, 0)}, [Step(begin={"a": begin}), Step(turn=["a"], end={"a": basis})])


def parity_zz(basis: Basis = "Z") -> Program:
    """The product ZZ of two patches, by merging and splitting them."""
    cells = {"a": (0, 0), "b": (0, 1)}
    both = all_in(basis, cells)
    return Program("parity-zz", cells, [Step(begin=both, merge=[("a", "b")], end=both)])


def parity_xx(basis: Basis = "Z") -> Program:
    """The product XX of two patches, by merging and splitting them."""
    cells = {"a": (0, 0), "b": (1, 0)}
    both = all_in(basis, cells)
    return Program("parity-xx", cells, [Step(begin=both, merge=[("a", "b")], end=both)])


def bell(basis: Basis = "Z") -> Program:
    """A Bell pair: XX of two patches in |0>."""
    cells = {"a": (0, 0), "b": (1, 0)}
    steps = [Step(begin=all_in("Z", cells), merge=[("a", "b")]), Step(end=all_in(basis, cells))]
    return Program("bell", cells, steps)


def ghz(basis: Basis = "Z") -> Program:
    """Three patches in |+>, ZZ of both pairs of neighbours in one merge."""
    cells = {"a": (0, 0), "b": (0, 1), "c": (0, 2)}
    steps = [Step(begin=all_in("X", cells), merge=[("a", "b", "c")]), Step(end=all_in(basis, cells))]
    return Program("ghz", cells, steps)


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


MESSAGES = ("", "X", "Z", "XZ")


def bare_superdense(message: str = "") -> stim.Circuit:
    """Superdense coding over one physical qubit, noiseless: what `superdense` is held against.

    Observable 0 is the bit that Z carries and observable 1 that of X, as there. Gates R, H, CX and M, layers ended by
    TICK. Bennett and Wiesner, Phys. Rev. Lett. 69, 2881 (1992).
    """
    applied = {"": "", "X": "X 0\nTICK\n", "Z": "Z 0\nTICK\n", "XZ": "Y 0\nTICK\n"}[message]
    return stim.Circuit(
        f"R 0 1\nTICK\nH 0\nTICK\nCX 0 1\nTICK\n{applied}CX 0 1\nTICK\nH 0\nTICK\nM 0 1\n"
        "OBSERVABLE_INCLUDE(0) rec[-2]\nOBSERVABLE_INCLUDE(1) rec[-1]"
    )


PROGRAMS: dict[str, Callable[[Basis], Program]] = {
    "idle": idle,
    "hadamard": hadamard,
    "parity-zz": parity_zz,
    "parity-xx": parity_xx,
    "bell": bell,
    "cnot": cnot,
    "teleportation": teleportation,
    "ghz": ghz,
}
