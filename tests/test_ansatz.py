"""Parameterised circuits: exact against matrices, gradients against two rules, noise against a density matrix."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from math import pi
from statistics import NormalDist

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from chances import FALSE_ALARM, random_circuit
from dense import unitary

from counterpoint.base import BadInput
from counterpoint.circuits import compiled as compiled_module, forward
from counterpoint.circuits.ansatz import KNOWN, Angle, Ansatz, Gate, datum, of_circuit, parameter
from counterpoint.circuits.circuit import GATES, Circuit, Operation
from counterpoint.circuits.compiled import compiled
from counterpoint.circuits.matrices import MATRICES
from counterpoint.circuits.noisy import PauliNoise, bit_flip, depolarising, phase_flip, sampled_paulis
from counterpoint.circuits.prepared import prepared
from counterpoint.circuits.stages import Stage, runs, stages
from counterpoint.circuits.state import state
from counterpoint.circuits.vector import expectation


@pytest.fixture(autouse=True)
def _strict():
    with jax.enable_x64(True), jax.numpy_dtype_promotion("strict"):
        yield


def layered(n: int, depth: int) -> Ansatz:
    """Data are turned in by RY; then RY and RZ of each qubit and a ring of CX, again and again."""
    gates = [Gate("ry", (q,), (datum(q),)) for q in range(n)]
    for layer in range(depth):
        for q in range(n):
            first = 2 * (layer * n + q)
            gates += [Gate("ry", (q,), (parameter(first),)), Gate("rz", (q,), (parameter(first + 1),))]
        gates += [Gate("cx", (q, (q + 1) % n)) for q in range(n)]
    return Ansatz(n, tuple(gates))


def alternating(n: int, depth: int) -> Ansatz:
    """QAOA of a ring with fields: one angle for all terms of the cost, one for all turns of the mixer."""
    gates = [Gate("h", (q,)) for q in range(n)]
    for layer in range(depth):
        gates += [Gate("rzz", (q, (q + 1) % n), (parameter(2 * layer, 1.0 + 0.1 * q),)) for q in range(n)]
        gates += [Gate("rz", (q,), (parameter(2 * layer, 0.3 * (q + 1)),)) for q in range(n)]
        gates += [Gate("rx", (q,), (parameter(2 * layer + 1, 2.0),)) for q in range(n)]
    return Ansatz(n, tuple(gates))


def exact(ansatz: Ansatz, parameters: np.ndarray, data: np.ndarray | tuple = ()) -> np.ndarray:
    """(2^n,) by matrices."""
    return unitary(ansatz.circuit(parameters, data))[:, 0]


def around(value: Callable[[jax.Array], jax.Array], at: jax.Array, step: float) -> tuple[jax.Array, ...]:
    """The gradient at `at` (m,), and the values (m,) a step above and below it in each parameter: compiled once."""
    ways = step * jnp.eye(at.size)
    values, slopes = compiled(jax.vmap(jax.value_and_grad(value)))(jnp.concatenate([at[None], at + ways, at - ways]))
    return slopes[0], values[1 : 1 + at.size], values[1 + at.size :]


@pytest.mark.parametrize("seed", range(2))
def test_a_circuit_of_all_gates_is_that_of_its_matrices(seed):
    circuit = random_circuit(4, 45, seed)
    ansatz, at = of_circuit(circuit)
    assert ansatz.parameters == at.size
    found = compiled(prepared(ansatz))(jnp.asarray(at))
    np.testing.assert_allclose(found, unitary(circuit)[:, 0], atol=1e-14)
    np.testing.assert_allclose(found, state(ansatz.circuit(at)), atol=1e-14)
    assert ansatz.circuit(at) == circuit  # and back


def test_every_gate_is_exact_phase_included():
    """All together, each between turns without symmetry, so that none can hide."""
    gates = [Gate("u", (q,), (Angle(0.3 + q), Angle(1.1 - q), Angle(0.7 * q))) for q in range(3)]
    for k, (name, (qubits, angles)) in enumerate(KNOWN.items()):
        on = tuple(np.random.default_rng(k).permutation(3)[:qubits].tolist())
        gates.append(Gate(name, on, tuple(parameter(i, 1 + 0.1 * k) for i in range(angles))))
        gates += [Gate("ry", (q,), (Angle(0.4 + q + k),)) for q in range(3)]
    ansatz, at = Ansatz(3, tuple(gates)), np.array([0.9, -0.4, 2.1, 0.6])
    assert {g.name for g in ansatz.gates} >= set(GATES)
    np.testing.assert_allclose(compiled(prepared(ansatz))(jnp.asarray(at)), exact(ansatz, at), atol=1e-13)


def test_rzz_is_its_exponential():
    ansatz = Ansatz(2, (Gate("h", (0,)), Gate("h", (1,)), Gate("rzz", (0, 1), (parameter(0),))))
    signs = np.array([1, -1, -1, 1])
    found = compiled(prepared(ansatz))(jnp.array([0.7]))
    np.testing.assert_allclose(found, np.exp(-0.35j * signs) / 2, atol=1e-15)
    np.testing.assert_allclose(found, state(ansatz.circuit([0.7])), atol=1e-15)


def test_chosen_operations_have_parameters_and_the_others_keep_their_angles():
    circuit = Circuit(2, 1, (Operation("ry", (0,), (0.3,)), Operation("rz", (0,), (0.4,)), Operation("cx", (0, 1))))
    ansatz, at = of_circuit(circuit, chosen={1})
    np.testing.assert_array_equal(at, [0.4])
    assert ansatz.circuit([0.9]).operations[:2] == (Operation("ry", (0,), (0.3,)), Operation("rz", (0,), (0.9,)))
    assert hash(ansatz) == hash(of_circuit(circuit, chosen={1})[0])


@pytest.mark.parametrize("made", [layered, alternating])
def test_layers_that_repeat_are_one_loop_however_deep(made):
    loops = []
    for depth in (4, 40):
        ansatz = made(4, depth)
        shapes = [layer.shape(4) for layer in stages(ansatz)]
        found = runs(shapes)
        assert sum(run.length * run.times for run in found) == len(shapes)
        loops.append([run.length for run in found])
    assert loops[0] == loops[1]
    assert len(stages(made(4, 40))) <= 2 * 40 + 1


@pytest.mark.parametrize(("made", "dtype", "slack"), [(layered, np.float64, 1e-13), (layered, np.float32, 3e-6)])
def test_a_batch_of_data(made, dtype, slack):
    ansatz, rng = made(5, 3), np.random.default_rng(1)
    at, data = rng.normal(size=ansatz.parameters), rng.normal(size=(3, 5))
    found = compiled(prepared(ansatz))(jnp.asarray(at, dtype), jnp.asarray(data, dtype))
    assert found.dtype == np.result_type(dtype, np.complex64)
    np.testing.assert_allclose(found, [exact(ansatz, at, one) for one in data], atol=slack)


def test_data_may_come_again_and_in_phases():
    """Data are turned in twice, and are a phase of a pair: every set of matrices is one for each of the batch."""
    gates = [Gate("h", (q,)) for q in range(3)]
    for layer in range(3):
        gates += [Gate("cp", (0, 2), (datum(0, 2.0),)), Gate("crz", (1, 0), (parameter(layer),)), Gate("cz", (1, 2))]
        gates += [Gate("rx", (q,), (datum(q, 0.5),)) for q in range(3)]
        gates += [Gate("ry", (q,), (parameter(q),)) for q in range(3)]
    ansatz, rng = Ansatz(3, tuple(gates)), np.random.default_rng(2)
    at, data = rng.normal(size=3), rng.normal(size=(4, 3))
    found = compiled(prepared(ansatz))(jnp.asarray(at), jnp.asarray(data))
    np.testing.assert_allclose(found, [exact(ansatz, at, one) for one in data], atol=1e-13)


@pytest.mark.parametrize("made", [layered, alternating])
def test_gradients_are_finite_differences(made):
    ansatz, rng = made(4, 3), np.random.default_rng(3)
    table = rng.normal(size=16)
    data = jnp.asarray(rng.normal(size=(2, 4))) if ansatz.data else None
    run = prepared(ansatz)

    def value(at: jax.Array) -> jax.Array:
        return (expectation(run(at, data), table) ** 2).sum()

    found, up, down = around(value, jnp.asarray(rng.normal(size=ansatz.parameters)), 1e-5)
    np.testing.assert_allclose(found, (up - down) / 2e-5, atol=1e-8)


def test_gradients_are_the_parameter_shift_rule():
    """(f(a + pi/2) - f(a - pi/2)) / 2 of each angle of a rotation that stands once (arXiv:1811.11184, eq. 6)."""
    ansatz, rng = layered(4, 2), np.random.default_rng(4)
    table, data, run = rng.normal(size=16), jnp.asarray(rng.normal(size=(1, 4))), prepared(ansatz)

    def value(at: jax.Array) -> jax.Array:
        return expectation(run(at, data), table)[0]

    found, up, down = around(value, jnp.asarray(rng.normal(size=ansatz.parameters)), pi / 2)
    np.testing.assert_allclose(found, (up - down) / 2, atol=1e-13)


# Noise


NOISE = PauliNoise(depolarising(0.1), 0.2)


def matrix(layer: Stage, n: int, at: np.ndarray) -> np.ndarray:
    """(2^n, 2^n) of one layer."""
    alone = Ansatz(n, layer.gates)
    return unitary(alone.circuit(at[: alone.parameters]))


def density(ansatz: Ansatz, at: np.ndarray, noise: PauliNoise) -> np.ndarray:
    """(2^n, 2^n) with each layer's channels after it, exactly: every Pauli that can happen is summed."""
    n = ansatz.qubits
    names = ("id", "x", "y", "z")

    def on(paulis: dict[int, str]) -> np.ndarray:
        return unitary(Circuit(n, 0, tuple(Operation(name, (q,)) for q, name in paulis.items())))

    rho = np.zeros((2**n, 2**n), complex)
    rho[0, 0] = 1
    for layer in stages(ansatz):
        gates = matrix(layer, n, at)
        rho = gates @ rho @ gates.conj().T
        qubits = {q for g in layer.gates for q in g.qubits} if layer.kind == "turns" else set()
        channels = [[(p, on({q: name})) for p, name in zip(noise.turn, names[1:], strict=True)] for q in qubits]
        pairs = [g.qubits for g in layer.gates if len(g.qubits) == 2]
        both = [(a, b) for a in names for b in names if (a, b) != ("id", "id")]
        channels += [[(noise.pair / 15, on({q: a, r: b})) for a, b in both] for q, r in pairs]
        for channel in channels:
            rho = (1 - sum(p for p, _ in channel)) * rho + sum(p * m @ rho @ m.conj().T for p, m in channel)
    return rho


