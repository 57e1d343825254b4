"""Stim circuits as general ones and back: equal unitaries, equal parities of the results, layers, what is refused."""

from __future__ import annotations

from itertools import product
from math import pi

import numpy as np
import pytest
import stim
from dense import same, unitary

from counterpoint.base import BadInput, Job
from counterpoint.circuits.circuit import GATES, Circuit, Operation
from counterpoint.circuits.clifford import from_stim, record_of, to_stim
from counterpoint.circuits.matrices import MATRICES
from counterpoint.circuits.tagged import Tagged, tagged
from counterpoint.machine.operations import OPERATIONS
from counterpoint.machine.programs import general
from counterpoint.machine.schedule import schedule

PREPARED = stim.Circuit("R 0 1 2 3")
UNITARIES = sorted(name for name, data in stim.gate_data().items() if data.is_unitary)
TURNS = [k * pi / 4 for k in range(-9, 10)]


def parities(circuit: stim.Circuit, named: dict[int, int]) -> list[stim.Flow]:
    """Independent sets of results whose parity is certain; result k is called `named[k]`."""
    count, found = circuit.num_measurements, []
    for flow in closed(circuit).flow_generators():
        results = [named[m % count] for m in flow.measurements_copy()]
        if results and not flow.output_copy().pauli_indices():
            found.append(stim.Flow(input=flow.input_copy(), output=flow.output_copy(), measurements=results))
    return found


def closed(circuit: stim.Circuit) -> stim.Circuit:
    """Reset in the end, so that results alone are left."""
    return circuit + stim.Circuit("R " + " ".join(map(str, range(circuit.num_qubits))))


def random_unitary(rng: np.random.Generator, qubits: int, gates: int) -> stim.Circuit:
    circuit = stim.Circuit()
    for _ in range(gates):
        name = str(rng.choice(UNITARIES))
        data = stim.gate_data(name)
        on = rng.permutation(qubits)
        if data.takes_pauli_targets:
            signs = "".join(rng.choice(["", "!"], 1))
            circuit += stim.Circuit(f"{name} {signs}" + "*".join(f"{rng.choice(list('XYZ'))}{q}" for q in on[:2]))
        else:
            circuit.append(name, [int(q) for q in on[: 2 if data.is_two_qubit_gate else 1]])
    return circuit


def random_measured(rng: np.random.Generator, qubits: int, operations: int) -> stim.Circuit:
    """Every kind of measurement and reset, inverted or not, and feedback."""
    circuit = stim.Circuit("R " + " ".join(map(str, range(qubits))))
    single = ["M", "MX", "MY", "MR", "MRX", "MRY"]
    for _ in range(operations):
        a, b = rng.permutation(qubits)[:2].tolist()
        sign, other = rng.choice(["", "!"], 2)
        match int(rng.integers(6)):
            case 0:
                circuit += stim.Circuit(f"{rng.choice(single)} {sign}{a} {other}{b}")
            case 1:
                circuit += stim.Circuit(f"{rng.choice(['MXX', 'MYY', 'MZZ'])} {sign}{a} {other}{b}")
            case 2:
                circuit += stim.Circuit(f"MPP {sign}X{a}*{other}Y{b} {other}Z{b}\nMPAD 0")
            case 3:
                circuit += stim.Circuit(f"{rng.choice(['R', 'RX', 'RY'])} {a}\nTICK")
            case 4 if circuit.num_measurements:
                back = rng.integers(1, circuit.num_measurements + 1)
                name = rng.choice(["CX", "CY", "CZ"])
                circuit += stim.Circuit(f"{name} rec[-{back}] {a}\nXCZ {b} rec[-1]\nCZ {a} rec[-{back}]")
            case _:
                circuit += random_unitary(rng, qubits, 4)
    return circuit


@pytest.mark.parametrize("name", UNITARIES)
def test_every_gate_of_stim_has_its_unitary(name: str) -> None:
    data = stim.gate_data(name)
    if data.takes_pauli_targets:
        circuit = stim.Circuit(f"{name} X0*!Y1 Z1*Z2")
    else:
        circuit = stim.Circuit(f"{name} 2 0" if data.is_two_qubit_gate else f"{name} 0 1 0")
    circuit.append("I", [2])
    assert same(unitary(from_stim(circuit)), circuit.to_tableau().to_unitary_matrix(endian="little"))


def test_random_cliffords_have_their_unitaries_both_ways() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        circuit = random_unitary(rng, 4, 30)
        circuit.append("I", [3])
        there = from_stim(circuit)
        wanted = circuit.to_tableau().to_unitary_matrix(endian="little")
        assert same(unitary(there), wanted)
        assert same(unitary(from_stim(to_stim(there) + stim.Circuit("I 3"))), wanted)


