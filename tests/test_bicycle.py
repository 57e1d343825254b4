"""Bivariate bicycle codes: their parameters and distances, and the published circuits, error by error."""

from __future__ import annotations

import os
from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import stim
from hypothesis import given, strategies as st
from test_css import check_logicals, check_memory, published

from counterpoint.base import BadInput, Bits
from counterpoint.codes import css
from counterpoint.codes.bicycle import BicycleCode, bicycle_code, memory, polynomial
from counterpoint.codes.css import exact_readout
from counterpoint.codes.gf2 import beyond, inverse, product, reduced
from counterpoint.codes.noise import UniformDepolarizing

GROSS = ("x^3+y+y^2", "y^3+x+x^2")
# Rows of published and of found codes: n, k, sizes, polynomials.
KEY = [
    (72, 12, 6, 6, *GROSS),
    (90, 8, 15, 3, "x^9+y+y^2", "1+x^2+x^7"),
    (108, 8, 9, 6, *GROSS),
    (144, 12, 12, 6, *GROSS),
    (288, 12, 12, 12, "x^3+y^2+y^7", "y^3+x+x^2"),
    (360, 12, 30, 6, "x^9+y+y^2", "y^3+x^25+x^26"),
    (756, 16, 21, 18, "x^3+y^10+y^17", "y^5+x^3+x^19"),
    (784, 24, 28, 14, "x^26+y^6+y^8", "y^7+x^9+x^20"),
    (62, 10, 31, 1, "1+x+x^12", "1+x^3+x^8"),
    (30, 4, 5, 3, "1+x^3y+x^3y^2", "1+x^4"),
    (48, 4, 8, 3, "1+y^2+x^3y", "1+x^7"),
    (16, 4, 4, 2, "1+x^2+x^2y+x^3", "1+x+x^2+x^2y"),
    (144, 8, 12, 6, "1+xy^2+xy^3", "1+x^2y^3+x^3y^2"),
    (144, 16, 6, 12, "1+xy+x^5y^5", "1+xy^11+x^5y^7"),
    (120, 8, 12, 5, "x^9y^2+x^2y^4+x^11", "x^7y^4+x^4y^2+y^3"),
    (288, 16, 12, 12, *GROSS),
    (288, 8, 18, 8, "1+xy^4+x^14y", "1+xy^2+x^2y^7"),
    (288, 12, 12, 12, "1+y+x", "y^3+x^5+x^10"),
    (288, 50, 18, 8, "1+y^5+x+xy^5", "1+y+x^5+x^5y"),
    (288, 32, 12, 12, "1+xy^3+x^5y^3", "1+x^3y+x^3y^5"),
    (360, 20, 30, 6, "1+x+x^3y^4+x^6y^2", "1+y^2+x^3y^2+x^6y^4"),
    (360, 16, 15, 12, "y^2+y^4+x^3", "y^6+x^2+x^4"),
    (254, 14, 127, 1, "x^11+x^51+x^63", "x^37+x^93+x^122"),
    (510, 16, 255, 1, "x^151+x^197+x^233", "x^37+x^196+x^202"),
]


def gross(ell: int) -> BicycleCode:
    return bicycle_code(ell, 6, *GROSS)


@pytest.mark.parametrize(("n", "k", "ell", "m", "a", "b"), KEY)
def test_published_parameters(n, k, ell, m, a, b):
    code = bicycle_code(ell, m, a, b)
    assert (code.css.n, code.css.k) == (n, k)
    assert set(code.css.x_checks.sum(axis=1)) == {len(code.a) + len(code.b)}
    check_logicals(code.css)


def packed(columns: Bits) -> np.ndarray:
    """(m, n) bits, m <= 64 -> (n,) numbers."""
    return (columns.astype(np.uint64) << np.arange(len(columns), dtype=np.uint64)[:, None]).sum(axis=0, dtype=np.uint64)


def light_sets(numbers: np.ndarray, weight: int) -> np.ndarray:
    """XOR of every set of at most `weight` of the numbers."""
    sums = [np.zeros(1, np.uint64)]
    for w in range(1, weight + 1):
        sums.append(np.bitwise_xor.reduce(numbers[np.array(list(combinations(range(numbers.size), w)))], axis=1))
    return np.concatenate(sums)


