"""Decoders on the hypergraph: what each promises exactly, and that other people's answer as their library does."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest
import sinter
import stim
from hypothesis import given, settings, strategies as st
from test_decoders import PACKAGES, decode, lightest, model_of, present, repetition, surface

from counterpoint.base import BadInput
from counterpoint.decoders import DECODERS
from counterpoint.decoders.belief import BeliefMatching
from counterpoint.decoders.bposd import BpOsd
from counterpoint.decoders.hypergraph import Hypergraph, hypergraph_of
from counterpoint.decoders.relay import Relay
from counterpoint.decoders.search import Search

FAMILIES = ["belief-matching", "bp-osd", "bp-lsd", "tesseract", "relay"]
# Each syndrome of four detectors has an explanation; two mechanisms differ in the observable alone.
HYPEREDGES = ["D0", "D0 D1", "D1 D2 L0", "D0 D1 D2", "D0 D1 D2 D3 L0", "D3 L0", "D1 D3", "D2 D3 L0", "D2 D3"]
CHAIN = ["D0 L0", "D0 D1", "D1 D2", "D2 D3", "D3"]
SYNDROMES = np.arange(16, dtype=np.uint8)[:, None]

chances = st.floats(0.01, 0.4)


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> sinter.Decoder:
    present(request.param)
    return DECODERS[request.param]


def model(errors: list[str], probabilities: list[float]) -> stim.DetectorErrorModel:
    return stim.DetectorErrorModel("\n".join(f"error({p}) {e}" for p, e in zip(probabilities, errors, strict=True)))


def excess(decoder: sinter.Decoder, given: stim.DetectorErrorModel) -> float:
    """The most that any syndrome's answer weighs more than the lightest set of errors."""
    weights = lightest(given)
    found = decode(decoder, given, SYNDROMES)[:, 0]
    return max(weights[i | int(found[i]) << 4] - min(weights.get(i | o, math.inf) for o in (0, 16)) for i in range(16))


def priors(graph: Hypergraph) -> dict[str, float]:
    return {" ".join(map(str, error.targets_copy())): p for error, p in zip(graph.model(), graph.priors, strict=False)}


def test_errors_that_look_alike_are_one_mechanism_and_parts_are_put_together() -> None:
    graph = hypergraph_of(
        stim.DetectorErrorModel("""
            error(0.1) D0 L0
            error(0) D3
            error(0.3) D0
            error(0.2) D0 L0
            error(0.1) D0 D1 L0 ^ D1 D2 L0
            error(0.1) L0
            error(0.1) D1 ^ D1 L1
            logical_observable L8
        """)
    )
    assert priors(graph) == pytest.approx({"D0 L0": 0.1 * 0.8 + 0.2 * 0.9, "D0": 0.3, "D0 D2": 0.1})
    np.testing.assert_array_equal(graph.checks.toarray(), [[1, 1, 1], [0, 0, 0], [0, 0, 1], [0, 0, 0]])
    np.testing.assert_array_equal(graph.observables.toarray(), [[1, 0, 0], *([[0, 0, 0]] * 8)])
    assert graph.flips.tolist() == [[1, 0], [0, 0], [0, 0]]
    assert graph.unmoved.tolist() == [[0, 1, 0, 0], [0, 0, 0, 1]]
    assert (graph.model().num_detectors, graph.model().num_observables) == (4, 9)


def test_decomposed_model_is_the_same_hypergraph_as_the_whole_one() -> None:
    whole, parted = (surface().detector_error_model(decompose_errors=d) for d in (False, True))
    assert any(t.is_separator() for error in parted.flattened() for t in error.targets_copy())
    assert priors(hypergraph_of(parted)) == pytest.approx(priors(hypergraph_of(whole)), rel=1e-9)


@given(st.lists(st.sets(st.integers(0, 4), min_size=1), min_size=1, max_size=8))
def test_shots_are_refused_exactly_where_no_set_of_errors_explains_them(errors: list[set[int]]) -> None:
    text = "\n".join("error(0.1) " + " ".join(f"D{d}" for d in error) for error in errors)
    graph = hypergraph_of(stim.DetectorErrorModel(f"{text}\ndetector D4\nlogical_observable L0"))
    explained = {0}
    for error in errors:
        explained |= {s ^ sum(1 << d for d in error) for s in explained}
    for syndrome in range(32):
        shot = np.array([[syndrome]], np.uint8)
        if syndrome in explained:
            graph.decode(shot, lambda fired: (np.zeros(0, np.int64), False))
        else:
            with pytest.raises(BadInput, match="no set of errors of the model explains shot 0"):
                graph.decode(shot, lambda fired: (np.zeros(0, np.int64), False))