def test_results_have_the_same_certain_parities_there_and_back() -> None:
    """A Clifford circuit's results are uniform among those that have its certain parities, so these are everything."""
    rng = np.random.default_rng(2)
    done: dict[int, int] = {}  # circuits with feedback, and others, which logical machines can do
    for i in range(40):
        circuit = random_measured(rng, 4, 15 if i % 2 else 5)
        if not circuit.num_measurements:
            continue
        there = from_stim(circuit)
        assert there.bits == circuit.num_measurements
        wanted = parities(circuit, {k: k for k in range(circuit.num_measurements)})
        ways = [tagged(there)]
        if all(one.condition is None for one in there.operations):
            ways.append(Tagged(to_stim(there), record_of(there)))
        for back in ways:
            record = [r for r in back.record if r is not None]
            written = [k for k, r in enumerate(back.record) if r is not None]
            found = parities(PREPARED + back.circuit, dict(zip(record, written, strict=True)))
            assert closed(circuit).has_all_flows(found)
            padded = circuit.num_measurements - len(written)  # each a 0, and certain
            assert len(found) + padded == len(wanted)
            done[len(ways)] = done.get(len(ways), 0) + 1
    assert done[1] > 5
    assert done[2] > 5


def test_flipped_conditions_do_what_their_opposites_leave_out() -> None:
    """On the value 0 is always and once more on the value 1; a bit that was never written is 0."""
    start = [Operation("h", (0,)), Operation("measure", (0,), bit=1)]
    end = [Operation("measure", (1,), bit=0)]
    for value in (0, 1):
        for bit in (1, 2):
            flip = Operation("x", (1,), condition=(bit, value))
            circuit = Circuit(2, 3, (*start, flip, *end))
            run = tagged(circuit)
            events = run.circuit.compile_sampler(seed=1).sample(100)
            result, coin = (events[:, r] for r in run.record[:2] if r is not None)
            wanted = coin == value if bit == 1 else np.full(100, value == 0)
            assert np.array_equal(result, wanted)
            assert len(set(coin.tolist())) == 2
    assert record_of(Circuit(2, 3, (*start, *end))) == (0, 1, None)  # qubit 1 is read first


def test_a_teleported_state_arrives() -> None:
    for prepare in ("id", "h", "x", "s"):
        gates = [("h", (0,)), (prepare, (0,)), ("h", (1,)), ("cx", (1, 2)), ("cx", (0, 1)), ("h", (0,))]
        undo = [Operation(name, (2,)) for name in ({"s": "sdg"}.get(prepare, prepare), "h")]
        corrected = [Operation("x", (2,), condition=(1, 1)), Operation("z", (2,), condition=(0, 1))]
        measured = [Operation("measure", (q,), bit=q) for q in (0, 1)]
        steps = [*(Operation(*g) for g in gates), *measured, *corrected, *undo, Operation("measure", (2,), bit=2)]
        circuit = Circuit(3, 3, tuple(steps))
        samples = tagged(circuit).circuit.compile_sampler(seed=2).sample(200)
        assert not samples[:, 2].any()
        with pytest.raises(BadInput, match="'x' depends on bit 1, and what is done to logical qubits cannot"):
            to_stim(circuit)


@pytest.mark.parametrize("name", [name for name, shape in GATES.items() if shape[0] == 1])
def test_turns_of_one_qubit_by_eighths_are_exact(name: str) -> None:
    turns = TURNS[1::3] if name == "u" else TURNS
    for angles in product(turns, repeat=GATES[name][1]):
        circuit = Circuit(1, 0, (Operation(name, (0,), angles),))
        there = to_stim(circuit)
        assert same(unitary(from_stim(there)), unitary(circuit), 1e-12)
        tees = sum(one.tag == "T" for one in there)
        assert tees <= (name in ("t", "tdg")) + sum(round(4 * angle / pi) % 2 for angle in angles)


def test_gates_of_two_qubits_that_are_clifford_are_exact_and_others_refused() -> None:
    """Clifford is what takes each Pauli to one, up to a phase."""
    paulis = [np.kron(MATRICES[a](), MATRICES[b]()) for a in ("id", "x", "y", "z") for b in ("id", "x", "y", "z")]
    taken: set[str] = set()
    for name in (n for n, shape in GATES.items() if shape[0] == 2):
        for angles in product(TURNS[1::2] if name == "cu" else TURNS, repeat=GATES[name][1]):
            if name == "cu" and not any(angles[i] == 0 for i in (0, 1)):
                continue
            circuit = Circuit(2, 0, (Operation(name, (1, 0), angles),))
            matrix = unitary(circuit)
            moved = [matrix @ p @ matrix.conj().T for p in paulis]
            clifford = all(max(abs(np.vdot(m, p)) for p in paulis) > 4 - 1e-6 for m in moved)
            try:
                there = to_stim(circuit) + stim.Circuit("I 0 1")
            except BadInput:
                assert not clifford, circuit
            else:
                taken.add(name)
                assert clifford
                assert not any(one.tag for one in there)
                assert same(unitary(from_stim(there)), matrix, 1e-9)
    assert taken == {n for n, shape in GATES.items() if shape[0] == 2} - {"ch"}


