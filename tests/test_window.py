"""Sliding windows: exact truths about what is committed and handed on, then how little accuracy they cost."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field

import numpy as np
import pytest
import sinter
import stim
from scipy.special import betaincinv

from counterpoint.base import BadInput, Bits
from counterpoint.codes.noise import SI1000
from counterpoint.codes.surface import memory
from counterpoint.decoders.matching import Matching
from counterpoint.decoders.rounds import rounds_of
from counterpoint.decoders.seams import Seams, Span, errors_of
from counterpoint.decoders.vacuous import Vacuous
from counterpoint.decoders.window import CompiledWindow, Window

FALSE_ALARM = 1e-6
SHAPES = [(1, 3), (3, 3), (2, 4), (4, 1)]


def surface(distance: int = 3, rounds: int = 9, p: float = 0.003) -> stim.Circuit:
    return SI1000(p).noisy(memory(distance, rounds))


def repetition(rounds: int = 9) -> stim.Circuit:
    return stim.Circuit.generated(
        "repetition_code:memory",
        distance=3,
        rounds=rounds,
        before_round_data_depolarization=0.02,
        before_measure_flip_probability=0.02,
    )


def model_of(circuit: stim.Circuit) -> stim.DetectorErrorModel:
    return circuit.detector_error_model(decompose_errors=True)


def compiled(inner: sinter.Decoder, commit: int, buffer: int, model: stim.DetectorErrorModel) -> CompiledWindow:
    return Window(inner, commit, buffer).compile_decoder_for_dem(dem=model)


def decode(decoder: sinter.Decoder, model: stim.DetectorErrorModel, events: Bits) -> Bits:
    return decoder.compile_decoder_for_dem(dem=model).decode_shots_bit_packed(bit_packed_detection_event_data=events)


def single_errors(model: stim.DetectorErrorModel) -> tuple[Bits, Bits]:
    """Each error alone, as a shot: bit-packed (events, flips)."""
    errors = [error for error in model.flattened() if error.type == "error"]
    events = np.zeros((len(errors), model.num_detectors), np.uint8)
    flips = np.zeros((len(errors), model.num_observables), np.uint8)
    for shot, error in enumerate(errors):
        for target in error.targets_copy():
            if target.is_relative_detector_id():
                events[shot, target.val] ^= 1
            elif target.is_logical_observable_id():
                flips[shot, target.val] ^= 1
    return np.packbits(events, axis=1, bitorder="little"), np.packbits(flips, axis=1, bitorder="little")


def renumbered(model: stim.DetectorErrorModel, order: np.ndarray) -> stim.DetectorErrorModel:
    """Detector i becomes detector order[i]; coordinates go with it."""
    out = stim.DetectorErrorModel()
    for detector, where in model.get_detector_coordinates().items():
        out.append("detector", where, [stim.DemTarget.relative_detector_id(int(order[detector]))])
    for error in model.flattened():
        if error.type == "error":
            targets = [
                stim.DemTarget.relative_detector_id(int(order[t.val])) if t.is_relative_detector_id() else t
                for t in error.targets_copy()
            ]
            out.append("error", error.args_copy(), targets)
    return out


def test_model_of_a_window_is_as_documented() -> None:
    """Two detectors a round, in a byte each. D0 and D1 of the first round are bits 0 and 1 of byte 0, and so on."""
    model = stim.DetectorErrorModel("""
        detector(0, 0) D0
        detector(1, 0) D1
        detector(0, 1) D2
        detector(1, 1) D3
        detector(0, 2) D4
        detector(1, 2) D5
        error(0.01) D0 L0
        error(0.02) D0 D2
        error(0.03) D1 D2 ^ D3 L0
        error(0.04) D2 D4 L0
        error(0.05) D5
    """)
    seams = Seams.of(model, rounds_of(model))
    assert seams.model(Span(0, 1, 2)) == stim.DetectorErrorModel("""
        error(0.01) D0 L8
        error(0.02) D0 D8 L0
        error(0.03) D1 D8 L0 ^ D9
        error(0.04) D8
        detector D15
        logical_observable L8
    """)
    assert seams.model(Span(1, 3, 3)) == stim.DetectorErrorModel("""
        error(0.03) D1 L0
        error(0.04) D0 D8 L0
        error(0.05) D9
        detector D15
        logical_observable L0
    """)


def test_repeated_blocks_are_read_as_if_written_out() -> None:
    model = stim.DetectorErrorModel("""
        error(0.1) D0 L1
        repeat 3 {
            error(0.2) D0 D1 ^ D2 L0
            repeat 2 {
                error(0.3) D1
                shift_detectors(0, 1) 2
            }
            error(0) D1 D2
            error(0.4) D0
            shift_detectors 1
        }
        shift_detectors 3
        error(0.5) D0 ^ L0
    """)
    short, long = (vars(errors_of(m)) for m in (model, model.flattened()))
    assert {name: array.tolist() for name, array in short.items()} == {n: a.tolist() for n, a in long.items()}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("inner", [Matching(), Matching(correlated=True), Vacuous()])
def test_silence_flips_nothing(inner: sinter.Decoder, shape: tuple[int, int]) -> None:
    window = compiled(inner, *shape, model_of(surface()))
    stream = window.stream()
    for width in np.diff(window.rounds.starts):
        assert not stream.push(np.zeros(width, np.uint8)).any()
    assert not stream.finish().any()
    assert not stream.flips.any()


@pytest.mark.parametrize("correlated", [False, True])
@pytest.mark.parametrize("shape", [(9, 1), (1, 9), (10, 0), (500, 500)])
def test_window_over_everything_is_the_inner_decoder(correlated: bool, shape: tuple[int, int]) -> None:
    model = model_of(surface(5, 9, 0.006))
    events = surface(5, 9, 0.006).compile_detector_sampler(seed=1).sample(3000, bit_packed=True)
    window = compiled(Matching(correlated), *shape, model)
    assert len(window.windows) == 1
    np.testing.assert_array_equal(
        window.decode_shots_bit_packed(bit_packed_detection_event_data=events),
        decode(Matching(correlated), model, events),
    )


@pytest.mark.parametrize("shape", [*SHAPES, (1, 1)])
@pytest.mark.parametrize(
    ("circuit", "correlated"),
    [(surface(), False), (repetition(), False), (repetition(), True), (surface(5, 9), False), (surface(5, 9), True)],
    ids=["surface", "repetition", "repetition, correlated", "surface d=5", "surface d=5, correlated"],
)
def test_every_single_error_is_corrected(circuit: stim.Circuit, correlated: bool, shape: tuple[int, int]) -> None:
    """Not asked of correlated matching on the surface code at distance 3, where it fails some of them whole, too."""
    model = model_of(circuit)
    events, flips = single_errors(model)
    np.testing.assert_array_equal(decode(Matching(correlated), model, events), flips)
    np.testing.assert_array_equal(decode(Window(Matching(correlated), *shape), model, events), flips)


@dataclass(frozen=True)
class Lookup(sinter.Decoder):
    """Knows single errors by heart, whatever they fire, and takes anything else for silence."""

    compiled: list[stim.DetectorErrorModel] = field(default_factory=list)

    def compile_decoder_for_dem(self, *, dem: stim.DetectorErrorModel) -> sinter.CompiledDecoder:
        self.compiled.append(dem)
        events, flips = single_errors(dem)
        known = {e.tobytes(): f for e, f in zip(events[::-1], flips[::-1], strict=True)}

        class Compiled(sinter.CompiledDecoder):
            def decode_shots_bit_packed(self, *, bit_packed_detection_event_data: Bits) -> Bits:
                silence = np.zeros(flips.shape[1], np.uint8)
                return np.array([known.get(e.tobytes(), silence) for e in bit_packed_detection_event_data])

        return Compiled()


@pytest.mark.parametrize("shape", [(1, 1), (3, 3)])
def test_decoder_for_hypergraphs_corrects_every_single_error(shape: tuple[int, int]) -> None:
    """Errors that are not decomposed, which fire up to four detectors in two rounds."""
    model = surface().detector_error_model()
    events, flips = single_errors(model)
    assert np.bitwise_count(events).sum(axis=1).max() > 2
    np.testing.assert_array_equal(decode(Window(Lookup(), *shape), model, events), flips)


@pytest.mark.parametrize("shape", [*SHAPES, (2, 0), (1, 0)])
@pytest.mark.parametrize("shuffled", [False, True])
def test_what_is_committed_explains_every_shot(shape: tuple[int, int], shuffled: bool) -> None:
    """Each edge has an observable of its own, which tells how often it was committed."""
    edges: dict[tuple[int, ...], float] = {}
    circuit = surface(3, 9, 0.006)
    for error in model_of(circuit).flattened():
        if error.type == "error":
            for part in error.target_groups():
                fired = tuple(sorted(t.val for t in part if t.is_relative_detector_id()))
                edges[fired] = edges.get(fired, 0) + error.args_copy()[0]
    model = stim.DetectorErrorModel()
    for i, (fired, probability) in enumerate(edges.items()):
        targets = [*map(stim.DemTarget.relative_detector_id, fired), stim.DemTarget.logical_observable_id(i)]
        model.append("error", [probability], targets)
    for detector, where in circuit.get_detector_coordinates().items():
        model.append("detector", where, [stim.DemTarget.relative_detector_id(detector)])
    order = np.arange(circuit.num_detectors)
    events = circuit.compile_detector_sampler(seed=2).sample(500)
    if shuffled:
        np.random.default_rng(3).shuffle(order)
        model = renumbered(model, order)
    mine = np.zeros_like(events)
    mine[:, order] = events
    answer = decode(Window(Matching(), *shape), model, np.packbits(mine, axis=1, bitorder="little"))
    used = np.unpackbits(answer, axis=1, count=len(edges), bitorder="little").astype(int)
    fires = np.zeros((len(edges), circuit.num_detectors), int)
    for i, fired in enumerate(edges):
        fires[i, list(fired)] = 1
    np.testing.assert_array_equal(used @ fires % 2, events)


@dataclass(frozen=True)
class Awake(sinter.Decoder):
    """Fails where it is asked about a shot whose first round, of a byte, is silent: but once, when it is tried."""

    inner: sinter.Decoder

    def compile_decoder_for_dem(self, *, dem: stim.DetectorErrorModel) -> sinter.CompiledDecoder:
        inner = self.inner.compile_decoder_for_dem(dem=dem)

        class Compiled(sinter.CompiledDecoder):
            def decode_shots_bit_packed(self, *, bit_packed_detection_event_data: Bits) -> Bits:
                assert bit_packed_detection_event_data[:, 0].all() or not bit_packed_detection_event_data.any()
                return inner.decode_shots_bit_packed(bit_packed_detection_event_data=bit_packed_detection_event_data)

        return Compiled()


@pytest.mark.parametrize("correlated", [False, True])
@pytest.mark.parametrize("shape", [(1, 3), (1, 1), (5, 4)])
def test_window_with_silent_commit_rounds_is_not_decoded_and_answers_the_same(
    correlated: bool, shape: tuple[int, int]
) -> None:
    circuit = surface(5, 12)
    events = circuit.compile_detector_sampler(seed=8).sample(4000, bit_packed=True)
    window = compiled(Matching(correlated), *shape, model_of(circuit))
    data, asked = window.rounds.packed(events), np.zeros((len(events), 1), np.uint8)
    for placed in window.windows:
        seen = np.ascontiguousarray(data[:, placed.first : placed.stop])
        answer = placed.decoder.decode_shots_bit_packed(bit_packed_detection_event_data=seen)
        data[:, placed.commit : placed.commit + placed.handed] ^= answer[:, : placed.handed]
        asked ^= answer[:, placed.handed :]
    np.testing.assert_array_equal(window.decode_shots_bit_packed(bit_packed_detection_event_data=events), asked)


def test_inner_decoder_is_asked_only_where_the_commit_rounds_fire() -> None:
    """But for the last window, which commits all that it sees, so that another round may have fired."""
    circuit = surface()
    events = circuit.compile_detector_sampler(seed=9).sample(500, bit_packed=True)
    window = compiled(Awake(Matching()), 1, 3, model_of(circuit))
    *windows, last = window.windows
    data = window.rounds.packed(events)
    for placed in windows:
        before = data.copy()
        one = np.concatenate([placed.decide_one(row) for row in before[:, None]])
        np.testing.assert_array_equal(placed.decide(data), one)
        np.testing.assert_array_equal(data, before)
    assert last.span.commit == last.span.stop


@pytest.mark.parametrize("correlated", [False, True])
@pytest.mark.parametrize("shape", [*SHAPES, (2, 0), (20, 20)])
def test_push_by_push_is_the_batch(correlated: bool, shape: tuple[int, int]) -> None:
    circuit = surface(3, 11, 0.008)
    window = compiled(Matching(correlated), *shape, model_of(circuit))
    events = circuit.compile_detector_sampler(seed=4).sample(60, bit_packed=True)
    batch = window.decode_shots_bit_packed(bit_packed_detection_event_data=events)
    assert batch.any()
    rounds = window.rounds.split(events)
    commit, buffer = shape
    for shot, expected in enumerate(batch):
        stream, total = window.stream(), np.zeros(1, np.uint8)
        for at, arrived in enumerate(rounds):
            total ^= stream.push(arrived[shot])
            assert stream.committed == max(0, min(at + 1, len(rounds) - 1) - buffer) // commit * commit
            np.testing.assert_array_equal(stream.flips, total)
        total ^= stream.finish()
        assert stream.committed == len(rounds) == 12
        np.testing.assert_array_equal(total, expected)
        np.testing.assert_array_equal(stream.flips, expected)


def test_time_may_be_another_coordinate() -> None:
    """Published circuits write DETECTOR(x, y, t, kind of check)."""
    model = model_of(surface())
    kinds = stim.DetectorErrorModel()
    for error in model.flattened():
        if error.type == "error":
            kinds.append(error)
    for detector, where in model.get_detector_coordinates().items():
        kinds.append("detector", [*where, detector % 3], [stim.DemTarget.relative_detector_id(detector)])
    events = surface().compile_detector_sampler(seed=5).sample(500, bit_packed=True)
    np.testing.assert_array_equal(
        decode(Window(Matching(), 2, 3, time=2), kinds, events), decode(Window(Matching(), 2, 3), model, events)
    )


@pytest.mark.parametrize("flattened", [False, True])
def test_windows_that_are_alike_are_compiled_once(flattened: bool) -> None:
    """The first, those in between, one before the end and the last: for 320 rounds the same as for 20."""
    models = []
    for rounds in (20, 320):
        model, lookup = model_of(surface(3, rounds)), Lookup()
        window = compiled(lookup, 3, 3, model.flattened() if flattened else model)
        assert len(window.windows) == (rounds + 1) // 3 - 1
        assert len({id(placed.decoder) for placed in window.windows}) == len(lookup.compiled)
        models.append([str(model) for model in lookup.compiled])
    assert models[0] == models[1]
    assert len(set(models[0])) == len(models[0]) <= 4


@pytest.mark.parametrize("correlated", [False, True])
def test_buffer_of_the_distance_costs_at_most_three_percent(correlated: bool) -> None:
    """Failures beyond those of the whole, at most, but for one test in a million.

    Of the shots that one of the two fails alone, the windowed decoder's are binomial: their share has a
    Clopper-Pearson bound. 15,000 shots have 1,500 to 2,100 failures. A window that looks a single round ahead, which
    costs a fifth, is found out.
    """
    model = model_of(surface(5, 30))
    events, flips, _ = model.compile_sampler(seed=6).sample(15_000, bit_packed=True)
    whole = (decode(Matching(correlated), model, events) != flips).any(axis=1)
    most = []
    for buffer in (5, 1):
        windowed = (decode(Window(Matching(correlated), 5, buffer), model, events) != flips).any(axis=1)
        alone, either = int((windowed & ~whole).sum()), int((windowed != whole).sum())
        share = betaincinv(alone + 1, either - alone, 1 - FALSE_ALARM) if alone < either else 1.0
        most.append(either * (2 * share - 1) / whole.sum())
    assert most[0] <= 0.03 < most[1]


def test_rounds_that_do_not_fit_are_refused_and_leave_the_stream_as_it_was() -> None:
    window = compiled(Matching(), 2, 2, model_of(surface()))
    events = surface(3, 9, 0.02).compile_detector_sampler(seed=7).sample(40, bit_packed=True)
    expected = window.decode_shots_bit_packed(bit_packed_detection_event_data=events)
    rounds = window.rounds.split(events)
    wrong = [
        (np.zeros(2, np.uint8), ["uint8 of shape (2,)", "shape (1,)"]),
        (np.zeros((1, 1), np.uint8), ["uint8 of shape (1, 1)", "shape (1,)"]),
        (np.zeros(1, np.int64), ["int64 of shape (1,)", "uint8 of shape (1,)"]),
        ([0], ["list", "uint8 of shape (1,)"]),
    ]
    for shot in range(len(events)):
        stream = window.stream()
        for at, arrived in enumerate(rounds):
            for events_of_round, told in wrong:
                with pytest.raises(BadInput, match=f"round {at} came as") as refused:
                    stream.push(events_of_round)  # type: ignore[arg-type]
                assert all(value in str(refused.value) for value in told)
            if at == 0:
                with pytest.raises(BadInput, match="round 0 fires detector 7 of its 4"):
                    stream.push(np.array([0x80], np.uint8))
            with pytest.raises(BadInput, match=f"{at} of 10 rounds have been pushed"):
                stream.finish()
            stream.push(arrived[shot])
        with pytest.raises(BadInput, match="all 10 rounds have been pushed"):
            stream.push(np.zeros(1, np.uint8))
        stream.finish()
        with pytest.raises(BadInput, match="has been finished"):
            stream.finish()
        np.testing.assert_array_equal(stream.flips, expected[shot])


def test_round_that_no_error_explains_is_refused_and_may_be_pushed_again() -> None:
    model = stim.DetectorErrorModel("""
        repeat 3 {
            detector(0, 0) D0
            detector(1, 0) D1
            error(0.1) D0 D1 L0
            shift_detectors(0, 1) 2
        }
    """)
    stream = compiled(Matching(), 1, 0, model).stream()
    one, both = np.array([0b01], np.uint8), np.array([0b11], np.uint8)
    assert stream.push(both).tolist() == [1]
    with pytest.raises(BadInput, match=r"rounds 1 to 1, .* which fires 1 of its 8 detectors"):
        stream.push(one)
    assert stream.push(both).tolist() == [1]
    assert stream.push(one).tolist() == [0]  # the last round waits for the end
    with pytest.raises(BadInput, match="rounds 2 to 2"):
        stream.finish()


def test_model_that_cannot_be_cut_is_refused() -> None:
    bare = stim.DetectorErrorModel("error(0.1) D0 L0\nerror(0.1) D1\ndetector(2, 0) D0")
    with pytest.raises(BadInput, match="D1 of 2 detectors has no coordinates"):
        compiled(Matching(), 1, 1, bare)
    with pytest.raises(BadInput, match="D0 of 2 detectors has 2 coordinates, of which number 2 was to tell"):
        Window(Matching(), 1, 1, time=2).compile_decoder_for_dem(dem=bare)
    three = stim.DetectorErrorModel("error(0.1) D0 D1 D2 L0\ndetector(0) D0\ndetector(0) D1\ndetector(0) D2")
    with pytest.raises(BadInput, match=r"rounds 0 to 0, its detectors numbered anew, .* fires 3 detectors"):
        compiled(Matching(), 1, 1, three)


@pytest.mark.parametrize(("commit", "buffer", "told"), [(0, 3, "commits 0 rounds"), (1, -1, "buffers -1 rounds")])
def test_shape_of_a_window_is_checked(commit: int, buffer: int, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        Window(Matching(), commit, buffer)


def test_parts_without_detectors_go_with_their_error() -> None:
    model = stim.DetectorErrorModel("error(0.1) D0 ^ L0\nerror(0.1) L0\ndetector(0) D0\nerror(0.1) D1\ndetector(1) D1")
    assert not decode(Window(Matching(), 1, 0), model, np.array([[0b01], [0b11]], np.uint8)).any()
    nothing = stim.DetectorErrorModel("logical_observable L0")
    assert decode(Window(Matching(), 1, 0), nothing, np.zeros((3, 0), np.uint8)).tolist() == [[0]] * 3


def test_it_is_frozen_and_names_its_sources() -> None:
    window = Window(Matching(correlated=True), 5, 5)
    assert pickle.loads(pickle.dumps(window)) == window
    assert hash(window) == hash(Window(Matching(correlated=True), 5, 5))
    assert all(name in window.citation for name in ("Dennis", "Skoric", "Tan", "Fowler"))
