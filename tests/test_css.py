"""CSS codes from their checks: algebra over GF(2), edge colouring, logical operators and memory circuits."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path

import numpy as np
import pytest
import stim
from hypothesis import given, strategies as st

from counterpoint.base import BadInput, Bits
from counterpoint.codes import surface
from counterpoint.codes.colouring import colouring
from counterpoint.codes.css import CSSCode, css_code, exact_readout, memory
from counterpoint.codes.gf2 import beyond, inverse, kernel, product, reduced
from counterpoint.codes.noise import SI1000, UniformDepolarizing

HAMMING = np.array([[1, 0, 1, 0, 1, 0, 1], [0, 1, 1, 0, 0, 1, 1], [0, 0, 0, 1, 1, 1, 1]], np.uint8)


def steane() -> CSSCode:
    return css_code(HAMMING, HAMMING)


def four() -> CSSCode:
    """The [[4,2,2]] code."""
    return css_code(np.ones((1, 4), np.uint8), np.ones((1, 4), np.uint8))


def repetition(n: int) -> CSSCode:
    """ZZ of neighbours, and no X checks."""
    return css_code(np.zeros((0, n), np.uint8), np.eye(n, dtype=np.uint8)[:-1] ^ np.eye(n, k=1, dtype=np.uint8)[:-1])


def rotated(distance: int) -> CSSCode:
    """The rotated surface code, of which nothing but checks and places is told."""
    patch = surface.layout(distance)
    data, x, z = sorted(patch.data), sorted(patch.x_checks), sorted(patch.z_checks)
    matrices = ([[q in patch.support(check) for q in data] for check in checks] for checks in (x, z))
    return css_code(*(np.array(m, np.uint8) for m in matrices), [*data, *x, *z])


CODES = {"steane": steane(), "four": four(), "repetition": repetition(5), "rotated": rotated(3)}
PUBLISHED = Path(os.environ.get("COUNTERPOINT_DATA", "")) / "qldpc"
SMALL = ["7-1-3", "12-4-2", "16-2-4", "17-1-5", "25-1-5", "32-8-4", "40-10-4"]


def published(name: str) -> tuple[CSSCode, dict]:
    if "COUNTERPOINT_DATA" not in os.environ:
        pytest.skip("COUNTERPOINT_DATA is not set: the published codes are not here")
    told = json.loads((PUBLISHED / f"{name}.json").read_text())
    return css_code(*(rows(told["checks"][kind], told["n"]) for kind in "XZ")), told


def rows(supports: list[list[int]], n: int) -> Bits:
    matrix = np.zeros((len(supports), n), np.uint8)
    for i, support in enumerate(supports):
        matrix[i, support] = 1
    return matrix


def rank(matrix: Bits) -> int:
    return len(reduced(matrix)[1])


matrices = st.tuples(st.integers(1, 7), st.integers(1, 9), st.integers(0, 2**32)).map(
    lambda given: np.random.default_rng(given).integers(0, 2, given[:2], np.uint8)
)


@given(matrices)
def test_rows_and_kernel_share_out_the_columns(matrix: Bits) -> None:
    found, pivots = reduced(matrix)
    assert np.array_equal(found[:, pivots], np.eye(len(pivots)))
    null = kernel(matrix)
    assert not product(matrix, null.T).any()
    assert rank(null) == len(null) == matrix.shape[1] - len(pivots)
    assert len(beyond(matrix, null)) == rank(np.vstack([matrix, null])) - len(pivots)


@given(matrices)
def test_inverse_undoes_and_rank_is_that_of_the_span(matrix: Bits) -> None:
    square = matrix[: min(matrix.shape), : min(matrix.shape)]
    if rank(square) == len(square):
        assert np.array_equal(product(square, inverse(square)), np.eye(len(square)))
    span = {tuple(np.array(sums) @ matrix % 2) for sums in itertools.product((0, 1), repeat=len(matrix))}
    assert len(span) == 2 ** rank(matrix)


@given(matrices)
def test_edges_are_coloured_by_as_many_colours_as_the_fullest_vertex_has_edges(matrix: Bits) -> None:
    layers = colouring(matrix)
    assert len(layers) == max(matrix.sum(axis=0).max(), matrix.sum(axis=1).max())
    assert sorted(edge for layer in layers for edge in layer) == [tuple(e) for e in np.argwhere(matrix).tolist()]
    for layer in layers:
        for ends in zip(*layer, strict=True):
            assert len(set(ends)) == len(ends)


def check_logicals(code: CSSCode) -> None:
    assert not product(code.z_checks, code.x_logicals.T).any()
    assert not product(code.x_checks, code.z_logicals.T).any()
    assert np.array_equal(product(code.x_logicals, code.z_logicals.T), np.eye(code.k))
    assert code.k == code.n - rank(code.x_checks) - rank(code.z_checks)


@pytest.mark.parametrize(
    ("name", "n", "k"), [("steane", 7, 1), ("four", 4, 2), ("repetition", 5, 1), ("rotated", 9, 1)]
)
def test_logical_operators_anticommute_in_pairs(name: str, n: int, k: int) -> None:
    code = CODES[name]
    assert (code.n, code.k) == (n, k)
    check_logicals(code)


def check_memory(circuit: stim.Circuit) -> None:
    """Detectors and observables are deterministic and silent, and no layer uses a qubit twice."""
    circuit.detector_error_model()  # raises where one is random
    assert not circuit.compile_detector_sampler(seed=1).sample(64, append_observables=True).any()
    busy: list[int] = []
    for instruction in circuit.flattened():
        if instruction.name == "TICK":
            busy = []
        elif instruction.name in ("R", "RX", "CX", "M", "MX"):
            busy += [t.value for t in instruction.targets_copy()]
            assert len(set(busy)) == len(busy)
        else:
            assert instruction.name in ("QUBIT_COORDS", "DETECTOR", "SHIFT_COORDS", "OBSERVABLE_INCLUDE")


@pytest.mark.parametrize("basis", ["Z", "X"])
@pytest.mark.parametrize("rounds", [1, 2, 3, 5])
@pytest.mark.parametrize("name", CODES)
def test_memory_is_valid_whatever_the_checks(name, rounds, basis):
    code = CODES[name]
    circuit = memory(code, rounds, basis)
    check_memory(circuit)
    own, other = len(code.z_checks), len(code.x_checks)
    if basis == "X":
        own, other = other, own
    assert circuit.num_observables == code.k
    assert circuit.num_detectors == own * (rounds + 1) + other * (rounds - 1)
    gates = sum(len(i.target_groups()) for i in circuit.flattened() if i.name == "CX")
    assert gates == rounds * (code.x_checks.sum() + code.z_checks.sum())


def test_layers_are_as_few_as_the_tanner_graphs_allow():
    assert memory(steane(), 1).num_ticks == 4 + 4 + 1  # checks of weight 4, either kind; one for the resets
    assert memory(rotated(5), 1).num_ticks == 4 + 4 + 1
    assert memory(repetition(5), 1).num_ticks == 2 + 1


def test_text_does_not_grow_with_the_rounds():
    short, long = (str(memory(steane(), rounds)) for rounds in (10, 1000))
    assert len(long) - len(short) == len("998") - len("8")


def test_detectors_stand_at_their_checks_and_time_comes_last():
    places = memory(rotated(3), 4).get_detector_coordinates()
    assert {tuple(c[:2]) for c in places.values()} == set(surface.layout(3).x_checks + surface.layout(3).z_checks)
    assert [c[2] for c in places.values()] == [0] * 4 + [1] * 8 + [2] * 8 + [3] * 8 + [4] * 4
    places = memory(steane(), 2).get_detector_coordinates()
    assert [c for c in places.values()][:3] == [[10, 0], [11, 0], [12, 0]]


@pytest.mark.parametrize("distance", [3, 5, 7])
def test_schedule_that_ignores_hooks_halves_one_distance_of_the_surface_code(distance):
    """A fault in the middle of a check spreads to two of its qubits: along one logical operator, not the other."""
    found = [
        len(UniformDepolarizing(1e-3).noisy(memory(rotated(distance), 3, basis)).shortest_graphlike_error())
        for basis in ("Z", "X")
    ]
    assert found == [(distance + 1) // 2, distance]


def lightest(circuit: stim.Circuit) -> int:
    return len(
        circuit.search_for_undetectable_logical_errors(
            dont_explore_detection_event_sets_with_size_above=6,
            dont_explore_edges_with_degree_above=6,
            dont_explore_edges_increasing_symptom_degree=False,
        )
    )


@pytest.mark.parametrize("basis", ["Z", "X"])
def test_one_hook_is_a_logical_error_of_the_four_qubit_code(basis):
    """Half of its only check of a kind is a logical operator."""
    assert lightest(UniformDepolarizing(1e-3).noisy(memory(four(), 2, basis))) == 1


@pytest.mark.parametrize("basis", ["Z", "X"])
@pytest.mark.parametrize("name", CODES)
def test_noise_between_rounds_alone_sees_the_codes_own_distance(name, basis):
    """Flips of data qubits and of results, none inside a round: an independent count of each code's distance."""
    code = CODES[name]
    flips = {"Z": "X_ERROR", "X": "Z_ERROR"}[basis]
    circuit = stim.Circuit()
    for instruction in memory(code, 2, basis).flattened():
        if instruction.name in ("R", "RX") and circuit.num_measurements:  # the second round begins
            circuit.append(flips, range(code.n), 0.01)
        circuit.append(instruction)
    expected = {"steane": 3, "four": 2, "rotated": 3, "repetition": 5 if basis == "Z" else 1}
    assert lightest(circuit) == expected[name]


