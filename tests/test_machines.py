"""The contract of every machine by name, and what a person writes being what is made."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import stim
from scipy.stats import binom

from counterpoint.base import BadInput, Job, Machine, Permit, Price, RunCircuit
from counterpoint.circuits import qasm
from counterpoint.circuits.circuit import Circuit, Operation as Op
from counterpoint.codes import repetition
from counterpoint.identity import identity
from counterpoint.loop.machines import NAMED, machine_named
from counterpoint.machine import MACHINES
from counterpoint.machine.results import bits_of, outcomes

FALSE_ALARM = 1e-6
GENERAL = [name for name in NAMED if name not in MACHINES or name == "willow"] + ["FakeTorino", "FakeManilaV2"]
CHEAP = {"logical": "logical:failures=20"}
NOISELESS = ("ideal", "aer", "braket_sv")
LOCAL = "hidden-variables"
REFUSES_MEMORY = {
    "willow": "needs '2Q 0-1' and the willow chip",  # a circuit with detectors runs on its own qubits
    LOCAL: "goes on after a measurement",
    "braket_dm": "depends on what it measures",
}
BELL = Circuit(2, 2, (Op("h", (0,)), Op("cx", (0, 1)), Op("measure", (0,), bit=0), Op("measure", (1,), bit=1)))
TEXT = qasm.write(BELL)
WIDE = qasm.write(Circuit(200, 200, (*(Op("t", (q,)) for q in range(200)), Op("measure", (0,), bit=0))))


@pytest.fixture(scope="module", params=GENERAL)
def machine(request: pytest.FixtureRequest) -> Machine:
    return machine_named(CHEAP.get(request.param, request.param), (1,))


def job(on: Machine, circuit: str | stim.Circuit, shots: int = 500, key: int = 1) -> Job:
    return Job(circuit, on.space.start[None], shots, 1, identity(RunCircuit(circuit, shots)), (key,))


def permit(on: Machine, task: Job, entry: int = 0) -> Permit:
    return Permit(task.action, on.price(task), entry, f"{on.name} {entry}")


# The contract


def test_a_permit_is_for_one_action_and_one_run(machine: Machine) -> None:
    task = job(machine, TEXT)
    given = permit(machine, task, 1)
    with pytest.raises(BadInput, match="the permit is for action other"):
        machine.run(task, replace(given, action="other"))
    with pytest.raises(BadInput, match="needs 500 shots and its permit allows 499"):
        machine.run(task, replace(given, price=replace(given.price, shots=499)))
    before = machine.clock
    found = machine.run(task, given)
    assert machine.clock == pytest.approx(before + machine.price(task).seconds)
    assert found.seconds == pytest.approx(machine.price(task).seconds)
    with pytest.raises(BadInput, match="was used before"):
        machine.run(task, given)


def test_measured_bits_have_the_shape_that_the_role_says(machine: Machine) -> None:
    found = machine.run(job(machine, TEXT), permit(machine, job(machine, TEXT), 2))
    assert found.measurements.shape == (1, 500, 1)
    assert found.measurements.dtype == np.uint8
    assert found.detection_events.shape == found.observables.shape == (1, 500, 0)
    assert (found.controls == machine.space.start).all()


def test_the_same_key_gives_the_same_shots_and_another_does_not(machine: Machine) -> None:
    one, two, other = (
        machine.run(task, permit(machine, task, entry)).measurements
        for entry, task in enumerate((job(machine, TEXT), job(machine, TEXT), job(machine, TEXT, key=2)), start=3)
    )
    assert (one == two).all()
    assert (one != other).any()


def test_a_bell_pair_agrees_and_each_side_is_even(machine: Machine) -> None:
    """Noiseless: always. With noise: the worst of these has errors of some 12 % in all; local variables agree, too."""
    shots = 2000
    task = job(machine, TEXT, shots)
    counts = outcomes(TEXT, machine.run(task, permit(machine, task, 6)))
    agreeing = counts.get("00", 0) + counts.get("11", 0)
    if machine.name in (*NOISELESS, LOCAL):
        assert agreeing == shots
    assert agreeing >= binom.ppf(FALSE_ALARM, shots, 0.88)
    ones = counts.get("11", 0) + counts.get("10", 0)
    assert binom.ppf(FALSE_ALARM, shots, 0.44) <= ones <= binom.isf(FALSE_ALARM, shots, 0.56)


def test_a_stim_circuit_gives_its_record_in_order(machine: Machine) -> None:
    """Results that differ, so that a bit out of place shows: at least nine in ten shots are wholly right."""
    circuit = stim.Circuit("R 0 1 2\nTICK\nX 0\nTICK\nM 1 0 2")
    task = job(machine, circuit, 400)
    found = bits_of(machine.run(task, permit(machine, task, 7)), 3)
    right = int((found == [False, True, False]).all(axis=1).sum())
    assert right >= binom.ppf(FALSE_ALARM, 400, 0.85)


def test_detectors_and_observables_come_back_as_flips(machine: Machine) -> None:
    """A repetition code with its line of five qubits, refused before it is charged where a machine cannot run it.

    Without noise nothing fires.
    """
    circuit = repetition.memory(3, 2, "Z")
    name = machine.name.partition(" ")[0]
    if name in REFUSES_MEMORY:
        with pytest.raises(BadInput, match=REFUSES_MEMORY[name]):
            machine.price(job(machine, circuit))
        return
    task = job(machine, circuit, 200)
    found = machine.run(task, permit(machine, task, 8))
    assert found.measurements.shape == (1, 200, 0)
    assert found.detection_events.shape == (1, 200, (circuit.num_detectors + 7) // 8)
    fired = np.unpackbits(found.detection_events, axis=2).sum() / (200 * circuit.num_detectors)
    assert fired == 0 if machine.name in NOISELESS else 0 < fired < 0.3


def test_a_price_adds_and_asking_costs_nothing(machine: Machine) -> None:
    before = machine.clock
    one, two = machine.price(job(machine, TEXT, 100)), machine.price(job(machine, TEXT, 200))
    assert (one.shots, two.shots) == (100, 200)
    assert two.cycles == 2 * one.cycles
    assert two.seconds == pytest.approx(2 * one.seconds)
    assert one.spend == 0
    assert machine.clock == before


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (TEXT.replace("h q[0]", "zap q[0]"), "zap"),
        (TEXT.replace("qubit[2]", "qubit[two]"), "two"),
        ("OPENQASM 3.0; qubit q", "line 1"),
        (TEXT.replace("cx q[0], q[1]", "cx q[0], q[2]"), "2"),
    ],
)
def test_a_text_that_cannot_be_read_is_refused_with_its_price(machine: Machine, text: str, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        machine.run(job(machine, text), Permit(identity(RunCircuit(text, 500)), Price(1000, 1000, 9.0), 9, "never"))


def test_too_many_qubits_are_refused_before_anything_is_charged(machine: Machine) -> None:
    if machine.name == LOCAL:  # each of its qubits answers for itself: any number is possible
        assert machine.price(job(machine, WIDE)).shots == 500
        return
    with pytest.raises(BadInput, match=r"200|1 qubits"):
        machine.price(job(machine, WIDE))


def test_no_shots_and_foreign_controls_are_refused(machine: Machine) -> None:
    for task in (job(machine, TEXT, 0), replace(job(machine, TEXT), controls=np.zeros((1, 7)))):
        with pytest.raises(BadInput, match=r"0 shots|controls of shape"):
            machine.run(task, Permit(task.action, Price(10**6, 10**6, 10**6), 10, "never"))


# Names


def test_options_reach_the_machine() -> None:
    assert len(machine_named("willow:distance=5", (1,)).space.sites) == 24
    assert len(machine_named("willow", (1,)).space.sites) == 8
    assert machine_named("willow:drift=sine:f=0.01,phases=independent,distance=5", (1,)).twin is not None
    assert machine_named("FakeTorino:qubits=5-4", (1,)).name.endswith("qubits 5-4")
    assert machine_named("braket-dm:two=0.02", (1,)).name == "braket_dm (0.001, 0.02, readout 0.02)"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("willo", "machine 'willo' is not known: take one of"),
        ("willow:size=3", "machine 'willow' was given 'size=3' and takes distance, drift: write willow:OPTION=VALUE"),
        ("willow:distance", "was given 'distance' and takes distance, drift"),
        (
            "willow:distance=three",
            "option distance of machine 'willow' is 'three' and its default 3: give a whole number",
        ),
        ("ideal:p=1", "machine 'ideal' was given 'p=1' and takes none"),
        ("logical:p=much", r"option p of machine 'logical' is 'much' and its default 0\.001: give a number"),
        ("logical:noise=pink", "the noise of the logical machine is 'pink': give one of uniform, si1000, willow"),
        ("logical:decoder=best", "the decoder of the logical machine is 'best': give one of"),
        ("FakeTorino:qubits=a-b", "qubits of machine 'FakeTorino' are 'a-b': give their numbers, such as 0-1"),
        ("FakeTornado", "fake backend 'FakeTornado' is not one of the"),
        ("http://127.0.0.1:1", "queues its jobs, of which this verb keeps 0"),
        ("ibm:ibm_torino,rate=0", "queues its jobs, of which this verb keeps 0"),
    ],
)
def test_what_cannot_be_made_is_told(name: str, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        machine_named(name, (1,))


def test_ones_own_machine(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from counterpoint.machine.chip import willow\n\n"
        "def make():\n    return willow(3, key=(1,), drift='none', epoch_seconds=1.0)\n\nnone = 3\n"
    )
    assert isinstance(machine_named(f"{file}:make", (1,)), Machine)
    with pytest.raises(BadInput, match="is a int, and a Machine is needed"):
        machine_named(f"{file}:none", (1,))


def test_every_name_says_what_it_is() -> None:
    assert all(one.what for one in NAMED.values())