def tangled(n: int) -> Ansatz:
    """Layers of all three kinds in all orders, the last of them no turn."""
    gates = [Gate("ry", (q,), (parameter(q),)) for q in range(n)]
    gates += [Gate("cx", (q, q + 1)) for q in range(n - 1)]
    gates += [Gate("rzz", (0, n - 1), (parameter(0),))]
    gates += [Gate("rx", (q,), (parameter(q),)) for q in range(n)]
    return Ansatz(n, (*gates, Gate("cz", (0, 1)), Gate("swap", (0, 1))))


@pytest.mark.parametrize("noise", [NOISE, PauliNoise(bit_flip(0.1)), PauliNoise(phase_flip(0.2), 0.1)])
@pytest.mark.parametrize("made", [tangled, lambda n: Ansatz(n, alternating(n, 3).gates[:-n])])
def test_trajectories_average_to_the_density_matrix(made, noise):
    """Of the mean of a diagonal observable, within the standard error of the trajectories."""
    ansatz, count = made(3), 4_000
    at = np.random.default_rng(5).normal(size=ansatz.parameters)
    table = np.abs(exact(ansatz, at)) ** 2  # which errors make smaller
    paulis = sampled_paulis(ansatz, noise, count, (1,))
    found = expectation(compiled(prepared(ansatz))(jnp.asarray(at), None, jnp.asarray(paulis)), table)
    wanted = np.diag(density(ansatz, at, noise)).real @ table
    bound = NormalDist().inv_cdf(1 - FALSE_ALARM / 2) * np.std(found) / count**0.5
    assert abs(np.mean(found) - wanted) <= bound
    assert abs(table @ table - wanted) > 2 * bound  # noise that was left out would be seen