def test_every_noise_model_reads_the_circuit():
    for noise in (UniformDepolarizing(0.001), SI1000(0.001)):
        assert noise.noisy(memory(steane(), 3)).detector_error_model().num_errors > 0


@pytest.mark.parametrize("basis", ["Z", "X"])
def test_exact_readout_takes_the_flips_from_the_data_alone(basis):
    noisy = UniformDepolarizing(0.01).noisy(memory(four(), 4, basis))
    exact = exact_readout(noisy, 4)
    assert exact.num_measurements == noisy.num_measurements
    read = [i for i in exact.flattened() if i.name in ("M", "MX")]
    assert [i.gate_args_copy() for i in read if {t.value for t in i.targets_copy()} <= {0, 1, 2, 3}] == [[]]
    # Results of both checks in four rounds still flip.
    assert sum(len(i.targets_copy()) for i in read if i.gate_args_copy() == [0.01]) == 8
    assert exact.without_noise() == noisy.without_noise()


def names() -> list[str]:
    return sorted(path.stem for path in PUBLISHED.glob("*.json"))


def test_published_codes_have_the_k_told_and_their_witnesses_are_logical():
    if "COUNTERPOINT_DATA" not in os.environ:
        pytest.skip("COUNTERPOINT_DATA is not set: the published codes are not here")
    assert len(names()) > 50
    for name in names():
        code, told = published(name)
        assert code.k == told["k"], name
        check_logicals(code)
        for kind, checks, logicals in (
            ("X", code.z_checks, code.z_logicals),
            ("Z", code.x_checks, code.x_logicals),
        ):
            witness = rows([told["distance"][kind]["witness"]], code.n).T
            assert not product(checks, witness).any(), name
            assert product(logicals, witness).any(), name
            assert witness.sum() == told["distance"][kind]["value"], name