def random_general(rng: np.random.Generator, qubits: int, gates: int) -> Circuit:
    """Clifford gates, T, barriers of some and of all, and each qubit measured in the end into a bit of its own."""
    names = [name for name, shape in GATES.items() if shape[1] == 0 and name not in ("ch", "ccx", "cswap")]
    steps: list[Operation] = []
    for _ in range(gates):
        name = str(rng.choice([*names, "rx", "ry", "rz", "p", "barrier"]))
        on = rng.permutation(qubits).tolist()
        count, angles = GATES.get(name, (int(rng.choice([2, qubits])), 0))
        steps.append(Operation(name, tuple(on[:count]), tuple(rng.choice(TURNS, angles).tolist())))
    order = rng.permutation(qubits).tolist()
    return Circuit(qubits, qubits, (*steps, *(Operation("measure", (q,), bit=b) for b, q in enumerate(order))))


def test_layers_suit_the_logical_machine_and_keep_order() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        circuit = random_general(rng, 4, 40)
        there = to_stim(circuit)
        assert schedule(there, {name: one.steps for name, one in OPERATIONS.items()}).qubits == (0, 1, 2, 3)
        assert same(unitary(from_stim(there)), unitary(circuit), 1e-9)
        measured = [t.value for one in there if one.name == "M" for t in one.targets_copy()]
        assert [measured[r] for r in record_of(circuit) if r is not None] == [
            one.qubits[0] for one in circuit.operations if one.name == "measure"
        ]


def test_barriers_are_ticks_and_hold_back_what_comes_after() -> None:
    bell = stim.Circuit("R 0 1\nTICK\nH 0\nTICK\nCX 0 1\nTICK\nM 0 1")
    assert to_stim(from_stim(bell)) == bell
    apart = [Operation("h", (0,)), Operation("s", (0,)), Operation("barrier", (0, 1)), Operation("h", (1,))]
    assert str(to_stim(Circuit(2, 0, tuple(apart)))).splitlines()[-3:] == ["R 1", "TICK", "H 1"]


def test_results_of_a_job_are_bits_in_order_either_way() -> None:
    both = [stim.Circuit("X 1\nM 1 !0"), "qubit[2] q; bit[2] c; U(pi, 0, pi) q[0]; c = measure q;"]
    jobs = [Job(program, np.zeros((1, 0)), 1, 1, "the action", (0,)) for program in both]
    assert general(jobs[0].circuit) == Circuit(
        2,
        2,
        (
            Operation("x", (1,)),
            Operation("measure", (1,), bit=0),
            Operation("x", (0,)),
            Operation("measure", (0,), bit=1),
        ),
    )
    assert general(jobs[1].circuit).operations[0] == Operation("u", (0,), (pi, 0.0, pi))
    assert all(general(job.circuit) is general(job.circuit) for job in jobs)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("X_ERROR(0.1) 0", "X_ERROR(0.1) 0"),
        ("M(0.01) 0", "M(0.01) 0"),
        ("HERALDED_ERASE(0.1) 0", "HERALDED_ERASE"),
        ("CX sweep[0] 1", "sweep bit"),
        ("MPAD 1", "MPAD 1"),
        ("CX rec[-2] 0", "2 measurements and there are 0"),
        ("REPEAT 1000000 {\n REPEAT 1000000 {\n H 0 1\n }\n }", "2,000,000,000,000 targets"),
        ("REPEAT 101 {\n TICK\n }\nM 9999", "1,010,001 targets"),
        ("H 10000", "10,001 qubits"),
    ],
)
def test_what_no_general_circuit_has_is_refused(text: str, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        from_stim(stim.Circuit(text))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (Operation("rz", (0,), (0.3,)), "'rz(0.3)'"),
        (Operation("rx", (0,), (pi / 4 + 1e-6,)), "'rx(0.785399"),
        (Operation("cp", (0, 1), (pi / 2,)), "'cp(1.57079632679)'"),
        (Operation("ch", (0, 1)), "'ch'"),
        (Operation("ccx", (0, 1, 2)), "'ccx'"),
        (Operation("cswap", (0, 1, 2)), "'cswap'"),
        (Operation("h", (0,), condition=(0, 1)), "'h' depends on bit 0"),
        (Operation("reset", (0,), condition=(0, 1)), "'reset' depends on bit 0"),
        (Operation("measure", (0,), bit=0, condition=(0, 1)), "'measure' depends on bit 0"),
    ],
)
def test_what_is_no_clifford_gate_is_refused(one: Operation, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        to_stim(Circuit(3, 1, (Operation("measure", (1,), bit=0), one)))
    assert said in str(caught.value)
