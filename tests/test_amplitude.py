"""Amplitude estimation: true charges, coverage, the published figures, and both regimes in closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest
from chances import FALSE_ALARM
from scipy.stats import binom, norm

from counterpoint.base import BadInput
from counterpoint.circuits.state import probabilities
from counterpoint.explore.amplitude import Amplify, Amplitude, Reading, depth, estimate, information
from counterpoint.workloads.bandit.arms import chance, circuit
from counterpoint.workloads.bandit.published import booked, supposed

RUNS = 200
SIGMAS = norm.isf(FALSE_ALARM / 2)


def oracle(a: float, rng: np.random.Generator, decay: float = 0.0):
    return lambda power, shots: int(rng.binomial(shots, chance(math.asin(math.sqrt(a)), power, decay)))


def run(settings: Amplitude, seed: int, runs: int = RUNS) -> tuple[np.ndarray, np.ndarray, int]:
    """Uses, errors, and how many intervals missed, over probabilities of all sizes."""
    rng = np.random.default_rng(seed)
    uses, errors, missed = np.empty(runs), np.empty(runs), 0
    for i in range(runs):
        a = float(rng.uniform())
        found = estimate(settings, oracle(a, rng, settings.decay)).estimated
        uses[i], errors[i] = found.calls, found.value - a
        assert found.error <= settings.error * (1 + 1e-9)
        missed += abs(errors[i]) > found.error
    return uses, errors, missed


@pytest.mark.parametrize("a", [0.0, 0.2, 0.5, 0.93, 1.0])
@pytest.mark.parametrize("power", [0, 1, 2, 7])
def test_a_shot_as_a_circuit_has_the_closed_form(a: float, power: int) -> None:
    exact = math.sin((2 * power + 1) * math.asin(math.sqrt(a))) ** 2
    assert probabilities(circuit(a, power), [0])[1] == pytest.approx(exact, abs=1e-12)
    assert chance(math.asin(math.sqrt(a)), power) == pytest.approx(exact, abs=1e-12)
    uses = [one.name for one in circuit(a, power).operations].count("ry")
    assert uses == Amplify(power, 1).calls == 2 * power + 1


def test_the_whole_path_through_circuits() -> None:
    """An oracle that runs the circuits themselves."""
    rng = np.random.default_rng(3)
    chances: dict[int, float] = {}

    def by_circuits(power: int, shots: int) -> int:
        if power not in chances:
            chances[power] = float(probabilities(circuit(0.3, power), [0])[1])
        return int(rng.binomial(shots, min(1.0, chances[power])))

    found = estimate(Amplitude(0.01, miss=FALSE_ALARM), by_circuits).estimated
    assert found.value == pytest.approx(0.3, abs=0.01)
    assert len(chances) > 1


def test_every_use_is_charged_and_the_published_booking_is_less() -> None:
    rng = np.random.default_rng(1)
    coarse, fine = Amplitude(0.5), Amplitude(0.01)
    first = estimate(coarse, oracle(0.5, rng))
    assert (first.estimated.calls, first.estimated.shots) == (105, 105)  # published: 6
    assert booked(coarse, first) == supposed(coarse) == 6
    assert (Amplitude(0.1).round, supposed(Amplitude(0.1))) == (153, 39)
    deep = estimate(fine, oracle(0.5, rng))
    assert deep.estimated.calls == sum(one.shots * (2 * one.power + 1) for one in deep.spent)
    assert deep.estimated.calls == 2 * booked(fine, deep) + deep.estimated.shots


def test_asking_changes_nothing_and_a_limit_is_kept() -> None:
    settings, state = Amplitude(0.01), Reading()
    assert settings.ask(state) == settings.ask(state) == Amplify(0, settings.round)
    rng = np.random.default_rng(2)
    for most in (0, 500, 2000):
        assert estimate(settings, oracle(0.5, rng), most).estimated.calls <= most


# Uses and root mean square error at a = 1/2, by another program of ours for the same algorithm: docs/bandit.md.
MEASURED = {0.05: (1058, 0.0078), 0.01: (6689, 0.00145), 0.001: (52710, 0.00019)}


@pytest.mark.parametrize("error", MEASURED)
def test_another_program_for_the_same_algorithm_took_as_much(error: float) -> None:
    rng = np.random.default_rng(5)
    found = [estimate(Amplitude(error), oracle(0.5, rng)).estimated for _ in range(RUNS)]
    uses, errors = np.array([one.calls for one in found]), np.array([one.value - 0.5 for one in found])
    mean, root = MEASURED[error]
    assert abs(uses.mean() - mean) <= SIGMAS * math.sqrt(2) * uses.std() / math.sqrt(RUNS)
    squares = errors**2
    assert abs(squares.mean() - root**2) <= SIGMAS * math.sqrt(2) * squares.std() / math.sqrt(RUNS)


@pytest.mark.parametrize("shots", [None, 30, 10])
@pytest.mark.parametrize("decay", [0.0, 0.01])
def test_coverage(shots: int | None, decay: float) -> None:
    """Intervals miss no more often than they may, by the binomial."""
    *_, missed = run(Amplitude(0.01, shots, decay), seed=7)
    assert missed <= binom.isf(FALSE_ALARM, RUNS, 0.05)


def test_without_errors_uses_grow_as_the_inverse_of_the_error() -> None:
    """Ten times the precision takes less than 20 times the uses, where samples take 100 times."""
    few, many = (run(Amplitude(error), seed=11)[0] for error in (0.01, 0.001))
    ratio = many.mean() / few.mean()
    spread = ratio * math.hypot(few.std() / few.mean(), many.std() / many.mean()) / math.sqrt(RUNS)
    assert ratio + SIGMAS * spread < 20


def test_with_errors_the_depth_is_bounded_and_the_gain_is_a_factor() -> None:
    decay = 0.01
    rng = np.random.default_rng(13)
    few, many = (estimate(Amplitude(e, 30, decay), oracle(0.5, rng, decay)).estimated for e in (4e-3, 4e-4))
    deepest = max(2 * one.power + 1 for one in estimate(Amplitude(4e-3, 30, decay), oracle(0.5, rng, decay)).spent)
    assert deepest <= depth(decay) == 49
    assert many.calls > 50 * few.calls  # at least half of what 1/error^2 asks for
    assert many.calls * information(depth(decay), decay) > (0.5 / 4e-4) ** 2  # no more than the closed form allows


def test_the_information_of_a_use_in_closed_form() -> None:
    """Fisher's information of a = 1/2 in a shot, by finite differences, over its uses and over that of a sample, 4."""
    decay, step = 0.01, 1e-6
    for power in (0, 1, 8, 24, 60):
        calls = 2 * power + 1
        # the fringe at its steepest: a phase of a quarter turn, which an ideal oracle of a = 1/2 has at every power
        low, middle, high = (chance(math.asin(math.sqrt(0.5 + d)), power, decay) for d in (-step, 0.0, step))
        fisher = ((high - low) / (2 * step)) ** 2 / (middle * (1 - middle))
        assert fisher / calls / 4 == pytest.approx(information(calls, decay), rel=1e-5)
    every = range(1, 1001)
    best = max(every, key=lambda calls: information(calls, decay))
    assert best == 50 == 1 / (2 * decay)
    assert information(best, decay) == pytest.approx(1 / (2 * math.e * decay))


