"""The simulated chip: its error law, its permits and clock, and what its two builds were fitted to."""

import numpy as np
import pytest
import stim
from scipy.stats import binom, norm

from counterpoint.base import BadInput, Floats, Job, Machine, Permit, Price, fold_in
from counterpoint.codes import surface
from counterpoint.codes.faults import MIXING
from counterpoint.codes.gates import compile_gates
from counterpoint.codes.sites import detection_fractions, sites_of
from counterpoint.decoders.matching import Matching
from counterpoint.machine import MACHINES, builds, sampling
from counterpoint.machine.chip import SimulatedChip, published, willow
from counterpoint.machine.meter import CYCLE_SECONDS
from counterpoint.quops.suppression import Tally, fit_suppression

FALSE_ALARM = 1e-6
ROUNDS = 25


def job(chip: Machine, circuit: stim.Circuit, controls: Floats, shots: int, key: tuple[int, ...] = (5,)) -> Job:
    return Job(circuit, np.atleast_2d(controls), shots, ROUNDS, "the action", key)


def permit(chip: Machine, job: Job, digest: str = "d") -> Permit:
    return Permit(job.action, chip.price(job), 1, digest)


def still(name: str, distance: int = 3, key: tuple[int, ...] = (1,)) -> SimulatedChip:
    return MACHINES[name](distance, key=key, drift="none", epoch_seconds=1.0)


def bulk(circuit: stim.Circuit) -> np.ndarray:
    """(D,) bool: neither the first nor the last detector of its site."""
    time = np.array([c[-1] for _, c in sorted(circuit.get_detector_coordinates().items())])
    return (time > time.min()) & (time < time.max())


# What the chips are


@pytest.mark.parametrize(("distance", "each", "knobs"), [(3, 1, 41), (3, 4, 164), (5, 1, 129), (15, 30, 38_670)])
def test_published_has_the_published_number_of_knobs(distance, each, knobs):
    chip = published(distance, each, key=(1,), drift="none", epoch_seconds=1.0)
    assert len(chip.space.names) == len(set(chip.space.names)) == knobs
    assert knobs == ((2 * distance**2 - 1) + (4 * distance**2 - 4 * distance)) * each
    assert chip.space.touches.shape == (knobs, distance**2 - 1)
    assert chip.space.touches.any(axis=1).all()
    assert chip.optimum().shape == (knobs,)


def test_published_names():
    names = published(3, 1, key=(1,), drift="none", epoch_seconds=1.0).space.names
    assert (names[0], names[16], names[17]) == ("1Q 0", "1Q 16", "CZ 0-2")
    assert published(3, 2, key=(1,), drift="none", epoch_seconds=1.0).space.names[:2] == (
        "1Q 0 #0",
        "1Q 0 #1",
    )


@pytest.mark.parametrize(("off", "printed"), [(0.0, 0.104), (1.0, 0.135)])
def test_published_detection_fractions(off, printed):
    """Exact, by the error model without spread: the figures of the published simulation to their last digit."""
    circuit = surface.memory(3, ROUNDS)
    template = compile_gates(circuit, ("1Q", "2Q"))
    one = builds.PUBLISHED_FLOOR + off**2 * builds.PUBLISHED_RESPONSE
    rates = np.array([one if g.kind == "1Q" else builds.TWO_QUBIT * one for g in template.gates])
    fraction = detection_fractions(template.circuit(rates).detector_error_model())[bulk(circuit)].mean()
    assert round(float(fraction), 3) == printed


def test_willow_knobs():
    chip = still("willow")
    qubits, couplers = 17, 24
    kinds = [name.rsplit(" ", 1)[0] for name in chip.space.names]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "XY amplitude": qubits,
        "XY frequency": qubits,
        "DRAG": qubits,
        "readout amplitude": qubits,
        "CZ amplitude": couplers,
        "CZ phase": couplers,
    }
    assert chip.space.problem(chip.space.start) is None
    assert chip.space.sites == sites_of(surface.memory(3, ROUNDS)).names


