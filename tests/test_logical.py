"""The logical machine: exact states, errors of known size in closed form, charges that add up, what is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import stim
from scipy.stats import binom, chi2
from typer.testing import CliRunner

from counterpoint.base import BadInput, Job, Permit, Price, Shots, fold_in
from counterpoint.circuits.circuit import Circuit, Operation
from counterpoint.circuits.clifford import from_stim
from counterpoint.circuits.qasm import write
from counterpoint.circuits.trajectories import MOST, trajectories
from counterpoint.cli.main import app
from counterpoint.codes import surface
from counterpoint.codes.native import native
from counterpoint.codes.noise import SI1000, UniformDepolarizing
from counterpoint.codes.programs import PROGRAMS
from counterpoint.decoders import DECODERS
from counterpoint.machine.chip import willow
from counterpoint.machine.hardware import CHIPS, Noise
from counterpoint.machine.logical import LogicalMachine, needed
from counterpoint.machine.meter import CYCLE_SECONDS
from counterpoint.machine.operations import BASES, OPERATIONS, Bench, Measured
from counterpoint.machine.results import bits_of
from counterpoint.quops.estimate import binomial_interval

FALSE_ALARM = 1e-6
GOOD = 10**15  # shots without a failure: what is charged is below 4e-15
N = 1000  # shots of the other operations here
BELL = "R 0 1\nTICK\nH 0\nTICK\nCX 0 1\nTICK\nM 0 1"


def failing(operation: str, **patterns: int) -> Measured:
    """An operation with failures such as X0_M=30 in N shots."""
    faults = {tuple(sorted(name.split("_"))): k for name, k in patterns.items()}
    seen = {b: {f: k for f, k in faults.items() if _basis(operation, f) == b} for b in BASES}
    return Measured(operation, 3, seen, N)


def _basis(operation: str, fault: tuple[str, ...]) -> str:
    return next(b for b in BASES if set(fault) <= set(OPERATIONS[operation].meaning[b].values()))


def machine(*measured: Measured, magic: float = 0.0, distance: int = 3) -> LogicalMachine:
    """Operations as given, all others good."""
    good = {name: Measured(name, distance, {"Z": {}, "X": {}}, GOOD) for name in OPERATIONS}
    return LogicalMachine(distance, good | {one.operation: one for one in measured}, magic=magic)


def job(on: LogicalMachine, text: str, shots: int = 20_000, key: tuple[int, ...] = (3,)) -> Job:
    circuit = stim.Circuit(text)
    return Job(circuit, np.zeros((1, 0)), shots, on.cycles(circuit), "the action", key)


def values(on: LogicalMachine, text: str, shots: int = 20_000, key: tuple[int, ...] = (3,)) -> np.ndarray:
    """(shots, values) as the machine gives them."""
    task = job(on, text, shots, key)
    return shown(task.circuit, on.sample(task))


def shown(circuit: stim.Circuit, got: Shots) -> np.ndarray:
    """(shots, values) of the observables, or of every measurement."""
    if not circuit.num_observables:
        return bits_of(got, circuit.num_measurements)
    _, signs = circuit.reference_detector_and_observable_signs()
    return np.unpackbits(got.observables[0], axis=1, count=len(signs), bitorder="little") ^ signs


def agrees(count: int, shots: int, p: float) -> bool:
    """Whether a count is within the two-sided binomial bound."""
    tail = FALSE_ALARM / 2
    return binom.ppf(tail, shots, p) <= count <= binom.isf(tail, shots, p)


def alike(found: np.ndarray, expected: Mapping[int, float]) -> bool:
    """Whether outcomes (shots, bits) follow the exact distribution, by Pearson's test; none that cannot happen."""
    numbers = found.astype(int) @ (1 << np.arange(found.shape[1]))
    counts = {k: int(c) for k, c in zip(*np.unique(numbers, return_counts=True), strict=True)}
    if not counts.keys() <= expected.keys():
        return False
    statistic = sum((counts.get(k, 0) - len(found) * p) ** 2 / (len(found) * p) for k, p in expected.items())
    return len(expected) == 1 or statistic <= chi2.isf(FALSE_ALARM, len(expected) - 1)


