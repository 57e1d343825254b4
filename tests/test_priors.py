"""Decoder steering: the parity law, recovery of rates, and what bad telemetry does to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import sinter
import stim
from scipy.stats import chi2

from counterpoint.base import BadInput, fold_in
from counterpoint.codes import repetition, surface
from counterpoint.codes.faults import MIXING, Gate
from counterpoint.codes.gates import compile_gates
from counterpoint.decoders.priors import PriorModel, PriorState, prior_model
from counterpoint.loop.steered import Sight, SteeredDecoder
from counterpoint.machine import builds
from counterpoint.machine.chip import willow

FALSE_ALARM = 1e-6
MANY = 10**11  # shots of which only the means are given: noise of the last digits


def calibration(circuit: stim.Circuit, kinds, seed: int) -> dict[Gate, float]:
    gates = compile_gates(circuit, kinds).gates
    return dict(zip(gates, np.random.default_rng(seed).uniform(1e-3, 1e-2, len(gates)).tolist(), strict=True))


@pytest.fixture(scope="module")
def model() -> PriorModel:
    circuit = surface.memory(3, 8)
    return prior_model(circuit, calibration(circuit, ("1Q", "2Q"), 5), spread=0.2, memory=1000.0)


def expected(model: PriorModel, theta: np.ndarray) -> np.ndarray:
    """(K,) exact mean signs under ln(x / x at day zero) = theta."""
    return np.exp(-2 * model.parities.uses @ (model.day_zero * np.exp(theta)))


def exact_counts(model: PriorModel, theta: np.ndarray, shots: int = MANY) -> np.ndarray:
    return np.rint((1 - expected(model, theta)) / 2 * model.parities.members * shots).astype(np.int64)


def sampled(model: PriorModel, theta: np.ndarray, shots: int, seed: int) -> np.ndarray:
    rates = model.rates(PriorState(theta, np.eye(len(theta))))
    sampler = model.template.circuit(rates).compile_detector_sampler(seed=seed)
    return np.asarray(sampler.sample(shots, bit_packed=True), np.uint8)


@pytest.mark.parametrize(
    ("circuit", "kinds"),
    [
        (surface.memory(3, 4), ("1Q", "2Q", "M", "R", "idle", "wait")),
        (surface.memory(3, 4, "X"), ("2Q", "M", "stray")),
        (repetition.memory(3, 5), ("1Q", "2Q", "M", "R", "wait")),
    ],
)
def test_the_parity_law_is_stims_own_error_model(circuit, kinds):
    rates = calibration(circuit, kinds, 1)
    model = prior_model(circuit, rates)
    law = expected(model, np.zeros(len(rates)))
    signs = np.ones(len(model.parities.first))
    exact = model.template.circuit(model.rates(model.init())).detector_error_model()
    for error in exact.flattened():
        assert isinstance(error, stim.DemInstruction)
        if error.type == "error":
            fired = np.zeros(circuit.num_detectors + 1, bool)
            targets = [t for group in error.target_groups() for t in group]
            fired[[t.val for t in targets if t.is_relative_detector_id()]] = True
            odd = fired[model.parities.first] ^ fired[model.parities.second]
            signs[odd] *= 1 - 2 * error.args_copy()[0]
    np.testing.assert_allclose(signs, np.repeat(law, model.parities.members), rtol=1e-7)


@pytest.mark.parametrize("shots", [0, 1, 63, 64, 65, 33_000])
def test_counts_are_those_of_unpacked_bits(model, shots):
    events = sampled(model, np.zeros(len(model.day_zero)), shots, seed=3)
    parities = model.parities
    bits = np.zeros((shots, parities.detectors + 1), np.int64)
    bits[:, :-1] = np.unpackbits(events, axis=1, count=parities.detectors, bitorder="little")
    odd = (bits[:, parities.first] ^ bits[:, parities.second]).sum(axis=0)
    assert (parities.count(events) == np.add.reduceat(odd, parities.start)).all()


def test_exact_parities_give_back_every_rate_that_they_tell_apart():
    circuit = surface.memory(3, 8)
    rates = calibration(circuit, ("1Q", "2Q"), 2)
    model = prior_model(circuit, rates)
    truth = 0.7 * np.random.default_rng(3).standard_normal(len(rates))
    state = model.init()
    for _ in range(4):
        state = model.tell(state, exact_counts(model, truth), MANY)
    np.testing.assert_allclose(expected(model, state.theta), expected(model, truth), rtol=1e-6)
    uses = model.parities.uses
    alone = np.abs(np.linalg.pinv(uses) @ uses - np.eye(len(rates))).max(axis=1) < 1e-9
    assert alone.sum() >= 24  # all CZ gates, for two rates out of 41 are not separated from others
    np.testing.assert_allclose(state.theta[alone], truth[alone], atol=1e-4)


def test_a_step_of_the_rates_is_followed_and_followed_back(model):
    truth = 0.4 * np.random.default_rng(4).standard_normal(len(model.day_zero))
    state = model.init()
    for target in (truth, -truth, np.zeros_like(truth)):
        for _ in range(4):
            state = model.tell(state, exact_counts(model, target), MANY)
        np.testing.assert_allclose(expected(model, state.theta), expected(model, target), rtol=1e-6)


def test_no_shots_leave_the_calibration(model):
    state = model.init()
    for _ in range(3):
        state = model.tell(state, np.zeros(len(model.parities.members), np.int64), 0)
    assert not state.theta.any()
    np.testing.assert_allclose(state.covariance, model.init().covariance, rtol=1e-12)


def test_what_no_parity_sees_stays_at_the_calibration():
    circuit = surface.memory(3, 8)
    rates = calibration(circuit, ("2Q", "M"), 6)
    model = prior_model(circuit, rates)
    unseen = ~model.parities.uses.any(axis=0)
    data = [i for i, gate in enumerate(model.template.gates) if gate.kind == "M" and model.template.uses[i] == 1]
    assert set(np.flatnonzero(unseen)) <= set(data)
    assert unseen.any()  # data qubits are measured in the last round alone
    told = model.tell(model.init(), exact_counts(model, np.full(len(rates), 0.3), 10**6), 10**6)
    known = np.array([rates[gate] for gate in model.template.gates])
    np.testing.assert_allclose(model.rates(told)[unseen], known[unseen], rtol=1e-9)
    np.testing.assert_allclose(np.diag(told.covariance)[unseen], model.spread**2, rtol=1e-9)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_sampled_events_leave_the_truth_inside_the_posterior(model, seed):
    gates = len(model.day_zero)
    truth = model.spread * np.random.default_rng((7, seed)).standard_normal(gates)
    state = model.init()
    for epoch in range(2):  # memory is long beside two epochs in which the truth stands still
        events = sampled(model, truth, 20_000, seed=100 * seed + epoch)
        state = model.tell(state, model.parities.count(events), len(events))
    bound = chi2.isf(FALSE_ALARM, gates)
    miss = truth - state.theta
    assert miss @ np.linalg.solve(state.covariance, miss) < bound
    assert truth @ np.linalg.solve(state.covariance, truth) > bound  # which the calibration is not


def test_shots_only_narrow_what_is_believed(model):
    events = sampled(model, np.zeros(len(model.day_zero)), 4096, seed=8)
    calibrated = model.init().covariance
    widths = [np.trace(calibrated)]
    for shots in (1, 64, 4096):
        state = model.tell(model.init(), model.parities.count(events[:shots]), shots)
        assert np.linalg.eigvalsh(calibrated - state.covariance).min() > -1e-12
        widths.append(np.trace(state.covariance))
    assert (np.diff(widths) < 0).all()
    assert np.abs(model.tell(model.init(), model.parities.count(events[:1]), 1).theta).max() < model.spread


def test_a_dead_site_counts_for_nothing_whether_it_never_fires_or_always(model):
    events = sampled(model, np.full(len(model.day_zero), 0.2), 20_000, seed=9)
    bits = np.unpackbits(events, axis=1, count=model.parities.detectors, bitorder="little")
    site = int(model.parities.sites[model.parities.single][0, 0])
    mine = model.parities.single & (model.parities.sites[:, 0] == site)
    k = int(np.flatnonzero(mine)[0])
    of_site = model.parities.first[model.parities.start[k] :][: model.parities.members[k]]
    states = []
    for value in (0, 1):
        bits[:, of_site] = value
        dead = np.packbits(bits, axis=1, bitorder="little")
        states.append(model.tell(model.init(), model.parities.count(dead), len(dead)))
    assert np.array_equal(states[0].theta, states[1].theta)
    assert np.array_equal(states[0].covariance, states[1].covariance)
    assert states[0].theta.any()  # the other sites still tell
    alone = model.parities.uses[~(model.parities.sites == site).any(axis=1)].any(axis=0)
    assert (states[0].theta[~alone] == 0).all()


@pytest.mark.parametrize("shots", [1, 100, 10**6])
def test_any_counts_at_all_leave_finite_rates(model, shots):
    rng = np.random.default_rng(10)
    most = model.parities.members * shots
    for odd in (0 * most, most, most // 2, rng.integers(0, most + 1), rng.integers(0, most // 2 + 1)):
        state = model.init()
        for _ in range(5):
            state = model.tell(state, odd, shots)
            rates = model.rates(state)
            assert np.isfinite(state.covariance).all()
            assert ((rates > 0) & (rates <= [MIXING[g.kind] for g in model.template.gates])).all()


def test_day_zero_is_the_chips_own_error_model():
    circuit = surface.memory(3, 5)
    chip = willow(3, key=(11,), drift="none", epoch_seconds=1.0)
    device = builds.willow(surface.memory(3, 3), fold_in((11,), "willow"))
    rates = device.rates(device.start[None], device.start)[0].tolist()
    known = {g: 0.0 if g.kind == "stray" else r for g, r in zip(device.gates, rates, strict=True)}
    model = prior_model(circuit, known)
    assert model.error_model(model.init()).approx_equals(chip.error_model(circuit), atol=1e-9)
    assert "bell1993iterated" in model.citation


def test_bad_input_names_both_values(model):
    circuit = surface.memory(3, 3)
    gates = compile_gates(circuit, ("2Q",)).gates
    odd = np.zeros(len(model.parities.members), np.int64)
    cases = [
        (lambda: prior_model(circuit, dict.fromkeys(gates, 1e-3), memory=0.0), "memory of 0.0"),
        (lambda: prior_model(circuit, {gates[0]: float("nan")}), r"rate of nan and 0.9375"),
        (lambda: prior_model(circuit, dict.fromkeys(gates[1:], 1e-3)), f"'{gates[0].name}'.*of 23 gates"),
        (lambda: prior_model(circuit, dict.fromkeys(gates, 0.0)), "errors of 0 gates.*24 detectors"),
        (lambda: model.tell(model.init(), odd[1:], 5), f"{odd.size - 1} counts.*{odd.size} classes"),
        (lambda: model.tell(model.init(), odd - 1, 5), "-1 odd parities.*5 shots"),
        (lambda: model.tell(model.init(), odd + 1000, 5), "1000 odd parities.*5 shots"),
        (lambda: model.parities.count(np.zeros((4, 2), np.uint8)), "2 bytes a shot.*64 detectors"),
        (lambda: SteeredDecoder(model, Recorder(), every=0), "every 0 epochs"),
    ]
    for case, message in cases:
        with pytest.raises(BadInput, match=message):
            case()


@dataclass(frozen=True, eq=False)
class Recorded(sinter.CompiledDecoder):
    dem: stim.DetectorErrorModel

    def decode_shots_bit_packed(self, *, bit_packed_detection_event_data):
        raise AssertionError("nothing is decoded here")


def model_of(compiled: sinter.CompiledDecoder) -> stim.DetectorErrorModel:
    assert isinstance(compiled, Recorded)
    return compiled.dem


class Recorder(sinter.Decoder):
    """Keeps the error model that it was compiled from."""

    def compile_decoder_for_dem(self, *, dem):
        return Recorded(dem)


def test_a_steered_decoder_is_compiled_every_so_often_and_taken_up_from_counts_alone(model):
    steered = SteeredDecoder(model, Recorder(), every=2)
    rng = np.random.default_rng(12)
    state, sights, dems = steered.begin(), [], []
    for epoch in range(5):
        dems.append(model_of(state.compiled))
        theta = 0.3 * rng.standard_normal(len(model.day_zero))
        events = sampled(model, theta, 3000, seed=epoch).reshape(3, 1000, -1)
        sight = steered.sight(events)
        assert sight.shots == 3000
        sights.append(Sight(sight.odd.copy(), sight.shots))
        state = steered.tell(state, sight)
    assert dems[0] == dems[1] == model.error_model(model.init())  # day zero, until two epochs were told
    assert dems[2] == dems[3] != dems[0]
    assert model_of(state.compiled) != dems[3]
    again = steered.take_up(steered.begin(), sights)
    assert again.told == 5
    assert np.array_equal(again.prior.theta, state.prior.theta)
    assert model_of(again.compiled) == model_of(state.compiled)