def test_a_readout_knob_touches_the_checks_that_its_qubits_result_enters():
    chip = still("willow")
    place = surface.memory(3, 3).get_final_qubit_coordinates()
    for name, touched in zip(chip.space.names, chip.space.touches, strict=True):
        if name.startswith("readout"):
            x, y = place[int(name.split()[-1])]
            sites = {chip.space.sites[i] for i in np.flatnonzero(touched)}
            if x % 2 == 0:  # a check's own result
                assert sites == {f"{x:g},{y:g}"}
            else:  # a data qubit's result is part of the Z checks beside it
                assert sites
                assert sites < {f"{x + a:g},{y + b:g}" for a in (-1, 1) for b in (-1, 1)}


def test_errors_follow_the_law():
    device = builds.willow(surface.memory(3, 3), (1,))
    optimum = device.start + 0.3 * device.scale
    np.testing.assert_array_equal(device.rates(optimum[None], optimum)[0], device.floor)
    knob = device.knobs.index("CZ phase 0-2")
    gate = device.gate_of_knob[knob]
    assert device.gates[gate].name == "2Q 0-2"
    moved = np.tile(optimum, (2, 1))
    moved[:, knob] += np.array([1.0, -2.0]) * device.scale[knob]
    expected = np.tile(device.floor, (2, 1))
    expected[:, gate] += device.response[knob] * np.array([1.0, 4.0])
    np.testing.assert_allclose(device.rates(moved, optimum), expected, rtol=1e-12)
    other = device.knobs.index("CZ amplitude 0-2")
    assert device.gate_of_knob[other] == gate
    moved[:, other] += 3 * device.scale[other]
    expected[:, gate] += 9 * device.response[other]
    np.testing.assert_allclose(device.rates(moved, optimum), expected, rtol=1e-12)


def test_errors_stop_at_fully_mixing():
    device = builds.willow(surface.memory(3, 3), (1,))
    rates = device.rates((device.start + 1000 * device.scale)[None], device.start)[0]
    for i in np.unique(device.gate_of_knob):
        assert rates[i] == MIXING[device.gates[i].kind]
    assert (MIXING["1Q"], MIXING["2Q"], MIXING["M"]) == (3 / 4, 15 / 16, 1 / 2)


def test_spread_leaves_means_and_differs_between_keys():
    one, two = (builds.published(surface.memory(3, 3), 1, (k,)) for k in (1, 2))
    for device in (one, two):
        is_cz = np.array([g.kind == "2Q" for g in device.gates])
        np.testing.assert_allclose(device.floor[is_cz].mean(), 5 * builds.PUBLISHED_FLOOR)
        np.testing.assert_allclose(device.floor[~is_cz].mean(), builds.PUBLISHED_FLOOR)
    assert not np.isclose(one.floor, two.floor).any()
    again = builds.published(surface.memory(3, 3), 1, (1,))
    np.testing.assert_array_equal(again.response, one.response)


# What they do


def test_events_have_the_exact_rates_of_the_error_model():
    """Every detector of the published chip, off by one: binomial counts about the exact probability."""
    chip, circuit, shots = still("published"), surface.memory(3, ROUNDS), 20_000
    off = chip.space.start + 1
    out = chip.twin.run(job(chip, circuit, off, shots))
    fired = np.unpackbits(out.detection_events[0], axis=1, count=200, bitorder="little").sum(axis=0)
    device = builds.published(surface.memory(3, 3), 1, fold_in((1,), "published"))
    rates = dict(zip(device.gates, device.rates(off[None], chip.optimum())[0].tolist(), strict=True))
    noisy = compile_gates(circuit, ("1Q", "2Q"), fixed=rates).circuit(np.zeros(0))
    exact = detection_fractions(noisy.detector_error_model())
    low, high = binom.interval(1 - FALSE_ALARM / exact.size, shots, exact)
    assert ((low <= fired) & (fired <= high)).all()