def test_the_errors_are_put_where_they_are_said_to_be():
    """One given Pauli after each layer, against matrices."""
    ansatz, rng = tangled(3), np.random.default_rng(6)
    at, layers = rng.normal(size=3), stages(ansatz)
    paulis = rng.integers(4, size=(5, len(layers), 3))
    found = compiled(prepared(ansatz))(jnp.asarray(at), None, jnp.asarray(paulis))
    for row, one in zip(paulis, found, strict=True):
        vector = np.eye(8)[0]
        for layer, errors in zip(layers, row, strict=True):
            after = tuple(Operation(("id", "x", "z", "y")[e], (q,)) for q, e in enumerate(errors))
            vector = unitary(Circuit(3, 0, after)) @ matrix(layer, 3, at) @ vector
        np.testing.assert_allclose(one, vector, atol=1e-13)


def test_errors_of_a_batch_of_data_are_each_ones_own():
    ansatz, rng = layered(3, 2), np.random.default_rng(8)
    at, data = jnp.asarray(rng.normal(size=ansatz.parameters)), jnp.asarray(rng.normal(size=(3, 3)))
    paulis = jnp.asarray(rng.integers(4, size=(3, len(stages(ansatz)), 3)))
    run = compiled(prepared(ansatz))
    together = run(at, data, paulis)
    for k in range(3):
        np.testing.assert_allclose(together[k], run(at, data[k : k + 1], paulis[k : k + 1])[0], atol=1e-14)