# The state vector

H = np.array([[1, 1], [1, -1]]) / np.sqrt(2)
MATRICES = {
    "X": np.array([[0, 1], [1, 0]]),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1, -1]),
    "H": H,
    "S": np.diag([1, 1j]),
    "S_DAG": np.diag([1, -1j]),
    "S[T]": np.diag([1, np.exp(1j * np.pi / 4)]),
    "S_DAG[T]": np.diag([1, np.exp(-1j * np.pi / 4)]),
    "CX": np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]]),
    "CZ": np.diag([1, 1, 1, -1]),
}


def by_matrices(gates: list[tuple[str, tuple[int, ...]]], n: int) -> np.ndarray:
    """(2,) * n exact amplitudes, qubit 0 the first axis, from |0...0>."""
    state = np.zeros((2,) * n, complex)
    state[(0,) * n] = 1
    for name, qubits in gates:
        k = len(qubits)
        tensor = MATRICES[name].reshape((2,) * (2 * k))
        state = np.moveaxis(np.tensordot(tensor, state, (range(k, 2 * k), qubits)), range(k), qubits)
    return state


def random_gates(n: int, length: int, seed: int) -> list[tuple[str, tuple[int, ...]]]:
    rng = np.random.default_rng(seed)
    names = rng.choice(list(MATRICES), length)
    return [(g, tuple(rng.permutation(n)[: 2 if g in ("CX", "CZ") else 1].tolist())) for g in names]


@pytest.mark.parametrize("seed", range(6))
def test_trajectories_follow_the_matrices(seed):
    """Every outcome with its exact probability, by the gates' matrices."""
    n, gates = 4, random_gates(4, 40, seed)
    text = "\n".join(f"{name} {' '.join(map(str, qubits))}" for name, qubits in gates)
    found = trajectories(stim.Circuit(f"{text}\nM {' '.join(map(str, range(n)))}"), 20_000, (seed,))
    chances = np.abs(by_matrices(gates, n).transpose(range(n)[::-1]).ravel()) ** 2  # qubit 0 the lowest bit
    assert alike(found, {k: p for k, p in enumerate(chances) if p > 1e-12})


@pytest.mark.parametrize("seed", range(4))
def test_a_circuit_and_its_inverse_give_back_the_start(seed):
    gates = random_gates(5, 60, seed)
    inverse = {"S": "S_DAG", "S_DAG": "S", "S[T]": "S_DAG[T]", "S_DAG[T]": "S[T]"}
    there_and_back = [*gates, *((inverse.get(name, name), qubits) for name, qubits in reversed(gates))]
    text = "\n".join(f"{name} {' '.join(map(str, qubits))}" for name, qubits in there_and_back)
    assert not trajectories(stim.Circuit(f"{text}\nM 0 1 2 3 4"), 50, (seed,)).any()


def test_trajectories_sample_noisy_clifford_circuits_as_stim_does():
    """Joint outcomes of every instruction, against stim's own frequencies: two samples, Pearson's test."""
    text = """
        R 0
        RX 1 2
        CORRELATED_ERROR(0.2) X0 Z1 X3
        ELSE_CORRELATED_ERROR(0.3) Y1
        H 0
        S 1
        MPP !Z0*Z1*Z3
        R 3
        MPP X1*X2
        CZ 1 2
        CX 0 2
        MX !1
        RX 1
        S_DAG 0
        H 0
        M 0 !2
        MX 1
    """
    circuit, shots = stim.Circuit(text), 40_000
    ours = trajectories(circuit, shots, (1,), flag=3)
    theirs = circuit.compile_sampler(seed=1).sample(shots)
    weights = 1 << np.arange(circuit.num_measurements)
    a, b = (np.bincount(x @ weights, minlength=2 * weights[-1]) for x in (ours, theirs))
    both = a + b > 0
    statistic = ((a - b)[both] ** 2 / (a + b)[both]).sum()
    assert statistic <= chi2.isf(FALSE_ALARM, both.sum() - 1)


