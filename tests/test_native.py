"""Rewriting into hardware's gates: the same experiment, with nothing else in it."""

from __future__ import annotations

import pytest
import stim

from counterpoint.base import BadInput
from counterpoint.codes import surface
from counterpoint.codes.native import native
from counterpoint.codes.noise import SI1000, UniformDepolarizing
from counterpoint.codes.programs import PROGRAMS, idle, superdense


def errors(circuit: stim.Circuit) -> list[str]:
    model = SI1000(0.002).noisy(circuit).detector_error_model()
    return sorted(str(e) for e in model.flattened() if e.type == "error")


@pytest.mark.parametrize("basis", ["Z", "X"])
@pytest.mark.parametrize(("distance", "rounds"), [(3, 3), (3, 8), (5, 6)])
def test_a_patch_that_waits_has_the_error_model_of_the_memory_written_for_hardware(distance, rounds, basis):
    assert errors(native(idle(basis).circuit(distance, rounds))) == errors(surface.memory(distance, rounds, basis))


@pytest.mark.parametrize("basis", ["Z", "X"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_keep_their_distance_in_hardwares_gates(name, basis):
    given = PROGRAMS[name](basis).circuit(3)
    circuit = native(given)
    assert {i.name for i in circuit.flattened()} <= {
        *("R", "M", "H", "CZ", "TICK"),
        *("QUBIT_COORDS", "DETECTOR", "SHIFT_COORDS", "OBSERVABLE_INCLUDE"),
    }
    assert (circuit.num_detectors, circuit.num_observables) == (given.num_detectors, given.num_observables)
    assert circuit.get_detector_coordinates() == given.get_detector_coordinates()
    assert len(UniformDepolarizing(1e-3).noisy(circuit).shortest_graphlike_error()) == 3


def test_paulis_and_results_are_those_of_the_circuit():
    circuit = superdense("XZ").circuit(3)
    for given in (circuit, native(circuit)):
        convert = given.compile_m2d_converter(skip_reference_sample=True)
        seen = convert.convert(measurements=given.compile_sampler(seed=3).sample(16), append_observables=True)
        assert (seen[:, -2:] == 1).all()
        assert not seen[:, :-2].any()


@pytest.mark.parametrize(
    "text",
    [
        "RX 0\nTICK\nREPEAT 3 {\nH 0\nTICK\n}\nMX 0",
        "R 0\nREPEAT 3 {\nTICK\nH 0\nTICK\nX 0\nTICK\nH 0\nTICK\nM !0\n}",
        "R 0 1\nTICK\nH 0\nTICK\nCX 0 1\nTICK\nXCX 0 1\nTICK\nCZ 1 0\nTICK\nMX 0 1",
        "RX 0\nTICK\nR 1\nTICK\nREPEAT 2 {\nCX 0 1\nTICK\nM 1\nTICK\nR 1\nTICK\n}\nMX 0\nM 1",
    ],
)
def test_the_state_is_the_same_before_every_result(text):
    """Exact: the same stabiliser flows, from nothing to each parity of results."""
    given = stim.Circuit(text)
    made = native(given)
    assert made.num_measurements == given.num_measurements
    for flow in (f for f in given.flow_generators() if not f.input_copy().weight and not f.output_copy().weight):
        assert made.has_flow(flow)
    assert len(given.flow_generators()) == len(made.flow_generators())


@pytest.mark.parametrize(
    ("text", "told"), [("S 0", "'S 0'"), ("R 0\nX_ERROR(0.1) 0", "has noise"), ("M 0\nCX rec[-1] 1", "a condition")]
)
def test_what_cannot_be_rewritten_is_refused(text, told):
    with pytest.raises(BadInput, match=told):
        native(stim.Circuit(text))