def has_logical(checks: Bits, logicals: Bits, weight: int) -> bool:
    """Does a set of at most `weight` qubits meet each check evenly and some logical operator oddly? Exact.

    Such a set is the sum of two sets of half the weight with equal syndromes and different flips.
    """
    independent = reduced(checks)[0]
    columns = packed(np.vstack([logicals, independent]))
    lower, upper = (light_sets(columns, w) for w in (weight // 2, weight - weight // 2))
    known = np.unique(np.concatenate([lower, upper]) if weight % 2 == 0 else lower)
    shift = np.uint64(len(logicals))
    syndromes = known >> shift
    if (syndromes[1:] == syndromes[:-1]).any():
        return True
    at = np.minimum(np.searchsorted(syndromes, upper >> shift), syndromes.size - 1)
    return bool(((syndromes[at] == upper >> shift) & (known[at] != upper)).any())


@pytest.mark.parametrize(
    ("d", "ell", "m", "a", "b"),
    [
        (6, 6, 6, *GROSS),
        (6, 31, 1, "1+x+x^12", "1+x^3+x^8"),
        (5, 5, 3, "1+x^3y+x^3y^2", "1+x^4"),
        (7, 8, 3, "1+y^2+x^3y", "1+x^7"),
        (4, 4, 2, "1+x^2+x^2y+x^3", "1+x+x^2+x^2y"),
    ],
)
def test_distance_of_small_codes_is_proved(d, ell, m, a, b):
    code = bicycle_code(ell, m, a, b).css
    for checks, logicals in ((code.z_checks, code.z_logicals), (code.x_checks, code.x_logicals)):
        assert not has_logical(checks, logicals, d - 1)
    assert has_logical(code.z_checks, code.z_logicals, d)
    assert has_logical(code.x_checks, code.x_logicals, d)


def circuit_of(qubits: int) -> stim.Circuit:
    data = os.environ.get("COUNTERPOINT_DATA")
    if data is None:
        pytest.skip("COUNTERPOINT_DATA is not set: the published circuits are not here")
    (path,) = (Path(data) / "bicycle").glob(f"circuit=*_{qubits}_12_*error_rate=0.003,noise_model=uniform*.stim")
    return stim.Circuit.from_file(path)


Result = tuple[int, int]  # a qubit, and which of its measurements


def compared(circuit: stim.Circuit) -> tuple[list[frozenset[Result]], list[frozenset[Result]]]:
    """The results that each detector and each observable compares."""
    seen: Counter[int] = Counter()
    results: list[Result] = []
    detectors: list[frozenset[Result]] = []
    observables: list[frozenset[Result]] = []
    for instruction in circuit.flattened():
        targets = [t.value for t in instruction.targets_copy()] if instruction.name != "SHIFT_COORDS" else []
        if stim.gate_data(instruction.name).produces_measurements:
            for q in targets:
                results.append((q, seen[q]))
                seen[q] += 1
        elif instruction.name == "DETECTOR":
            detectors.append(frozenset(results[t] for t in targets))
        elif instruction.name == "OBSERVABLE_INCLUDE":
            observables.append(frozenset(results[t] for t in targets))
    return detectors, observables


def errors(circuit: stim.Circuit) -> list[tuple[float, list[int], list[int]]]:
    """Of each error: its probability, the detectors it fires, the observables it flips."""
    return [
        (
            e.args_copy()[0],
            [t.val for t in e.targets_copy() if t.is_relative_detector_id()],
            [t.val for t in e.targets_copy() if t.is_logical_observable_id()],
        )
        for e in circuit.detector_error_model(flatten_loops=True)
        if e.type == "error"
    ]


def supports(observables: list[frozenset[Result]], n: int) -> Bits:
    matrix = np.zeros((len(observables), n), np.uint8)
    for i, support in enumerate(observables):
        matrix[i, [q for q, _ in support]] = 1
    return matrix


def solved(basis: Bits, wanted: Bits) -> Bits:
    """C with C basis = wanted, for independent rows."""
    _, pivots = reduced(basis)
    return product(wanted[:, pivots], inverse(np.ascontiguousarray(basis[:, pivots])))


@pytest.mark.parametrize(("qubits", "ell", "rounds"), [(72, 6, 6), (144, 12, 12)])
def test_error_model_equals_that_of_the_published_circuit(qubits, ell, rounds):
    """Detectors are named by the results that they compare; observables are theirs, said in our basis.

    Each of their logical operators is a product of ours and of checks; what a check's true value adds, all its
    detectors together tell.
    """
    theirs = circuit_of(qubits)
    code = gross(ell).css
    ours = exact_readout(UniformDepolarizing(0.003).noisy(memory(gross(ell), rounds)), qubits)
    their_detectors, their_observables = compared(theirs)
    our_detectors, our_observables = compared(ours)
    assert set(our_detectors) == set(their_detectors)
    assert len(our_detectors) == len(their_detectors) == len(set(our_detectors))

    assert np.array_equal(supports(our_observables, qubits), code.z_logicals)
    checks = beyond(np.zeros((0, qubits), np.uint8), code.z_checks)
    change = solved(np.vstack([code.z_logicals, checks]), supports(their_observables, qubits))
    logical, stabiliser = change[:, : code.k], change[:, code.k :]
    assert len(reduced(np.ascontiguousarray(logical))[1]) == code.k  # an invertible change of basis

    # The independent checks by their measure qubits; all detectors of a check compare its results to its value.
    rows = {row.tobytes(): code.z_measures[i] for i, row in enumerate(code.z_checks)}
    number = {rows[row.tobytes()]: i for i, row in enumerate(checks)}
    told = np.zeros((len(our_detectors), code.k), np.uint8)
    for d, results in enumerate(our_detectors):
        for i in {number[q] for q, _ in results if q in number}:
            told[d] ^= stabiliser[:, i]

    names = {results: d for d, results in enumerate(our_detectors)}
    expected = {}
    for p, fires, flips in errors(theirs):
        expected[frozenset(names[their_detectors[d]] for d in fires), frozenset(flips)] = p
    found = {}
    for p, fires, flips in errors(ours):
        flipped = np.bitwise_xor.reduce([logical[:, o] for o in flips] + [told[d] for d in fires])
        found[frozenset(fires), frozenset(np.flatnonzero(flipped).tolist())] = p
    assert found.keys() == expected.keys()
    np.testing.assert_allclose([found[e] for e in expected], list(expected.values()), rtol=1e-12)


@pytest.mark.parametrize("basis", ["Z", "X"])
@pytest.mark.parametrize("rounds", [1, 2, 3, 5])
def test_published_schedule_is_valid_in_both_bases(rounds, basis):
    circuit = memory(gross(6), rounds, basis)
    check_memory(circuit)
    assert circuit.num_observables == 12
    assert circuit.num_detectors == 36 * 2 * rounds
    assert circuit.num_ticks == 8 * rounds  # eight layers a round, and one before the first
    gates = sum(len(i.target_groups()) for i in circuit.flattened() if i.name == "CX")
    assert gates == rounds * 12 * 36


@pytest.mark.parametrize(
    ("n", "k", "ell", "m", "a", "b"), [row for row in KEY if row[4].count("+") == row[5].count("+") == 2]
)
def test_schedule_is_valid_for_every_code_of_three_and_three_terms(n, k, ell, m, a, b):
    circuit = memory(bicycle_code(ell, m, a, b), 2)
    circuit.detector_error_model()
    assert circuit.num_observables == k


def test_text_does_not_grow_with_the_rounds():
    short, long = (str(memory(gross(6), rounds)) for rounds in (10, 1000))
    assert len(long) - len(short) == len("998") - len("8")


def test_detectors_stand_on_the_torus_and_time_comes_last():
    places = memory(gross(6), 4).get_detector_coordinates()
    assert {tuple(c[:2]) for c in places.values()} == {
        (2 * i + d, 2 * j + d) for i in range(6) for j in range(6) for d in (0, 1)
    }
    assert sorted({c[2] for c in places.values()}) == [0, 1, 2, 3, 4]


def test_other_numbers_of_terms_are_scheduled_by_colouring():
    code = bicycle_code(5, 3, "1+x^3y+x^3y^2", "1+x^4")
    with pytest.raises(BadInput, match=r"polynomials of 3 and 2 terms .* 3 and 3: .* css\.memory"):
        memory(code, 3)
    check_memory(css.memory(code.css, 3))


def test_checks_equal_the_published_ones():
    code, told = published("72-12-6")
    ours = gross(6).css
    assert {row.tobytes() for row in code.x_checks} == {row.tobytes() for row in ours.x_checks}
    assert {row.tobytes() for row in code.z_checks} == {row.tobytes() for row in ours.z_checks}
    assert told["distance"]["d"] == 6


exponents = st.tuples(st.integers(0, 6), st.integers(0, 4))


def written(term: tuple[int, int]) -> str:
    """A term in words, the shortest way."""
    powers = [letter + (f"^{power}" if power != 1 else "") for letter, power in zip("xy", term, strict=True) if power]
    return "".join(powers) or "1"


@given(st.lists(exponents, min_size=1, max_size=6, unique=True))
def test_polynomials_are_read_as_they_are_written(terms: list[tuple[int, int]]) -> None:
    assert polynomial("+".join(map(written, terms)), 7, 5) == tuple(terms)
    assert polynomial(" + ".join(f"x^{i - 7} y^{j + 5}" for i, j in terms), 7, 5) == tuple(terms)


@pytest.mark.parametrize(
    "text", ["", "x^3+", "x^3++y", "z", "2", "x3", "x^", "x^1.5", "yx", "11", "x^2*y", "x-y", "x^3+y y"]
)
def test_unreadable_polynomials_are_refused(text):
    with pytest.raises(BadInput, match=r"has the term '.*': write terms as 1, x, y"):
        polynomial(text, 6, 6)


def test_bad_codes_are_refused():
    with pytest.raises(BadInput, match=r"'x' and 'x\^7' of 'x\+x\^7' are equal for x\^6 = y\^4 = 1 and cancel"):
        polynomial("x+x^7", 6, 4)
    with pytest.raises(BadInput, match=r"A = 1 and B = x\+y on a torus of 6 by 6 give k = 0 logical qubits"):
        bicycle_code(6, 6, "1", "x+y")
    with pytest.raises(BadInput, match=r"torus of 5 by 5 give k = 0"):
        bicycle_code(5, 5, *GROSS)
    with pytest.raises(BadInput, match="torus of 0 by 6 was asked for: give two sizes of 1 or more"):
        bicycle_code(0, 6, *GROSS)


@pytest.mark.parametrize(("given", "shown"), [((0,), "of 0 rounds"), ((-1,), "of -1 rounds"), ((3, "Y"), "basis 'Y'")])
def test_bad_memories_are_refused(given, shown):
    with pytest.raises(BadInput, match=f"{shown} .*: give"):
        memory(gross(6), *given)