# Without noise

GHZ = "R 0 1 2\nTICK\nH 0\nTICK\nCX 0 1\nTICK\nCX 1 2\nTICK\nM 0 1 2"
MERGED = "RX 0 1\nTICK\nMZZ 0 1\nTICK\nM 0 1\nOBSERVABLE_INCLUDE(0) rec[-1] rec[-2] rec[-3]"
TELEPORTED = """
    RX 0
    R 1 2
    TICK
    MXX 1 2
    TICK
    MZZ 0 1
    TICK
    MX 0 1 2
    OBSERVABLE_INCLUDE(0) rec[-1] rec[-2] rec[-3] rec[-5]
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (BELL, {0: 0.5, 3: 0.5}),
        (GHZ, {0: 0.5, 7: 0.5}),
        (MERGED, {0: 1.0}),
        (TELEPORTED, {0: 1.0}),
        ("R 0\nX 0\nTICK\nM !0", {0: 1.0}),
        ("RX 0 1\nTICK\nCZ 0 1\nTICK\nH 1\nTICK\nM 0 1", {0: 0.5, 3: 0.5}),
        ("RX 0\nTICK\nS 0\nTICK\nS 0\nTICK\nMX 0", {1: 1.0}),
        ("RX 0\nTICK\n" + 4 * "S[T] 0\nTICK\n" + "MX 0", {1: 1.0}),
        ("RX 0\nTICK\nS[T] 0\nTICK\nMX 0", {0: np.cos(np.pi / 8) ** 2, 1: np.sin(np.pi / 8) ** 2}),
        ("RX 0\nTICK\nS[T] 0\nTICK\nS_DAG[T] 0\nTICK\nMX 0", {0: 1.0}),
        ("RX 0\nTICK\nREPEAT 8 {\nS[T] 0\nTICK\n}\nMX 0", {0: 1.0}),
    ],
)
def test_without_errors_the_outcomes_are_those_of_the_circuit(text, expected):
    on = machine()
    assert alike(values(on, text), expected)
    task = job(on, text)
    assert alike(shown(task.circuit, on.ideal(task)), expected)


def test_twelve_qubits_with_t():
    line = " ".join(map(str, range(12)))
    text = f"RX {line}\nTICK\nS[T] {line}\nTICK\nS[T] {line}\nTICK\nS {line}\nTICK\nMX {line}"
    assert values(machine(), text, 40).all()


def test_detectors_and_observables_are_given_where_the_circuit_has_them():
    on = machine()
    got = on.sample(job(on, BELL + "\nDETECTOR rec[-1] rec[-2]\nOBSERVABLE_INCLUDE(0) rec[-1]", 200))
    assert got.detection_events.shape == (1, 200, 1)
    assert not got.detection_events.any()
    assert 0 < got.observables.mean() < 1


# Circuits without layers


def test_a_circuit_without_layers_or_preparations_is_laid_out():
    """As one would by hand: the same account; and the record is that of the circuit as it was given."""
    on, laid = machine(magic=0.01), stim.Circuit("R 0 1\nTICK\nH 0\nTICK\nCX 0 1\nTICK\nS[T] 0\nM 1\nTICK\nM 0")
    given = stim.Circuit("H 0\nCX 0 1\nS[T] 0\nM 0 1")
    text = write(from_stim(given))
    assert on.account(given) == on.account(text) == on.account(laid)
    assert on.cycles(given) == on.cycles(text) == on.cycles(laid)
    assert needed(text) == needed(given) == needed(laid)
    found = values(on, "X 0\nCX 0 1\nX 1\nS[T] 0\nM 0 1\nX 2\nM !2", 100)
    assert (found == [True, False, False]).all()
    found = values(on, "X 0\nCX 0 1\nX 1\nS[T] 0\nM 0 1\nOBSERVABLE_INCLUDE(1) rec[-2]", 100)
    assert (found == [0, 1]).all()


@pytest.mark.parametrize("p", [0.0, 0.02])
def test_openqasm_gives_its_bits(p):
    """Read last first, one bit written twice and one never; T by the state vector, and the errors of each gate."""
    operations = (
        Operation("ry", (2,), (np.pi,)),
        Operation("h", (0,)),
        Operation("cx", (0, 1)),
        Operation("t", (0,)),
        Operation("cp", (0, 1), (np.pi,)),
        Operation("measure", (2,), bit=3),
        Operation("measure", (1,), bit=1),
        Operation("measure", (0,), bit=3),
    )
    on = machine(magic=p)
    task = Job(write(Circuit(3, 4, operations)), np.zeros((1, 0)), 2_000, 1, "a", (1,))
    found = bits_of(on.sample(task), 4)
    assert not found[:, [0, 2]].any()
    assert (found[:, 1] == found[:, 3]).all()
    assert agrees(int(found[:, 1].sum()), 2_000, 0.5)
    assert on.price(task).cycles == 2_000 * on.cycles(task.circuit)


def test_openqasm_beyond_clifford_and_t_is_refused():
    for gate in (Operation("rz", (0,), (0.3,)), Operation("ccx", (0, 1, 2))):
        with pytest.raises(BadInput, match=f"'{gate.name}.*' is no Clifford gate"):
            machine().cycles(write(Circuit(3, 1, (gate, Operation("measure", (0,), bit=0)))))


def test_openqasm_that_depends_on_a_result_is_refused_with_a_way_out():
    read, flip = Operation("measure", (0,), bit=0), Operation("x", (1,), condition=(0, 1))
    task = Job(write(Circuit(2, 2, (read, flip, replace(read, bit=1)))), np.zeros((1, 0)), 10, 1, "a", (1,))
    for refuses in (machine().price, machine().sample):
        with pytest.raises(BadInput, match=r"'x' depends on bit 0.* such as ideal, aer or a chip"):
            refuses(task)
    never = write(Circuit(2, 1, (flip, read)))  # the bit is 0 all along
    assert machine().cycles(never) == machine().cycles(write(Circuit(2, 1, (read,))))


# With one error of known size

P = 0.1
TWICE = 2 * P * (1 - P)
ONCE = 100  # failures in N shots


@pytest.mark.parametrize("tail", ["", "\nTICK\nR 9\nTICK\nS[T] 9"])  # by stim, and by state vectors
@pytest.mark.parametrize(
    ("fails", "text", "p"),
    [
        (failing("hold", X0=ONCE), "R 0\nTICK\nM 0", TWICE),
        (failing("hold", Z0=ONCE), "R 0\nTICK\nM 0", 0),
        (failing("hold", Z0=ONCE), "RX 0\nTICK\nMX 0", TWICE),
        (failing("hadamard", Z0=ONCE), "R 0\nTICK\nH 0\nTICK\nMX 0", P),
        (failing("hadamard", X0=ONCE), "R 0\nTICK\nH 0\nTICK\nMX 0", 0),
        (failing("cnot", X1=ONCE), "R 0 1\nTICK\nCX 0 1\nTICK\nM 0 1\nOBSERVABLE_INCLUDE(0) rec[-1]", P),
        (failing("cnot", X0_X1=ONCE), "R 0 1\nTICK\nCX 0 1\nTICK\nM 0 1\nOBSERVABLE_INCLUDE(0) rec[-1] rec[-2]", 0),
        (failing("merge-zz", M=ONCE), "R 0 1\nTICK\nMZZ 0 1\nTICK\nM 0 1\nOBSERVABLE_INCLUDE(0) rec[-3]", P),
        (failing("merge-zz", M=ONCE), "R 0 1\nTICK\nMZZ 0 1\nTICK\nM 0 1\nOBSERVABLE_INCLUDE(0) rec[-1]", 0),
        (failing("merge-zz", X1=ONCE), "R 0 1\nTICK\nMZZ 0 1\nTICK\nM 0 1\nOBSERVABLE_INCLUDE(0) rec[-3]", 0),
        (failing("merge-zz", X1=ONCE), "R 0 1\nTICK\nMZZ 0 1\nTICK\nM 0 1\nOBSERVABLE_INCLUDE(0) rec[-1]", P),
        (failing("merge-zz", Z0=ONCE), "RX 0 1\nTICK\nMZZ 0 1\nTICK\nMX 0 1\nOBSERVABLE_INCLUDE(0) rec[-1] rec[-2]", P),
        (failing("merge-xx", M_Z0=ONCE), "RX 0 1\nTICK\nMXX 0 1\nTICK\nMX 0 1\nOBSERVABLE_INCLUDE(0) rec[-2]", P),
        (failing("merge-xx", M_Z0=ONCE), "RX 0 1\nTICK\nMXX 0 1\nTICK\nMX 0 1\nOBSERVABLE_INCLUDE(0) rec[-3]", P),
        (failing("merge-zz", M=ONCE), "RX 0\nTICK\nS 0\nTICK\nS_DAG 0\nTICK\nMX 0", TWICE),
        (failing("merge-zz", X1=ONCE), "RX 0\nTICK\nS 0\nTICK\nS_DAG 0\nTICK\nMX 0", 0),
        (failing("merge-zz", M_X1=ONCE), "RX 0\nTICK\nS 0\nTICK\nS_DAG 0\nTICK\nMX 0", TWICE),
    ],
)
def test_an_error_shows_with_its_probability(fails, text, p, tail):
    if tail and "OBSERVABLE" not in text:
        text += "\nOBSERVABLE_INCLUDE(0) rec[-1]"
    on = machine(fails)
    found = values(on, text + tail, shots := 10_000)
    assert agrees(int(found.sum()), shots, p)


@pytest.mark.parametrize("tail", ["", "\nTICK\nR 9\nTICK\nS[T] 9"])
def test_faults_of_one_basis_exclude_one_another(tail):
    on = machine(failing("cnot", X0=100, X1=200, X0_X1=400))
    found = values(on, "R 0 1\nTICK\nCX 0 1\nTICK\nM 0 1" + tail)
    assert alike(found, {0: 0.3, 1: 0.1, 2: 0.2, 3: 0.4})


T_TWICE = "RX 0\nTICK\nS[T] 0\nTICK\nS_DAG[T] 0\nTICK\nMX 0"


@pytest.mark.parametrize(
    ("on", "flip"),
    [
        (machine(magic=P), P),
        (machine(failing("hold", Z0=ONCE)), P / 2),
        # A wrong parity leaves Z in half of the cases; the correction, which half of the cases need, turns it into Z.
        (machine(failing("merge-zz", M=ONCE)), P / 2 * (1 - P / 2) + (1 - P / 2) * P / 2),
        (machine(failing("merge-zz", Z0=ONCE)), P * (1 - P / 2) + (1 - P) * P / 2),
    ],
)
def test_t_errs_as_stated(on, flip):
    """Two T undo each other; each flips X with probability `flip`, and R and M, where holding errs, with P."""
    held = P if on.measured["hold"].failures else 0.0
    unbiased = (1 - 2 * flip) ** 2 * (1 - 2 * held) ** 2
    found = values(on, T_TWICE, shots := 20_000)
    assert agrees(int(found.sum()), shots, (1 - unbiased) / 2)


# Charges


def test_layers_are_charged_as_they_last():
    """CX takes four steps, H two; who has less to do holds, and nobody who is not there."""
    on = machine()
    charged = on.account(stim.Circuit("R 0 1 2\nTICK\nCX 0 1\nH 2\nTICK\nX 0\nTICK\nM 0 1 2"))
    assert {one.operation: one.count for one in charged.charges} == {"hold": 3 + 2 + 3, "cnot": 1, "hadamard": 1}
    assert (charged.steps, charged.cycles) == (1 + 4 + 1, 18)
    charged = on.account(stim.Circuit("R 0\nTICK\nS[T] 0\nTICK\nM 0\nTICK\nR 1\nTICK\nM 1"))
    assert {one.operation: one.count for one in charged.charges} == {"hold": 4.5, "merge-zz": 1.5}
    assert charged.steps == 1 + 2 + 1 + 1 + 1


def test_charges_add_up():
    on = machine(failing("hold", X0=10, Z0=20), failing("hadamard", X0=50), failing("cnot", X0=3), magic=0.01)
    circuit = stim.Circuit(BELL + "\nTICK\nRX 2\nTICK\nS[T] 2\nTICK\nMX 2")
    charged = on.account(circuit)
    assert sum(charged.share(one) for one in charged.charges) == pytest.approx(1)
    assert charged.expected == pytest.approx(sum(one.count * one.charged for one in charged.charges))
    by = {one.operation: one for one in charged.charges}
    assert by["hold"].charged == pytest.approx(30 / N)
    assert by["hold"].quops.value == pytest.approx(N / 30)
    low, high = binomial_interval(30, 2 * N)
    assert (by["hold"].error.low, by["hold"].error.high) == pytest.approx((2 * low, 2 * high))
    assert by["magic"].failures is None
    none_fails = np.prod([(1 - one.charged) ** one.count for one in charged.charges])
    assert charged.success.value == pytest.approx(none_fails)
    assert charged.success.low < charged.success.value < charged.success.high


def test_the_charge_bounds_what_goes_wrong():
    """A Bell pair's parity: wrong no more often than one minus the success that is charged."""
    on = machine(failing("hold", X0=10, Z0=20), failing("hadamard", X0=50), failing("cnot", X0=30, X1=20))
    found = values(on, BELL, shots := 20_000)
    wrong = int((found[:, 0] != found[:, 1]).sum())
    assert wrong <= binom.isf(FALSE_ALARM, shots, 1 - on.account(stim.Circuit(BELL)).success.value)


