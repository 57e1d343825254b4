"""Aer and the fake backends: the vendor's own noise and counts, what is kept, which qubits, what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import stim
from scipy.stats import binom

from counterpoint.base import BadInput, Job, Permit, Price, Shots
from counterpoint.circuits import qasm
from counterpoint.circuits.circuit import GATES, Circuit, Operation as Op
from counterpoint.circuits.matrices import MATRICES
from counterpoint.machine.aer import QiskitMachine, aer, fake
from counterpoint.machine.qiskit_circuits import measured_bits, qiskit_circuit
from counterpoint.machine.results import bits_of

FALSE_ALARM = 1e-6
PEERS = ("FakeTorino", "FakeSherbrooke", "FakeManilaV2")  # gates CZ, ECR and CX
BELL = Circuit(2, 2, (Op("h", (0,)), Op("cx", (0, 1)), Op("measure", (0,), bit=0), Op("measure", (1,), bit=1)))

GHZ = Circuit(
    3, 3, (Op("h", (0,)), Op("cx", (0, 1)), Op("cx", (1, 2)), *(Op("measure", (q,), bit=q) for q in range(3)))
)


def job(circuit: Circuit | stim.Circuit | str, shots: int = 4096, key: tuple[int, ...] = (3,)) -> Job:
    program = qasm.write(circuit) if isinstance(circuit, Circuit) else circuit
    return Job(program, np.zeros((1, 0)), shots, 1, "the action", key)


def counts(on: QiskitMachine, task: Job, width: int) -> dict[int, int]:
    """How often each number came, bit 0 the lowest."""
    numbers = bits_of(on.sample(task), width) @ (1 << np.arange(width))
    return dict(zip(*(found.tolist() for found in np.unique(numbers, return_counts=True)), strict=True))


def agrees(count: int, shots: int, p: float) -> bool:
    """Whether a count is within the two-sided binomial bound."""
    tail = FALSE_ALARM / 2
    return binom.ppf(tail, shots, p) <= count <= binom.isf(tail, shots, p)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("backends")


@pytest.fixture(scope="module")
def machines(folder: Path) -> dict[str, QiskitMachine]:
    return {name: fake(name, folder=folder) for name in PEERS}


def vendor(name: str):
    import qiskit_ibm_runtime.fake_provider as provider

    return getattr(provider, name)()


def test_gates_are_qiskits() -> None:
    from qiskit.quantum_info import Operator

    for name, (qubits, parameters) in GATES.items():
        angles = (0.3, -1.1, 2.2, 0.7)[:parameters]
        made = qiskit_circuit(Circuit(qubits, 0, (Op(name, tuple(range(qubits)), angles),)))
        np.testing.assert_allclose(Operator(made).data, MATRICES[name](*angles), atol=1e-12, err_msg=name)


def test_bits_are_in_order_of_declaration() -> None:
    assert measured_bits(["0x0", "0x201", "0x3"], 10)[1].tolist() == [True, *[False] * 8, True]
    wide = Circuit(2, 70, (Op("x", (0,)), Op("measure", (0,), bit=69), Op("measure", (1,), bit=3)))
    found = bits_of(aer().sample(job(wide, 5)), 70)
    assert found[:, 69].all()
    assert found.sum() == 5


def test_bell_and_flips_of_a_stim_circuit() -> None:
    found = counts(aer(), job(BELL), 2)
    assert set(found) == {0, 3}
    assert agrees(found[3], 4096, 1 / 2)
    bell = "R 0 1\nH 0\nCX 0 1\nX 1\nM 0 1"
    assert set(counts(aer(), job(stim.Circuit(bell)), 2)) == {1, 2}
    flips = aer().sample(job(stim.Circuit(bell + "\nDETECTOR rec[-1] rec[-2]\nOBSERVABLE_INCLUDE(0) rec[-1]")))
    assert not flips.detection_events.any()
    assert flips.measurements.shape == (1, 4096, 0)
    assert agrees(int(flips.observables.sum()), 4096, 1 / 2)


def test_conditions_resets_and_repeated_measurements() -> None:
    ops = (
        *(Op("h", (0,)), Op("measure", (0,), bit=0), Op("x", (1,), condition=(0, 1)), Op("reset", (0,))),
        *(Op("measure", (0,), bit=1), Op("measure", (1,), bit=2), Op("x", (0,), condition=(0, 0))),
        *(Op("measure", (0,), bit=3), Op("measure", (1,), bit=4, condition=(0, 1))),
    )
    assert set(counts(aer(), job(Circuit(2, 5, ops)), 5)) == {0b01000, 0b10101}


def test_same_key_same_shots(machines: dict[str, QiskitMachine]) -> None:
    on = machines["FakeTorino"]
    first, again, other = (on.sample(job(BELL, key=key)).measurements for key in ((1,), (1,), (2,)))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("name", PEERS)
def test_noise_is_the_vendors(name: str, machines: dict[str, QiskitMachine]) -> None:
    from qiskit.quantum_info import SuperOp
    from qiskit_aer import AerSimulator

    backend, on = vendor(name), machines[name]
    transpiled = on.transpiled(GHZ)
    mine, simulator = transpiled.noise, AerSimulator.from_backend(backend)
    theirs = simulator.options.noise_model
    assert mine.noise_qubits == sorted(on.placed(GHZ))
    for gate, errors in mine._local_quantum_errors.items():
        for qubits, error in errors.items():
            expected = theirs._local_quantum_errors[gate][qubits]
            np.testing.assert_array_equal(SuperOp(error).data, SuperOp(expected).data)
    for qubits, error in mine._local_readout_errors.items():
        assert error == theirs._local_readout_errors[qubits]
    noisy = {one.operation.name for one in transpiled.circuit.data} - {"rz", "measure"}
    assert noisy <= mine._local_quantum_errors.keys()
    own = simulator.run(transpiled.circuit, shots=2000, seed_simulator=7).result()
    again = AerSimulator().run(transpiled.circuit, shots=2000, seed_simulator=7, noise_model=mine).result()
    assert own.get_counts() == again.get_counts()


def test_snapshot_is_the_vendors(machines: dict[str, QiskitMachine]) -> None:
    for name, on in machines.items():
        backend, kept = vendor(name), on.snapshot
        assert kept is not None
        properties = backend.properties()
        for op, rows in kept.operations.items():
            theirs = {
                q: (None, None) if one is None else (one.error, one.duration) for q, one in backend.target[op].items()
            }
            assert {one.qubits: (one.error, one.seconds) for one in rows} == theirs
        assert set(kept.couplers) == {tuple(sorted(edge)) for edge in backend.coupling_map.get_edges()}
        assert [t * 1 for t in kept.t1 if t] == [properties.t1(q) for q in range(kept.qubits)]
        assert kept.t2 == tuple(properties.t2(q) for q in range(kept.qubits))
        assert kept.confusion[1] == tuple(
            properties.qubit_property(1, n)[0] for n in ("prob_meas1_prep0", "prob_meas0_prep1")
        )
        assert (kept.dt, on.name) == (backend.dt, f"{name} ({properties.last_update_date:%Y-%m-%d})")


def test_a_permit_is_spent_and_the_clock_goes_on(machines: dict[str, QiskitMachine]) -> None:
    on, task = machines["FakeTorino"], job(BELL, 100)
    price = on.price(task)
    assert (price.shots, price.cycles, price.spend) == (100, 100, 0.0)
    began = on.clock
    assert isinstance(on.run(task, Permit("the action", price, 1, "a digest")), Shots)
    assert on.clock == began + price.seconds
    with pytest.raises(BadInput, match="used before"):
        on.run(task, Permit("the action", price, 1, "a digest"))
    with pytest.raises(BadInput, match="allows 99"):
        on.run(task, Permit("the action", replace(price, shots=99), 1, "another"))
    assert aer().price(task) == Price(cycles=100, shots=100)


def test_seconds_are_those_of_the_longest_path(machines: dict[str, QiskitMachine]) -> None:
    """H is rz sx rz with rz in no time, CX is H CZ H on the target; the two readouts go side by side."""
    on = machines["FakeTorino"]
    assert on.snapshot is not None
    seconds = {(n, c.qubits): c.seconds for n, rows in on.snapshot.operations.items() for c in rows}
    a, b = on.placed(BELL)
    pulses = seconds["sx", (a,)] + seconds["cz", (a, b)] + seconds["sx", (b,)] + seconds["measure", (b,)]
    assert on.price(job(BELL, 1)).seconds == pytest.approx(pulses, rel=1e-12)
    waits = Circuit(2, 1, (Op("measure", (0,), bit=0), Op("x", (1,), condition=(0, 1)), Op("measure", (1,), bit=0)))
    a, b = on.placed(waits)
    pulses = seconds["measure", (a,)] + seconds["x", (b,)] + seconds["measure", (b,)]
    assert on.price(job(waits, 1)).seconds == pytest.approx(pulses, rel=1e-12)
