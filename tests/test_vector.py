"""The state vector's operations: against matrices entry by entry, gradients against finite differences."""

from __future__ import annotations

from functools import reduce

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from chances import random_circuit

from counterpoint.base import BadInput
from counterpoint.circuits.compiled import compiled
from counterpoint.circuits.limits import STATE
from counterpoint.circuits.matrices import u
from counterpoint.circuits.state import state
from counterpoint.circuits.vector import each, expectation, permuted, phased, plus, product, zero

each_compiled = compiled(each)
PRECISIONS = ((np.complex64, 3e-6), (np.complex128, 1e-13))


@pytest.fixture(autouse=True)
def _strict():
    with jax.enable_x64(True), jax.numpy_dtype_promotion("strict"):
        yield


def drawn(shape: tuple[int, ...], seed: int = 1) -> np.ndarray:
    """Complex numbers without symmetry, of norm 1 along the last axis."""
    rng = np.random.default_rng(seed)
    given = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    return given / np.linalg.norm(given, axis=-1, keepdims=True)


def whole(matrices: np.ndarray) -> np.ndarray:
    """The tensor product of (n, 2, 2), the first the lowest bit."""
    return reduce(np.kron, matrices[::-1])


@pytest.mark.parametrize(("dtype", "slack"), PRECISIONS)
@pytest.mark.parametrize("n", [1, 4, 5, 8])
def test_a_matrix_on_each_qubit_is_their_tensor_product(n, dtype, slack):
    amplitudes, matrices = drawn((2**n,)), drawn((n, 2, 2), 2)
    found = each_compiled(jnp.asarray(amplitudes, dtype), jnp.asarray(matrices, dtype))
    assert found.dtype == dtype
    np.testing.assert_allclose(found, whole(matrices) @ amplitudes, atol=slack)


@pytest.mark.parametrize(("n", "batch"), [(2, (3,)), (6, (2, 3))])
def test_a_batch_has_one_set_of_matrices_or_one_each(n, batch):
    amplitudes, shared, own = drawn((*batch, 2**n)), drawn((n, 2, 2), 2), drawn((*batch, n, 2, 2), 3)
    found = each_compiled(jnp.asarray(amplitudes), jnp.asarray(shared))
    np.testing.assert_allclose(found, amplitudes @ whole(shared).T, atol=1e-13)
    found = each_compiled(jnp.asarray(amplitudes), jnp.asarray(own))
    for place in np.ndindex(batch):
        np.testing.assert_allclose(found[place], whole(own[place]) @ amplitudes[place], atol=1e-13)


def test_the_lowest_bit_is_qubit_0_as_in_the_state_of_a_circuit():
    circuit = random_circuit(5, 5, 1, ("u",))
    matrices = np.array([np.eye(2)] * 5, complex)
    for one in circuit.operations:
        if one.name == "u":
            matrices[one.qubits[0]] = u(*one.parameters) @ matrices[one.qubits[0]]
    np.testing.assert_allclose(each_compiled(zero(5, np.complex128), jnp.asarray(matrices)), state(circuit), atol=1e-14)


def test_start_states():
    np.testing.assert_array_equal(zero(3, np.complex128), np.eye(8)[0])
    np.testing.assert_allclose(plus(3, np.complex128), np.full(8, 8**-0.5), atol=1e-15)
    assert zero(2).dtype == plus(2).dtype == np.complex64
    with pytest.raises(BadInput, match=f"on {STATE + 1} qubits was given"):
        zero(STATE + 1)


@pytest.mark.parametrize(("n", "batch"), [(3, (2,)), (9, ()), (9, (2,))])
def test_a_product_state(n, batch):
    qubits = drawn((*batch, n, 2))
    found = compiled(product)(jnp.asarray(qubits))
    for place in np.ndindex(batch):
        np.testing.assert_allclose(found[place], reduce(np.kron, qubits[place][::-1]), atol=1e-15)