def test_no_noise_is_the_very_state_and_gradients_go_through_noise():
    ansatz, at = tangled(3), jnp.array([0.3, 0.8, -1.2])
    run, table = prepared(ansatz), np.random.default_rng(7).normal(size=8)
    none = sampled_paulis(ansatz, PauliNoise(), 2, (1,))
    assert not none.any()
    still = compiled(run)(at, None, jnp.asarray(none))
    np.testing.assert_allclose(still, np.tile(exact(ansatz, np.asarray(at)), (2, 1)), atol=1e-14)
    some = jnp.asarray(sampled_paulis(ansatz, NOISE, 20, (1,)))

    def value(at: jax.Array) -> jax.Array:
        return expectation(run(at, None, some), table).mean()

    found, up, down = around(value, at, 1e-5)
    np.testing.assert_allclose(found, (up - down) / 2e-5, atol=1e-8)


@pytest.mark.parametrize(("p", "chances"), [(0.3, (0.1, 0.1, 0.1)), (0.0, (0, 0, 0))])
def test_depolarising(p, chances):
    assert depolarising(p) == pytest.approx(chances)
    rho, mixed = np.array([[0.7, 0.2], [0.2, 0.3]]), np.zeros((2, 2), complex)
    for chance, name in zip((1 - p, *depolarising(p)), ("id", "x", "y", "z"), strict=True):
        mixed += chance * MATRICES[name]() @ rho @ MATRICES[name]()
    np.testing.assert_allclose(mixed, (1 - 4 * p / 3) * rho + 4 * p / 3 * np.eye(2) / 2, atol=1e-15)


# Through qsim


@pytest.mark.parametrize("n", [1, 3, 6])
def test_qsim_gives_the_same_amplitudes_in_single_precision(n):
    pytest.importorskip(
        "qsimcirq", reason="qsimcirq, the optional extra qsim, is not installed here: make test installs it"
    )
    gates = tuple(name for name, (qubits, _) in GATES.items() if qubits <= n)
    ansatz, at = of_circuit(random_circuit(n, 60, n, gates))
    found = forward.amplitudes(ansatz, at)
    assert found.dtype == np.complex64
    np.testing.assert_allclose(found, exact(ansatz, at), atol=2e-6)
    few = Ansatz(n, (Gate("rx", (n - 1,), (datum(0),)),))
    np.testing.assert_allclose(forward.amplitudes(few, [], [0.3]), exact(few, np.zeros(0), np.array([0.3])), atol=1e-6)


