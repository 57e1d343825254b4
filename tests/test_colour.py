"""Memory circuits of the colour code: counts, distances, and the published circuits' error models."""

import os
from collections import defaultdict
from collections.abc import Callable, Hashable
from pathlib import Path

import numpy as np
import pytest
import stim
from scipy.stats import binom

from counterpoint.base import BadInput
from counterpoint.codes import colour
from counterpoint.codes.gates import compile_gates
from counterpoint.codes.noise import SI1000, NoiseModel, UniformDepolarizing
from counterpoint.codes.sites import detection_fractions, sites_of
from counterpoint.machine import builds

FALSE_ALARM = 1e-6
ANNOTATIONS = ("QUBIT_COORDS", "DETECTOR", "SHIFT_COORDS", "OBSERVABLE_INCLUDE")


def cz_gates(circuit: stim.Circuit) -> int:
    return sum(len(i.target_groups()) for i in circuit.flattened() if i.name == "CZ")


@pytest.mark.parametrize("basis", ["Z", "X"])
@pytest.mark.parametrize("rounds", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("distance", [3, 5, 7])
def test_detectors_are_deterministic_and_silent_without_noise(distance, rounds, basis):
    circuit = colour.memory(distance, rounds, basis)
    assert circuit.detector_error_model().num_errors == 0  # raises where a detector or the observable is random
    assert not circuit.compile_detector_sampler(seed=1).sample(256, append_observables=True).any()


@pytest.mark.parametrize("distance", [3, 5, 7, 11])
def test_counts(distance):
    patch = colour.layout(distance)
    assert len(patch.data) == (3 * distance**2 + 1) // 4
    assert len(patch.faces) == 3 * (distance**2 - 1) // 8
    circuit = colour.memory(distance, 6)
    assert circuit.num_qubits == (3 * distance**2 - 1) // 2
    assert cz_gates(circuit) == 6 * 3 * (distance - 1) * (7 * distance - 1) // 4
    assert circuit.num_detectors == 6 * 3 * (distance**2 - 1) // 4
    assert circuit.num_observables == 1


@pytest.mark.parametrize("distance", [3, 5, 7])
def test_every_face_has_its_colour_and_no_data_qubit_two_faces_of_one(distance):
    patch = colour.layout(distance)
    of_qubit = defaultdict(list)
    for face in patch.faces:
        assert len(patch.support(face)) in (4, 6)
        for point in patch.support(face):
            of_qubit[point].append(face[1] % 3)
    assert of_qubit.keys() == set(patch.data)
    assert all(len(set(colours)) == len(colours) for colours in of_qubit.values())
    assert sorted(map(len, of_qubit.values())).count(1) == 3  # the corners
    assert max(map(len, of_qubit.values())) == 3


@pytest.mark.parametrize("distance", [3, 5, 7])
def test_the_codes_distance_over_all_logical_operators(distance):
    """X and Z checks are alike: the lightest of the logical operator times every product of faces."""
    patch = colour.layout(distance)
    bit = {point: np.uint64(1 << i) for i, point in enumerate(sorted(patch.data))}
    faces = [np.bitwise_or.reduce([bit[p] for p in patch.support(face)]) for face in patch.faces]
    base = np.bitwise_or.reduce([b for (_, y), b in bit.items() if y == 0])
    whole = np.bitwise_or.reduce(list(bit.values()))
    products = np.array([0], np.uint64)
    for face in faces:
        assert np.bitwise_count(face & base) % 2 == np.bitwise_count(face & whole) % 2 == 0
        assert all(np.bitwise_count(face & other) % 2 == 0 for other in faces)  # X and Z checks commute
        products = np.concatenate([products, products ^ face])
    assert len(set(products.tolist())) == 2 ** len(faces)  # independent: one logical qubit is left
    assert np.bitwise_count(products ^ base).min() == np.bitwise_count(products ^ whole).min() == distance


def unseen(model: stim.DetectorErrorModel) -> list[bool]:
    """Do sets of at most 2 and of at most 4 errors exist that fire nothing and flip the observable?

    Errors are named by a random linear hash of the detectors they fire. Sets of half the size that differ in the
    observable alone would have equal hashes: so False is exact.
    """
    words = np.random.default_rng((3,)).integers(0, 2**63, model.num_detectors, np.uint64)
    fired, flips = [np.uint64(0)], [False]
    for error in model.flattened():
        if isinstance(error, stim.DemInstruction) and error.type == "error":
            detectors = [t.val for t in error.targets_copy() if t.is_relative_detector_id()]
            fired.append(np.bitwise_xor.reduce(words[detectors]) if detectors else np.uint64(0))
            flips.append(len(detectors) < len(error.targets_copy()))
    one, flip = np.array(fired, np.uint64), np.array(flips)
    first, second = np.triu_indices(len(one), 1)
    found = []
    for keys, sides in ((one, flip), (one[first] ^ one[second], flip[first] ^ flip[second])):
        order = np.argsort(keys)
        keys, sides = keys[order], sides[order]
        starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
        sizes = np.diff(np.r_[starts, len(keys)])
        either = np.add.reduceat(sides, starts, dtype=np.int64)
        found.append(bool(((either > 0) & (either < sizes)).any()))
    return found


@pytest.mark.parametrize("basis", ["Z", "X"])
@pytest.mark.parametrize(("distance", "expected"), [(3, [False, True]), (5, [False, False])])
def test_the_circuit_keeps_the_codes_distance(distance, expected, basis):
    """No smaller set of errors exists, and one of `distance` errors is shown."""
    noisy = UniformDepolarizing(1e-3).noisy(colour.memory(distance, distance, basis))
    assert unseen(noisy.detector_error_model()) == expected
    shown = noisy.search_for_undetectable_logical_errors(
        dont_explore_detection_event_sets_with_size_above=4,
        dont_explore_edges_with_degree_above=3,
        dont_explore_edges_increasing_symptom_degree=False,
    )
    assert len(shown) == distance


def test_text_does_not_grow_with_the_rounds():
    short, long = (str(colour.memory(3, rounds)) for rounds in (10, 1000))
    assert len(long) - len(short) == len("998") - len("8")


@pytest.mark.parametrize("basis", ["Z", "X"])
def test_no_layer_uses_a_qubit_twice_and_couplers_run_along_diagonals(basis):
    circuit = colour.memory(5, 4, basis)
    place = circuit.get_final_qubit_coordinates()
    busy: set[int] = set()
    for instruction in circuit.flattened():
        if instruction.name == "TICK":
            busy = set()
        elif instruction.name in ("R", "H", "CZ", "M"):
            targets = [t.value for t in instruction.targets_copy()]
            assert len(set(targets)) == len(targets)
            assert not busy & set(targets)
            busy |= set(targets)
        else:
            assert instruction.name in ANNOTATIONS
        if instruction.name == "CZ":
            for a, b in instruction.target_groups():
                assert np.abs(np.subtract(place[a.value], place[b.value])).tolist() == [1, 1]


def test_sites_are_the_checks():
    for basis in ("Z", "X"):
        circuit = colour.memory(3, 25, basis)
        assert sites_of(circuit).detectors.tolist().count(26) == 3  # known from the start, closed by the data qubits
        assert sites_of(circuit).detectors.tolist().count(24) == 3
        assert {c[-1] for c in circuit.get_detector_coordinates().values()} == set(range(26))
    place = {tuple(c) for c in circuit.get_final_qubit_coordinates().values()}
    kinds = {tuple(c[:2]): c[3] for c in circuit.get_detector_coordinates().values()}
    assert kinds.keys() < place
    assert sorted(kinds.values()) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("noise", [SI1000(2e-3), UniformDepolarizing(2e-3)])
def test_noise_fires_each_detector_as_often_as_its_error_model_says(noise: NoiseModel):
    circuit = noise.noisy(colour.memory(3, 4))
    expected = detection_fractions(circuit.detector_error_model())
    assert (expected > 0).all()
    shots = 20_000
    counted = circuit.compile_detector_sampler(seed=3).sample(shots).sum(axis=0)
    tail = FALSE_ALARM / (2 * len(expected))
    assert (binom.ppf(tail, shots, expected) <= counted).all()
    assert (counted <= binom.ppf(1 - tail, shots, expected)).all()


@pytest.mark.parametrize("basis", ["Z", "X"])
def test_a_chip_has_a_rate_for_every_gate(basis):
    circuit = colour.memory(3, 3, basis)
    template = compile_gates(circuit)
    device = builds.willow(circuit, (1,))
    assert device.gates == template.gates
    assert {gate.kind for gate in device.gates} == {"1Q", "2Q", "M", "R", "idle", "wait", "stray"}
    assert sum(gate.kind == "2Q" for gate in device.gates) == 15  # each coupler once
    noisy = template.circuit(device.rates(device.start[None], device.start)[0])
    assert (detection_fractions(noisy.detector_error_model()) > 0).all()


@pytest.mark.parametrize(
    ("given", "shown"),
    [((4, 3), "4"), ((1, 3), "1"), ((-3, 3), "-3"), ((3, 0), "0"), ((3, -2), "-2"), ((3, 3, "Y"), "'Y'")],
)
def test_bad_input(given, shown):
    with pytest.raises(BadInput, match="give") as error:
        colour.memory(*given)
    assert f" {shown} " in str(error.value)


Place = Callable[[list[float]], tuple[Hashable, float]]


def errors_by_place(circuit: stim.Circuit, place: Place, sign: int) -> dict[frozenset[Hashable], float]:
    """Probability of each error, equal ones merged; detectors are named by their place and how many came before."""
    found: dict[Hashable, list[tuple[float, int, int]]] = defaultdict(list)
    for detector, coordinates in circuit.get_detector_coordinates().items():
        where, time = place(coordinates)
        found[where].append((time, sign * detector, detector))
    names = {d: (where, n) for where, all_times in found.items() for n, (_, _, d) in enumerate(sorted(all_times))}
    keep: dict[frozenset[Hashable], float] = defaultdict(lambda: 1.0)
    for error in circuit.detector_error_model().flattened():
        if isinstance(error, stim.DemInstruction) and error.type == "error":
            targets = error.targets_copy()
            keep[frozenset(names[t.val] if t.is_relative_detector_id() else str(t) for t in targets)] *= (
                1 - 2 * error.args_copy()[0]
            )
    return {which: (1 - kept) / 2 for which, kept in keep.items()}


@pytest.mark.parametrize("basis", ["Z", "X"])
@pytest.mark.parametrize("p", ["0.001", "0.002"])
@pytest.mark.parametrize("distance", [3, 5, 7])
def test_error_model_is_the_published_one_up_to_renumbering(distance, p, basis):
    """The same errors with the same probabilities, of which this repository writes nine digits."""
    data = os.environ.get("COUNTERPOINT_DATA")
    if not data:
        pytest.skip("COUNTERPOINT_DATA is not set: the published circuits are not here")
    qubits = (3 * distance**2 - 1) // 2
    name = f"r={distance},d={distance},p={p},noise=si1000,c=superdense_color_code_{basis},q={qubits},gates=cz.stim"
    published = stim.Circuit.from_file(Path(data) / "colour" / name)
    ours = SI1000(float(p)).noisy(colour.memory(distance, distance, basis))
    # Published are (x, y, t, c), and in the last round the detector that the data qubits close comes first.
    theirs = errors_by_place(published, lambda c: ((c[0] - c[1], c[0] + c[1], c[3]), c[2]), -1)
    mine = errors_by_place(ours, lambda c: ((c[0], c[1], c[3]), c[4]), 1)
    assert mine.keys() == theirs.keys()
    np.testing.assert_allclose([mine[k] for k in theirs], list(theirs.values()), rtol=1e-8)
