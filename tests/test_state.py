"""State vectors: every gate by its matrix, decompositions up to a phase, trajectories against exact chances."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
import stim
from chances import FALSE_ALARM, alike, random_circuit
from qiskit.circuit.library import get_standard_gate_name_mapping
from scipy.stats import chi2

from counterpoint.base import BadInput
from counterpoint.circuits import tags
from counterpoint.circuits.circuit import GATES, Circuit, Operation
from counterpoint.circuits.decompose import TWO, decomposed, in_cz
from counterpoint.circuits.limits import STATE
from counterpoint.circuits.matrices import MATRICES, angles, u
from counterpoint.circuits.state import probabilities, state
from counterpoint.circuits.tagged import Tagged, tagged
from counterpoint.circuits.trajectories import trajectories


def given(name: str, seed: int = 1) -> Operation:
    """The gate on qubits in a mixed order, with parameters of no special size."""
    qubits, parameters = GATES[name]
    rng = np.random.default_rng(seed)
    return Operation(name, tuple(rng.permutation(qubits).tolist()), tuple(rng.uniform(-7, 7, parameters).tolist()))


def dense(one: Operation, n: int) -> np.ndarray:
    """(2^n, 2^n) of one gate, entry by entry."""
    matrix = MATRICES[one.name](*one.parameters)
    whole = np.zeros((2**n, 2**n), complex)
    mask = sum(1 << q for q in one.qubits)
    for column in range(2**n):
        small = sum((column >> q & 1) << i for i, q in enumerate(one.qubits))
        for row in range(len(matrix)):
            to = column & ~mask | sum((row >> i & 1) << q for i, q in enumerate(one.qubits))
            whole[to, column] += matrix[row, small]
    return whole


def exact(circuit: Circuit) -> np.ndarray:
    """(2^n,) by matrices."""
    vector = np.eye(2**circuit.qubits, dtype=complex)[0]
    for one in circuit.operations:
        if one.name in GATES:
            vector = dense(one, circuit.qubits) @ vector
    return vector


def bits(run: Tagged, shots: int, key: tuple[int, ...]) -> np.ndarray:
    """(shots, bits) of a tagged circuit."""
    results = trajectories(run.circuit, shots, key)
    none = np.zeros(shots, bool)
    return np.array([none if r is None else results[:, r] for r in run.record]).T


@pytest.mark.parametrize("name", GATES)
def test_matrices_are_qiskits(name):
    standard = get_standard_gate_name_mapping()
    one = given(name)
    theirs = standard[name].base_class(*one.parameters).to_matrix()
    np.testing.assert_allclose(MATRICES[name](*one.parameters), theirs, atol=1e-15)


@pytest.mark.parametrize("name", GATES)
def test_the_state_vector_is_that_of_the_matrices(name):
    """Each gate on a state without symmetry, on more qubits than it needs, in a mixed order."""
    n = 4
    start = tuple(Operation("u", (q,), (0.3 + q, 1.1 - q, 0.7 * q)) for q in range(n))
    one = given(name)
    circuit = Circuit(n, 0, (*start, Operation(name, tuple(3 - q for q in one.qubits), one.parameters)))
    found = state(circuit)
    assert found.dtype == np.complex128
    np.testing.assert_allclose(found, exact(circuit), atol=1e-14)


@pytest.mark.parametrize("seed", range(3))
def test_many_gates(seed):
    circuit = random_circuit(5, 300, seed)
    found = np.asarray(state(circuit))
    np.testing.assert_allclose(found, exact(circuit), atol=1e-12)
    kept = (3, 0, 4)
    chances = np.zeros(8)
    for i, weight in enumerate(np.abs(found) ** 2):
        chances[sum((i >> q & 1) << k for k, q in enumerate(kept))] += weight
    np.testing.assert_allclose(probabilities(circuit, kept), chances, atol=1e-12)


def test_double_precision_stays_in_here():
    assert state(random_circuit(3, 5, 1)).dtype == np.complex128
    assert jnp.zeros(1).dtype == np.float32


def test_a_condition_is_on_0_or_1():
    with pytest.raises(BadInput, match="'x' waits for bit 0 to be 2: give 0 or 1"):
        Circuit(1, 1, (Operation("x", (0,), condition=(0, 2)),))


def test_what_a_state_vector_cannot_be():
    with pytest.raises(BadInput, match=f"on {STATE + 1} qubits was given and its state vector is kept up to {STATE}"):
        state(Circuit(STATE + 1, 0, ()))
    with pytest.raises(BadInput, match="goes on after a measurement"):
        state(Circuit(1, 1, (Operation("measure", (0,), bit=0), Operation("x", (0,)))))


# In parts, and with tags


def same_up_to_a_phase(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.isclose(abs(np.trace(a.conj().T @ b)), len(a), atol=1e-12))


@pytest.mark.parametrize("name", GATES)
def test_parts_make_the_gate_up_to_a_phase(name):
    one = given(name)
    n = len(one.qubits)
    parts = decomposed(Circuit(n, 0, (one,))).operations
    assert all(len(part.qubits) == 1 or part.name in TWO for part in parts)
    for made in (parts, tuple(cz for part in parts for cz in in_cz(part))):
        whole = np.eye(2**n)
        for part in made:
            whole = dense(part, n) @ whole
        assert same_up_to_a_phase(dense(one, n), whole)


@pytest.mark.parametrize("name", [name for name, (qubits, _) in GATES.items() if qubits == 1])
def test_angles_are_those_of_the_gate(name):
    matrix = MATRICES[name](*given(name).parameters)
    assert same_up_to_a_phase(u(*angles(matrix)), matrix)


def test_tags_hold_the_very_same_floats():
    turn = (0.1, -1e-17, 2.5e22)
    (one,) = stim.Circuit(tags.instruction("I", tags.rotation(*turn), "3", tags.Condition(5, False)))
    assert str(one) == "I[U(0.1,-1e-17,2.5e+22) if !5] 3"
    matrix, condition = tags.read(one)
    assert (matrix == u(*turn)).all()
    assert condition == tags.Condition(5, False)


@pytest.mark.parametrize("name", [n for n, d in stim.gate_data().items() if d.is_unitary and not d.takes_pauli_targets])
def test_gates_of_stim_have_their_own_matrices_in_double_precision(name):
    data = stim.gate_data(name)
    matrix, condition = tags.read(next(iter(stim.Circuit(f"{name} {'0 1' if data.is_two_qubit_gate else '0'}"))))
    assert condition is None
    np.testing.assert_allclose(matrix, data.unitary_matrix, atol=1e-7)
    np.testing.assert_allclose(matrix @ matrix.conj().T, np.eye(len(matrix)), atol=1e-15)


@pytest.mark.parametrize("text", ["I[U(1,2)] 0", "I[U(a,b,c)] 0", "H[T] 0", "S[T if] 0", "I[U(1,2,inf)] 0"])
def test_other_tags_are_refused(text):
    with pytest.raises(BadInput, match="is not known by its tag"):
        trajectories(stim.Circuit(text), 1, (1,))


def test_only_tags_that_say_something_keep_stim_from_running_a_circuit():
    assert tags.plain(stim.Circuit("H[note] 0\nREPEAT 2 {\nI[x] 0\n}\nM[a] 0"))
    for text in ("S[T] 0", "REPEAT 2 {\nI[U(1,2,3)] 0\n}", "X[if 0] 0", "S_DAG[T if !3] 0"):
        assert not tags.plain(stim.Circuit(text))


@pytest.mark.parametrize("seed", range(4))
def test_trajectories_of_all_gates_have_the_exact_chances(seed):
    circuit = random_circuit(4, 60, seed)
    assert alike(bits(tagged(circuit), 20_000, (seed,)), np.abs(exact(circuit)) ** 2)


def test_trajectories_sample_all_of_stims_gates_and_channels_as_stim_does():
    """Joint outcomes against stim's own frequencies: two samples, Pearson's test."""
    gates = [n for n, d in stim.gate_data().items() if d.is_unitary and not d.takes_pauli_targets]
    rng = np.random.default_rng(1)
    lines = ["RX 0", "RY 1 3"]
    for name in rng.permutation(gates).tolist():
        two = stim.gate_data(name).is_two_qubit_gate
        lines.append(f"{name} {' '.join(map(str, rng.permutation(4)[: 2 if two else 1]))}")
    lines += ["MR(0.1) 0", "CX rec[-1] 2", "DEPOLARIZE1(0.1) 0 1", "DEPOLARIZE2(0.2) 1 2", "MRY !1", "CZ 3 rec[-1]"]
    lines += ["PAULI_CHANNEL_1(0.1, 0.05, 0.2) 3", "X_ERROR(0.1) 0", "CY rec[-2] 3", "H 0 1 2", "Y_ERROR(0.1) 2"]
    lines += ["PAULI_CHANNEL_2(0.1,0,0,0,0.05,0,0,0.1,0,0,0,0.02,0,0,0.03) 2 0", "Z_ERROR(0.2) 3", "MPP Y0*Z1*X2"]
    lines += ["R 1", "MRX 3", "MY 2", "MX(0.2) 0", "XCZ 1 rec[-1]", "M 1"]
    circuit, shots = stim.Circuit("\n".join(lines)), 30_000
    ours = trajectories(circuit, shots, (1,))
    theirs = circuit.compile_sampler(seed=1).sample(shots)
    weights = 1 << np.arange(circuit.num_measurements)
    a, b = (np.bincount(x @ weights, minlength=2 * weights[-1]) for x in (ours, theirs))
    both = a + b > 0
    assert ((a - b)[both] ** 2 / (a + b)[both]).sum() <= chi2.isf(FALSE_ALARM, both.sum() - 1)


def test_what_depends_on_a_result():
    """A T state teleported: whatever the two results are, the third qubit ends in it and is turned back to 0."""
    operations = (
        Operation("u", (0,), (0.7, 0.3, 0.1)),
        Operation("h", (1,)),
        Operation("cx", (1, 2)),
        Operation("cx", (0, 1)),
        Operation("h", (0,)),
        Operation("measure", (0,), bit=0),
        Operation("measure", (1,), bit=1),
        Operation("x", (2,), condition=(1, 1)),
        Operation("z", (2,), condition=(0, 1)),
        Operation("u", (2,), (-0.7, -0.1, -0.3)),
        Operation("measure", (2,), bit=2),
        # Qubit 1 is 1 where bit 1 is; a rotation by 0.9, controlled, is undone where bit 1 says so.
        Operation("crx", (1, 2), (0.9,)),
        Operation("rx", (2,), (-0.9,), condition=(1, 1)),
        Operation("cx", (0, 2), condition=(3, 1)),  # never
        Operation("x", (2,), condition=(3, 0)),  # always
        Operation("x", (2,), condition=(2, 0)),
        Operation("measure", (2,), bit=4),
    )
    found = bits(tagged(Circuit(3, 5, operations)), 4_000, (1,))
    assert not found[:, 2:].any()
    assert alike(found[:, :2], np.full(4, 0.25))
    with pytest.raises(BadInput, match="'reset' of qubit 0 depends on bit 0"):
        tagged(Circuit(1, 1, (Operation("measure", (0,), bit=0), Operation("reset", (0,), condition=(0, 1)))))


def test_what_trajectories_cannot_follow():
    with pytest.raises(BadInput, match="the circuit has 'SPP X0'"):
        trajectories(stim.Circuit("SPP X0"), 1, (1,))
    with pytest.raises(BadInput, match="on 13 qubits and its shots are followed exactly up to 12"):
        trajectories(stim.Circuit("H " + " ".join(map(str, range(13)))), 1, (1,))
