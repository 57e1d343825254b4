"""Classes of errors, exact tables, near maximum likelihood, triage, and how sure a decoder is."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import sinter
import stim
from scipy.stats import binom

from counterpoint.base import BadInput
from counterpoint.decoders import DECODERS
from counterpoint.decoders.classes import Classes
from counterpoint.decoders.compiled import compiled
from counterpoint.decoders.confidence import Sure
from counterpoint.decoders.coset import Coset
from counterpoint.decoders.exchange import exchanges_of
from counterpoint.decoders.gap import Gap
from counterpoint.decoders.lookup import Lookup, joint
from counterpoint.decoders.matching import Matching
from counterpoint.decoders.mechanisms import mechanisms_of
from counterpoint.decoders.triage import Triage
from counterpoint.quops.paired import mcnemar

FALSE_ALARM = 1e-6

SMALL = stim.DetectorErrorModel("""
    error(0.05) D0
    error(0.03) D0 D1
    error(0.04) D1 D2
    error(0.02) D2 L0
    error(0.06) D3 L1
    error(0.05) D3 D4
    error(0.01) D4
    error(0.02) D1 D2 ^ D3 D4
    error(0.03) D0 ^ D4
    error(0.01) D2 L0 ^ D3 L1
""")


def surface(distance: int, basis: str = "z", noise: float = 0.005) -> stim.Circuit:
    return stim.Circuit.generated(
        f"surface_code:rotated_memory_{basis}",
        distance=distance,
        rounds=distance,
        after_clifford_depolarization=noise,
        before_measure_flip_probability=noise,
        after_reset_flip_probability=noise,
        before_round_data_depolarization=noise,
    )


def model_of(circuit: stim.Circuit) -> stim.DetectorErrorModel:
    return circuit.detector_error_model(decompose_errors=True)


MODELS = {
    "small": SMALL,
    "surface z": model_of(surface(3)),
    "surface x": model_of(surface(5, "x")),
    "repetition": model_of(
        stim.Circuit.generated("repetition_code:memory", distance=5, rounds=4, before_round_data_depolarization=0.1)
    ),
}


def outcomes(model: stim.DetectorErrorModel) -> dict[int, float]:
    """Probability of each outcome with all sets of errors written out: bits are detectors, then observables."""
    errors = []
    for error in model:
        mask = 0
        for t in error.targets_copy():
            if not t.is_separator():
                mask ^= 1 << (t.val if t.is_relative_detector_id() else model.num_detectors + t.val)
        errors.append((error.args_copy()[0], mask))
    found: dict[int, float] = {}
    for chosen in itertools.product([False, True], repeat=len(errors)):
        outcome = 0
        for (_, mask), happens in zip(errors, chosen, strict=True):
            outcome ^= mask if happens else 0
        weight = math.prod(p if happens else 1 - p for (p, _), happens in zip(errors, chosen, strict=True))
        found[outcome] = found.get(outcome, 0.0) + weight
    return found


def test_table_is_the_sum_over_all_sets_of_errors() -> None:
    table = joint(SMALL)
    expected = np.zeros_like(table)
    for outcome, p in outcomes(SMALL).items():
        expected[outcome] = p
    np.testing.assert_allclose(table, expected, rtol=0, atol=1e-15)


def test_lookup_answers_with_the_likeliest_outcome() -> None:
    compiled = Lookup().compile_decoder_for_dem(dem=SMALL)
    syndromes = np.arange(32, dtype=np.uint8)[:, None]
    found = compiled.decode_shots_bit_packed(bit_packed_detection_event_data=syndromes)[:, 0]
    exact = outcomes(SMALL)
    for syndrome in range(32):
        each = [exact.get(syndrome | o << 5, 0.0) for o in range(4)]
        assert each[found[syndrome]] == pytest.approx(max(each), rel=1e-9)
        chance = compiled.chances(syndromes[syndrome : syndrome + 1])[0]
        assert chance[0] == pytest.approx((each[1] + each[3]) / sum(each), rel=1e-9)


def test_lookup_refuses_what_no_table_holds() -> None:
    with pytest.raises(BadInput, match=r"120 detectors and 1 observables.*at most 25"):
        Lookup().compile_decoder_for_dem(dem=MODELS["surface x"])


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_class_and_syndrome_tell_the_observables(model: stim.DetectorErrorModel) -> None:
    """For any errors: what the detectors moved to the boundary say, and the ends used, is what has flipped."""
    mechanisms = mechanisms_of(model)
    classes = Classes.of(mechanisms)
    happened = [e for e in model.flattened() if e.type == "error" and e.args_copy()[0]]
    assert len(happened) == len(mechanisms.errors), "every error of these models fires a detector"
    events, flips, errors = model.compile_sampler(seed=3).sample(300, return_errors=True)
    turns = np.zeros(300, np.int64)
    for i, (_, parts) in enumerate(mechanisms.errors):
        for part in parts:
            end = mechanisms.parts[part][1]
            turns ^= np.where(errors[:, i], 0 if end < 0 else 1 << end, 0)
    packed = np.packbits(events, axis=1, bitorder="little")
    np.testing.assert_array_equal(classes.packed(packed, turns), np.packbits(flips, axis=1, bitorder="little"))


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_exchanges_fire_nothing_and_keep_the_class(model: stim.DetectorErrorModel) -> None:
    mechanisms = mechanisms_of(model)
    exchanges = exchanges_of(mechanisms)

    def symptom(m: int) -> set[int]:
        return set(mechanisms.fires[mechanisms.first[m] : mechanisms.first[m + 1]].tolist())

    seen = 0
    for m in range(len(mechanisms.weight)):
        for j in range(exchanges.begin[m], exchanges.begin[m + 1]):
            b, c = int(exchanges.one[j]), int(exchanges.two[j])
            assert symptom(m) ^ symptom(b) ^ symptom(c) == set()
            assert mechanisms.turns[m] ^ mechanisms.turns[b] ^ mechanisms.turns[c] == 0
            seen += 1
    assert seen or model is MODELS["repetition"]


def test_coset_is_near_to_maximum_likelihood() -> None:
    """Distance 3, against the exact table: what is lost is a tenth at most of what correlated matching loses."""
    circuit = surface(3, noise=0.01)
    model = model_of(circuit)
    events = circuit.compile_detector_sampler(seed=4).sample(20_000, bit_packed=True)
    exact = Lookup().compile_decoder_for_dem(dem=model).chances(events)[:, 0]

    def loss(decoder: sinter.Decoder) -> float:
        """Failures more than maximum likelihood's, as expected."""
        answer = decoder.compile_decoder_for_dem(dem=model).decode_shots_bit_packed(
            bit_packed_detection_event_data=events
        )
        return float(np.abs(2 * exact[(exact > 0.5) != answer[:, 0]] - 1).sum())

    assert loss(Lookup()) == 0
    assert loss(Coset()) < loss(Matching(correlated=True)) / 10
    assert loss(Coset(more=0)) < loss(Matching(correlated=True)) / 5


