"""Drift processes against their closed forms, at fixed keys with bounds from their own statistics."""

import numpy as np
import pytest
from scipy.stats import binom, chi2, norm

from counterpoint.base import BadInput, Floats
from counterpoint.machine.device import RANGE
from counterpoint.machine.drift import DRIFTS, parse
from counterpoint.machine.processes import Pink

FALSE_ALARM = 1e-6
KEY = (20, 26)


def path(spec: str, ticks: range | list[int], knobs: int = 5, key: tuple[int, ...] = KEY) -> Floats:
    """(ticks, knobs) offsets, asked in order."""
    drift = parse(spec)
    state = drift.begin(key, knobs)
    out = []
    for tick in ticks:
        state = drift.at(state, tick)
        out.append(drift.offset(state))
    return np.array(out)


def test_sine_with_a_common_phase():
    t = np.arange(0, 50)
    expected = 0.7 * np.sin(2 * np.pi * 0.01 * t)
    np.testing.assert_allclose(path("sine:f=0.01,amplitude=0.7", range(50)), np.tile(expected[:, None], 5), atol=1e-12)


def test_sine_with_independent_phases():
    knobs = 2000
    x = path("sine:f=0.25,amplitude=2,phases=independent", [0, 1, 2], knobs)
    np.testing.assert_allclose(x[0] ** 2 + x[1] ** 2, 4, atol=1e-12)  # a quarter turn apart: sine and cosine
    np.testing.assert_allclose(x[2], -x[0], atol=1e-12)
    positive = int((x[0] > 0).sum())
    low, high = binom.interval(1 - FALSE_ALARM, knobs, 0.5)
    assert low <= positive <= high


def test_step_and_linear():
    np.testing.assert_array_equal(path("step:at=3,amplitude=-0.5", range(5))[:, 0], [0, 0, 0, -0.5, -0.5])
    np.testing.assert_allclose(path("linear:rate=0.2", range(4))[:, 1], [0, 0.2, 0.4, 0.6])


def test_a_burst_ends():
    np.testing.assert_array_equal(
        path("burst:at=3,epochs=2,amplitude=1.5", range(7)), np.tile([[0], [0], [0], [1.5], [1.5], [0], [0]], 5)
    )


def test_spoiled_controls_are_uniform_over_the_safe_range_and_stay():
    knobs = 4000
    x = path("spoiled", [0, 9], knobs)
    np.testing.assert_array_equal(x[0], x[1])
    assert np.abs(x).max() < RANGE == 4
    low, high = binom.interval(1 - FALSE_ALARM / 8, knobs, 1 / 8)
    counts = np.histogram(x[0], bins=8, range=(-4, 4))[0]
    assert ((low <= counts) & (counts <= high)).all()
    np.testing.assert_allclose(path("spoiled:reach=0.5", [3], knobs)[0], x[0] / 8)


def test_none_stands_still():
    assert not path("none", [0, 7, 1000]).any()


def test_processes_add_up():
    whole = path("sine:f=0.1+step:at=2+linear:rate=1", range(6))
    parts = sum(path(spec, range(6)) for spec in ("sine:f=0.1", "step:at=2", "linear:rate=1"))
    np.testing.assert_allclose(whole, parts)


def test_two_of_a_kind_are_independent():
    knobs = 4000
    both = path("ou:rate=1+ou:rate=1", [20], knobs)[0]
    variance = 2 * (1 - np.exp(-40))  # one process counted twice would give 4
    low, high = chi2.interval(1 - FALSE_ALARM, knobs)
    assert low < (both**2).sum() / variance < high


@pytest.mark.parametrize("tick", [1, 5, 60])
def test_ornstein_uhlenbeck_variance(tick):
    knobs, rate, amplitude = 4000, 0.05, 0.6
    x = path(f"ou:rate={rate},amplitude={amplitude}", [tick], knobs)[0]
    variance = amplitude**2 * (1 - np.exp(-2 * rate * tick))
    low, high = chi2.interval(1 - FALSE_ALARM, knobs)
    assert low < (x**2).sum() / variance < high


def test_ornstein_uhlenbeck_correlation():
    """x(t + s) - x(t) e^(-rate s) is new noise: independent of x(t), with a variance in closed form."""
    knobs, rate, lag = 4000, 0.1, 7
    now, later = path(f"ou:rate={rate}", [80, 80 + lag], knobs)
    fresh = later - now * np.exp(-rate * lag)
    low, high = chi2.interval(1 - FALSE_ALARM, knobs)
    assert low < (fresh**2).sum() / -np.expm1(-2 * rate * lag) < high
    # The sum of products of two independent normals, given one of them, is normal.
    score = (fresh * now).sum() / np.sqrt(-np.expm1(-2 * rate * lag) * (now**2).sum())
    assert abs(score) < norm.isf(FALSE_ALARM / 2)


