"""Braket's simulators and devices: exact states, noise in closed form, what is refused, and what is sent to AWS."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import stim
from scipy.stats import binom, chi2

from counterpoint.base import BadInput, Job, Permit, Price, Shots
from counterpoint.circuits import qasm
from counterpoint.circuits.circuit import GATES, Circuit, Operation as Op
from counterpoint.circuits.matrices import MATRICES
from counterpoint.circuits.state import probabilities
from counterpoint.machine.general import GeneralMachine
from counterpoint.machine.results import bits_of
from counterpoint.machine.vendors.braket import Depolarising, local
from counterpoint.machine.vendors.braket_programs import braket_circuit

FALSE_ALARM = 1e-6
BELL = Circuit(2, 2, (Op("h", (0,)), Op("cx", (0, 1)), Op("measure", (0,), bit=0), Op("measure", (1,), bit=1)))
NOISE = Depolarising(one=0.03, two=0.06, readout=0.1)


def job(circuit: Circuit | stim.Circuit, shots: int = 20_000, key: tuple[int, ...] = (3,)) -> Job:
    program = qasm.write(circuit) if isinstance(circuit, Circuit) else circuit
    return Job(program, np.zeros((1, 0)), shots, 1, "the action", key)


def measured(*ops: Op, qubits: int, bits: int | None = None) -> Circuit:
    """With a measurement of each qubit at the end where no bits are said."""
    ends = () if bits is not None else tuple(Op("measure", (q,), bit=q) for q in range(qubits))
    return Circuit(qubits, qubits if bits is None else bits, (*ops, *ends))


def counts(on: GeneralMachine, circuit: Circuit | stim.Circuit, width: int, shots: int = 20_000) -> np.ndarray:
    """(2^width,) how often each number came, bit 0 the lowest."""
    numbers = bits_of(on.sample(job(circuit, shots)), width) @ (1 << np.arange(width))
    return np.bincount(numbers, minlength=1 << width)


def alike(found: np.ndarray, expected: np.ndarray) -> bool:
    """Whether counts follow the exact distribution, by Pearson's test; none that cannot happen."""
    can = expected > 1e-12
    n, k = found.sum(), int(can.sum()) - 1
    statistic = float(((found[can] - n * expected[can]) ** 2 / (n * expected[can])).sum())
    return not found[~can].any() and (k == 0 or statistic < chi2.isf(FALSE_ALARM, k))


def agrees(count: int, shots: int, p: float) -> bool:
    """Whether a count is within the two-sided binomial bound."""
    tail = FALSE_ALARM / 2
    return binom.ppf(tail, shots, p) <= count <= binom.isf(tail, shots, p)


def test_gates_are_brakets_up_to_a_phase() -> None:
    for name, (qubits, parameters) in GATES.items():
        if name == "id":
            continue
        angles = (0.3, -1.1, 2.2, 0.7)[:parameters]
        # Braket's first qubit is the highest bit of the index; ours is the lowest.
        order = tuple(reversed(range(qubits)))
        found = braket_circuit(Circuit(qubits, 0, (Op(name, order, angles),))).to_unitary()
        overlap = np.trace(found.conj().T @ MATRICES[name](*angles)) / 2**qubits
        assert abs(overlap) == pytest.approx(1, abs=1e-9), name


@pytest.mark.parametrize("device", ["braket_sv", "braket_dm"])
def test_every_gate_runs_on_both(device: str) -> None:
    on = local(device, None if device == "braket_sv" else Depolarising(0, 0, 0))
    for name, (qubits, parameters) in GATES.items():
        spread = [Op("ry", (q,), (0.4 + q,)) for q in range(qubits)]
        back = [Op("rx", (q,), (0.9 - q,)) for q in range(qubits)]
        gate = Op(name, tuple(range(qubits)), (0.3, -1.1, 2.2, 0.7)[:parameters])
        circuit = measured(*spread, gate, *back, qubits=qubits)
        assert alike(counts(on, circuit, qubits, 2000), probabilities(circuit, range(qubits))), name


def test_bits_are_in_their_places() -> None:
    ops = (Op("x", (2,)), Op("measure", (2,), bit=4), Op("measure", (0,), bit=1))
    for on in (local(), local("braket_dm", Depolarising(0, 0, 0))):
        assert counts(on, Circuit(3, 6, ops), 6, 100)[0b010000] == 100
        assert counts(on, Circuit(3, 6, (Op("x", (2,)),)), 6, 100)[0] == 100
    bell = "R 0 1\nH 0\nCX 0 1\nX 1\nM 0 1"
    assert alike(counts(local(), stim.Circuit(bell), 2), np.array([0, 0.5, 0.5, 0]))
    flips = local().sample(job(stim.Circuit(bell + "\nDETECTOR rec[-1] rec[-2]\nOBSERVABLE_INCLUDE(0) rec[-1]")))
    assert not flips.detection_events.any()
    assert agrees(int(flips.observables.sum()), 20_000, 1 / 2)