def test_no_failure_is_charged_at_its_bound():
    seen = Measured("merge-zz", 3, {"Z": {}, "X": {}}, N)
    assert seen.bounded
    assert seen.charged == pytest.approx(2 * binomial_interval(0, 2 * N)[1])
    assert sum(sum(chances.values()) for chances in seen.faults) == pytest.approx(seen.charged)
    (one,) = (c for c in machine(seen).account(stim.Circuit(MERGED)).charges if c.operation == "merge-zz")
    assert one.charged == one.error.high
    assert one.quops.value is None
    assert one.quops.low == pytest.approx(1 / seen.charged)


# Measuring


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_observable_of_an_operation_has_a_meaning(name):
    for basis in BASES:
        meaning = OPERATIONS[name].meaning[basis]
        for one in PROGRAMS[OPERATIONS[name].program](basis).compile(3).observables:
            assert sum(term in meaning for term in one.terms) >= 1


@pytest.mark.parametrize("name", OPERATIONS)
def test_without_noise_no_operation_fails(name):
    found = Bench(3, Noise("none", SI1000(0)), DECODERS["matching"]).measure([name], failures=1, shots=100, key=(1,))[
        name
    ]
    assert (found.failures, found.shots, found.bounded) == (0, 100, True)


def test_a_decoder_that_does_nothing_fails_as_often_as_observables_flip_and_a_real_one_less():
    """Exact: each independent error that flips the observable multiplies its mean parity by 1 - 2 p."""
    noise, shots = UniformDepolarizing(2e-3), 20_000
    hardware = Noise("uniform", noise)
    found, decoded = (
        Bench(3, hardware, DECODERS[name]).measure(["hold"], failures=10**9, shots=shots, key=(1,))["hold"]
        for name in ("vacuous", "matching")
    )
    for basis in BASES:
        model = noise.noisy(native(PROGRAMS["idle"](basis).circuit(3))).detector_error_model().flattened()
        left = [1 - 2 * e.args_copy()[0] for e in model if any(t.is_logical_observable_id() for t in e.targets_copy())]
        flips = (1 - np.prod(left)) / 2
        assert agrees(sum(found.seen[basis].values()), shots, flips)
        assert sum(decoded.seen[basis].values()) < binom.ppf(FALSE_ALARM, shots, flips)