def test_a_permutation_is_a_gather_and_so_is_its_gradient():
    amplitudes, order = drawn((2, 16)), np.random.default_rng(2).permutation(16)
    np.testing.assert_array_equal(permuted(jnp.asarray(amplitudes), order), amplitudes[:, order])
    _, pull = jax.vjp(lambda a: permuted(a, order), jnp.asarray(amplitudes))
    (back,) = pull(jnp.asarray(amplitudes[:, order]))
    np.testing.assert_array_equal(back, amplitudes)
    text = jax.jit(jax.grad(lambda a: permuted(a, order).real.sum(), holomorphic=False)).lower(amplitudes).as_text()
    assert "gather" in text
    assert "scatter" not in text


@pytest.mark.parametrize(("dtype", "slack"), PRECISIONS)
def test_phases_and_means_of_a_table(dtype, slack):
    amplitudes, table = drawn((3, 32)), np.random.default_rng(2).normal(size=32)
    given = jnp.asarray(amplitudes, dtype)
    np.testing.assert_allclose(phased(given, 0.7, table), amplitudes * np.exp(-0.7j * table), atol=slack)
    angles = np.array([0.7, -2, 30])
    found = phased(given, jnp.asarray(angles, given.real.dtype), table)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, amplitudes * np.exp(-1j * angles[:, None] * table), atol=10 * slack)
    mean = expectation(given, table)
    assert mean.dtype == given.real.dtype
    np.testing.assert_allclose(mean, np.abs(amplitudes) ** 2 @ table, atol=slack)


def test_gradients_are_finite_differences():
    """Of angles, matrices and amplitudes at once, through two layers, the matrices shared and one set each."""
    n, batch = 5, 2
    order, table = np.random.default_rng(3).permutation(2**n), np.random.default_rng(4).normal(size=2**n)
    start = drawn((batch, 2**n))

    def value(flat: jax.Array) -> jax.Array:
        angle, real, imaginary = flat[0], flat[1 : 1 + 4 * n].reshape(n, 2, 2), flat[1 + 4 * n :].reshape(n, 2, 2)
        matrices = jax.lax.complex(real, imaginary)
        one = permuted(each(jnp.asarray(start) * jnp.asarray(angle, jnp.complex128), matrices), order)
        two = phased(each(one, jnp.stack([matrices, 2 * matrices])), jnp.stack([angle, 2 * angle]), table)
        return expectation(each(two, matrices), table).sum()

    at = jnp.asarray(np.random.default_rng(5).normal(size=1 + 8 * n) / 2)
    ways = 1e-6 * jnp.eye(at.size)
    values, slopes = compiled(jax.vmap(jax.value_and_grad(value)))(jnp.concatenate([at[None], at + ways, at - ways]))
    found, differences = slopes[0], (values[1 : 1 + at.size] - values[1 + at.size :]) / 2e-6
    np.testing.assert_allclose(found, differences, rtol=1e-6, atol=1e-6 * np.abs(found).max())


def test_what_does_not_fit():
    with pytest.raises(BadInput, match=r"matrices of shape \(3, 2, 2\) were given for amplitudes of shape \(4,\)"):
        each(zero(2), jnp.zeros((3, 2, 2), np.complex64))
    with pytest.raises(BadInput, match=r"amplitudes of shape \(3,\) and type complex64 were given"):
        each(jnp.zeros(3, np.complex64), jnp.zeros((1, 2, 2), np.complex64))
    with pytest.raises(BadInput, match=r"type float32 were given: give complex ones"):
        each(jnp.zeros(4, np.float32), jnp.zeros((2, 2, 2), np.complex64))
    with pytest.raises(
        BadInput, match=r"an order of shape \(4,\) was given for 4 amplitudes: give each of 0 to 3 once"
    ):
        permuted(zero(2), np.array([0, 1, 1, 3]))
    for call in (expectation, lambda a, t: phased(a, 0.1, t)):
        with pytest.raises(BadInput, match=r"a table of shape \(3,\) was given for amplitudes of shape \(4,\)"):
            call(zero(2), np.zeros(3))
