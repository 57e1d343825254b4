"""Beliefs, evidence, the network that weighs it, and how it is trained."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import stim
from typer.testing import CliRunner

from counterpoint.base import BadInput
from counterpoint.cli.main import app
from counterpoint.cli.train import dem_of
from counterpoint.codes.noise import SI1000
from counterpoint.codes.surface import memory
from counterpoint.decoders.coset import Coset
from counterpoint.decoders.evidence import BELIEVED, CROSSED, OPPOSED, SIZES, WEIGHT, WIDTH, evidence
from counterpoint.decoders.kinds import kinds_of
from counterpoint.decoders.matching import Matching
from counterpoint.decoders.mechanisms import mechanisms_of
from counterpoint.decoders.network import ARRAYS, GENERAL, Model, Network, fit_of, load_model
from counterpoint.decoders.neural import Neural
from counterpoint.decoders.posteriors import LANES, posteriors
from counterpoint.decoders.training import Given, Sampled, Source, fresh_model, train, with_kinds
from counterpoint.quops.paired import mcnemar

FALSE_ALARM = 1e-6

# A tree: each mechanism fires at most two detectors of a chain with branches, so that beliefs are exact.
TREE = stim.DetectorErrorModel("""
    error(0.1) D0 L0
    error(0.05) D0 D1
    error(0.2) D1 D2 D3
    error(0.15) D2
    error(0.07) D3 D4
    error(0.3) D4