def test_measuring_ends_with_enough_failures_and_repeats():
    bench = Bench(3, Noise("uniform", UniformDepolarizing(5e-3)), DECODERS["correlated"])
    few = bench.measure(["hold"], failures=20, shots=10**9, key=(1,))["hold"]
    assert few.failures >= 20
    assert few == bench.measure(["hold", "merge-zz"], failures=20, shots=10**9, key=(1,))["hold"]
    assert few != bench.measure(["hold"], failures=20, shots=10**9, key=(2,))["hold"]


def test_willow_as_hardware_is_the_chip_and_its_strays_are_kept_from_the_decoder():
    chip = willow(3, key=(1,), drift="none", epoch_seconds=1.0)
    noisy, known = CHIPS["willow"].run(surface.memory(3, 3), fold_in((1,), "willow"))
    assert known == chip.error_model(surface.memory(3, 3))
    assert noisy.detector_error_model(decompose_errors=True) != known


# Permits, price and what is refused


def test_a_permit_covers_the_price_and_is_spent_once():
    on = machine()
    task = job(on, BELL, 100)
    cycles = 3 * (1 + 2 + 4 + 1)
    assert on.price(task) == Price(100 * cycles, 100, 100 * cycles * CYCLE_SECONDS)
    with pytest.raises(BadInput, match="for action another"):
        on.run(task, Permit("another", on.price(task), 1, "a"))
    with pytest.raises(BadInput, match="needs 2400 cycles and its permit allows 2399"):
        on.run(task, Permit(task.action, Price(2399, 100, 1.0), 1, "b"))
    permit = Permit(task.action, on.price(task), 1, "d")
    first = on.run(task, permit)
    assert on.clock == pytest.approx(2400 * CYCLE_SECONDS) == first.seconds
    with pytest.raises(BadInput, match="ledger entry 1 was used before"):
        on.run(task, permit)
    again = on.run(task, Permit(task.action, on.price(task), 2, "e"))
    assert (again.observables == first.observables).all()
    on.resume(5.0)
    assert on.clock == 5.0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("R 0\nTICK\nSWAP 0 1\nTICK\nM 0", "'SWAP 0 1', and logical qubits have R, RX"),
        ("R 0\nTICK\nH[T] 0\nTICK\nM 0", r"'H\[T\] 0', and"),
        ("R 0\nTICK\nDEPOLARIZE1(0.1) 0\nTICK\nM 0", "noise already, 'DEPOLARIZE1"),
        ("R 0\nTICK\nM(0.1) 0", "noise already, 'M"),
        ("R 0\nTICK\nM 1", "uses logical qubit 1, which was measured or never prepared"),
        ("R 0\nTICK\nM 0\nTICK\nM 0", "uses logical qubit 0, which was measured"),
        ("R 0\nH 0\nTICK\nM 0", "qubit 0 for the 2nd time in one layer, and 1"),
        ("R 0 1\nTICK\nM 0\nTICK\nCX rec[-1] 1\nTICK\nM 1", "depends on a result"),
        ("R 0\nTICK\nH 0", "0 measurements"),
        (
            f"R {' '.join(map(str, range(13)))}\nTICK\nS[T] 0\nTICK\nM {' '.join(map(str, range(13)))}",
            f"T gates, rotations or conditions on 13 qubits and its shots are followed exactly up to {MOST}",
        ),
    ],
)
def test_circuits_that_cannot_be_run_are_refused(text, told):
    with pytest.raises(BadInput, match=told):
        values(machine(), text, 10)