@pytest.mark.parametrize("basis", ["Z", "X"])
@pytest.mark.parametrize("name", SMALL)
def test_published_codes_make_valid_circuits_in_which_the_witness_goes_unseen(name, basis):
    code, told = published(name)
    circuit = memory(code, 3, basis)
    check_memory(circuit)
    pauli = "X" if basis == "Z" else "Z"
    witness = told["distance"][pauli]["witness"]
    # The data qubits are ready where the first layer ends.
    start = [instruction.name for instruction in circuit].index("TICK") + 1
    for error, seen in ((witness, False), (witness[1:], True)):
        hit = circuit[:start]
        hit.append("E", [stim.target_pauli(q, pauli) for q in error], 0.25)
        (fault,) = [i for i in (hit + circuit[start:]).detector_error_model() if i.type == "error"]
        targets = fault.targets_copy()
        assert any(t.is_relative_detector_id() for t in targets) == seen
        assert seen or targets


def lighter(code: CSSCode, weight: int) -> bool:
    """Is there a logical operator of less than `weight`, of either kind? All sets of qubits are tried."""
    for checks, logicals in ((code.z_checks, code.z_logicals), (code.x_checks, code.x_logicals)):
        for w in range(1, weight):
            sets = np.array(list(itertools.combinations(range(code.n), w)))
            syndromes, flips = (m.T[sets].sum(axis=1) % 2 for m in (checks, logicals))
            if (~syndromes.any(axis=1) & flips.any(axis=1)).any():
                return True
    return False