def test_coset_explains_small_models_exactly() -> None:
    """Two observables with an end each: the posterior of every syndrome, where few sets of errors are left out."""
    compiled = Coset().compile_decoder_for_dem(dem=SMALL)
    syndromes = np.arange(32, dtype=np.uint8)[:, None]
    exact = Lookup().compile_decoder_for_dem(dem=SMALL).chances(syndromes)
    np.testing.assert_array_equal(compiled.chances(syndromes) > 0.5, exact > 0.5)


def test_coset_fails_less_often_than_correlated_matching() -> None:
    circuit = surface(5)
    events, flips = circuit.compile_detector_sampler(seed=6).sample(60_000, separate_observables=True, bit_packed=True)
    model = model_of(circuit)

    def failed(decoder: sinter.Decoder) -> np.ndarray:
        compiled = decoder.compile_decoder_for_dem(dem=model)
        return (compiled.decode_shots_bit_packed(bit_packed_detection_event_data=events) != flips).any(axis=1)

    correlated, ours = failed(Matching(correlated=True)), failed(Triage())
    only_ours, only_correlated = int((ours & ~correlated).sum()), int((correlated & ~ours).sum())
    assert only_ours < only_correlated
    assert mcnemar(only_ours, only_correlated) < FALSE_ALARM


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_triage_finds_the_shots_below_the_gap(model: stim.DetectorErrorModel) -> None:
    """Looking no farther than the gap asked for finds the same shots as the whole gap does."""
    events = model.compile_sampler(seed=2).sample(2000, bit_packed=True)[0]
    whole = Gap.of(model).of_shots(events)[1].min(axis=1)
    for share in (0.02, 0.2):
        compiled = Triage(share=share).compile_decoder_for_dem(dem=model)
        hard = compiled.sorted(events)[1]
        clear = np.abs(whole - compiled.limit) > 0.01  # weights are rounded
        np.testing.assert_array_equal(hard[clear], (whole < compiled.limit)[clear])


@pytest.mark.parametrize("share", [0.02, 0.2])
def test_triage_asks_for_the_share_of_shots(share: float) -> None:
    model = MODELS["surface x"]
    events = model.compile_sampler(seed=8).sample(20_000, bit_packed=True)[0]
    hard = int(Triage(share=share).compile_decoder_for_dem(dem=model).sorted(events)[1].sum())
    # The limit is itself a quantile of as many shots.
    slack = 5 * math.sqrt(share * (1 - share) / len(events))
    assert binom.ppf(FALSE_ALARM, len(events), share - slack) <= hard
    assert hard <= binom.isf(FALSE_ALARM, len(events), share + slack)