def test_other_bad_input():
    on = machine()
    task = job(on, BELL)
    with pytest.raises(BadInput, match="controls of shape"):
        on.sample(Job(task.circuit, np.zeros((1, 2)), 10, 24, "a", (1,)))
    with pytest.raises(BadInput, match="needs 'hadamard' and 1 other"):
        LogicalMachine(3, {"hold": on.measured["hold"]}, magic=0).sample(task)
    with pytest.raises(BadInput, match=r"error of 0\.7 was given for a magic state"):
        machine(magic=0.7)
    with pytest.raises(BadInput, match="'hold' was measured at distance 3 and the machine has distance 5"):
        LogicalMachine(5, on.measured, magic=0.0)
    bench = Bench(3, Noise("si1000", SI1000(1e-3)), DECODERS["matching"])
    with pytest.raises(BadInput, match="'swap' is not known: measure one of hold"):
        bench.measure(["swap"], failures=1, shots=1, key=(1,))
    with pytest.raises(BadInput, match="0 failures in at most 1 shots"):
        bench.measure(["hold"], failures=0, shots=1, key=(1,))
    with pytest.raises(BadInput, match="distance 4"):
        Bench(4, Noise("si1000", SI1000(1e-3)), DECODERS["matching"]).measure(["hold"], failures=1, shots=1, key=(1,))


