"""Relay belief propagation: exact where it must be, the same in every batch, as good as its authors' package."""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import stim
from hypothesis import given, settings
from test_decoders import FALSE_ALARM, decode, events_of, model_of, surface
from test_hypergraph import CHAIN, HYPEREDGES, SYNDROMES, chances, model, shots, st

from counterpoint.base import BadInput
from counterpoint.decoders.hypergraph import hypergraph_of
from counterpoint.decoders.passing import LANES
from counterpoint.decoders.relay import CompiledRelay, Relay
from counterpoint.quops.paired import mcnemar


def bicycle() -> stim.Circuit:
    data = os.environ.get("COUNTERPOINT_DATA")
    if data is None:
        pytest.skip("COUNTERPOINT_DATA is not set: the published circuits are not here")
    (path,) = (Path(data) / "bicycle").glob("circuit=*_72_12_*error_rate=0.003,noise_model=uniform*.stim")
    return stim.Circuit.from_file(path)


def compiled(dem: stim.DetectorErrorModel, relay: Relay | None = None) -> CompiledRelay:
    return (relay or Relay()).compile_decoder_for_dem(dem=dem)


def unpacked(rows: np.ndarray, count: int) -> np.ndarray:
    return np.unpackbits(rows, axis=1, count=count, bitorder="little")


@given(st.lists(chances, min_size=5, max_size=5))
@settings(deadline=None)  # the loops are compiled by the first example
def test_unscaled_messages_on_a_chain_are_exact(probabilities: list[float]) -> None:
    """A factor graph without a loop, and two explanations of each syndrome: all five errors' difference is a logical.

    After as many iterations as the chain is long, each belief is the difference of the two weights; a solution met
    before need not be the lightest, but the lightest of two solutions is.
    """
    relay = compiled(model(CHAIN, probabilities), Relay(solutions=8, scale=1.0, low=0.0, high=0.0, memory=0.0))
    weights = [math.log((1 - p) / p) for p in probabilities]
    found, settled = relay.explanations(SYNDROMES)
    assert settled.all()
    for happened in unpacked(found, 5):
        weight = sum(w for w, h in zip(weights, happened, strict=True) if h)
        assert weight <= sum(weights) - weight + 1e-4


@given(st.lists(chances, min_size=9, max_size=9))
@settings(deadline=None)
def test_what_settles_explains_the_shot(probabilities: list[float]) -> None:
    relay = compiled(model(HYPEREDGES, probabilities), Relay(legs=3, iterations=3))
    found, settled = relay.explanations(SYNDROMES)
    explained = unpacked(found, 9) @ relay.graph.checks.T.toarray() % 2
    np.testing.assert_array_equal((explained == unpacked(SYNDROMES, 4)).all(axis=1)[1:], settled[1:])
    flips, _ = relay.answers(SYNDROMES)
    np.testing.assert_array_equal(flips, unpacked(found, 9) @ relay.graph.observables.T.toarray() % 2)


def written_out(relay: CompiledRelay, fired: np.ndarray) -> np.ndarray:
    """The first leg again, one shot in double precision with nothing packed: the mechanisms, once they explain it."""
    checks = relay.graph.checks.T.toarray().T.astype(bool)
    prior = np.log((1 - relay.graph.priors) / relay.graph.priors)
    sent = np.zeros(checks.shape)
    total = bias = prior
    for _ in range(relay.relay.iterations):
        after = (1 - relay.relay.memory) * prior + relay.relay.memory * total
        total, bias = total + after - bias, after
        for c, members in enumerate(checks):
            rest = total[members] - sent[c, members]
            sizes, sign = np.abs(rest), np.where(rest < 0, -1, 1)
            others = [np.delete(sizes, i).min(initial=1000) for i in range(len(rest))]
            sent[c, members] = relay.relay.scale * (-1) ** fired[c] * sign.prod() * sign * others
            total[members] = rest + sent[c, members]
        happened = total < 0
        if (checks @ happened.astype(int) % 2 == fired).all():
            return happened
    raise AssertionError("the first leg does not settle")


def test_first_leg_is_the_algorithm_written_out() -> None:
    """On priors that are drawn, so that no two messages are the same."""
    rng = np.random.default_rng(3)
    graph = hypergraph_of(surface(3).detector_error_model())
    drawn = stim.DetectorErrorModel()
    for error in graph.model():
        if error.type == "error":
            drawn.append("error", [float(rng.uniform(0.0005, 0.01))], error.targets_copy())
    relay = compiled(drawn, Relay(solutions=1, legs=0))
    events, _ = drawn.compile_sampler(seed=5).sample(200)[:2]
    found, settled = relay.explanations(np.packbits(events, axis=1, bitorder="little"))
    assert settled.sum() > 100
    for fired, happened in zip(events[settled], unpacked(found, len(relay.weight))[settled], strict=True):
        np.testing.assert_array_equal(written_out(relay, fired.astype(int)), happened)