""")


def model_of(distance: int, rounds: int, p: float) -> stim.DetectorErrorModel:
    return SI1000(p).noisy(memory(distance, rounds)).detector_error_model(decompose_errors=True)


def drawn(key: int) -> Network:
    draw = np.random.default_rng(key)
    shapes = {name: getattr(fresh_model(0).quick, name).shape for name in ARRAYS}
    return Network(**{name: draw.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()})


def random_model() -> Model:
    return Model(drawn(1), drawn(2), np.array([3, 7]), np.array([0.5, -1], np.float32), {"fits": [], "shots": 0})


def shots_of(dem: stim.DetectorErrorModel, shots: int, seed: int):
    events, flips, _ = dem.compile_sampler(seed=seed).sample(shots, bit_packed=True)
    return np.asarray(events, np.uint8), np.asarray(flips, np.uint8)


def test_beliefs_are_exact_on_a_tree():
    p = np.array([0.1, 0.05, 0.2, 0.15, 0.07, 0.3])
    fires = [[0], [0, 1], [1, 2, 3], [2], [3, 4], [4]]
    first = np.cumsum([0, *map(len, fires)])
    chances = np.zeros((32, 6, 2))
    for happened in itertools.product((0, 1), repeat=6):
        syndrome = sum(1 << d for d in range(5) if sum(h for h, f in zip(happened, fires, strict=True) if d in f) % 2)
        chance = np.prod(np.where(happened, p, 1 - p))
        for m, h in enumerate(happened):
            chances[syndrome, m, h] += chance
    seen = np.flatnonzero(chances.sum(axis=(1, 2)))
    exact = np.log(chances[seen, :, 0] / chances[seen, :, 1])
    weight, flat = np.log((1 - p) / p), np.concatenate(fires)
    found = posteriors(weight, first, flat, 5, seen[:, None].astype(np.uint8), 8)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, exact, rtol=2e-4)
    np.testing.assert_allclose(posteriors(weight, first, flat, 5, np.zeros((1, 1), np.uint8), 0)[0], weight, rtol=1e-6)


def test_no_lane_knows_of_another():
    m = mechanisms_of(model_of(3, 3, 0.01))
    events, _ = shots_of(model_of(3, 3, 0.01), LANES + 7, 3)
    together = posteriors(m.weight, m.first, m.fires, m.detectors, events, 4)
    for i in (0, 5, LANES - 1, LANES, LANES + 6):
        np.testing.assert_array_equal(
            posteriors(m.weight, m.first, m.fires, m.detectors, events[i : i + 1], 4)[0], together[i]
        )


def test_beliefs_that_are_the_model_say_what_the_model_says():
    compiled = Coset(more=2).compile_decoder_for_dem(dem=model_of(3, 4, 0.01))
    events, _ = shots_of(model_of(3, 4, 0.01), 200, 5)
    turns = compiled.turns(events)
    asked = Neural(more=2).judged(model_of(3, 4, 0.01), random_model())
    found, apart = asked.evidence(events, turns, thorough=True)
    weight = np.append(compiled.exchanges.weight, 0)[apart].sum(axis=2)  # what the classes do not share
    np.testing.assert_allclose(weight[:, 0] - weight[:, 1], found[:, 1, WEIGHT] - found[:, 0, WEIGHT], atol=1e-9)
    assert found.shape == (200, 2, WIDTH)
    x = compiled.exchanges
    forced = [compiled.classes.forced(events, turns[:, k]) for k in range(2)]
    from counterpoint.decoders.classes import matched

    proposals = np.array([[matched(g, s, correlated=i != 1)[0] for s in forced] for i, g in enumerate(compiled.graphs)])
    prior = np.broadcast_to(x.weight.astype(np.float32), (200, len(x.weight))).copy()
    same, _ = evidence(x, compiled.mechanisms.detectors, proposals, prior)
    for column in (BELIEVED, CROSSED, OPPOSED):
        np.testing.assert_allclose(same[:, :, column], same[:, :, WEIGHT], rtol=1e-5, atol=1e-4)
    assert (same[:, :, SIZES:].sum(axis=2) > 0)[events.any(axis=1)].any(axis=1).all()
    # Beliefs are one more proposal: the lightest set is never heavier for them.
    assert (found[:, :, WEIGHT] >= compiled.evidence(events, turns, thorough=True)[0][:, :, WEIGHT] - 1e-6).all()


def test_what_swaps_classes_swaps_scores():
    found = np.random.default_rng(4).standard_normal((50, 2, WIDTH)) * 5
    network = drawn(3)
    np.testing.assert_allclose(network.scores(found[:, ::-1])[:, ::-1], network.scores(found), rtol=1e-5, atol=1e-5)
    moved = found + np.random.default_rng(5).standard_normal((50, 1, WIDTH))  # common to both
    np.testing.assert_allclose(network.scores(moved), network.scores(found), rtol=1e-3, atol=1e-3)


def test_a_shot_is_answered_alike_in_every_batch():
    dem = model_of(3, 4, 0.02)
    compiled = Neural().judged(dem, random_model())
    events, _ = shots_of(dem, 300, 6)
    whole = compiled.chances(events)
    for i in (0, 17, 299):
        np.testing.assert_allclose(compiled.chances(events[i : i + 1])[0], whole[i], atol=1e-5)


def test_a_model_comes_back_as_it_was_written(tmp_path: Path):
    model = random_model()
    model.save(tmp_path / "a.model")
    back = load_model(str(tmp_path / "a.model"))
    for part in ("quick", "thorough"):
        for name in ARRAYS:
            np.testing.assert_array_equal(getattr(getattr(back, part), name), getattr(getattr(model, part), name))
    np.testing.assert_array_equal(back.shift_of(np.array([9, 7, 3, 1])), np.array([0, -1, 0.5, 0, 0], np.float32))
    assert {k: v for k, v in back.manifest.items() if k != "format"} == model.manifest
    assert [path.name for path in tmp_path.iterdir()] == ["a.model"]


@pytest.mark.parametrize("content", [b"", b"nothing", b"PK\x03\x04 cut off"])
def test_what_is_no_model_is_refused(tmp_path: Path, content: bytes):
    (tmp_path / "a.model").write_bytes(content)
    with pytest.raises(BadInput, match=r"holds no trained model .* counterpoint train"):
        load_model(str(tmp_path / "a.model"))
    with pytest.raises(BadInput, match="cannot be read"):
        load_model(str(tmp_path / "b.model"))
    with pytest.raises(BadInput, match="cannot be written"):
        random_model().save(tmp_path / "no" / "a.model")


def test_a_model_of_another_format_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("counterpoint.decoders.network.FORMAT", 99)
    random_model().save(tmp_path / "a.model")
    monkeypatch.undo()
    with pytest.raises(BadInput, match=r"format 99 .* this version reads format 1 .* train it again"):
        load_model(str(tmp_path / "a.model"))


def test_a_model_of_another_circuit_is_refused(tmp_path: Path):
    dem = model_of(3, 3, 0.01)
    first = next(train([Source.of(dem, Sampled(dem, (0,)), fresh_model(0))], fresh_model(0), 60, 0))
    first.model.save(tmp_path / "a.model")
    Neural(str(tmp_path / "a.model")).compile_decoder_for_dem(dem=model_of(3, 3, 0.002))  # noise is not geometry
    with pytest.raises(BadInput, match=r"trained for circuits with 24 detectors .* this one has 32 detectors"):
        Neural(str(tmp_path / "a.model")).compile_decoder_for_dem(dem=model_of(3, 4, 0.01))


def test_training_beats_matching_on_fresh_shots():
    dem = model_of(3, 6, 0.01)
    start = fresh_model(0)
    told = list(train([Source.of(dem, Sampled(dem, (1,)), start)], start, 6, 0))
    assert told[-1].close > 1000
    assert told[-1].model.manifest["fits"][0]["detectors"] == dem.num_detectors
    events, flips = shots_of(dem, 20_000, 99)
    neural = Neural().judged(dem, told[-1].model)
    wrong = {
        "neural": neural.decode_shots_bit_packed(bit_packed_detection_event_data=events) != flips,
        "matching": Matching()
        .compile_decoder_for_dem(dem=dem)
        .decode_shots_bit_packed(bit_packed_detection_event_data=events)
        != flips,
    }
    only_neural = int((wrong["neural"] & ~wrong["matching"]).sum())
    only_matching = int((~wrong["neural"] & wrong["matching"]).sum())
    assert only_neural < only_matching
    assert mcnemar(only_neural, only_matching) < FALSE_ALARM


def test_given_shots_end():
    dem = model_of(3, 3, 0.02)
    events, flips = shots_of(dem, 5000, 1)
    source = Source.of(dem, Given(events, flips), fresh_model(0))
    first, second = source.lesson(0), source.lesson(1)
    assert first is not None
    assert second is not None
    assert (first.looked, second.looked, source.lesson(2)) == (4096, 904, None)


def test_nothing_to_learn_is_said():
    with pytest.raises(BadInput, match="nothing to learn"):
        Source.of(
            stim.DetectorErrorModel("error(0.1) D0\nerror(0.1) D0 D1"),
            Given(*[np.zeros((0, 1), np.uint8)] * 2),
            fresh_model(0),
        )


def test_the_command_writes_goes_on_and_refuses(tmp_path: Path):
    circuit, out = tmp_path / "mine.stim", tmp_path / "mine.model"
    circuit.write_text(str(SI1000(0.01).noisy(memory(3, 3))))
    run = CliRunner().invoke
    done = run(app, ["train", str(circuit), "--out", str(out), "--minutes", "0.05", "--start", "none", "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["close"] > 0
    before = load_model(str(out))
    again = run(app, ["train", str(circuit), "--out", str(out), "--minutes", "0.05"])
    assert again.exit_code == 0
    assert "goes on from" in again.stderr
    assert "held-out close shots" in again.stdout
    after = load_model(str(out))
    assert after.manifest["shots"] > before.manifest["shots"]
    assert after.manifest["seeds"] == [0, 0]
    decoded = run(
        app, ["decode", str(circuit), "--shots", "2000", "--decoder", str(out), "--decoder", "matching", "--json"]
    )
    assert decoded.exit_code == 0, decoded.output
    for bad, said in (
        ([str(circuit), "--out", str(out), "--minutes", "0"], "0 minutes were given"),
        ([str(circuit), "--out", str(tmp_path / "no" / "a.model")], "folder that does not exist"),
        ([str(tmp_path / "none.stim"), "--out", str(out)], "none.stim"),
        ([str(circuit), "--out", str(tmp_path / "b.model"), "--start", "gone.model"], "gone.model cannot be read"),
    ):
        refused = run(app, ["train", *bad])
        assert refused.exit_code != 0
        assert isinstance(refused.exception, BadInput)
        assert said in str(refused.exception)
    assert load_model(str(out)).manifest == after.manifest


def test_the_general_model_fits_every_circuit_and_is_sure_of_what_it_says():
    assert load_model(GENERAL).manifest["fits"] == []
    dem = model_of(5, 5, 0.006)
    compiled = Neural().compile_decoder_for_dem(dem=dem)
    events, flips = shots_of(dem, 6000, 12)
    chance = compiled.chances(events)[:, 0]
    wrong = int(((chance > 0.5) != (flips[:, 0] & 1)).sum())
    expected = np.minimum(chance, 1 - chance).sum()
    spread = np.sqrt((chance * (1 - chance)).sum())
    assert abs(wrong - expected) < 5.5 * spread + 0.1 * expected  # a tenth for what it was not trained on


def test_the_same_error_in_another_round_is_of_the_same_kind():
    short, long = model_of(3, 5, 0.01), model_of(3, 9, 0.01)
    few, many = (kinds_of(dem, mechanisms_of(dem)) for dem in (short, long))
    assert set(few) == set(many)
    assert len(set(few)) < len(few) < len(many)
    bare = stim.DetectorErrorModel("\n".join(str(e) for e in short.flattened() if e.type == "error"))
    alone = kinds_of(bare, mechanisms_of(bare))
    assert len(set(alone)) == len(alone)


def test_recorded_and_sampled_shots_teach_together():
    dem, other = model_of(3, 3, 0.02), model_of(3, 4, 0.02)
    start = with_kinds(fresh_model(0), [dem])
    sources = [Source.of(dem, Given(*shots_of(dem, 4096, 1)), start), Source.of(other, Sampled(other, (0,)), start)]
    told = next(train(sources, start, 60, 0))
    assert told.looked == 2 * 4096
    assert len(told.model.manifest["fits"]) == 2


def test_labelled_shots_correct_an_error_model_that_is_wrong():
    true = SI1000(0.01).noisy(memory(3, 3)).detector_error_model(decompose_errors=True)
    believed = stim.DetectorErrorModel()
    for i, line in enumerate(true.flattened()):
        rate = line.args_copy()
        if line.type == "error" and len(line.targets_copy()) == 2 and i % 2:  # some boundary errors
            rate = [rate[0] / 20]
        believed.append(line.type, rate, line.targets_copy())
    events, flips = shots_of(true, 8192, 7)
    losses = {}
    for name, start in (("without", fresh_model(0)), ("with", with_kinds(fresh_model(0), [believed]))):
        told = list(train([Source.of(believed, Given(events, flips), start)], start, 60, 0))[-1]
        losses[name] = told.loss
        assert (len(told.model.kinds) > 0) == (name == "with")
    assert losses["with"] < losses["without"] - 0.003


def test_without_coordinates_what_fires_together_tells_circuits_apart():
    one, other = (
        stim.DetectorErrorModel("\n".join(f"error(0.1) {e}" for e in text.split(", ")))
        for text in ("D0, D0 D1, D1 D2, D2 L0", "D0, D0 D2, D2 D1, D1 L0")
    )
    assert fit_of(one)["geometry"] != fit_of(other)["geometry"]


def test_shots_that_are_all_clear_are_said_to_be():
    dem = model_of(3, 3, 1e-7)
    with pytest.raises(BadInput, match=r"^0 of [\d,]+ shots .* more noise"):
        list(train([Source.of(dem, Sampled(dem, (0,)), fresh_model(0))], fresh_model(0), 0.5, 0))


@pytest.mark.parametrize(("select", "fitted"), [("even", "other"), ("odd", "one")])
def test_the_error_model_is_the_one_fitted_to_the_half_that_is_trained_on(tmp_path: Path, select: str, fitted: str):
    # Of two models the first is for even shots, and so was fitted to odd ones.
    models = tuple(tmp_path / f"{name}.dem" for name in ("one", "other"))
    for path, rate in zip(models, (0.1, 0.2), strict=True):
        path.write_text(f"error({rate}) D0 L0\nerror({rate}) D0")
    dem = dem_of([stim.DetectorErrorModel.from_file(path) for path in models], select)
    assert dem == stim.DetectorErrorModel.from_file(tmp_path / f"{fitted}.dem")