def test_the_price_is_of_the_machines_own_cycles():
    """A job that was not made for it has 1: it runs all the same."""
    on = machine()
    task = job(on, BELL, 10)
    one = Job(task.circuit, task.controls, 10, 1, "a", (3,))
    assert on.price(one) == on.price(task)
    assert on.price(one).cycles == 10 * 24
    assert (on.sample(one).measurements == on.sample(task).measurements).all()


def test_only_what_a_circuit_needs_is_measured():
    assert needed(stim.Circuit("R 0\nTICK\nS 0\nTICK\nMX 0")) == ["hold", "merge-zz"]


# The verb


def test_the_verb_prints_the_account_and_the_outcomes(tmp_path: Path) -> None:
    file = tmp_path / "bell.stim"
    file.write_text(BELL.replace("M 0 1", "S[T] 0\nTICK\nM 0 1"))
    words = ["logical", str(file), "--failures", "20", "--shots", "500", "--p", "2e-3"]
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 0, shown.output
    for told in ("hold", "cnot", "QuOps", "Assumed, not measured", "without noise"):
        assert told in shown.output
    plain = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert sum(plain["outcomes"].values()) == sum(plain["ideal"].values()) == 500
    assert plain["ideal"].keys() == {"00", "11"}
    assert plain["magic"] == 2e-3
    assert sum(one["share"] for one in plain["charges"]) == pytest.approx(1)


def test_a_chip_has_noise_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "one.stim"
    file.write_text("R 0\nTICK\nM 0")
    found = CliRunner().invoke(app, ["logical", str(file), "--chip", "willow", "--p", "0.1"])
    assert isinstance(found.exception, BadInput)
    assert "--chip willow has errors of its own, and --p 0.1 was given, too" in str(found.exception)
    done = CliRunner().invoke(app, ["logical", str(file), "--chip", "willow", "--failures", "5", "--json"])
    assert json.loads(done.stdout)["steps"] == 2
