"""Measured bits as what a machine gives back."""

from __future__ import annotations

import numpy as np
import stim

from counterpoint.base import Job
from counterpoint.codes import surface
from counterpoint.machine.results import bits_of, shots_of


def job(circuit: stim.Circuit | str, shots: int, candidates: int = 1) -> Job:
    return Job(circuit, np.zeros((candidates, 0)), shots, 1, "the action", (1,))


def test_bits_of_a_general_circuit_come_back_as_they_were_measured() -> None:
    measured = np.random.default_rng(1).random((1, 50, 11)) < 0.5
    got = shots_of(job("OPENQASM 3.0;", 50), measured, started=1.0, seconds=2.0)
    assert (bits_of(got, 11) == measured[0]).all()
    assert got.detection_events.shape == got.observables.shape == (1, 50, 0)
    assert (got.started, got.seconds) == (1.0, 2.0)


def test_a_circuit_without_annotations_gives_stims_record() -> None:
    circuit = stim.Circuit("H 0\nCX 0 1\nM 0 1\nM 1")
    measured = circuit.compile_sampler(seed=1).sample(40)[None]
    got = shots_of(job(circuit, 40), measured, started=0.0, seconds=0.0)
    assert (bits_of(got, 3) == measured[0]).all()


def test_detection_events_and_flips_are_those_that_stim_would_give() -> None:
    """Noiseless shots of a memory experiment have none; a flipped result fires the two detectors that hold it."""
    circuit = surface.memory(3, 3)
    measured = circuit.compile_sampler(seed=1).sample(20)[None]
    got = shots_of(job(circuit, 20), measured, started=0.0, seconds=0.0)
    assert got.detection_events.shape == (1, 20, (circuit.num_detectors + 7) // 8)
    assert not got.detection_events.any()
    assert not got.observables.any()
    assert got.measurements.shape == (1, 20, 0)
    measured[0, 7, 8] ^= True  # a check in the second round
    events = np.unpackbits(shots_of(job(circuit, 20), measured, started=0.0, seconds=0.0).detection_events, axis=2)
    assert events.sum(axis=2)[0].tolist() == [2 if shot == 7 else 0 for shot in range(20)]


def test_flips_are_against_the_reference_and_its_signs_tell_the_values() -> None:
    circuit = stim.Circuit("X 0\nM 0\nDETECTOR rec[-1]\nOBSERVABLE_INCLUDE(0) rec[-1]\nOBSERVABLE_INCLUDE(1) rec[-1]")
    got = shots_of(job(circuit, 5, 2), np.ones((2, 5, 1), np.bool_), started=0.0, seconds=0.0)
    assert got.observables.shape == (2, 5, 1)
    assert not got.observables.any()
    _, signs = circuit.reference_detector_and_observable_signs()
    values = np.unpackbits(got.observables[0], axis=1, count=2, bitorder="little") ^ signs
    assert values.all()
