"""Unitaries of small general circuits, whole."""

from __future__ import annotations

import numpy as np

from counterpoint.circuits.circuit import GATES, Circuit
from counterpoint.circuits.matrices import MATRICES, Matrix


def unitary(circuit: Circuit) -> Matrix:
    """(2^n, 2^n) of the gates, qubit 0 the lowest bit; resets, which prepare, are left out."""
    n = circuit.qubits
    whole = np.eye(2**n, dtype=np.complex128).reshape([2] * n + [-1])  # axes from the highest qubit
    for one in circuit.operations:
        if one.name in GATES:
            k = len(one.qubits)
            axes = [n - 1 - q for q in reversed(one.qubits)]
            gate = MATRICES[one.name](*one.parameters).reshape([2] * 2 * k)
            whole = np.moveaxis(np.tensordot(gate, whole, (range(k, 2 * k), axes)), range(k), axes)
    return whole.reshape(2**n, 2**n)


def same(a: Matrix, b: Matrix, slack: float = 1e-6) -> bool:
    """Whether two unitaries are equal up to a phase."""
    return bool(abs(abs(np.vdot(a, b)) / len(a) - 1) < slack)
