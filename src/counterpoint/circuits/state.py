"""The exact state vector of a general circuit, in JAX and in double precision.

One function is compiled for each number of qubits; gates are data that it is given.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from counterpoint.base import BadInput, Floats
from counterpoint.circuits.circuit import Circuit, Operation
from counterpoint.circuits.limits import check_state
from counterpoint.circuits.matrices import MATRICES, Matrix

CHUNK = 128  # gates that are handed over at once

Flat = tuple[int, int, Matrix]  # target, bits of the controls, (2, 2)


def state(circuit: Circuit) -> jax.Array:
    """(2^n,) complex128 amplitudes before the measurements, qubit 0 the lowest bit of the index.

    Raises BadInput for more than 24 qubits, and where something depends on a result.
    """
    check_state(circuit.qubits)
    if circuit.depends_on_results:
        raise BadInput(
            "the circuit goes on after a measurement, or resets a qubit that was used, and a state vector has "
            "measurements at the end alone: follow its shots instead"
        )
    gates = [gate for one in circuit.operations for gate in _flat(one)]
    with jax.enable_x64(True):
        amplitudes = jnp.zeros(2**circuit.qubits, jnp.complex128).at[0].set(1)
        for first in range(0, len(gates), CHUNK):
            some = gates[first : first + CHUNK]
            targets, controls = np.zeros((2, CHUNK), np.int32)
            matrices = np.zeros((CHUNK, 2, 2), np.complex128)
            for i, (target, control, matrix) in enumerate(some):
                targets[i], controls[i], matrices[i] = 1 << target, control, matrix
            amplitudes = _apply(amplitudes, np.int32(len(some)), targets, controls, matrices)
        return amplitudes


def probabilities(circuit: Circuit, qubits: Sequence[int]) -> Floats:
    """(2^k,) chances of the results of measuring k of the qubits, the first the lowest bit. Raises as `state`."""
    weights = np.abs(np.asarray(state(circuit))) ** 2
    cube = weights.reshape((2,) * circuit.qubits)  # the last axis is qubit 0
    others = tuple(circuit.qubits - 1 - q for q in range(circuit.qubits) if q not in qubits)
    left = sorted(qubits, reverse=True)  # of the axes that are left
    order = [left.index(q) for q in reversed(qubits)]
    chances = cube.sum(axis=others).transpose(order).ravel()
    return chances / chances.sum()


@jax.jit
def _apply(
    amplitudes: jax.Array, count: jax.Array, targets: jax.Array, controls: jax.Array, matrices: jax.Array
) -> jax.Array:
    """The first `count` gates, each a (2, 2) on the bit `target` where all bits of `control` are 1."""
    index = lax.iota(jnp.int32, amplitudes.size)

    def gate(i: jax.Array, before: jax.Array) -> jax.Array:
        upper = (index & targets[i]) != 0
        own = jnp.where(upper, matrices[i, 1, 1], matrices[i, 0, 0])
        crossed = jnp.where(upper, matrices[i, 1, 0], matrices[i, 0, 1])
        after = own * before + crossed * before[index ^ targets[i]]
        return jnp.where((index & controls[i]) == controls[i], after, before)

    return lax.fori_loop(0, count, gate, amplitudes)


def _flat(one: Operation) -> Iterator[Flat]:
    """A gate as (2, 2) matrices on a qubit each, where the others are 1."""
    match one.name:
        case "measure" | "reset" | "barrier" | "id":
            return
        case "swap" | "cswap":
            *controls, a, b = one.qubits
            for qubits in ((a, b), (*controls, b, a), (a, b)):
                yield from _flat(Operation("ccx" if len(qubits) == 3 else "cx", qubits))
        case name:
            matrix = MATRICES[name](*one.parameters)
            *controls, target = one.qubits
            for _ in controls:
                matrix = matrix[1::2, 1::2]  # what is done where the control is 1
            yield target, sum(1 << q for q in controls), matrix