def test_triage_is_the_first_answer_or_the_second() -> None:
    model = MODELS["surface z"]
    events = model.compile_sampler(seed=2).sample(1000, bit_packed=True)[0]
    for decoder, same in ((Triage(share=0), Matching()), (Triage(share=1), Coset())):
        answers = [
            d.compile_decoder_for_dem(dem=model).decode_shots_bit_packed(bit_packed_detection_event_data=events)
            for d in (decoder, same)
        ]
        np.testing.assert_array_equal(*answers)


@pytest.mark.parametrize("share", [-0.1, 1.5, math.nan])
def test_share_is_checked(share: float) -> None:
    with pytest.raises(BadInput, match="from 0 to 1"):
        Triage(share=share).compile_decoder_for_dem(dem=SMALL)


@pytest.mark.parametrize("decoder", [Matching(), Coset(more=0), Lookup()], ids=["by gap", "own, near", "own, exact"])
def test_stated_probabilities_come_true(decoder: sinter.Decoder) -> None:
    """On fresh shots: among answers of each stated probability as many are right as the binomial allows."""
    circuit = surface(3, noise=0.01)
    compiled = Sure(decoder, shots=200_000).compile_decoder_for_dem(dem=model_of(circuit))
    events, flips = circuit.compile_detector_sampler(seed=11).sample(50_000, separate_observables=True, bit_packed=True)
    answer, sure = compiled.sure(events)
    right, stated = (answer == flips)[:, 0], sure[:, 0]
    assert stated.min() < 0.7 < 0.999 < stated.max(), "the scale is used"
    for low, high in itertools.pairwise((0.4, 0.7, 0.9, 0.99, 1.0 + 1e-9)):
        here = (stated >= low) & (stated < high)
        expected, shots = stated[here].mean(), int(here.sum())
        # The scale itself rests on four times as many shots: a quarter of the variance more.
        slack = 5 * math.sqrt(expected * (1 - expected) / shots / 4)
        assert binom.ppf(FALSE_ALARM, shots, max(0, expected - slack)) <= right[here].sum()
        assert right[here].sum() <= binom.isf(FALSE_ALARM, shots, min(1, expected + slack))


def test_unsure_shots_are_discarded_through_sinter() -> None:
    circuit = surface(3, noise=0.01)
    (kept,) = sinter.collect(
        num_workers=1,
        tasks=[sinter.Task(circuit=circuit)],
        decoders=["sure"],
        custom_decoders={"sure": Sure(Matching(), least=0.95, shots=50_000)},
        max_shots=20_000,
    )
    assert 0 < kept.discards < kept.shots / 2
    (every,) = sinter.collect(
        num_workers=1, tasks=[sinter.Task(circuit=circuit)], decoders=["pymatching"], max_shots=20_000
    )
    assert kept.errors / (kept.shots - kept.discards) < every.errors / every.shots / 2


@pytest.mark.parametrize("name", ["triage", "coset"])
@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("error(0.1) D0 D1 L0\nerror(0.1) D1 D2\nerror(0.1) D0 D2", ["L0", "loop", "matching or correlated"]),
        ("error(0.7) D0 L0", ["0.7", "at most 0.5"]),
        ("error(0.1) D0 D1 D2 L0", ["3 detectors", "at most 2", "decompose_errors"]),
        ("error(0.1) D0 L63", ["64 observables", "at most 62"]),
    ],
    ids=["loop", "probability", "hyperedge", "observables"],
)
def test_models_without_classes_are_refused(name: str, model: str, told: list[str]) -> None:
    with pytest.raises(BadInput) as refused:
        DECODERS[name].compile_decoder_for_dem(dem=stim.DetectorErrorModel(model))
    assert all(value in str(refused.value) for value in told)


def test_shot_that_no_error_explains_is_refused() -> None:
    model = stim.DetectorErrorModel("error(0.1) D0 D1\nerror(0.1) D0 L0\nerror(0.1) D1\ndetector D2")
    for name in ("triage", "coset"):
        compiled = DECODERS[name].compile_decoder_for_dem(dem=model)
        with pytest.raises(BadInput, match="no set of errors"):
            compiled.decode_shots_bit_packed(bit_packed_detection_event_data=np.array([[4]], np.uint8))


@pytest.mark.parametrize("least", [-0.1, 1.0])
def test_least_probability_is_checked(least: float) -> None:
    with pytest.raises(BadInput, match="0 <= least < 1"):
        Sure(Matching(), least=least).compile_decoder_for_dem(dem=SMALL)


def test_what_cannot_be_kept_is_compiled_all_the_same() -> None:
    """Numba refuses to keep a function that stands in no file, as it does where no folder can be written."""
    found: dict[str, object] = {}
    exec("def double(x):\n    return 2 * x", found)
    assert compiled(found["double"])(21) == 42  # pyright: ignore[reportArgumentType]