def test_qsim_that_is_missing_is_said_to_be(monkeypatch):
    monkeypatch.setitem(sys.modules, "qsimcirq", None)
    with pytest.raises(BadInput, match=r"needs qsimcirq, which is not installed here: run pip install 'counterpoint"):
        forward.amplitudes(Ansatz(1, ()), [])


# What is refused


def test_what_is_no_ansatz():
    with pytest.raises(BadInput, match="gate 'iswap' is not known: give one of id, x"):
        Ansatz(2, (Gate("iswap", (0, 1)),))
    with pytest.raises(BadInput, match="'rx' was given 1 qubits and 0 angles and takes 1 and 1: give these"):
        Ansatz(2, (Gate("rx", (0,)),))
    with pytest.raises(BadInput, match="'cx' is on qubits 0, 2 of 2: name each once, counted from 0"):
        Ansatz(2, (Gate("cx", (0, 2)),))
    with pytest.raises(BadInput, match="an angle of 'rx' has parameter 0 and datum 1: give it one"):
        Ansatz(2, (Gate("rx", (0,), (Angle(parameter=0, datum=1),)),))
    with pytest.raises(BadInput, match=r"'rx' has the angle Angle\(constant=nan.*: give finite numbers"):
        Ansatz(2, (Gate("rx", (0,), (Angle(float("nan")),)),))
    with pytest.raises(BadInput, match="a parameterised circuit of 0 qubits was given: give 1 or more"):
        Ansatz(0, ())


def test_what_does_not_fit_an_ansatz():
    run = prepared(layered(3, 1))
    with pytest.raises(BadInput, match=r"parameters of shape \(5,\) and type float64 .* takes 6: give so many floats"):
        run(jnp.zeros(5), jnp.zeros((1, 3)))
    with pytest.raises(BadInput, match=r"data of shape None were given .* has 3 numbers: give \(B, 3\)"):
        run(jnp.zeros(6))
    with pytest.raises(BadInput, match=r"data of shape \(2,\) were given and the circuit takes 3: give these"):
        layered(3, 1).circuit(np.zeros(6), np.zeros(2))
    with pytest.raises(BadInput, match="'rx' has the parameter nan"):
        alternating(3, 1).circuit([0.1, float("nan")])
    with pytest.raises(BadInput, match="the circuit depends on its results"):
        of_circuit(Circuit(1, 1, (Operation("measure", (0,), bit=0), Operation("x", (0,), condition=(0, 1)))))
    with pytest.raises(BadInput, match="operation 1 was chosen of 1 and has no angle there"):
        of_circuit(Circuit(1, 0, (Operation("x", (0,)),)), chosen={1})
    with pytest.raises(BadInput, match=r"chances of errors of \(0.5, 0.6, 0\) were given"):
        PauliNoise((0.5, 0.6, 0))
    with pytest.raises(BadInput, match="'ccx' joins 3 qubits and noise is given of pairs"):
        sampled_paulis(Ansatz(3, (Gate("ccx", (0, 1, 2)),)), NOISE, 1, (1,))


def test_compiling_soon_changes_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same to rounding, and where XLA refuses an option it is `jax.jit`."""
    function = jax.value_and_grad(lambda x: jnp.sin(jnp.cumsum(x)).sum())
    at = jnp.arange(5, dtype=jnp.float32)
    expected = jax.jit(function)(at)
    assert jax.tree.all(jax.tree.map(partial(np.allclose, rtol=1e-5), compiled_module.compiled(function)(at), expected))
    monkeypatch.setattr(compiled_module, "OPTIONS", {"xla_no_such_option": True})
    compiled_module._known.cache_clear()
    assert compiled_module._known() is None
    assert jax.tree.all(jax.tree.map(np.array_equal, compiled_module.compiled(function)(at), expected))
    compiled_module._known.cache_clear()