def test_the_state_vector_depends_on_results() -> None:
    """Teleportation of a state that is 1 with sin^2(0.4); the qubit that held it is reset and measured again."""
    ops = (
        *(Op("ry", (0,), (0.8,)), Op("h", (1,)), Op("cx", (1, 2)), Op("cx", (0, 1)), Op("h", (0,))),
        *(Op("measure", (0,), bit=0), Op("measure", (1,), bit=1)),
        *(Op("x", (2,), condition=(1, 1)), Op("z", (2,), condition=(0, 1)), Op("reset", (0,))),
        *(Op("measure", (0,), bit=3), Op("measure", (2,), bit=2)),
    )
    p = np.sin(0.4) ** 2
    expected = np.concatenate([np.full(4, (1 - p) / 4), np.full(4, p / 4), np.zeros(8)])
    assert alike(counts(local(), Circuit(3, 4, ops), 4), expected)


def test_noise_is_as_stated() -> None:
    on = local("braket_dm", NOISE)
    flip = 2 / 3 * NOISE.one  # a depolarising error flips with X and Y
    once = flip * (1 - NOISE.readout) + (1 - flip) * NOISE.readout
    assert alike(counts(on, measured(Op("x", (0,)), qubits=1), 1), np.array([once, 1 - once]))
    assert alike(counts(on, measured(qubits=1), 1), np.array([1 - NOISE.readout, NOISE.readout]))
    # Four of the fifteen errors are in each class of flips, but three in that of none.
    pair = np.array([1 - 12 / 15 * NOISE.two, *[4 / 15 * NOISE.two] * 3])
    one = np.array([[1 - NOISE.readout, NOISE.readout], [NOISE.readout, 1 - NOISE.readout]])
    assert alike(counts(on, measured(Op("cz", (0, 1)), qubits=2), 2), np.kron(one, one) @ pair)


def test_same_key_same_shots() -> None:
    ops = (Op("h", (0,)), Op("measure", (0,), bit=0), Op("h", (0,)), Op("measure", (0,), bit=1))
    for on, circuit in ((local(), BELL), (local(), Circuit(1, 2, ops)), (local("braket_dm"), BELL)):
        first, again, other = (on.sample(job(circuit, key=key)).measurements for key in ((1,), (1,), (2,)))
        assert np.array_equal(first, again)
        assert not np.array_equal(first, other)


def test_nothing_is_said_and_no_global_state_is_touched(capfd: pytest.CaptureFixture[str]) -> None:
    state = np.random.get_state()[1].copy()
    conditional = (
        Op("h", (0,)),
        Op("measure", (0,), bit=0),
        Op("x", (1,), condition=(0, 1)),
        Op("measure", (1,), bit=1),
    )
    local().sample(job(Circuit(2, 2, conditional), 10))
    assert capfd.readouterr() == ("", "")
    assert np.array_equal(state, np.random.get_state()[1])


def test_a_permit_is_spent() -> None:
    on, task = local(), job(BELL, 100)
    assert on.price(task) == Price(cycles=100, shots=100)
    assert isinstance(on.run(task, Permit("the action", on.price(task), 1, "a digest")), Shots)
    with pytest.raises(BadInput, match="used before"):
        on.run(task, Permit("the action", on.price(task), 1, "a digest"))


def test_names_say_the_noise() -> None:
    assert local().name == "braket_sv"
    assert local("braket_dm").name == "braket_dm (0.001, 0.01, readout 0.02)"


def test_bad_input(monkeypatch: pytest.MonkeyPatch) -> None:
    conditional = (Op("measure", (0,), bit=0), Op("x", (0,), condition=(0, 1)), Op("measure", (0,), bit=0))
    with pytest.raises(BadInput, match="27 qubits was given and braket_sv has 26"):
        local().sample(job(measured(qubits=27)))
    with pytest.raises(BadInput, match=r"14 qubits was given and braket_dm .* has 13"):
        local("braket_dm").sample(job(measured(qubits=14)))
    with pytest.raises(BadInput, match="depends on what it measures"):
        local("braket_dm").sample(job(Circuit(1, 1, conditional)))
    with pytest.raises(BadInput, match="'measure' of qubit 0 depends on bit 0"):
        local().sample(job(Circuit(1, 2, (conditional[0], Op("measure", (0,), bit=1, condition=(0, 1))))))
    with pytest.raises(BadInput, match="'braket_xx' is not known: give one of braket_sv, braket_dm"):
        local("braket_xx")
    with pytest.raises(BadInput, match=r"noise .* was given to braket_sv"):
        local("braket_sv", NOISE)
    with pytest.raises(BadInput, match=r"'two' is 0\.95: give a number from 0 to 0\.9375"):
        Depolarising(two=0.95)
    with pytest.raises(BadInput, match="0 shots"):
        local().sample(job(BELL, 0))
    monkeypatch.setitem(sys.modules, "braket.default_simulator", None)
    with pytest.raises(BadInput, match=r"pip install amazon-braket-sdk"):
        local()