def test_sampling_agrees_with_stims_own_sampler():
    noisy = stim.Circuit("""
        X_ERROR(1) 0 2 9
        M 0 1 2 3 4 5 6 7 8 9
        DETECTOR rec[-10]
        DETECTOR rec[-9]
        DETECTOR rec[-8]
        REPEAT 8 {
            DETECTOR rec[-1] rec[-2]
        }
        OBSERVABLE_INCLUDE(3) rec[-1]
    """)
    expected = noisy.compile_detector_sampler().sample(5, separate_observables=True, bit_packed=True)
    for shots in (1, 5, sampling.BATCH + 3):
        for got, want in zip(sampling.sample(noisy, shots, (1,)), expected, strict=True):
            np.testing.assert_array_equal(got, np.tile(want[:1], (shots, 1)))


def test_batches_of_one_candidate_differ():
    noisy = stim.Circuit("X_ERROR(0.5) 0\nM 0\nDETECTOR rec[-1]")
    events = sampling.sample(noisy, 2 * sampling.BATCH, (1,))[0]
    assert not np.array_equal(events[: sampling.BATCH], events[sampling.BATCH :])


@pytest.mark.parametrize("shape", [(0, 4), (1, 1), (8, 3), (13, 5), (200, 180)])
def test_turning_bits_over(shape):
    rows = np.random.default_rng(shape).integers(0, 256, shape, dtype=np.uint8)
    plain = np.unpackbits(rows, axis=1, bitorder="little")
    np.testing.assert_array_equal(sampling.turn_over(rows), np.packbits(plain.T, axis=1, bitorder="little"))


def test_shots_belong_to_key_and_candidate():
    chip, circuit = still("published"), surface.memory(3, ROUNDS)
    controls = np.tile(chip.space.start, (3, 1))
    together = chip.twin.run(job(chip, circuit, controls, 40))
    again = chip.twin.run(job(chip, circuit, controls, 40))
    np.testing.assert_array_equal(together.detection_events, again.detection_events)
    assert len({shots.tobytes() for shots in together.detection_events}) == 3
    controls[1] += 0.5  # a neighbour's settings do not matter
    mixed = chip.twin.run(job(chip, circuit, controls, 40))
    np.testing.assert_array_equal(mixed.detection_events[[0, 2]], together.detection_events[[0, 2]])
    other = chip.twin.run(job(chip, circuit, controls, 40, key=(6,)))
    assert not np.array_equal(other.detection_events, mixed.detection_events)


def test_the_clock_counts_cycles_and_the_twins_stands_still():
    chip, circuit = still("published"), surface.memory(3, ROUNDS)
    task = job(chip, circuit, np.tile(chip.space.start, (4, 1)), 10)
    assert chip.price(task) == Price(cycles=1000, shots=40, seconds=1000 * CYCLE_SECONDS)
    chip.twin.run(task)
    assert chip.clock == 0
    out = chip.run(task, permit(chip, task))
    assert (out.started, out.seconds, chip.clock) == (0, 1000 * CYCLE_SECONDS, 1000 * CYCLE_SECONDS)
    assert out.detection_events.shape == (4, 10, 25)
    assert out.observables.shape == (4, 10, 1)
    assert chip.run(task, permit(chip, task, "e")).started == out.seconds


def test_optima_move_with_machine_time_and_the_same_way_after_a_restart():
    def made() -> SimulatedChip:
        return willow(3, key=(4,), drift="telegraph:rate=0.2+ou:rate=0.1", epoch_seconds=2.0)

    chip, scale = made(), made().space.scale
    np.testing.assert_array_equal(chip.optimum(), chip.space.start)
    chip.resume(1.99)
    np.testing.assert_array_equal(chip.optimum(), chip.space.start)  # the first epoch is not over
    chip.resume(41.0)
    there = chip.optimum()
    assert (np.abs(there - chip.space.start) > 0.01 * scale).any()
    stepped = made()
    for k in range(21):
        stepped.resume(2.0 * k)
        stepped.optimum()
    np.testing.assert_array_equal(stepped.optimum(), there)
    chip.resume(0.0)
    np.testing.assert_array_equal(chip.optimum(), chip.space.start)


