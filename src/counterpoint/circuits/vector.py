"""The state vector's few operations, in JAX: batched, differentiable, in single or double precision.

Amplitudes are (..., 2^n) complex64 or complex128, qubit 0 the lowest bit of the index; what stands before is a batch.
All functions can be compiled and differentiated, need no more than `jax.numpy`, and run where JAX does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
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


def product(qubits: jax.Array) -> jax.Array:
    """(..., 2^n) the product state of the one-qubit states (..., n, 2)."""
    n = qubits.shape[-2]
    if n <= 2 * BLOCK:
        whole = qubits[..., 0, :]
        for q in range(1, n):
            whole = (qubits[..., q, :, None] * whole[..., None, :]).reshape(*whole.shape[:-1], -1)
        return whole
    low, high = product(qubits[..., : n // 2, :]), product(qubits[..., n // 2 :, :])
    # As products of real matrices, since XLA would else multiply out all n factors of every amplitude.
    rows = jnp.stack([jnp.stack([high.real, -high.imag], -1), jnp.stack([high.imag, high.real], -1)])
    columns = jnp.stack([low.real, low.imag], -2)
    real, imaginary = _dot(rows, columns)
    return lax.complex(real, imaginary).reshape(*qubits.shape[:-2], 2**n)


def each(amplitudes: jax.Array, matrices: jax.Array) -> jax.Array:
    """A matrix on each qubit: (n, 2, 2) for the whole batch or (..., n, 2, 2), one set for each of the batch.

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
    return multiplied(amplitudes, blocks(matrices))


def blocks(matrices: jax.Array) -> list[jax.Array]:
    """Of (..., n, 2, 2) the products of each four, the lowest first, to be multiplied by: they may be made in advance.

    They are real (..., 2k, 2k), with k = 16 or what is left, for real parts and then imaginary ones.
    """
    full = matrices.shape[-3] // BLOCK * BLOCK
    fours = matrices[..., :full, :, :].reshape(*matrices.shape[:-3], -1, BLOCK, 2, 2)
    made: list[jax.Array] = []
    for group in (fours, matrices[..., None, full:, :, :]):
        if group.size:
            whole = reduce(_kron, jnp.moveaxis(group, -3, 0))
            real, imaginary = whole.real, whole.imag
            made += list(jnp.moveaxis(jnp.block([[real, -imaginary], [imaginary, real]]), -3, 0))
    return made


def multiplied(amplitudes: jax.Array, by: Sequence[jax.Array]) -> jax.Array:
    """`each`, by the `blocks` of its matrices.

    Products of real matrices are several times faster than complex ones on a CPU. The lowest four bits stay the last
    axis, so that what is moved for the others' products is moved in runs of 16.
    """
    flat = amplitudes.reshape(-1, amplitudes.shape[-1])
    if by[0].ndim == 2:
        return _each(flat, by).reshape(amplitudes.shape)
    sets = [block.reshape(-1, *block.shape[-2:]) for block in by]
    return jax.vmap(_each)(flat[:, None], sets).reshape(amplitudes.shape)


def permuted(amplitudes: jax.Array, order: Order) -> jax.Array:
    """Amplitude `order[z]` comes to z. The gradient is the gather that undoes it, where JAX would scatter.

    Raises BadInput where `order` is no permutation of the basis states.
    """
    size = amplitudes.shape[-1]
    there, back = order.astype(np.int32), np.full(size, -1, np.int32)
    if order.shape == (size,) and order.min() >= 0 and order.max() < size:
        back[there] = np.arange(size, dtype=np.int32)
    if (back < 0).any():
        raise BadInput(
            f"an order of shape {order.shape} was given for {size} amplitudes: give each of 0 to {size - 1} once"
        )
    return _gathered(amplitudes, there, back)


def phased(amplitudes: jax.Array, angle: ArrayLike, table: Floats | jax.Array) -> jax.Array:
    """exp(-i angle table[z]) times amplitude z: `table` (2^n,) is real and fixed, `angle` () or one for each (...).

    Raises BadInput for a table of another length.
    """
    _check_table(amplitudes, table)
    dtype = amplitudes.real.dtype
    angles = jnp.broadcast_to(jnp.asarray(angle, dtype), amplitudes.shape[:-1])
    return _phased(amplitudes, angles, jnp.asarray(table, dtype))


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


