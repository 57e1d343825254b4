"""Lattice surgery: certain outcomes, right correlations, distance; then what cannot be run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import stim

from counterpoint.base import BadInput
from counterpoint.codes.frame import Frame
from counterpoint.codes.noise import SI1000, UniformDepolarizing
from counterpoint.codes.programs import PROGRAMS, cnot, superdense, teleportation
from counterpoint.codes.steps import Step
from counterpoint.codes.surgery import Program
from counterpoint.codes.touches import sightings

EVERY = [*PROGRAMS.items(), ("superdense", lambda basis: superdense("XZ"))]
BASES = ("Z", "X")


def values(circuit: stim.Circuit, shots: int = 64) -> np.ndarray:
    """(shots, detectors + observables) as measured, against no reference: what a noiseless machine would see."""
    results = circuit.compile_sampler(seed=1).sample(shots)
    convert = circuit.compile_m2d_converter(skip_reference_sample=True)
    return convert.convert(measurements=results, append_observables=True)


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize(("name", "make"), EVERY)
def test_every_outcome_that_is_called_certain_is_and_the_circuit_keeps_the_distance(name, make, basis):
    for distance in (3, 5):
        circuit = make(basis).circuit(distance)
        circuit.detector_error_model()  # raises where a detector or an observable is random, in any frame
        assert len(UniformDepolarizing(1e-3).noisy(circuit).shortest_graphlike_error()) == distance


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize(("name", "make"), [one for one in EVERY if one[0] != "superdense"])
def test_without_noise_everything_reads_zero_while_single_results_are_random(name, make, basis):
    circuit = make(basis).circuit(3)
    assert not values(circuit).any()
    results = circuit.compile_sampler(seed=2).sample(64)
    assert 0 < results.mean() < 1


def flipped(make, paulis: dict[str, str]) -> list[int]:
    """Which observables the Paulis turn, applied after the first step's preparation."""
    program = make
    first = replace(program.steps[0], paulis=paulis)
    circuit = replace(program, steps=[first, *program.steps[1:]]).circuit(3)
    seen = values(circuit)
    assert not seen[:, : circuit.num_detectors].any()
    assert (seen == seen[0]).all()
    return np.flatnonzero(seen[0, circuit.num_detectors :]).tolist()


def test_the_cnot_carries_paulis_as_a_cnot_does():
    assert cnot("Z").compile(3).observables[0].name == "Z control"
    assert "Z target" in cnot("Z").compile(3).observables[1].terms
    assert flipped(cnot("Z"), {"control": "X"}) == [0, 1]  # X of the control spreads to the target
    assert flipped(cnot("Z"), {"target": "X"}) == [1]
    assert flipped(cnot("Z"), {"control": "Z", "target": "Z"}) == []
    assert "X control" in cnot("X").compile(3).observables[0].terms
    assert cnot("X").compile(3).observables[1].name == "X target"
    assert flipped(cnot("X"), {"target": "Z"}) == [0, 1]  # Z of the target spreads to the control
    assert flipped(cnot("X"), {"control": "Z"}) == [0]
    assert flipped(cnot("X"), {"control": "X", "target": "X"}) == []


@pytest.mark.parametrize(("basis", "pauli"), [("Z", "X"), ("X", "Z")])
def test_teleportation_carries_the_message(basis, pauli):
    assert flipped(teleportation(basis), {"message": pauli}) == [0]
    assert flipped(teleportation(basis), {"message": basis}) == []


@pytest.mark.parametrize("message", ["", "X", "Z", "XZ"])
def test_superdense_coding_reads_the_message(message):
    circuit = superdense(message).circuit(3)
    seen = values(circuit)
    assert not seen[:, : circuit.num_detectors].any()
    assert (seen[:, circuit.num_detectors :] == [("Z" in message), ("X" in message)]).all()


def test_a_patch_turned_twice_merges_again():
    cells = {"a": (0, 0), "b": (0, 1)}
    ready = {"a": "Z", "b": "Z"}
    steps = [Step(begin=ready, turn=["a"]), Step(turn=["a"], merge=[("a", "b")]), Step(end=ready)]
    found = Program("turned", cells, steps).compile(3)
    assert [one.name for one in found.observables] == ["ZZ a-b @2", "Z a", "Z b"]
    assert not values(found.circuit).any()
    assert len(UniformDepolarizing(1e-3).noisy(found.circuit).shortest_graphlike_error()) == 3


