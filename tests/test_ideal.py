"""Machines without errors: exact chances whichever way a circuit is run, the same key, permits, what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import pi

import numpy as np
import pytest
import stim
from chances import ALL, CLIFFORD, alike, chances, random_circuit, random_dynamic

from counterpoint.base import BadInput, Job, Permit, Price, Program
from counterpoint.circuits import tags
from counterpoint.circuits.circuit import Circuit, Operation
from counterpoint.circuits.matrices import MATRICES
from counterpoint.circuits.qasm import write
from counterpoint.circuits.state import probabilities
from counterpoint.circuits.tagged import tagged
from counterpoint.codes import surface
from counterpoint.machine import builds
from counterpoint.machine.chip import SimulatedChip
from counterpoint.machine.drift import parse
from counterpoint.machine.general import GeneralMachine
from counterpoint.machine.ideal import ideal
from counterpoint.machine.knobs import NO_KNOBS
from counterpoint.machine.meter import CYCLE_SECONDS
from counterpoint.machine.results import bits_of
from counterpoint.machine.vendors.aer import aer
from counterpoint.machine.vendors.braket import local


def job(circuit: Program, shots: int = 10_000, key: tuple[int, ...] = (1,)) -> Job:
    return Job(circuit, np.zeros((1, 0)), shots, 1, "the action", key)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("names", [CLIFFORD, ALL])
@pytest.mark.parametrize("again", [False, True])  # with a measurement that something comes after
def test_outcomes_have_the_exact_chances(names, seed, again):
    """By stim, by the state vector and by trajectories."""
    circuit = random_circuit(4, 40, seed, names)
    if again:
        extra = Operation("measure", (0,), bit=0), Operation("x", (0,), condition=(0, 1))
        circuit = Circuit(5, 4, (*(Operation("h", (4,)), Operation("reset", (4,))), *circuit.operations, *extra))
    assert tags.plain(tagged(circuit).circuit) == (names == CLIFFORD)
    assert circuit.depends_on_results == again
    plain = random_circuit(4, 40, seed, names)
    found = bits_of(ideal().sample(job(write(circuit))), 4)
    assert alike(found, probabilities(plain, range(4)))


@pytest.fixture(scope="module")
def machines() -> tuple[GeneralMachine | SimulatedChip, ...]:
    """Every simulator of general circuits, without errors."""
    circuit = surface.memory(3, 3)
    device = builds.willow(circuit, (1,))
    none = replace(device, floor=np.zeros_like(device.floor), response=np.zeros_like(device.response))
    return ideal(), aer(), local(), SimulatedChip(none, circuit, key=(1,), drift=parse("none"), epoch_seconds=1.0)


def on_each(machines: tuple[GeneralMachine | SimulatedChip, ...], circuit: Circuit, shots: int) -> Iterator[np.ndarray]:
    """(shots, bits) of each."""
    for on in machines:
        yield bits_of(on.sample(Job(write(circuit), on.space.start[None], shots, 1, "a", (5,))), circuit.bits)


@pytest.mark.parametrize("seed", range(12))
def test_what_depends_on_results_has_the_exact_chances_on_every_simulator(machines, seed):
    circuit = random_dynamic(3, 3, 16, seed)
    for found in on_each(machines, circuit, 2_000):
        assert alike(found, chances(circuit))


def test_resetting_half_of_a_pair_leaves_the_other_half_mixed(machines):
    pair = (Operation("h", (0,)), Operation("cx", (0, 1)), Operation("reset", (1,)), Operation("h", (0,)))
    circuit = Circuit(2, 2, (*pair, *(Operation("measure", (q,), bit=q) for q in (0, 1))))
    for found in on_each(machines, circuit, 500):
        assert alike(found, np.array([0.5, 0.5, 0, 0]))


def test_a_bit_that_nothing_has_written_is_0(machines):
    never, always = (Operation("x", (q,), condition=(2, value)) for q, value in ((0, 1), (1, 0)))
    late = Operation("measure", (2,), bit=2), Operation("x", (2,), condition=(2, 0)), Operation("measure", (2,), bit=2)
    circuit = Circuit(3, 3, (never, always, *late, *(Operation("measure", (q,), bit=q) for q in (0, 1))))
    for found in on_each(machines, circuit, 50):
        assert (found == [False, True, True]).all()


def test_barriers_and_resets_use_no_qubit(machines):
    idle = Operation("reset", (0,)), Operation("barrier", (0, 2)), Operation("barrier", (0, 1, 2))
    circuit = Circuit(
        3, 1, (*idle, Operation("x", (1,)), Operation("barrier", (2,)), Operation("measure", (1,), bit=0))
    )
    for found in on_each(machines, circuit, 50):
        assert found.all()


def test_qubits_that_are_not_used_are_not_counted():
    """24 and 12 are the most that are used; so many more are declared, reset and in a barrier."""
    fence = Operation("barrier", tuple(range(40))), *(Operation("reset", (q,)) for q in range(30, 40))
    turned = (Operation("ry", (39,), (pi,)), Operation("rx", (20,), (pi / 3,)), *fence[:1])
    read = Operation("measure", (39,), bit=1), Operation("measure", (20,), bit=0)
    for after in ((), (Operation("h", (20,)), Operation("measure", (20,), bit=2))):
        found = bits_of(ideal().sample(job(write(Circuit(40, 3, (*fence, *turned, *read, *after))), 500)), 3)
        assert alike(found[:, [0]], np.array([0.75, 0.25]))
        assert found[:, 1].all()


def test_a_small_angle_is_no_clifford_gate():
    assert not tags.plain(tagged(Circuit(1, 0, (Operation("rx", (0,), (1e-6,)),))).circuit)
    assert tags.gate(np.exp(0.3j) * MATRICES["rx"](pi / 2)) == ("SQRT_X", "")


def test_a_bit_holds_what_was_written_last():
    half = Operation("ry", (0,), (pi / 2,))
    flip = Operation("rx", (1,), (pi,))
    writes = (
        Operation("measure", (0,), bit=3),
        Operation("measure", (1,), bit=3),
        Operation("measure", (2,), bit=0),
    )
    for gates in ((half, flip), (half, flip, Operation("t", (0,)))):
        found = bits_of(ideal().sample(job(write(Circuit(3, 5, (*gates, *writes))), 100)), 5)
        assert (found == [False, False, False, True, False]).all()


def test_stim_circuits_give_their_record_or_what_they_annotate():
    on = ideal()
    got = on.sample(job(stim.Circuit("H 0\nCX 0 1\nM 0 !1"), 500))
    found = bits_of(got, 2)
    assert (found[:, 0] != found[:, 1]).all()
    assert 0 < found[:, 0].sum() < 500
    assert got.detection_events.shape == got.observables.shape == (1, 500, 0)
    got = on.sample(job(surface.memory(3, 3), 200))
    assert got.detection_events.shape == (1, 200, 3)
    assert not got.detection_events.any()
    assert not got.observables.any()
    assert got.measurements.shape == (1, 200, 0)


def test_t_in_a_stim_circuit_is_a_gate():
    eight = "RX 0\n" + "S[T] 0\n" * 3 + "S_DAG[T] 0\nS 0\nMX 0"
    assert bits_of(ideal().sample(job(stim.Circuit(eight), 100)), 1).all()


def test_clifford_circuits_are_run_at_any_size():
    n = 150
    operations = [Operation("h", (0,)), *(Operation("cx", (q, q + 1)) for q in range(n - 1))]
    turned = [*operations, *(Operation("rz", (q,), (pi / 2,)) for q in range(n))]
    read = [Operation("measure", (q,), bit=q) for q in range(n)]
    found = bits_of(ideal().sample(job(write(Circuit(n, n, (*turned, *read))), 100)), n)
    assert (found.all(axis=1) | ~found.any(axis=1)).all()
    assert 0 < found[:, 0].sum() < 100


@pytest.mark.parametrize("names", [CLIFFORD, ALL])
def test_the_same_key_gives_the_same_shots(names):
    text = write(random_circuit(4, 30, 1, names))
    on = ideal()
    first, again, other = (on.sample(job(text, 300, key)).measurements for key in ((1,), (1,), (2,)))
    assert (first == again).all()
    assert (first != other).any()
    two = on.sample(Job(text, np.zeros((2, 0)), 300, 1, "a", (1,))).measurements
    assert (two[0] == first[0]).all()
    assert (two[1] != first[0]).any()


def test_a_permit_covers_the_price_and_is_spent_once():
    on, task = ideal(), job("OPENQASM 3.0; qubit[1] q; bit[1] c; c = measure q;", 100)
    assert on.price(task) == Price(100, 100, 100 * CYCLE_SECONDS)
    assert (on.name, on.space, on.twin) == ("ideal", NO_KNOBS, None)
    permit = Permit(task.action, on.price(task), 1, "d")
    assert not on.run(task, permit).measurements.any()
    assert on.clock == pytest.approx(100 * CYCLE_SECONDS)
    with pytest.raises(BadInput, match="ledger entry 1 was used before"):
        on.run(task, permit)
    with pytest.raises(BadInput, match="needs 100 shots and its permit allows 99"):
        on.run(task, Permit(task.action, Price(100, 99, 1.0), 2, "e"))
    on.resume(5.0)
    assert on.clock == 5.0


def test_bad_input():
    on = ideal()
    turned = tuple(Operation("ry", (q,), (0.1,)) for q in range(25))
    with pytest.raises(BadInput, match="on 25 qubits was given and its state vector is kept up to 24"):
        on.sample(job(write(Circuit(25, 1, (*turned, Operation("measure", (0,), bit=0))))))
    again = (*turned[:13], Operation("measure", (0,), bit=0), Operation("h", (0,)))
    with pytest.raises(BadInput, match="on 13 qubits and its shots are followed exactly up to 12"):
        on.sample(job(write(Circuit(13, 1, again))))
    for text in ("X_ERROR(0.1) 0\nM 0", "M(0.1) 0"):
        with pytest.raises(BadInput, match="noise was given and the ideal machine has 0"):
            on.sample(job(stim.Circuit(text)))
    with pytest.raises(BadInput, match="0 shots of 1 cycles"):
        on.sample(job(stim.Circuit("M 0"), 0))
    with pytest.raises(BadInput, match="machine with 0 knobs"):
        on.sample(Job("", np.zeros((1, 2)), 1, 1, "a", (1,)))
