"""General gates in the Clifford gates and T that logical machines have: H, S, CX, CZ, Paulis and S[T]."""

from __future__ import annotations

from math import pi

import numpy as np

from counterpoint.base import BadInput
from counterpoint.circuits.circuit import Operation
from counterpoint.circuits.decompose import CONTROLLED
from counterpoint.circuits.matrices import MATRICES

CLOSE = 1e-9  # of an angle in rad to the multiple that it is taken for
PAULIS = ("X", "Y", "Z")
Part = tuple[str, tuple[int, ...]]  # a gate of stim's, with its tag, and its qubits

_NAMED = {"id": (), **{name: (name.upper(),) for name in ("x", "y", "z", "h", "s", "cx", "cz")}}
_NAMED |= {"sdg": ("S_DAG",), "t": ("S[T]",), "tdg": ("S_DAG[T]",)}
_ANGLES = {  # (theta, phi, lambda) of the U that has the same effect
    "sx": lambda: (pi / 2, -pi / 2, pi / 2),
    "rx": lambda theta: (theta, -pi / 2, pi / 2),
    "ry": lambda theta: (theta, 0.0, 0.0),
    "rz": lambda lam: (0.0, 0.0, lam),
    "p": lambda lam: (0.0, 0.0, lam),
    "u": lambda theta, phi, lam: (theta, phi, lam),
}
_EIGHTHS = ((), ("S[T]",), ("S",), ("Z", "S_DAG[T]"), ("Z",), ("Z", "S[T]"), ("S_DAG",), ("S_DAG[T]",))  # turns about Z


def parts(one: Operation) -> tuple[Part, ...]:
    """`one` in order, up to a phase of the whole; `one`'s condition is not looked at.

    One-qubit gates may have angles at multiples of pi/4, where odd ones take S[T]; gates of two qubits must be
    Clifford gates. Raises BadInput for any other.
    """
    if one.name in _NAMED:
        return tuple((name, one.qubits) for name in _NAMED[one.name])
    if one.name in _ANGLES:
        eighths = [_multiple(angle, pi / 4) for angle in _ANGLES[one.name](*one.parameters)]
        if None not in eighths:
            return tuple((name, one.qubits) for name in _turned(*(k for k in eighths if k is not None)))
    elif one.name == "swap":
        return tuple(("CX", pair) for pair in (one.qubits, one.qubits[::-1], one.qubits))
    elif one.name == "cy":
        return _controlled("Y", one.qubits)
    elif one.name in CONTROLLED:
        found = _pauli(MATRICES[one.name](*one.parameters)[1::2, 1::2])
        if found is not None:
            name, quarters = found
            turn = tuple((each, one.qubits[:1]) for each in _EIGHTHS[2 * quarters % 8])
            return (*turn, *_controlled(name, one.qubits))
    angles = f"({', '.join(f'{p:.12g}' for p in one.parameters)})" if one.parameters else ""
    raise BadInput(
        f"'{one.name}{angles}' is no Clifford gate, and no turn of one qubit by a multiple of pi/4: give one of these, "
        "or take a machine that has all gates"
    )


def _multiple(angle: float, unit: float) -> int | None:
    """How many units an angle is, or None."""
    count = round(angle / unit)
    return count if abs(angle - count * unit) <= CLOSE else None


def _turned(theta: int, phi: int, lam: int) -> tuple[str, ...]:
    """U of multiples of pi/4, as few T in it as can be: turns about Z by lambda, about Y by theta, about Z by phi."""
    theta %= 8
    if theta == 0:
        return _EIGHTHS[(phi + lam) % 8]
    if theta == 4:
        left = (phi - lam) % 8
        return ("X",) if left == 4 else ("Y", *_EIGHTHS[left])
    if theta == 2:
        return (*_EIGHTHS[(lam + 4) % 8], "H", *_EIGHTHS[phi % 8])
    if theta == 6:
        return (*_EIGHTHS[lam % 8], "H", *_EIGHTHS[(phi + 4) % 8])
    about_y = ("H", *_EIGHTHS[theta], "H")  # Y = S X S_DAG and X = H Z H
    return (*_EIGHTHS[(lam - 2) % 8], *about_y, *_EIGHTHS[(phi + 2) % 8])


def _pauli(matrix: np.ndarray) -> tuple[str, int] | None:
    """The Pauli, or id, that a unitary (2, 2) is, and the multiple of pi/2 of its phase; None where it is neither."""
    for name in ("id", "x", "y", "z"):
        pauli = MATRICES[name]()
        phase = np.trace(pauli.conj().T @ matrix) / 2
        quarters = round(np.angle(phase) / (pi / 2))
        if np.abs(matrix - 1j**quarters * pauli).max() <= CLOSE:
            return name.upper(), quarters
    return None


def _controlled(pauli: str, qubits: tuple[int, ...]) -> tuple[Part, ...]:
    if pauli == "ID":
        return ()
    if pauli == "Y":
        return ("S_DAG", qubits[1:]), ("CX", qubits), ("S", qubits[1:])
    return ((f"C{pauli}", qubits),)