def test_every_single_error_of_a_bicycle_code_is_corrected() -> None:
    relay = compiled(bicycle().detector_error_model(), Relay(solutions=1))
    events = np.packbits(relay.graph.checks.T.toarray(), axis=1, bitorder="little")
    flips, settled = relay.answers(events)
    assert settled.all()
    np.testing.assert_array_equal(flips, relay.graph.flips)


def test_answer_depends_on_its_own_shot_alone() -> None:
    """In another order, alone, and among more shots than there are lanes."""
    circuit = bicycle()
    relay = compiled(circuit.detector_error_model(), Relay(solutions=2, legs=3))
    events, _ = events_of(circuit, 10 * LANES)
    found, settled = relay.explanations(events)
    order = np.random.default_rng(1).permutation(len(events))
    again, still = relay.explanations(events[order])
    np.testing.assert_array_equal(again, found[order])
    np.testing.assert_array_equal(still, settled[order])
    for shot in range(5):
        np.testing.assert_array_equal(relay.explanations(events[shot : shot + 1])[0], found[shot : shot + 1])
    explained = unpacked(found, len(relay.weight)) @ relay.graph.checks.T.toarray() % 2
    np.testing.assert_array_equal((explained == unpacked(events, circuit.num_detectors)).all(axis=1), settled)


def test_fails_no_more_often_than_its_authors_package() -> None:
    """Had they the same error rate, shots that one alone fails would split so unevenly once in a million tests."""
    relay_bp = pytest.importorskip(
        "relay_bp", reason="relay-bp 0.2.1 has a wheel for Python 3.11 on Linux x86-64 alone"
    )
    circuit = surface(3, 0.02)
    dem = circuit.detector_error_model()
    graph = hypergraph_of(dem)
    events, flips = events_of(circuit, 2000)
    library = relay_bp.ObservableDecoderRunner(
        relay_bp.RelayDecoderF64(graph.checks, graph.priors, num_sets=60, stop_nconv=5), graph.observables
    )
    theirs = library.decode_observables_batch(unpacked(events, circuit.num_detectors), progress_bar=False)[:, 0]
    wrong = (decode(Relay(), dem, events) != flips)[:, 0], theirs != flips[:, 0]
    ours_alone, theirs_alone = (wrong[0] & ~wrong[1]).sum(), (wrong[1] & ~wrong[0]).sum()
    assert ours_alone <= theirs_alone or mcnemar(int(ours_alone), int(theirs_alone)) > FALSE_ALARM


def test_needs_no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "relay_bp", None)
    assert decode(Relay(), model(CHAIN, [0.1] * 5), np.array([[1]], np.uint8)) == 1


def test_shot_on_which_no_leg_settles_is_told() -> None:
    relay = compiled(model_of(surface(3)), Relay(legs=1, iterations=1))
    found, settled = relay.explanations(shots(0.25)[1])
    assert 0 < settled.sum() < len(settled)
    np.testing.assert_array_equal(relay.answers(shots(0.25)[1])[1], settled)
    explained = unpacked(found, len(relay.weight)) @ relay.graph.checks.T.toarray() % 2
    np.testing.assert_array_equal((explained == unpacked(shots(0.25)[1], 24)).all(axis=1), settled)


def test_sure_and_unknown_errors_overflow_nothing() -> None:
    """Checks of one mechanism, a chance of 1/2 and one of nearly never, over many legs."""
    dem = stim.DetectorErrorModel("error(0.5) D0 L0\nerror(1e-300) D1\nerror(0.1) D1 D2 L0\nerror(0.3) D2")
    relay = compiled(dem, Relay(solutions=200, legs=200))
    flips, settled = relay.answers(np.arange(8, dtype=np.uint8)[:, None])
    assert settled.all()
    assert flips[:, 0].tolist() == [0, 1, 1, 0, 0, 1, 1, 0]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"solutions": 0}, "solutions 0"),
        ({"legs": -1}, "legs -1"),
        ({"iterations": 0}, "iterations 0"),
        ({"seed": -1}, "seed -1"),
        ({"scale": 0.0}, r"scale 0\.0"),
        ({"low": 0.7}, "from 0.7 to 0.66"),
        ({"memory": 1.0}, r"strength of 1\.0"),
        ({"high": math.nan}, "to nan"),
    ],
)
def test_setting_out_of_range_is_refused(asked: dict[str, float], told: str) -> None:
    with pytest.raises(BadInput, match=told):
        Relay(**asked)