def test_sums_of_epochs_reach_their_tick():
    chip = published(3, 1, key=(1,), drift="linear:rate=0.01", epoch_seconds=0.1)
    clock = 0.0
    for epoch in range(300):  # 0.1 added over and over falls short of, and overshoots, whole tenths
        chip.resume(clock)
        assert chip.optimum()[0] == pytest.approx(0.01 * epoch)
        clock += 0.1


def test_optima_stay_where_they_can_be_followed():
    chip = published(3, 1, key=(1,), drift="linear:rate=1", epoch_seconds=1.0)
    chip.resume(1000.0)
    assert chip.space.problem(chip.optimum()) is None
    np.testing.assert_array_equal(chip.optimum(), chip.space.high)


def test_error_model_is_the_independent_noise_of_day_zero():
    chip, circuit = published(3, 1, key=(1,), drift="step:at=1", epoch_seconds=1.0), surface.memory(3, ROUNDS)
    before = chip.error_model(circuit)
    chip.resume(5.0)
    assert chip.error_model(circuit) == before
    device = builds.published(surface.memory(3, 3), 1, fold_in((1,), "published"))
    known = dict(zip(device.gates, device.floor.tolist(), strict=True))
    noisy = compile_gates(circuit, ("1Q", "2Q"), fixed=known).circuit(np.zeros(0))
    assert before == noisy.detector_error_model(decompose_errors=True)


# What is refused


def test_a_permit_is_for_one_action_its_price_and_one_run():
    chip, circuit = still("published"), surface.memory(3, ROUNDS)
    task = job(chip, circuit, chip.space.start, 100)
    with pytest.raises(BadInput, match="for action another and the job is for the action"):
        chip.run(task, Permit("another", chip.price(task), 1, "a"))
    with pytest.raises(BadInput, match="needs 2500 cycles and its permit allows 2499"):
        chip.run(task, Permit(task.action, Price(2499, 100, 1.0), 1, "b"))
    with pytest.raises(BadInput, match=r"needs 0.00275 seconds and its permit allows 0.001"):
        chip.run(task, Permit(task.action, Price(2500, 100, 0.001), 1, "c"))
    assert chip.clock == 0
    chip.run(task, permit(chip, task, "d"))
    with pytest.raises(BadInput, match="ledger entry 1 was used before"):
        chip.run(task, permit(chip, task, "d"))
    assert chip.clock == pytest.approx(0.00275)


@pytest.mark.parametrize(
    ("value", "shown"), [(4.5, "'1Q 3' is 4.5 .*range is -4 to 4"), (np.nan, "'1Q 3' is nan .*-4 to 4")]
)
def test_controls_outside_the_range_leave_the_permit_unspent(value, shown):
    chip, circuit = still("published"), surface.memory(3, ROUNDS)
    controls = chip.space.start.copy()
    controls[3] = value
    task = job(chip, circuit, controls, 10)
    with pytest.raises(BadInput, match=shown):
        chip.run(task, permit(chip, task))
    chip.run(job(chip, circuit, chip.space.start, 10), permit(chip, task))


@pytest.mark.parametrize("name", [name for name in MACHINES if name != "repetition"])
def test_other_bad_input(name):
    chip, circuit = still(name), surface.memory(3, 3)
    start = chip.space.start
    with pytest.raises(BadInput, match=f"{start.size - 1},.* machine with {start.size} knobs"):
        chip.twin.run(job(chip, circuit, start[1:], 10))
    with pytest.raises(BadInput, match="0 shots of 25 cycles"):
        chip.twin.run(job(chip, circuit, start, 0))
    larger = still(name, 5)
    with pytest.raises(BadInput, match=f"needs '.*' and the {name} chip, with"):
        chip.error_model(surface.memory(5, 3))
    with pytest.raises(BadInput, match="needs '2Q 0-1' and"):
        larger.twin.run(job(larger, stim.Circuit("CZ 0 1"), larger.space.start, 1))
    with pytest.raises(BadInput, match="distance 4 was asked for"):
        still(name, 4)
    with pytest.raises(BadInput, match="epoch of 0 seconds"):
        MACHINES[name](3, key=(1,), drift="none", epoch_seconds=0)
    with pytest.raises(BadInput, match="drift 'wobble' is not known"):
        MACHINES[name](3, key=(1,), drift="wobble", epoch_seconds=1.0)
    with pytest.raises(BadInput, match="0 controls a gate"):
        MACHINES[name](3, key=(1,), drift="none", epoch_seconds=1.0, controls_per_gate=0)
    with pytest.raises(BadInput, match="go on at -1"):
        chip.resume(-1.0)