def test_telegraph_switches_at_its_rate():
    knobs, rate, ticks = 3000, 0.02, 40
    x = path(f"telegraph:rate={rate},amplitude=0.5", range(ticks + 1), knobs)
    assert not x[0].any()
    assert set(np.unique(x)) == {-0.5, 0.0, 0.5}
    on = x != 0
    chance = (1 - np.exp(-2 * rate)) / 2
    changes = int((on[1:] != on[:-1]).sum())
    low, high = binom.interval(1 - FALSE_ALARM, knobs * ticks, chance)
    assert low <= changes <= high
    low, high = binom.interval(1 - FALSE_ALARM, knobs, (1 - np.exp(-2 * rate * ticks)) / 2)
    assert low <= on[-1].sum() <= high
    signs = np.sign(x)
    assert ((signs == 1).any(axis=0) & (signs == -1).any(axis=0)).sum() == 0  # a knob's sign is drawn once
    up, moved = int((signs == 1).any(axis=0).sum()), int(on.any(axis=0).sum())
    low, high = binom.interval(1 - FALSE_ALARM, moved, 0.5)
    assert low <= up <= high


def test_pink_spectrum_falls_as_one_over_f():
    """Band powers against the sum of discrete Lorentzians, and the slope of that sum against -1."""
    knobs, ticks, start = 100, 4096, 2000
    spec = Pink(amplitude=1.0, slow=0.01, fast=3.0)
    x = path("pink:slow=0.01,fast=3", range(start, start + ticks), knobs)
    decay = np.exp(-spec.rates)
    f = np.fft.rfftfreq(ticks)

    def density(f: Floats) -> Floats:
        each = (1 - decay**2) / (1 - 2 * decay * np.cos(2 * np.pi * f) + decay**2)
        return each.sum(axis=0) / spec.rates.size

    window = np.hanning(ticks)[:, None]  # keeps the strong slow part from leaking over the fast one
    power = np.abs(np.fft.rfft(window * x, axis=0)) ** 2 / (window**2).sum()
    # A Hann window ties each frequency to its neighbours: every third one is independent of the others.
    picked = np.flatnonzero((f > 0.004) & (f < 0.25))[::3]
    scaled = power[picked] / density(f[picked])[:, None]  # each exponential, that is chi-squared(2) / 2
    bands = np.array_split(scaled, 6)
    for band in bands:
        low, high = chi2.interval(1 - FALSE_ALARM / len(bands), 2 * band.size)
        assert low < 2 * band.sum() < high
    middle = np.geomspace(0.01, 0.1, 30)
    slope = np.polyfit(np.log(middle), np.log(density(middle)), 1)[0]
    assert round(slope) == -1
    assert abs(slope + 1) < 0.1


def test_pink_variance():
    knobs = 4000
    x = path("pink:amplitude=0.3,slow=0.05,fast=0.5", [400], knobs)[0]
    low, high = chi2.interval(1 - FALSE_ALARM, knobs)
    assert low < (x**2).sum() / 0.3**2 < high


ALL = "sine:f=0.01,phases=independent+ou:rate=0.1+telegraph:rate=0.1+pink:amplitude=1+step:at=4"


def test_the_path_does_not_depend_on_how_it_is_asked():
    every = path(ALL, range(31))
    for ticks in ([30], [3, 30], [30, 7, 30], [12, 12, 0, 29]):
        np.testing.assert_array_equal(path(ALL, ticks), every[ticks])


def test_asking_changes_nothing():
    drift = parse(ALL)
    state = drift.at(drift.begin(KEY, 5), 4)
    before = drift.offset(state).copy()
    drift.at(state, 40)
    np.testing.assert_array_equal(drift.offset(state), before)


def test_keys_differ():
    assert not np.array_equal(path(ALL, [9], key=(1,)), path(ALL, [9], key=(2,)))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("sinus:f=1", "drift 'sinus' is not known: give one of " + ", ".join(DRIFTS)),
        ("", "drift '' is not known"),
        ("sine:f=0.1+", "drift '' is not known"),
        ("sine:freq=1", "drift 'sine' has no setting 'freq': its settings are f, amplitude, phases"),
        ("sine", "drift 'sine' was given without 'f': write sine:f=NUMBER"),
        ("sine:f=fast", "drift 'sine' has f=fast: give a finite number"),
        ("sine:f=", "drift 'sine' has f=nothing"),
        ("sine:f=nan", "f=nan: give a finite number"),
        ("sine:f=1,f=2", "has 'f' twice, 1.0 and 2"),
        ("sine:f=1,phases=random", "phases=random: give common or independent"),
        ("ou:rate=-1", "drift 'ou' has rate=-1: give a number above 0"),
        ("pink:slow=0", "drift 'pink' has slow=0: give a number above 0"),
        ("burst:at=3", "drift 'burst' was given without 'epochs': write burst:epochs=NUMBER"),
        ("burst:at=3,epochs=0", "drift 'burst' has epochs=0: give a number above 0"),
        ("spoiled:reach=-4", "drift 'spoiled' has reach=-4: give a number above 0"),
        ("pink:slow=2,fast=1", "slow=2 and fast=1: give slow below fast"),
    ],
)
def test_misspelt_drifts(spec, message):
    with pytest.raises(BadInput) as error:
        parse(spec)
    assert message in str(error.value)


@pytest.mark.parametrize("name", DRIFTS)
def test_every_process_can_be_written_and_all_but_spoiled_start_at_zero(name):
    needed = {
        "sine": "f=0.1",
        "step": "at=3",
        "burst": "at=3,epochs=20",
        "spoiled": "reach=4",
        "linear": "rate=0.1",
        "ou": "rate=0.1",
        "telegraph": "rate=0.1",
    }
    spec = f"{name}:{needed.get(name, 'amplitude=1')}"
    assert path(spec, [0]).any() == (name == "spoiled")
    assert path(spec, [13]).any()
