"""One contract for every decoder in the registry (and for one's own), then what matching promises exactly."""

from __future__ import annotations

import importlib
import math
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pymatching
import pytest
import sinter
import stim
from hypothesis import given, strategies as st

from counterpoint.base import BadInput
from counterpoint.decoders import DECODERS, sinter_decoders
from counterpoint.decoders.batch import checked_answer, checked_compiled
from counterpoint.decoders.matching import Matching
from counterpoint.loop.own import part
from counterpoint.quops.paired import mcnemar

FALSE_ALARM = 1e-6
PACKAGES = {"tesseract": "tesseract_decoder"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "name" in metafunc.fixturenames:
        metafunc.parametrize("name", [*DECODERS, *metafunc.config.getoption("--decoder")])


def present(name: str) -> None:
    """Skip where the package behind a decoder has no wheel."""
    if name in PACKAGES:
        pytest.importorskip(PACKAGES[name], reason=f"the package of the decoder {name!r} is not installed here")


@pytest.fixture
def decoder(name: str) -> sinter.Decoder:
    present(name)
    return part(name, DECODERS, sinter.Decoder, "decoder")


def repetition(noise: float = 0.05) -> stim.Circuit:
    """20 detectors: not a whole number of bytes."""
    return stim.Circuit.generated(
        "repetition_code:memory",
        distance=5,
        rounds=4,
        before_round_data_depolarization=noise,
        before_measure_flip_probability=noise,
    )


def surface(distance: int = 5, noise: float = 0.005) -> stim.Circuit:
    return stim.Circuit.generated(
        "surface_code:rotated_memory_z",
        distance=distance,
        rounds=distance,
        after_clifford_depolarization=noise,
        before_measure_flip_probability=noise,
        after_reset_flip_probability=noise,
        before_round_data_depolarization=noise,
    )


def model_of(circuit: stim.Circuit) -> stim.DetectorErrorModel:
    return circuit.detector_error_model(decompose_errors=True)


def events_of(circuit: stim.Circuit, shots: int, seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    sampler = circuit.compile_detector_sampler(seed=seed)
    return sampler.sample(shots, separate_observables=True, bit_packed=True)


def decode(decoder: sinter.Decoder, model: stim.DetectorErrorModel, events: np.ndarray) -> np.ndarray:
    return decoder.compile_decoder_for_dem(dem=model).decode_shots_bit_packed(bit_packed_detection_event_data=events)


@pytest.mark.parametrize("circuit", [repetition(), surface(3)], ids=["20 detectors", "24 detectors"])
def test_noiseless_shots_flip_nothing(decoder: sinter.Decoder, circuit: stim.Circuit) -> None:
    silent = np.zeros((9, -(-circuit.num_detectors // 8)), np.uint8)
    assert not decode(decoder, model_of(circuit), silent).any()


@pytest.mark.parametrize("shots", [0, 1, 7, 300])
def test_answer_has_a_row_of_bytes_for_each_shot(decoder: sinter.Decoder, shots: int) -> None:
    events, _ = events_of(repetition(), shots)
    answer = decode(decoder, model_of(repetition()), events)
    assert answer.dtype == np.uint8
    assert answer.shape == (shots, 1)
    assert not (answer >> 1).any()  # there is one observable


def test_batch_is_the_same_as_one_by_one(decoder: sinter.Decoder) -> None:
    events, _ = events_of(surface(3, 0.02), 60)
    compiled = decoder.compile_decoder_for_dem(dem=model_of(surface(3, 0.02)))
    batch = compiled.decode_shots_bit_packed(bit_packed_detection_event_data=events)
    single = [
        compiled.decode_shots_bit_packed(bit_packed_detection_event_data=events[i : i + 1])[0]
        for i in range(len(events))
    ]
    np.testing.assert_array_equal(batch, single)


def test_each_of_nine_observables_is_found(decoder: sinter.Decoder, name: str) -> None:
    """Nine errors that share nothing: observable i flips exactly where detector i fires."""
    model = stim.DetectorErrorModel("\n".join(f"error(0.1) D{i} L{i}" for i in range(9)))
    events = np.packbits(np.random.default_rng(3).random((50, 9)) < 0.5, axis=1, bitorder="little")
    expected = np.zeros_like(events) if name == "vacuous" else events
    np.testing.assert_array_equal(decode(decoder, model, events), expected)


def test_error_that_never_happens_changes_nothing(decoder: sinter.Decoder) -> None:
    model = model_of(repetition())
    never = model + stim.DetectorErrorModel("error(0) D0 L0\nerror(0) D0 D1 D2 L0")
    events, _ = events_of(repetition(), 200)
    np.testing.assert_array_equal(decode(decoder, never, events), decode(decoder, model, events))


def test_decoder_survives_pickling(decoder: sinter.Decoder) -> None:
    events, _ = events_of(repetition(), 100)
    again = pickle.loads(pickle.dumps(decoder))
    np.testing.assert_array_equal(
        decode(again, model_of(repetition()), events), decode(decoder, model_of(repetition()), events)
    )


def test_sinter_collects_with_it(decoder: sinter.Decoder, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file, colon, attribute = name.rpartition(":")
    if colon:  # sinter's workers are processes of their own, which import one's own decoder by its module's name
        monkeypatch.syspath_prepend(Path(file).parent)
        found = getattr(importlib.import_module(Path(file).stem), attribute)
        decoder = found() if isinstance(found, type) else found
    (stats,) = sinter.collect(
        num_workers=1,
        tasks=[sinter.Task(circuit=repetition())],
        decoders=["one"],
        custom_decoders={"one": decoder},
        max_shots=1000,
    )
    assert stats.shots == 1000
    assert stats.discards == 0


def test_decoder_of_the_readme_keeps_the_contract(tmp_path: Path) -> None:
    """The README sends a reader's own decoder to these tests, so the one that it shows must pass them."""
    root = Path(__file__).parent.parent
    shown = re.search(r"```python\n(# my_decoder\.py\n.*?)```", (root / "README.md").read_text(), re.S)
    assert shown is not None
    (tmp_path / "my_decoder.py").write_text(shown[1])
    done = subprocess.run(
        [
            *f"{sys.executable} -m pytest -p no:cacheprovider -p no:xdist -k Guess".split(),
            *[__file__, "--decoder", f"{tmp_path}/my_decoder.py:Guess"],
        ],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_registry_carries_the_prefix_for_sinter() -> None:
    assert sinter_decoders() == {f"counterpoint-{name}": decoder for name, decoder in DECODERS.items()}


@pytest.mark.parametrize("registered", DECODERS)
@pytest.mark.parametrize(
    ("events", "told"),
    [
        (np.zeros((2, 4), np.uint8), ["4 bytes", "20 detectors", "needs 3"]),
        (np.zeros((2, 20), np.bool_), ["bool", "(2, 20)", "(shots, 3)"]),
        (np.array([[0, 0, 0], [0, 0, 0x20]], np.uint8), ["shot 1", "detector 21", "20 detectors"]),
    ],
    ids=["width", "type", "spare bits"],
)
def test_shots_of_another_circuit_are_refused(registered: str, events: np.ndarray, told: list[str]) -> None:
    present(registered)
    with pytest.raises(BadInput) as refused:
        decode(DECODERS[registered], model_of(repetition()), events)
    assert all(value in str(refused.value) for value in told)


def lightest(model: stim.DetectorErrorModel) -> dict[int, float]:
    """Weight of the most likely set of errors for every outcome, with all sets tried.

    An outcome is a number whose bits are the detectors that fire, and bit 4 the observable.
    """
    weights = {0: 0.0}
    for error in model:
        mask = sum(1 << (t.val if t.is_relative_detector_id() else 4) for t in error.targets_copy())
        (p,) = error.args_copy()
        grown = dict(weights)
        for outcome, weight in weights.items():
            grown[outcome ^ mask] = min(grown.get(outcome ^ mask, math.inf), weight + math.log((1 - p) / p))
        weights = grown
    return weights


@given(st.lists(st.floats(0.01, 0.4), min_size=9, max_size=9))
def test_matching_finds_the_most_likely_errors(probabilities: list[float]) -> None:
    edges = ["D0", "D0 D1", "D1 D2 L0", "D2", "D3 L0", "D0 D3", "D1 D3", "D2 D3 L0", "D0 D2"]
    model = stim.DetectorErrorModel(
        "\n".join(f"error({p}) {edge}" for p, edge in zip(probabilities, edges, strict=True))
    )
    weights = lightest(model)
    found = decode(Matching(), model, np.arange(16, dtype=np.uint8)[:, None])[:, 0]
    # PyMatching rounds weights to integers, so an excess below its step is no fault.
    excess = [weights[i | int(found[i]) << 4] - min(weights[i], weights[i | 16]) for i in range(16)]
    assert max(excess) < 1e-3


def test_matching_predicts_as_the_library_does() -> None:
    events, _ = events_of(surface(), 2000)
    expected = pymatching.Matching.from_detector_error_model(model_of(surface())).decode_batch(
        events, bit_packed_shots=True, bit_packed_predictions=True
    )
    np.testing.assert_array_equal(decode(Matching(), model_of(surface()), events), expected)


def test_correlated_is_plain_where_no_error_has_two_parts() -> None:
    model = model_of(repetition())
    assert not any(t.is_separator() for error in model.flattened() for t in error.targets_copy())
    events, _ = events_of(repetition(), 2000)
    np.testing.assert_array_equal(decode(Matching(correlated=True), model, events), decode(Matching(), model, events))


def test_correlated_follows_from_one_part_of_an_error_to_the_other() -> None:
    """D0 and D1 fire together only by an error that also fires D2 and D3 and flips the observable.

    Seen apart, D2 and D3 are likelier each to come from their own common errors, which flip nothing.
    """
    model = stim.DetectorErrorModel("""
        error(0.01) D0 D1 ^ D2 D3 L0
        error(0.2) D2
        error(0.2) D3
        error(0.000001) D0
        error(0.000001) D1
    """)
    all_four = np.array([[0b1111]], np.uint8)
    assert decode(Matching(), model, all_four) == 0
    assert decode(Matching(correlated=True), model, all_four) == 1


def test_correlated_fails_less_often_at_distance_five() -> None:
    """Some 960 of the shots are failed by one decoder alone, two to one by the plain one: were there no
    difference, such a count would come up less than once in a million tests.
    """
    events, flips = events_of(surface(), 100_000)
    model = model_of(surface())
    plain, correlated = ((decode(Matching(correlated=c), model, events) != flips).any(axis=1) for c in (False, True))
    only_plain, only_correlated = int((plain & ~correlated).sum()), int((correlated & ~plain).sum())
    assert only_correlated < only_plain
    assert mcnemar(only_correlated, only_plain) < FALSE_ALARM


def test_part_without_a_detector_is_passed_over() -> None:
    model = stim.DetectorErrorModel("error(0.1) D0 L0\nerror(0.1) D0 D1 ^ L0\nerror(0.1) D1")
    for decoder in (Matching(), Matching(correlated=True)):
        assert decode(decoder, model, np.array([[1]], np.uint8)) == 1


@pytest.mark.parametrize("correlated", [False, True])
def test_model_without_detectors_or_observables_gives_empty_rows(correlated: bool) -> None:
    matching = Matching(correlated)
    no_observable = stim.DetectorErrorModel("error(0.1) D0")
    assert decode(matching, no_observable, np.zeros((3, 1), np.uint8)).shape == (3, 0)
    nothing = stim.DetectorErrorModel("logical_observable L0")
    assert decode(matching, nothing, np.zeros((3, 0), np.uint8)).tolist() == [[0], [0], [0]]


@pytest.mark.parametrize(
    ("correlated", "error", "told"),
    [
        (False, "error(0.1) D0 D1 D2 L0", ["3 detectors", "at most 2", "decompose_errors"]),
        (True, "error(0.1) D0 D1 D2 L0", ["3 detectors", "at most 2", "decompose_errors"]),
        (False, "error(1) D0 L0", ["probability 1", "less than 1"]),
        (True, "error(0.7) D0 L0", ["probability 0.7", "at most 0.5"]),
    ],
)
def test_error_that_matching_cannot_take_is_named(correlated: bool, error: str, told: list[str]) -> None:
    with pytest.raises(BadInput) as refused:
        Matching(correlated).compile_decoder_for_dem(dem=stim.DetectorErrorModel(error))
    assert all(value in str(refused.value) for value in [error, *told])


@pytest.mark.parametrize("correlated", [False, True])
def test_shot_that_no_error_explains_is_named(correlated: bool) -> None:
    model = stim.DetectorErrorModel("error(0.1) D0 D1 L0\ndetector D2")
    shots = np.array([[0b000], [0b011], [0b111]], np.uint8)
    with pytest.raises(BadInput, match=r"shot 2, which fires 3 of its 3 detectors"):
        decode(Matching(correlated), model, shots)


def test_citation_names_the_sources() -> None:
    assert "Sparse" in Matching().citation
    assert "Fowler" in Matching(correlated=True).citation


@pytest.mark.parametrize(
    ("flips", "told"),
    [
        ([[0], [0]], ["list", "uint8 of shape (2, 2)"]),
        (None, ["NoneType", "uint8 of shape (2, 2)"]),
        (np.zeros((2, 2)), ["float64 of shape (2, 2)", "uint8 of shape (2, 2)"]),
        (np.zeros((2, 9), np.uint8), ["uint8 of shape (2, 9)", "uint8 of shape (2, 2)"]),
        (np.zeros((1, 2), np.uint8), ["uint8 of shape (1, 2)", "uint8 of shape (2, 2)"]),
        (np.array([[0, 1], [0, 4]], np.uint8), ["shot 1", "observable 10", "there are 9"]),
    ],
    ids=["list", "None", "type", "width", "shots", "spare bits"],
)
def test_answer_that_is_none_is_refused(flips: object, told: list[str]) -> None:
    with pytest.raises(BadInput) as refused:
        checked_answer("decoder 'mine'", flips, shots=2, observables=9)
    assert all(value in str(refused.value) for value in ["decoder 'mine'", *told])


def test_answer_that_fits_passes_as_it_is() -> None:
    flips = np.array([[255, 1], [0, 0]], np.uint8)
    assert checked_answer("decoder 'mine'", flips, shots=2, observables=9) is flips
    nothing = np.zeros((2, 0), np.uint8)
    assert checked_answer("decoder 'mine'", nothing, shots=2, observables=0) is nothing


def test_what_compiles_to_no_decoder_is_refused() -> None:
    with pytest.raises(BadInput, match=r"decoder 'mine' compiled to NoneType, and a sinter\.CompiledDecoder"):
        checked_compiled("decoder 'mine'", None)
    compiled = DECODERS["vacuous"].compile_decoder_for_dem(dem=model_of(repetition()))
    assert checked_compiled("decoder 'vacuous'", compiled) is compiled