def test_willow_has_its_own_controls():
    with pytest.raises(BadInput, match="2 controls a gate were asked for and the willow chip has its own"):
        willow(3, key=(1,), drift="none", epoch_seconds=1.0, controls_per_gate=2)


# How like Willow


@pytest.fixture(scope="module")
def willows() -> dict[int, tuple[Floats, int, int]]:
    """For each distance: (shots,) detection fraction of each shot, correlated matching's failures, shots."""
    out = {}
    for distance, shots in ((3, 20_000), (5, 10_000), (7, 20_000)):
        chip, circuit = still("willow", distance), surface.memory(distance, ROUNDS)
        got = chip.twin.run(job(chip, circuit, chip.optimum(), shots))
        bits = np.unpackbits(got.detection_events[0], axis=1, count=circuit.num_detectors, bitorder="little")
        decoder = Matching(correlated=True).compile_decoder_for_dem(dem=chip.error_model(circuit))
        guess = decoder.decode_shots_bit_packed(bit_packed_detection_event_data=got.detection_events[0])
        out[distance] = (bits.mean(axis=1), int((guess != got.observables[0]).any(axis=1).sum()), shots)
    return out


@pytest.mark.parametrize(("distance", "published_fraction"), [(3, 0.077), (5, 0.085), (7, 0.087)])
def test_willow_detection_fraction_is_within_5_percent(willows, distance, published_fraction):
    """The whole interval, by the scatter between shots at the stated false-alarm rate, is within 5 %."""
    fraction = willows[distance][0]
    half = norm.isf(FALSE_ALARM / 2) * fraction.std(ddof=1) / np.sqrt(fraction.size)
    assert abs(fraction.mean() - published_fraction) + half <= 0.05 * published_fraction


def test_willow_lambda_with_correlated_matching_is_within_10_percent(willows):
    """The whole 95 % interval (fixed key) is within 10 % of 1.97; without strays it is 2.6."""
    found = fit_suppression([Tally(d, ROUNDS, failures, shots) for d, (_, failures, shots) in willows.items()])
    assert found.high is not None
    assert found.low >= 1.97 * 0.9
    assert found.high <= 1.97 * 1.1


def test_willows_stray_couplings_are_not_in_the_decoders_model(willows):
    chip, circuit = still("willow", 5), surface.memory(5, ROUNDS)
    known = detection_fractions(chip.error_model(circuit)).mean()
    fraction = willows[5][0]
    half = norm.isf(FALSE_ALARM) * fraction.std(ddof=1) / np.sqrt(fraction.size)
    assert known < fraction.mean() - half


@pytest.mark.parametrize("name", ["published", "willow"])
def test_expected_events_are_those_of_the_error_model(name):
    """Two ways to the same means: sightings of each gate, and the error model of the noisy circuit itself."""
    chip = still(name)
    circuit = surface.memory(3, ROUNDS)
    sites = sites_of(circuit)
    controls = chip.space.start + chip.space.scale * np.array([[0.0], [0.7]])
    found = chip.twin.expected(circuit, controls)
    template, order = chip._template(circuit)
    for row, rates in zip(found, chip._device.rates(controls, chip.optimum()), strict=True):
        fractions = detection_fractions(template.circuit(rates[order]).detector_error_model())
        by_site = np.bincount(sites.of_detector, fractions) / sites.detectors
        np.testing.assert_allclose(row, by_site, rtol=1e-7)
