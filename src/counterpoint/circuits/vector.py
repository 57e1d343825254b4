"""The state vector's few operations, in JAX: batched, differentiable, in single or double precision.

Amplitudes are (..., 2^n) complex64 or complex128, qubit 0 the lowest bit of the index; what stands before is a batch.
All functions can be compiled and differentiated, need no more than `jax.numpy`, and run where JAX does.
"""

from __future__ import annotations

from functools import reduce

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike, DTypeLike
from numpy.typing import NDArray

from counterpoint.base import BadInput, Floats
from counterpoint.circuits.limits import check_state

Order = NDArray[np.int64]  # (2^n,) a permutation of the basis states

BLOCK = 4  # qubits whose matrices are multiplied out: 16x16


def zero(qubits: int, dtype: DTypeLike = np.complex64) -> jax.Array:
    """(2^n,) the state |0...0>. Raises BadInput as `check_state` does."""
    check_state(qubits)
    return jnp.zeros(2**qubits, dtype).at[0].set(1)


def plus(qubits: int, dtype: DTypeLike = np.complex64) -> jax.Array:
    """(2^n,) the state |+...+>, all amplitudes equal. Raises BadInput as `check_state` does."""
    check_state(qubits)
    return jnp.full(2**qubits, 2 ** (-qubits / 2), dtype)


def each(amplitudes: jax.Array, matrices: jax.Array) -> jax.Array:
    """A matrix on each qubit: (n, 2, 2) for the whole batch or (..., n, 2, 2), one set for each of the batch.

    Those of four qubits are multiplied out and act at once, as one product of real matrices, real and imaginary parts
    side by side: several times faster than complex ones on a CPU. Each product also turns the index by its four bits,
    so that the next four stand last; after all of them every bit is back.

    Raises:
        BadInput: another number of matrices than of qubits, or a batch of matrices of another shape.
    """
    n = _qubits(amplitudes)
    batch = amplitudes.shape[:-1]
    if matrices.shape not in ((n, 2, 2), (*batch, n, 2, 2)):
        raise BadInput(
            f"matrices of shape {matrices.shape} were given for amplitudes of shape {amplitudes.shape}: give "
            f"{(n, 2, 2)}, or {(*batch, n, 2, 2)} for one set each"
        )
    sets = matrices.reshape(-1, n, 2, 2)  # each for its share of the batch
    planes = jnp.stack([amplitudes.real, amplitudes.imag]).reshape(2, len(sets), -1).swapaxes(0, 1)
    for first in range(0, n, BLOCK):
        block = _real(_product(sets[:, first : first + BLOCK]))
        size = block.shape[-1]
        columns = planes.reshape(len(sets), 2, -1, size // 2).swapaxes(1, 2).reshape(len(sets), -1, size)
        planes = jnp.einsum("gij,gkj->gik", block, columns, precision=lax.Precision.HIGHEST)
        planes = planes.reshape(len(sets), 2, -1)
    real, imaginary = planes.reshape(len(sets), 2, 2**n, -1).transpose(1, 0, 3, 2).reshape(2, *amplitudes.shape)
    return lax.complex(real, imaginary)


def permuted(amplitudes: jax.Array, order: Order) -> jax.Array:
    """Amplitude `order[z]` comes to z. The gradient is the gather that undoes it, where JAX would scatter.

    Raises BadInput where `order` is no permutation of the basis states.
    """
    if not np.array_equal(np.sort(order), np.arange(amplitudes.shape[-1])):
        raise BadInput(
            f"an order of {len(order)} numbers was given for {amplitudes.shape[-1]} amplitudes: give each of "
            f"0 to {amplitudes.shape[-1] - 1} once"
        )
    there = order.astype(np.int32)
    return _gathered(amplitudes, there, np.argsort(there).astype(np.int32))


def phased(amplitudes: jax.Array, angle: ArrayLike, table: Floats | jax.Array) -> jax.Array:
    """exp(-i angle table[z]) times amplitude z: `table` (2^n,) is real and fixed, `angle` () or one for each (...).

    Raises BadInput for a table of another length.
    """
    _check_table(amplitudes, table)
    fixed = lax.stop_gradient(jnp.asarray(table, amplitudes.real.dtype))
    turn = jnp.asarray(angle, fixed.dtype)[..., None] * fixed
    return amplitudes * lax.complex(jnp.cos(turn), -jnp.sin(turn))


def expectation(amplitudes: jax.Array, table: Floats | jax.Array) -> jax.Array:
    """(...) real mean of the diagonal observable with the eigenvalues `table` (2^n,).

    Raises BadInput for a table of another length.
    """
    _check_table(amplitudes, table)
    weights = amplitudes.real**2 + amplitudes.imag**2
    return (weights * jnp.asarray(table, weights.dtype)).sum(axis=-1)


def _qubits(amplitudes: jax.Array) -> int:
    size = amplitudes.shape[-1] if amplitudes.ndim else 0
    if size < 2 or size & (size - 1) or not jnp.issubdtype(amplitudes.dtype, jnp.complexfloating):
        raise BadInput(
            f"amplitudes of shape {amplitudes.shape} and type {amplitudes.dtype} were given: give complex ones, "
            "2^n of them for n qubits"
        )
    return size.bit_length() - 1


def _check_table(amplitudes: jax.Array, table: Floats | jax.Array) -> None:
    if table.shape != amplitudes.shape[-1:]:
        raise BadInput(
            f"a table of shape {table.shape} was given for amplitudes of shape {amplitudes.shape}: give one number "
            "for each basis state"
        )


def _product(matrices: jax.Array) -> jax.Array:
    """(g, 2^k, 2^k) of (g, k, 2, 2): the tensor product, the first the lowest bit."""
    size = 1 << matrices.shape[1]
    high_first = jnp.moveaxis(matrices, 1, 0)[::-1]
    whole = reduce(lambda a, b: jnp.einsum("gij,gkl->gikjl", a, b).reshape(len(a), 2 * a.shape[1], -1), high_first)
    return whole.reshape(-1, size, size)


def _real(matrices: jax.Array) -> jax.Array:
    """(g, 2k, 2k) real of (g, k, k) complex, to act on real parts and then the imaginary ones."""
    real, imaginary = matrices.real, matrices.imag
    return jnp.concatenate([jnp.concatenate([real, -imaginary], 2), jnp.concatenate([imaginary, real], 2)], 1)


@jax.custom_vjp
def _gathered(amplitudes: jax.Array, there: jax.Array, back: jax.Array) -> jax.Array:
    return amplitudes.at[..., there].get(mode="promise_in_bounds", unique_indices=True)


def _forward(amplitudes: jax.Array, there: jax.Array, back: jax.Array) -> tuple[jax.Array, jax.Array]:
    return _gathered(amplitudes, there, back), back


def _backward(back: jax.Array, cotangent: jax.Array) -> tuple[jax.Array, None, None]:
    return cotangent.at[..., back].get(mode="promise_in_bounds", unique_indices=True), None, None


_gathered.defvjp(_forward, _backward)