@given(st.lists(chances, min_size=9, max_size=9))
@settings(deadline=None)  # the package is loaded by the first example
def test_search_finds_the_most_likely_errors(probabilities: list[float]) -> None:
    present("tesseract")
    assert excess(Search(beam=4, revisit=True), model(HYPEREDGES, probabilities)) < 1e-6


@pytest.mark.parametrize(("order", "local"), [(0, False), (7, False), (0, True), (3, True)])
@given(st.lists(chances, min_size=9, max_size=9))
@settings(deadline=None)
def test_statistics_explain_every_syndrome(order: int, local: bool, probabilities: list[float]) -> None:
    """With a single iteration, after which belief propagation has not always settled."""
    decoder = BpOsd(order, iterations=1, local=local)
    compiled = decoder.compile_decoder_for_dem(dem=model(HYPEREDGES, probabilities))
    for syndrome in range(1, 16):
        fired = np.array([syndrome >> d & 1 for d in range(4)], np.uint8)
        mechanisms, found = compiled.explain(fired)
        assert found
        np.testing.assert_array_equal(compiled.graph.checks[:, mechanisms].toarray().sum(axis=1) % 2, fired)


@given(st.lists(chances, min_size=5, max_size=5))
@settings(deadline=None)
def test_beliefs_on_a_chain_are_exact(probabilities: list[float]) -> None:
    """A factor graph without a loop: each belief is the chance of one of the two explanations."""
    for decoder in (BeliefMatching(), BpOsd(0), BpOsd(0, local=True)):
        assert excess(decoder, model(CHAIN, probabilities)) < 1e-6


def test_error_of_four_detectors_is_taken_whole(family: sinter.Decoder) -> None:
    """As in the test of correlated matching: seen apart, D2 and D3 are likelier each to come from their own errors."""
    parted = stim.DetectorErrorModel("""
        error(0.01) D0 D1 ^ D2 D3 L0
        error(0.2) D2
        error(0.2) D3
        error(0.000001) D0
        error(0.000001) D1
    """)
    assert decode(family, parted, np.array([[0b1111]], np.uint8)) == 1


def shots(firing: float) -> tuple[stim.DetectorErrorModel, np.ndarray]:
    """A model of 24 detectors and 200 shots from numpy, whose streams do not change between versions of stim."""
    fired = np.random.default_rng(7).random((200, 24)) < firing
    return model_of(surface(3)), np.packbits(fired, axis=1, bitorder="little")


def test_belief_matching_answers_as_the_library_does() -> None:
    """The answers of beliefmatching 0.2.0, which cannot be installed beside numpy 2.3 or later. Belief propagation
    settles on 93 of these shots.
    """
    recorded = "27315a9622cf4b20d1719afce73a160845c98309a70c1434bd"
    dem, events = shots(0.25)
    assert np.packbits(decode(BeliefMatching(), dem, events)).tobytes().hex() == recorded


@pytest.mark.parametrize("decoder", [BpOsd(7), BpOsd(0, local=True)], ids=["osd", "lsd"])
def test_statistics_answer_as_the_library_does(decoder: BpOsd, tmp_path: Path) -> None:
    """Its sinter class for localized statistics has order 0 alone."""
    from ldpc.sinter_decoders import SinterBpOsdDecoder, SinterLsdDecoder

    asked = {"max_iter": 30, "bp_method": "product_sum"}
    if decoder.local:
        library = SinterLsdDecoder(**asked, lsd_order=0)
    else:
        library = SinterBpOsdDecoder(**asked, osd_method="osd_cs", osd_order=7)
    dem, events = shots(0.25)
    dem.to_file(tmp_path / "m.dem")
    (tmp_path / "in.b8").write_bytes(events.tobytes())
    library.decode_via_files(
        num_shots=200,
        num_dets=24,
        num_obs=1,
        dem_path=tmp_path / "m.dem",
        dets_b8_in_path=tmp_path / "in.b8",
        obs_predictions_b8_out_path=tmp_path / "out.b8",
        tmp_dir=tmp_path,
    )
    assert decode(decoder, dem, events).tobytes() == (tmp_path / "out.b8").read_bytes()


