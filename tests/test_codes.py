"""Memory circuits: their distance, their counts, and the sites of their detectors."""

import os
from pathlib import Path

import numpy as np
import pymatching
import pytest
import stim
from scipy.stats import binomtest

from counterpoint.base import BadInput
from counterpoint.codes import repetition, surface
from counterpoint.codes.noise import SI1000, UniformDepolarizing
from counterpoint.codes.sites import detection_fractions, sites_of

CODES = {"surface": surface.memory, "repetition": repetition.memory}
FALSE_ALARM = 1e-6


def cz_gates(circuit: stim.Circuit) -> int:
    return sum(len(i.target_groups()) for i in circuit.flattened() if i.name == "CZ")


@pytest.mark.parametrize("basis", ["Z", "X"])
@pytest.mark.parametrize("rounds", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("distance", [3, 5])
@pytest.mark.parametrize("code", CODES)
def test_detectors_are_deterministic_and_the_circuit_keeps_the_codes_distance(code, distance, rounds, basis):
    circuit = CODES[code](distance, rounds, basis)
    circuit.detector_error_model()  # raises where a detector or the observable is random
    assert not circuit.compile_detector_sampler(seed=1).sample(256, append_observables=True).any()
    noisy = UniformDepolarizing(1e-3).noisy(circuit)
    assert len(noisy.shortest_graphlike_error()) == distance


@pytest.mark.parametrize("basis", ["Z", "X"])
def test_distance_seven(basis):
    assert len(UniformDepolarizing(1e-3).noisy(surface.memory(7, 3, basis)).shortest_graphlike_error()) == 7


@pytest.mark.parametrize("distance", [3, 5, 9])
def test_surface_code_counts(distance):
    circuit = surface.memory(distance, 6)
    assert circuit.num_qubits == 2 * distance**2 - 1
    assert cz_gates(circuit) == 6 * 4 * distance * (distance - 1)
    assert circuit.num_detectors == 6 * (distance**2 - 1)
    assert circuit.num_observables == 1
    hadamards = [0] * circuit.num_qubits
    for instruction in circuit.flattened():
        if instruction.name == "H":
            for t in instruction.targets_copy():
                hadamards[t.value] += 1
    assert max(hadamards) <= 2 * 6 + 2  # two in a round, and one to prepare and to read the other basis


@pytest.mark.parametrize("distance", [3, 5, 9])
def test_repetition_code_counts(distance):
    circuit = repetition.memory(distance, 6)
    assert circuit.num_qubits == 2 * distance - 1
    assert cz_gates(circuit) == 6 * 2 * (distance - 1)
    assert circuit.num_detectors == 7 * (distance - 1)


@pytest.mark.parametrize("code", CODES)
def test_text_does_not_grow_with_the_rounds(code):
    short, long = (str(CODES[code](3, rounds)) for rounds in (10, 1000))
    assert len(long) - len(short) == len("998") - len("8")
    assert CODES[code](3, 1000).detector_error_model().num_errors == 0


@pytest.mark.parametrize("code", CODES)
def test_no_layer_uses_a_qubit_twice(code):
    busy: set[int] = set()
    for instruction in CODES[code](5, 4).flattened():
        if instruction.name == "TICK":
            busy = set()
        elif instruction.name in ("R", "H", "CZ", "M"):
            targets = [t.value for t in instruction.targets_copy()]
            assert len(set(targets)) == len(targets)
            assert not busy & set(targets)
            busy |= set(targets)
        else:
            assert instruction.name in ("QUBIT_COORDS", "DETECTOR", "SHIFT_COORDS", "OBSERVABLE_INCLUDE")


def test_repetition_in_x_corrects_phase_flips_alone():
    flips = {"X": "X_ERROR", "Z": "Z_ERROR"}
    for basis, harmless in (("Z", "Z"), ("X", "X")):
        ideal = str(repetition.memory(3, 4, basis))
        # While the checks are reset: the data qubits, at even places, wait.
        for pauli, channel in flips.items():
            noisy = stim.Circuit(ideal.replace("\nTICK\nR 1 3", f"\n{channel}(0.1) 0 2 4\nTICK\nR 1 3", 1))
            seen = detection_fractions(noisy.detector_error_model()).any()
            assert noisy != stim.Circuit(ideal)
            assert seen == (pauli != harmless)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize(
    ("given", "shown"),
    [((4, 3), "4"), ((1, 3), "1"), ((-3, 3), "-3"), ((3, 0), "0"), ((3, -2), "-2"), ((3, 3, "Y"), "'Y'")],
)
def test_bad_input(code, given, shown):
    with pytest.raises(BadInput, match="give") as error:
        CODES[code](*given)
    assert f" {shown} " in str(error.value)


@pytest.mark.parametrize("distance", [3, 5])
def test_si1000_error_rate_agrees_with_published_circuits(distance):
    """Same noise, code, rounds and decoder: failures of the two split as a fair coin would."""
    data = os.environ.get("COUNTERPOINT_DATA")
    if not data:
        pytest.skip("COUNTERPOINT_DATA is not set: the published circuits are not here")
    name = f"r={distance},d={distance},p=0.002,noise=si1000,c=surface_code_Z,q={2 * distance**2 - 1},gates=cz.stim"
    published = stim.Circuit.from_file(Path(data) / "surface" / name)
    ours = SI1000(0.002).noisy(surface.memory(distance, distance))
    shots = 60_000
    failures = []
    for circuit, seed in ((published, 1), (ours, 2)):
        model = circuit.detector_error_model(decompose_errors=True)
        events, truth = circuit.compile_detector_sampler(seed=seed).sample(shots, separate_observables=True)
        guess = pymatching.Matching.from_detector_error_model(model).decode_batch(events)
        failures.append(int((guess != truth).any(axis=1).sum()))
    assert min(failures) > 50
    assert binomtest(failures[0], sum(failures), 0.5).pvalue > FALSE_ALARM


def test_sites_group_detectors_over_time():
    sites = sites_of(surface.memory(3, 25))
    assert len(sites.names) == 8
    assert sites.names[0] == "0,4"
    assert sites.of_detector.shape == (200,)
    # Z checks have a first detector and one that the data qubits close: 26; X checks have 24.
    assert sorted(sites.detectors.tolist()) == [24] * 4 + [26] * 4
    assert sites_of(surface.memory(3, 5, "X")).names == sites.names


@pytest.mark.parametrize("shots", [1, 2, 3, 255, 1440])
def test_counts_of_packed_events_are_counts_of_unpacked_ones(shots):
    sites = sites_of(surface.memory(3, 6))
    events = np.random.default_rng((shots,)).integers(0, 256, (3, shots, 6), dtype=np.uint8)
    plain = np.unpackbits(events, axis=2, count=48, bitorder="little").sum(axis=1)
    expected = np.stack([plain[:, sites.of_detector == s].sum(axis=1) for s in range(8)], axis=1)
    counted = sites.count(events)
    assert counted.dtype == np.int64
    np.testing.assert_array_equal(counted, expected)


def test_padding_bits_belong_to_no_site():
    sites = sites_of(repetition.memory(3, 2))  # 6 detectors: 2 bits of padding
    np.testing.assert_array_equal(sites.count(np.full((1, 5, 1), 255, np.uint8)), [[15, 15]])


def test_events_of_another_circuit_are_refused():
    sites = sites_of(surface.memory(3, 6))
    with pytest.raises(BadInput, match="7 bytes were given for 48 detectors, which fill 6"):
        sites.count(np.zeros((1, 4, 7), np.uint8))


def test_detectors_without_coordinates_are_refused():
    with pytest.raises(BadInput, match="detector 1 of 2 has no coordinates"):
        sites_of(stim.Circuit("M 0\nDETECTOR(1, 0) rec[-1]\nDETECTOR rec[-1]"))


def test_detection_fraction_is_the_odd_parity_of_independent_errors():
    model = stim.DetectorErrorModel("error(0.1) D0 ^ D0 D1\nrepeat 2 {\nerror(0.2) D1\n}\nerror(0.3) L0")
    expected = [0, (1 - 0.8 * 0.6 * 0.6) / 2]
    np.testing.assert_allclose(detection_fractions(model), expected, rtol=1e-12)
