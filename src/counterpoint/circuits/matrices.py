"""The matrices of the gates of a general circuit, by name."""

from __future__ import annotations

import cmath
from collections.abc import Callable
from math import cos, pi, sin

import numpy as np
import stim
from numpy.typing import NDArray

Matrix = NDArray[np.complex128]  # (2^k, 2^k)


def u(theta: float, phi: float, lam: float) -> Matrix:
    """(2, 2) the gate U(theta, phi, lambda) of stdgates.inc: angles in rad, the upper left entry real."""
    c, s = cos(theta / 2), sin(theta / 2)
    return np.array(
        [[c, -cmath.exp(1j * lam) * s], [cmath.exp(1j * phi) * s, cmath.exp(1j * (phi + lam)) * c]], np.complex128
    )


def angles(matrix: Matrix) -> tuple[float, float, float]:
    """(theta, phi, lambda) in rad of the U that a unitary (2, 2) is, up to a phase of the whole."""
    theta = 2 * cmath.phase(complex(abs(matrix[0, 0]), abs(matrix[1, 0])))
    if abs(matrix[1, 0]) < 1e-12:
        return 0.0, 0.0, cmath.phase(matrix[1, 1] / matrix[0, 0])
    if abs(matrix[0, 0]) < 1e-12:
        return pi, 0.0, cmath.phase(-matrix[0, 1] / matrix[1, 0])
    return theta, cmath.phase(matrix[1, 0] / matrix[0, 0]), cmath.phase(-matrix[0, 1] / matrix[0, 0])


def of_stim(name: str) -> Matrix:
    """(2^k, 2^k) of a unitary gate of stim's, its first target the lowest bit of the index."""
    matrix = np.array(stim.gate_data(name).unitary_matrix, np.complex128)
    return matrix / np.linalg.norm(matrix[0])  # single precision, and all entries but 0 alike in size


def _rx(theta: float) -> Matrix:
    return u(theta, -pi / 2, pi / 2)


def _ry(theta: float) -> Matrix:
    return u(theta, 0, 0)


def _rz(theta: float) -> Matrix:
    return np.diag([cmath.exp(-1j * theta / 2), cmath.exp(1j * theta / 2)])


def _p(theta: float) -> Matrix:
    return np.diag([1, cmath.exp(1j * theta)])


def _cu(theta: float, phi: float, lam: float, gamma: float) -> Matrix:
    return controlled(cmath.exp(1j * gamma) * u(theta, phi, lam))


def controlled(matrix: Matrix) -> Matrix:
    """(2^(k+1), 2^(k+1)) the same gate where a new first qubit is 1."""
    whole = np.eye(2 * len(matrix), dtype=np.complex128)
    whole[1::2, 1::2] = matrix
    return whole


_X = np.array([[0, 1], [1, 0]], np.complex128)
_Y = np.array([[0, -1j], [1j, 0]], np.complex128)
_H = np.array([[1, 1], [1, -1]], np.complex128) / 2**0.5
_SWAP = np.eye(4, dtype=np.complex128)[[0, 2, 1, 3]]

# The first qubit of an operation is the lowest bit of the index, and of a controlled gate the control.
MATRICES: dict[str, Callable[..., Matrix]] = {
    "id": lambda: np.eye(2, dtype=np.complex128),
    "x": lambda: _X,
    "y": lambda: _Y,
    "z": lambda: _p(pi),
    "h": lambda: _H,
    "s": lambda: _p(pi / 2),
    "sdg": lambda: _p(-pi / 2),
    "t": lambda: _p(pi / 4),
    "tdg": lambda: _p(-pi / 4),
    "sx": lambda: np.array([[1 + 1j, 1 - 1j], [1 - 1j, 1 + 1j]], np.complex128) / 2,
    "rx": _rx,
    "ry": _ry,
    "rz": _rz,
    "p": _p,
    "u": u,
    "cx": lambda: controlled(_X),
    "cy": lambda: controlled(_Y),
    "cz": lambda: controlled(_p(pi)),
    "ch": lambda: controlled(_H),
    "swap": lambda: _SWAP,
    "cp": lambda theta: controlled(_p(theta)),
    "crx": lambda theta: controlled(_rx(theta)),
    "cry": lambda theta: controlled(_ry(theta)),
    "crz": lambda theta: controlled(_rz(theta)),
    "cu": _cu,
    "ccx": lambda: controlled(controlled(_X)),
    "cswap": lambda: controlled(_SWAP),
}