def _each(amplitudes: jax.Array, by: Sequence[jax.Array]) -> jax.Array:
    """`multiplied` for (b, 2^n) and one set of blocks."""
    states, size = amplitudes.shape
    first, *others = by
    run = len(first) // 2
    whole = amplitudes.reshape(-1, run)
    # Two products, since laying the parts side by side first takes XLA longer inside a loop.
    sides = _dot(whole.real, first.T[:run]) + _dot(whole.imag, first.T[run:])
    planes = sides.reshape(-1, 2, run).swapaxes(0, 1)
    left = size // run  # values of the bits that wait for their matrix
    for block in others:
        width = len(block) // 2
        left //= width
        turned = planes.reshape(2, -1, left, width, run).transpose(0, 3, 1, 2, 4)
        planes = _dot(block, turned.reshape(2 * width, -1))
    real, imaginary = planes.reshape(2, -1, states, run).swapaxes(1, 2).reshape(2, states, size)
    return lax.complex(real, imaginary)


def _dot(a: jax.Array, b: jax.Array) -> jax.Array:
    return jnp.matmul(a, b, precision=lax.Precision.HIGHEST)  # a GPU would else round the factors


def _kron(low: jax.Array, high: jax.Array) -> jax.Array:
    """The tensor products of (..., k, k) and (..., 2, 2)."""
    whole = high[..., :, None, :, None] * low[..., None, :, None, :]
    return whole.reshape(*low.shape[:-2], 2 * low.shape[-1], -1)


@jax.custom_vjp
def _phased(amplitudes: jax.Array, angles: jax.Array, table: jax.Array) -> jax.Array:
    return amplitudes * _turn(angles[..., None] * table)


def _phased_forward(amplitudes: jax.Array, angles: jax.Array, table: jax.Array) -> tuple[jax.Array, tuple]:
    return _phased(amplitudes, angles, table), (amplitudes, angles, table)


def _phased_backward(kept: tuple, cotangent: jax.Array) -> tuple[jax.Array, jax.Array, None]:
    amplitudes, angles, table = kept
    back = cotangent * _turn(angles[..., None] * table)
    return back, ((back * amplitudes).imag * table).sum(axis=-1), None


_phased.defvjp(_phased_forward, _phased_backward)


def _turn(angles: jax.Array) -> jax.Array:
    """exp(-i angle) by Taylor's series within a quarter turn: XLA's own cosine runs one number at a time on a CPU."""
    single = angles.dtype == jnp.float32
    coarse = math.pi // (digit := 2.0 ** (-6 if single else -24)) * digit  # its multiples are exact
    halves = jnp.round(angles / math.pi)
    rest = (angles - halves * coarse) - halves * (math.pi - coarse)
    sign = 1 - 4 * (halves / 2 - jnp.floor(halves / 2))
    square = rest * rest
    cosine = sine = jnp.zeros_like(rest)
    for k in reversed(range(7 if single else 11)):
        cosine = cosine * square + (-1) ** k / math.factorial(2 * k)
        sine = sine * square + (-1) ** k / math.factorial(2 * k + 1)
    return lax.complex(sign * cosine, -sign * rest * sine)


@jax.custom_vjp
def _gathered(amplitudes: jax.Array, there: jax.Array, back: jax.Array) -> jax.Array:
    return amplitudes.at[..., there].get(mode="promise_in_bounds", unique_indices=True)


def _forward(amplitudes: jax.Array, there: jax.Array, back: jax.Array) -> tuple[jax.Array, jax.Array]:
    return _gathered(amplitudes, there, back), back


def _backward(back: jax.Array, cotangent: jax.Array) -> tuple[jax.Array, None, None]:
    return cotangent.at[..., back].get(mode="promise_in_bounds", unique_indices=True), None, None


_gathered.defvjp(_forward, _backward)