def test_what_cannot_be_estimated() -> None:
    for error in (0.0, 0.6, float("nan"), -1.0):
        with pytest.raises(BadInput, match="give a half width above 0 and at most"):
            Amplitude(error)
    with pytest.raises(BadInput, match="0 shots a round were given"):
        Amplitude(0.1, shots=0)
    with pytest.raises(BadInput, match="a decay of nan a use was given"):
        Amplitude(0.1, decay=float("nan"))
    with pytest.raises(BadInput, match="9 marks were told in 3 shots"):
        Amplitude(0.1).tell(Reading(), Amplify(0, 3), 9)


def test_an_interval_that_ends_on_a_whole_turn_keeps_its_turn() -> None:
    """Counts without any mark end the interval where the fringe does; more of the same may not leave the fringe."""
    settings = Amplitude(1e-4, shots=10)
    for power in range(1, 200):
        for turns in range(power // 2 + 1):
            scale = 4 * power + 2
            state = Reading((turns + 0.01) / scale, (turns + 0.49) / scale, power, True, turns, 0, 10)
            for _ in range(3):
                asked = Amplify(power, 10)
                if settings._next(state)[0] != power:
                    break
                state = settings.tell(state, asked, 0)
                assert math.isclose(state.low * scale, turns, abs_tol=1e-9)
                assert turns < state.high * scale < turns + 0.5