@pytest.mark.parametrize("name", SMALL)
def test_no_logical_operator_of_a_small_published_code_is_lighter_than_told(name):
    code, told = published(name)
    assert not lighter(code, told["distance"]["d"])
    assert lighter(code, told["distance"]["d"] + 1)


@pytest.mark.parametrize(
    ("x", "z", "shown"),
    [
        (np.ones((2, 4)), [[1, 1, 0, 0], [0, 1, 1, 1]], "X check 0 and Z check 1 overlap on 3 qubits, 1, 2, 3,"),
        (np.ones((1, 4)), np.ones((1, 5)), "X checks on 4 qubits were given with Z checks on 5"),
        (np.array([[1, 2, 0, 0]]), np.ones((1, 4)), "X check 0 has 2 at qubit 1: give 1"),
        (np.array([[1, -1, 0, 0]]), np.ones((1, 4)), "X check 0 has -1 at qubit 1: give 1"),
        (np.ones((1, 4)), np.array([[0.5, 0, 0, 0]]), "Z check 0 has 0.5 at qubit 0: give 1"),
        (np.ones((1, 4)), np.array([[1, 1, 1, 1], [0, 0, 0, 0]]), "Z check 1 of 2 acts on none of 4 qubits"),
        (np.ones(4), np.ones((1, 4)), r"X checks of shape \(4,\) were given"),
        (np.ones((0, 0)), np.ones((0, 0)), r"X checks of shape \(0, 0\) were given"),
        ([[1, 1]], [[1, 1]], "1 X checks and 1 Z checks on 2 qubits leave k = 0 logical qubits"),
    ],
)
def test_bad_checks_are_refused(x, z, shown):
    with pytest.raises(BadInput, match=shown):
        css_code(np.asarray(x), np.asarray(z))


def test_places_of_some_qubits_only_are_refused():
    with pytest.raises(BadInput, match="4 places were given for 6 qubits: give one to each"):
        css_code(np.ones((1, 4), np.uint8), np.ones((1, 4), np.uint8), [(0, 0), (0, 1), (1, 0), (1, 1)])


@pytest.mark.parametrize(("given", "shown"), [((0,), "of 0 rounds"), ((-2,), "of -2 rounds"), ((3, "Y"), "basis 'Y'")])
def test_bad_memories_are_refused(given, shown):
    with pytest.raises(BadInput, match=f"{shown} .*: give"):
        memory(steane(), *given)