def test_search_answers_as_the_library_does() -> None:
    reason = "tesseract-decoder has wheels for Linux x86-64 and macOS arm64 alone, Python 3.11 to 3.13"
    package = pytest.importorskip("tesseract_decoder", reason=reason)
    library = package.make_tesseract_sinter_decoders_dict()["tesseract"]
    dem, events = shots(0.1)
    np.testing.assert_array_equal(decode(Search(), dem, events), decode(library, dem, events))


def test_search_that_gives_up_says_so() -> None:
    present("tesseract")
    compiled = Search(limit=1).compile_decoder_for_dem(dem=model_of(surface(3)))
    flips, found = compiled.answers(shots(0.25)[1])
    assert not found.all()
    assert not flips[~found].any()
    assert Search().compile_decoder_for_dem(dem=model_of(surface(3))).answers(shots(0.1)[1])[1].all()


def test_shot_that_no_error_explains_is_named(family: sinter.Decoder) -> None:
    dem = stim.DetectorErrorModel("error(0.1) D0 D1 L0\ndetector D2")
    with pytest.raises(BadInput, match=r"shot 2, which fires 3 of its 3 detectors \(the first is D0\)"):
        decode(family, dem, np.array([[0b000], [0b011], [0b111]], np.uint8))


def test_model_without_detectors_or_observables_gives_empty_rows(family: sinter.Decoder) -> None:
    no_observable = stim.DetectorErrorModel("error(0.1) D0")
    assert decode(family, no_observable, np.ones((3, 1), np.uint8)).shape == (3, 0)
    nothing = stim.DetectorErrorModel("logical_observable L0")
    assert decode(family, nothing, np.zeros((3, 0), np.uint8)).tolist() == [[0], [0], [0]]
    no_error = stim.DetectorErrorModel("detector D0\nlogical_observable L0")
    assert decode(family, no_error, np.zeros((3, 1), np.uint8)).tolist() == [[0], [0], [0]]


@pytest.mark.parametrize("probability", [1, 0.7])
def test_error_that_nearly_always_happens_is_refused(family: sinter.Decoder, probability: float) -> None:
    with pytest.raises(BadInput, match=rf"error\({probability}\) D0 L0.* has probability {probability}.* at most 0\.5"):
        family.compile_decoder_for_dem(dem=stim.DetectorErrorModel(f"error({probability}) D0 L0"))


def test_error_of_probability_one_half_is_taken(family: sinter.Decoder) -> None:
    dem = stim.DetectorErrorModel("error(0.5) D0 L0\nerror(0.5) D0 D1\nerror(0.1) D1 L0")
    assert decode(family, dem, np.array([[0], [1], [2], [3]], np.uint8)).shape == (4, 1)


def test_part_of_three_detectors_is_refused_by_belief_matching_alone() -> None:
    dem = stim.DetectorErrorModel("error(0.1) D0 D1 D2 L0")
    assert decode(BpOsd(0), dem, np.array([[7]], np.uint8)) == 1
    with pytest.raises(BadInput, match=r"fires 3 detectors at once .* at most 2: .*decompose_errors=True"):
        BeliefMatching().compile_decoder_for_dem(dem=dem)


def test_missing_package_is_named_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, PACKAGES["tesseract"], None)
    with pytest.raises(BadInput, match="tesseract-decoder"):
        DECODERS["tesseract"].compile_decoder_for_dem(dem=model_of(repetition()))


@pytest.mark.parametrize(
    ("kind", "settings", "told"),
    [
        (BeliefMatching, {"iterations": 0}, "0 iterations"),
        (BpOsd, {"order": -1}, "order -1"),
        (BpOsd, {"order": 0, "iterations": 0}, "iterations 0"),
        (Search, {"beam": -1}, "beam -1"),
        (Search, {"orders": 0}, "orders 0"),
        (Search, {"limit": 0}, "limit 0"),
    ],
)
def test_setting_out_of_range_is_refused(kind: type[sinter.Decoder], settings: dict[str, float], told: str) -> None:
    with pytest.raises(BadInput, match=told):
        kind(**settings)


def test_citations_name_the_sources() -> None:
    decoders = [BeliefMatching(), BpOsd(0), BpOsd(0, local=True), Search(), Relay()]
    authors = ["Bohdanowicz", "Panteleev", "Hillmann", "Shutty", "Beverland"]
    assert [author in d.citation for author, d in zip(authors, decoders, strict=True)] == [True] * 5
