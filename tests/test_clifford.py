"""Stim circuits as general ones and back: equal unitaries, equal parities of the results, layers, what is refused."""

from __future__ import annotations

from itertools import product
from math import pi

import numpy as np
import pytest
import stim
from numpy.typing import NDArray

from counterpoint.base import BadInput, Job
from counterpoint.circuits.circuit import GATES, Circuit, Operation
from counterpoint.circuits.clifford import from_stim, record_of, to_stim
from counterpoint.circuits.matrices import MATRICES
from counterpoint.machine.operations import OPERATIONS
from counterpoint.machine.programs import general
from counterpoint.machine.schedule import schedule

UNITARIES = sorted(name for name, data in stim.gate_data().items() if data.is_unitary)
TURNS = [k * pi / 4 for k in range(-9, 10)]


def unitary(circuit: Circuit) -> NDArray[np.complex128]:
    """(2^n, 2^n) of the gates, qubit 0 the lowest bit; resets, which prepare, are left out."""
    n = circuit.qubits
    whole = np.eye(2**n, dtype=np.complex128).reshape([2] * n + [-1])  # axes from the highest qubit
    for one in circuit.operations:
        if one.name in GATES:
            k = len(one.qubits)
            axes = [n - 1 - q for q in reversed(one.qubits)]
            gate = MATRICES[one.name](*one.parameters).reshape([2] * 2 * k)
            whole = np.moveaxis(np.tensordot(gate, whole, (range(k, 2 * k), axes)), range(k), axes)
    return whole.reshape(2**n, 2**n)


def same(a: NDArray[np.complex128], b: NDArray[np.complex128], slack: float = 1e-6) -> bool:
    """Whether two unitaries are equal up to a phase."""
    return bool(abs(abs(np.vdot(a, b)) / len(a) - 1) < slack)


def parities(circuit: stim.Circuit, record: list[int]) -> list[stim.Flow]:
    """All sets of results whose parity is certain, result k of `record` named as k."""
    generators = closed(circuit).flow_generators()
    certain = [flow for flow in generators if not any(flow.output_copy().pauli_indices())]
    place = {r % circuit.num_measurements: k for k, r in enumerate(record)}
    return [
        stim.Flow(input=stim.PauliString(0), output=flow.output_copy(), measurements=[place[m] for m in named])
        for flow in certain
        if (named := [m % circuit.num_measurements for m in flow.measurements_copy()])
    ]


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
    for _ in range(30):
        circuit = random_measured(rng, 4, 15)
        if not circuit.num_measurements:
            continue
        there = from_stim(circuit)
        assert there.bits == circuit.num_measurements
        back = to_stim(there)
        written = [k for k, r in enumerate(record_of(there)) if r is not None]
        found, wanted = parities(back, [r for r in record_of(there) if r is not None]), closed(circuit)
        moved = [
            stim.Flow(
                input=f.input_copy(), output=f.output_copy(), measurements=[written[m] for m in f.measurements_copy()]
            )
            for f in found
        ]
        assert wanted.has_all_flows(moved)
        padded = circuit.num_measurements - len(written)  # each a 0, and certain
        assert len(found) + padded == len(parities(circuit, list(range(circuit.num_measurements))))