def test_joint_parities_of_unknown_states_are_random_but_repeat():
    cells = {"a": (0, 0), "b": (0, 1)}
    once = Step(begin={"a": "X", "b": "X"}, merge=[("a", "b")])
    again = Step(merge=[("a", "b")], end={"a": "Z", "b": "Z"})
    found = Program("twice", cells, [once, again]).compile(3)
    assert [one.terms for one in found.observables] == [
        ("ZZ a-b @1", "ZZ a-b @2"),
        ("Z a", "Z b", "ZZ a-b @1"),
    ]
    assert found.observables[0].timelike
    assert not values(found.circuit).any()


@pytest.mark.parametrize("rounds", [3, 4, 5, 9])
def test_any_number_of_rounds_from_the_distance(rounds):
    circuit = cnot("Z").circuit(3, rounds)
    circuit.detector_error_model()
    assert sum(i.name == "SHIFT_COORDS" for i in circuit.flattened()) == 0
    times = {c[-1] for c in circuit.get_detector_coordinates().values()}
    assert max(times) == 4 * rounds


def test_counts():
    for d in (3, 5):
        patch = 2 * d**2 - 1
        assert cnot("Z").circuit(d).num_qubits == 3 * patch + 2 * (d + d - 1 + 2)  # two seams: data, checks
        assert cnot("Z").rounds(d) == 4 * d


def test_text_does_not_grow_with_the_rounds():
    assert len(str(cnot("Z").circuit(3, 90))) - len(str(cnot("Z").circuit(3, 10))) < 10 * len("88")


@pytest.mark.parametrize("make", PROGRAMS.values(), ids=PROGRAMS)
def test_noise_models_and_gates_read_every_program(make):
    circuit = make("Z").circuit(3)
    for noise in (UniformDepolarizing(1e-3), SI1000(1e-3)):
        assert noise.noisy(circuit).detector_error_model(decompose_errors=True).num_errors > 0
    from counterpoint.codes.gates import compile_gates

    gates = [gate for gate in compile_gates(circuit).gates if gate.kind == "2Q"]
    assert sightings(circuit, gates).any(axis=1).all()  # no gate whose errors nobody sees


CELLS = {"a": (0, 0), "b": (0, 1), "c": (1, 1), "far": (0, 3)}
READY = {"a": "Z", "b": "Z", "c": "Z", "far": "Z"}


@pytest.mark.parametrize(
    ("cells", "steps", "told"),
    [
        ({"a": (0, 0), "b": (0, 0)}, [], r"'a' and 'b' overlap in cell \(0, 0\)"),
        (CELLS, [Step(begin=READY, merge=[("a", "far")])], "no seam lies between them"),
        (CELLS, [Step(begin=READY, merge=[("a", "b", "c")])], "around a corner"),
        (CELLS, [Step(begin=READY, merge=[("a",)])], "merges 1 patch"),
        (CELLS, [Step(begin=READY, merge=[("a", "b"), ("b", "c")])], "merges patch 'b' twice"),
        (CELLS, [Step(begin=READY, end=READY), Step(end={"a": "Z"})], "step 2 .* patch 'a', which was measured"),
        (CELLS, [Step(begin=READY, turn=["a"], merge=[("a", "b")])], "patch 'a', whose borders an H has exchanged"),
        (CELLS, [Step(begin=READY), Step(begin={"a": "X"})], "prepares patch 'a', which is in use"),
        (CELLS, [Step(begin={"a": "Z"})], "ends with patch 'a' in use"),
        (CELLS, [Step(begin={"d": "Z"})], "names patch 'd', and the grid has a, b, c, far"),
    ],
)
def test_programs_that_cannot_be_run_are_refused(cells, steps, told):
    with pytest.raises(BadInput, match=told):
        Program("mine", cells, steps)


@pytest.mark.parametrize(
    ("distance", "rounds", "told"),
    [(4, None, "distance 4"), (-3, None, "distance -3"), (1, None, "distance 1"), (5, 3, "steps of 3 rounds")],
)
def test_sizes_that_cannot_be_built_are_refused(distance, rounds, told):
    with pytest.raises(BadInput, match=f"{told}.* give"):
        cnot("Z").circuit(distance, rounds)


def test_measuring_what_was_not_prepared_is_refused():
    with pytest.raises(BadInput, match="not all of it was prepared"):
        Frame().measure("Z", ["a"], [0], "Z a")
