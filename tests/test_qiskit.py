"""Aer and the fake backends: the vendor's own noise and counts, what is kept, which qubits, what is refused."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from itertools import pairwise, permutations
from pathlib import Path

import numpy as np
import pytest
import stim
from scipy.stats import binom

from counterpoint.base import BadInput, Job, Permit, Price, Shots
from counterpoint.circuits import qasm
from counterpoint.circuits.circuit import GATES, Circuit, Operation as Op
from counterpoint.circuits.matrices import MATRICES
from counterpoint.circuits.state import probabilities
from counterpoint.identity import identity
from counterpoint.machine.general import GeneralMachine
from counterpoint.machine.results import bits_of
from counterpoint.machine.vendors import packages
from counterpoint.machine.vendors.aer import aer, fake
from counterpoint.machine.vendors.placement import best_chain, connected
from counterpoint.machine.vendors.qiskit_circuits import measured_bits, qiskit_circuit
from counterpoint.machine.vendors.snapshot import (
    PROVIDER,
    Calibrated,
    Snapshot,
    cache_folder,
    fake_names,
    fake_snapshot,
)

FALSE_ALARM = 1e-6
PEERS = ("FakeTorino", "FakeSherbrooke", "FakeManilaV2")  # gates CZ, ECR and CX
BELL = Circuit(2, 2, (Op("h", (0,)), Op("cx", (0, 1)), Op("measure", (0,), bit=0), Op("measure", (1,), bit=1)))

GHZ = Circuit(
    3, 3, (Op("h", (0,)), Op("cx", (0, 1)), Op("cx", (1, 2)), *(Op("measure", (q,), bit=q) for q in range(3)))
)

FED = Circuit(
    3, 3, (*GHZ.operations[:4], Op("x", (1,), condition=(0, 1)), Op("reset", (0,)), *GHZ.operations[4:])
)  # what is measured is used


def job(circuit: Circuit | stim.Circuit | str, shots: int = 4096, key: tuple[int, ...] = (3,)) -> Job:
    program = qasm.write(circuit) if isinstance(circuit, Circuit) else circuit
    return Job(program, np.zeros((1, 0)), shots, 1, "the action", key)


def counts(on: GeneralMachine, task: Job, width: int) -> dict[int, int]:
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
def machines(folder: Path) -> dict[str, GeneralMachine]:
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


def test_every_gate_runs_on_aer() -> None:
    for name, (qubits, parameters) in GATES.items():
        spread = [Op("ry", (q,), (0.4 + q,)) for q in range(qubits)]
        back = [Op("rx", (q,), (0.9 - q,)) for q in range(qubits)]
        gate = Op(name, tuple(range(qubits)), (0.3, -1.1, 2.2, 0.7)[:parameters])
        ends = (Op("measure", (q,), bit=q) for q in range(qubits))
        circuit = Circuit(qubits, qubits, (*spread, gate, *back, *ends))
        found = counts(aer(), job(circuit), qubits)
        for number, p in enumerate(probabilities(circuit, range(qubits))):
            assert agrees(found.get(number, 0), 4096, float(p)), name


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


@pytest.mark.parametrize("name", ["aer", "FakeTorino"])
def test_branches_may_have_qubits_that_nothing_measures(name: str, machines: dict[str, GeneralMachine]) -> None:
    """Aer leaves such qubits out, and fails; declared ones that nothing uses stay left out."""
    on = aer() if name == "aer" else machines[name]
    flips = Op("sx", (2,), condition=(0, 1)), Op("x", (3,), condition=(0, 0))
    circuit = Circuit(28 if name == "aer" else 4, 2, (Op("measure", (1,), bit=0), *flips, Op("measure", (3,), bit=1)))
    found = counts(on, job(circuit), 2)
    assert max(found, key=found.__getitem__) == 0b10
    assert name != "aer" or found == {0b10: 4096}


def test_same_key_same_shots(machines: dict[str, GeneralMachine]) -> None:
    on = machines["FakeTorino"]
    first, again, other = (on.sample(job(BELL, key=key)).measurements for key in ((1,), (1,), (2,)))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("name", PEERS)
def test_noise_is_the_vendors(name: str, machines: dict[str, GeneralMachine]) -> None:
    from qiskit.quantum_info import SuperOp
    from qiskit_aer import AerSimulator

    backend, on = vendor(name), machines[name]
    transpiled = on.simulator.transpiled(GHZ)
    mine, simulator = transpiled.noise, AerSimulator.from_backend(backend)
    theirs = simulator.options.noise_model
    assert mine.noise_qubits == sorted(on.simulator.placed(qasm.write(GHZ)))
    for gate, errors in mine._local_quantum_errors.items():
        for qubits, error in errors.items():
            expected = theirs._local_quantum_errors[gate][qubits]
            np.testing.assert_array_equal(SuperOp(error).data, SuperOp(expected).data)
    for qubits, error in mine._local_readout_errors.items():
        assert error == theirs._local_readout_errors[qubits]
    noisy = {one.operation.name for one in transpiled.circuit.data} - {"rz", "measure"}
    assert noisy <= mine._local_quantum_errors.keys()
    for circuit in (GHZ, FED) if name == PEERS[-1] else (GHZ,):
        made, settings = on.simulator.transpiled(circuit).circuit, {"shots": 2000, "seed_simulator": 7}
        own = simulator.run(made, **settings).result()
        again = AerSimulator().run(made, noise_model=mine, **settings).result()
        assert own.get_counts() == again.get_counts()


def test_snapshot_is_the_vendors(machines: dict[str, GeneralMachine]) -> None:
    for name, on in machines.items():
        backend, kept = vendor(name), on.simulator.snapshot
        assert kept is not None
        properties = backend.properties()
        for op, rows in kept.operations.items():
            theirs = {
                q: (None, None) if one is None else (one.error, one.duration) for q, one in backend.target[op].items()
            }
            assert {one.qubits: (one.error, one.seconds) for one in rows} == theirs
        assert set(kept.couplers) == {tuple(sorted(edge)) for edge in backend.coupling_map.get_edges()}
        assert list(kept.t1) == [properties.t1(q) for q in range(kept.qubits)]
        assert kept.t2 == tuple(properties.t2(q) for q in range(kept.qubits))
        assert kept.confusion[1] == tuple(
            properties.qubit_property(1, n)[0] for n in ("prob_meas1_prep0", "prob_meas0_prep1")
        )
        assert (kept.dt, on.name) == (backend.dt, f"{name} ({properties.last_update_date:%Y-%m-%d})")


def test_a_permit_is_spent_and_the_clock_goes_on(machines: dict[str, GeneralMachine]) -> None:
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


def test_seconds_are_those_of_the_longest_path(machines: dict[str, GeneralMachine]) -> None:
    """H is rz sx rz with rz in no time, CX is H CZ H on the target; the two readouts go side by side."""
    on = machines["FakeTorino"]
    assert on.simulator.snapshot is not None
    seconds = {(n, c.qubits): c.seconds for n, rows in on.simulator.snapshot.operations.items() for c in rows}
    a, b = on.simulator.placed(qasm.write(BELL))
    pulses = seconds["sx", (a,)] + seconds["cz", (a, b)] + seconds["sx", (b,)] + seconds["measure", (b,)]
    assert on.price(job(BELL, 1)).seconds == pytest.approx(pulses, rel=1e-12)
    waits = Circuit(2, 1, (Op("measure", (0,), bit=0), Op("x", (1,), condition=(0, 1)), Op("measure", (1,), bit=0)))
    a, b = on.simulator.placed(qasm.write(waits))
    pulses = seconds["measure", (a,)] + seconds["x", (b,)] + seconds["measure", (b,)]
    assert on.price(job(waits, 1)).seconds == pytest.approx(pulses, rel=1e-12)


def test_the_second_use_needs_no_vendor_package(folder: Path, machines: dict[str, GeneralMachine]) -> None:
    """In a new process: the shots are the same, and the package that the snapshot came from is not loaded."""
    code = (
        "import sys; from pathlib import Path; import numpy as np; from counterpoint.base import Job; "
        "from counterpoint.identity import identity; from counterpoint.machine.vendors.aer import fake; "
        f"on = fake('FakeTorino', folder=Path({str(folder)!r})); "
        "found = on.sample(Job(sys.argv[1], np.zeros((1, 0)), 4096, 1, 'the action', (3,))); "
        "print(identity(on.simulator.snapshot), identity(found.measurements), 'qiskit_ibm_runtime' in sys.modules)"
    )
    command = [sys.executable, "-c", code, qasm.write(BELL)]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    on = machines["FakeTorino"]
    assert found == [identity(on.simulator.snapshot), identity(on.sample(job(BELL)).measurements), "False"]
    assert fake_snapshot("FakeTorino", folder) == machines["FakeTorino"].simulator.snapshot


def test_a_damaged_or_foreign_file_is_made_anew(tmp_path: Path) -> None:
    whole = fake_snapshot("FakeManilaV2", tmp_path)
    (path,) = tmp_path.iterdir()
    good = path.read_bytes()
    foreign = fake_snapshot("FakeLimaV2", tmp_path / "other")
    (other,) = (tmp_path / "other").iterdir()
    fields = json.loads(gzip.decompress(good))
    bad = (
        *(b"", b"not gzip", good[:-20], gzip.compress(b"not json"), gzip.compress(b"[]"), other.read_bytes()),
        *(gzip.compress(json.dumps({k: v for k, v in fields.items() if k != one}).encode()) for one in fields),
        *(gzip.compress(json.dumps(fields | {one: 7}).encode()) for one in ("t1", "confusion", "operations")),
    )
    for content in bad:
        path.write_bytes(content)
        assert fake_snapshot("FakeManilaV2", tmp_path) == whole != foreign
        assert path.read_bytes() == good
    assert {one.name for one in tmp_path.iterdir()} == {path.name, "other"}


def test_no_leave_to_write(tmp_path: Path) -> None:
    blocked = tmp_path / "a file"
    blocked.write_text("")
    assert fake_snapshot("FakeManilaV2", blocked / "folder").qubits == 5
    assert blocked.read_text() == ""


def test_where_snapshots_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache_folder() == Path("/somewhere/counterpoint/backends")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache/counterpoint/backends"


def test_the_best_chain_is_the_best_of_all(machines: dict[str, GeneralMachine]) -> None:
    snapshot = machines["FakeManilaV2"].simulator.snapshot
    assert snapshot is not None
    couplers, readout = snapshot.couplers, snapshot.readout
    for length in range(1, 6):
        costs = {
            chain: sum(readout[q] for q in chain) + sum(couplers[tuple(sorted(two))] for two in pairwise(chain))
            for chain in permutations(range(5), length)
            if all(tuple(sorted(two)) in couplers for two in pairwise(chain))
        }
        assert costs[best_chain(snapshot, length)] == pytest.approx(min(costs.values()), rel=1e-12)


def test_chains_that_end_go_on_as_trees_and_unknown_errors_count_as_1() -> None:
    coupled = {(0, 1): 0.01, (1, 2): 0.01, (1, 3): None}
    star = Snapshot(
        name="star",
        date="2026-01-01",
        qubits=5,
        dt=None,
        t1=(None,) * 5,
        t2=(None,) * 5,
        confusion=((None, None),) * 5,
        operations={
            "cz": tuple(Calibrated(pair, error, None) for pair, error in coupled.items()),
            "measure": tuple(Calibrated((q,), 0.1 - 0.01 * q, None) for q in range(5)),
        },
        conditions=False,
    )
    assert star.couplers[1, 3] == 1.0
    assert best_chain(star, 1) == (4,)
    assert best_chain(star, 2) == (1, 2)
    assert set(best_chain(star, 4)) == {0, 1, 2, 3}
    assert connected(star, (0, 2, 1))
    assert not connected(star, (0, 2))
    with pytest.raises(BadInput, match="5 coupled qubits were asked for and star"):
        best_chain(star, 5)


def test_qubits_that_are_named_are_used(folder: Path) -> None:
    on = fake("FakeTorino", (1, 0, 2), folder)
    assert on.name == "FakeTorino (2025-02-26), qubits 1-0-2"
    assert on.simulator.placed(qasm.write(BELL)) == (1, 0)
    made = on.simulator.transpiled(BELL).circuit
    assert {made.find_bit(q).index for one in made.data for q in one.qubits} == {0, 1}


@pytest.mark.parametrize("name", PEERS)
def test_what_is_transpiled_is_the_same_circuit(name: str, machines: dict[str, GeneralMachine]) -> None:
    """Exact chances of random circuits of all gates, with SWAPs, in operations that the backend has."""
    from qiskit import QuantumCircuit
    from qiskit.quantum_info import Statevector

    snapshot, random = machines[name].simulator.snapshot, np.random.default_rng(1)
    assert snapshot is not None
    has = {(op, one.qubits) for op, rows in snapshot.operations.items() for one in rows}
    for qubits in (3, 4, 4):
        ops = []
        for gate in random.permutation(list(GATES)).tolist():
            width, angles = GATES[gate]
            ops.append(
                Op(gate, tuple(random.permutation(qubits)[:width].tolist()), tuple(random.uniform(-3, 3, angles)))
            )
        circuit = Circuit(qubits, qubits, (*ops, *(Op("measure", (q,), bit=q) for q in range(qubits))))
        made = machines[name].simulator.transpiled(circuit).circuit
        chain = machines[name].simulator.placed(qasm.write(circuit))
        state, read = QuantumCircuit(qubits), {}
        for one in made.data:
            at = tuple(made.find_bit(q).index for q in one.qubits)
            assert one.operation.name == "barrier" or (one.operation.name, at) in has
            if one.operation.name == "measure":
                read[made.find_bit(one.clbits[0]).index] = chain.index(at[0])
            elif one.operation.name != "barrier":
                state.append(one.operation, [chain.index(q) for q in at])
        expected = probabilities(circuit, range(qubits))
        found = Statevector(state).probabilities([read[bit] for bit in range(qubits)])
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_a_barrier_keeps_sequences(machines: dict[str, GeneralMachine]) -> None:
    def flips(*between: Op) -> int:
        ops = (*(part for _ in range(10) for part in (Op("x", (0,)), *between)), Op("measure", (0,), bit=0))
        made = machines["FakeTorino"].simulator.transpiled(Circuit(1, 1, ops)).circuit
        return made.count_ops().get("x", 0)

    assert flips(Op("barrier", (0,))) == 10


def test_nothing_measured_is_zeros(machines: dict[str, GeneralMachine]) -> None:
    for on in (aer(), machines["FakeTorino"]):
        assert not bits_of(on.sample(job(Circuit(2, 3, (Op("x", (0,)),)), 5)), 3).any()
        assert on.price(job(Circuit(0, 0, ()), 5)).seconds == 0


def test_bad_circuits(folder: Path, machines: dict[str, GeneralMachine]) -> None:
    many = Circuit(6, 1, (Op("measure", (0,), bit=0),))
    conditional = Circuit(1, 1, (*many.operations, Op("x", (0,), condition=(0, 1)), *many.operations))
    with pytest.raises(BadInput, match=r"6 qubits was given and FakeManilaV2 .* has 5"):
        machines["FakeManilaV2"].sample(job(many))
    with pytest.raises(BadInput, match=r"6 qubits was given and .*, qubits 0-1 has 2"):
        fake("FakeTorino", (0, 1), folder).sample(job(many))
    with pytest.raises(BadInput, match="90 qubits was given and aer has"):
        aer().price(job(Circuit(90, 1, (Op("measure", (0,), bit=0),))))
    with pytest.raises(BadInput, match=r"depends on a result and FakeBurlingtonV2 has none"):
        fake("FakeBurlingtonV2", folder=folder).sample(job(conditional))
    with pytest.raises(BadInput, match=r"has a reset and FakeArmonkV2 has none"):
        fake("FakeArmonkV2", folder=folder).sample(job(Circuit(1, 1, (Op("reset", (0,)), *many.operations))))
    with pytest.raises(BadInput, match="0-5, are not joined by couplers on FakeTorino"):
        fake("FakeTorino", (0, 5), folder).sample(job(BELL))
    with pytest.raises(BadInput, match="0 shots"):
        aer().sample(job(BELL, 0))
    with pytest.raises(BadInput, match="line 1"):
        aer().sample(job("OPENQASM 3.0; this is not one"))


def test_bad_names_and_qubits(folder: Path) -> None:
    assert len(fake_names()) == 68
    with pytest.raises(BadInput, match=r"'FakeTornio' is not one of the 68 .*, such as FakeTorino"):
        fake("FakeTornio", folder=folder)
    with pytest.raises(BadInput, match=r"'\.\./FakeTorino' is not one"):
        fake("../FakeTorino", folder=folder)
    for qubits, said in (((0, 133), "0, 133"), ((), "none"), ((1, 1), "1, 1"), ((-1,), "-1")):
        with pytest.raises(BadInput, match=f"qubits {said} were given and FakeTorino has 0 to 132, 133 of which work"):
            fake("FakeTorino", qubits, folder)


def test_packages_that_are_missing(monkeypatch: pytest.MonkeyPatch, folder: Path, tmp_path: Path) -> None:
    for module in ("qiskit_aer", PROVIDER):
        monkeypatch.setitem(sys.modules, module, None)
    for make in (aer, lambda: fake("FakeTorino", folder=folder), lambda: fake("FakeManilaV2", folder=tmp_path)):
        with pytest.raises(BadInput, match=r"pip install qiskit qiskit-aer qiskit-ibm-runtime"):
            make()

    def nothing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(packages, "version", nothing)
    with pytest.raises(BadInput, match=r"pip install qiskit qiskit-aer qiskit-ibm-runtime"):
        fake("FakeTorino", folder=folder)
