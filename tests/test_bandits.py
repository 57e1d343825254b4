"""Bandit explorers: one contract for all, exact posteriors and indices, and the published experiment's faults."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from chances import FALSE_ALARM
from scipy.special import rel_entr
from scipy.stats import norm

from counterpoint.base import BadInput, Denial
from counterpoint.circuits.state import probabilities
from counterpoint.explore.counted import Counted
from counterpoint.explore.estimate import Estimate, Estimated, grid, nearest
from counterpoint.explore.gpucb import Belief, prior
from counterpoint.explore.klucb import KlUcb, upper
from counterpoint.explore.moss import Moss
from counterpoint.explore.quantum import QuantumGpUcb
from counterpoint.explore.thompson import Thompson
from counterpoint.identity import identity
from counterpoint.workloads.bandit.arms import Arms, Near, Sampled, line
from counterpoint.workloads.bandit.gaussian import domain, gaussian_oracle, reward
from counterpoint.workloads.bandit.published import Greedy, Row, Undercharged, function, lines, table
from counterpoint.workloads.bandit.task import LOOK, Bandit, play
from counterpoint.workloads.workload import NOTHING

SIGMAS = norm.isf(FALSE_ALARM / 2)
EXPLORERS = {
    f"{name}, {setting}": setting.explorer  # type: ignore[attr-defined]
    for name, settings in Bandit.of(Near(20, 0.1), 10_000).solvers().items()
    if name != NOTHING
    for setting in settings
}


@pytest.mark.parametrize("name", EXPLORERS)
def test_contract(name: str) -> None:
    explorer = EXPLORERS[name]
    assert identity(explorer) == identity(type(explorer)(**vars(explorer)))  # storable, by content
    assert explorer.citation.startswith("@")
    space = line()
    state = explorer.init(space, (1,))
    for turn in range(25):
        asked = explorer.ask((2, turn), state, LOOK)
        assert isinstance(asked, Estimate)
        assert identity(asked) == identity(explorer.ask((2, turn), state, LOOK)), "asking changes nothing"
        assert space.problem(asked.setting) is None
        assert asked.error > 0
        assert asked.summary
        told = Estimated(0.5 + 0.4 * float(asked.setting[0]), asked.error, asked.samples, asked.samples)
        once, twice = explorer.tell(state, asked, told), explorer.tell(state, asked, told)
        assert identity(once) == identity(twice)
        assert identity(explorer.tell(state, asked, Denial("deny", "no"))) == identity(state)
        state = once


@pytest.mark.parametrize("name", EXPLORERS)
def test_the_best_arm_is_found(name: str) -> None:
    """One arm always gives 1 and 19 give 0.2: who samples it says so with more samples than any other arm gets."""
    chances = np.full(20, 0.2)
    chances[7] = 1.0
    arms = Arms(chances)
    game = play(EXPLORERS[name], Sampled(arms, np.random.default_rng(4)), 20, 4000, (5,))
    assert game.uses.sum() == 4000
    assert game.uses.argmax() == 7
    assert game.regret(arms) == pytest.approx(game.uses @ arms.gaps)


def test_samples_and_precision_go_back_and_forth() -> None:
    for samples in (1, 2, 3, 10, 999, 123_457):
        assert Estimate.of_samples(np.zeros(1), samples).samples == samples
    points = grid(line(), 5)
    assert [nearest(points, p) for p in points] == [0, 1, 2, 3, 4]


def test_the_posterior_is_that_of_every_single_estimate() -> None:
    rng = np.random.default_rng(1)
    points = np.linspace(0, 1, 6)[:, None]
    kernel = prior(points, 0.3, 0, (1,))
    belief, rows = Belief.of(points, kernel), []
    for arm in (2, 2, 5, 0):
        value, variance = rng.normal(), rng.uniform(0.1, 1)
        belief = belief.after(arm, 1 / variance, value / variance)
        rows.append((arm, value, variance))
    index, values, noise = (np.array(column) for column in zip(*rows, strict=True))
    cross = kernel[:, index]
    solved = np.linalg.solve(kernel[np.ix_(index, index)] + np.diag(noise), np.column_stack([values, cross.T]))
    mean, deviation = belief.posterior()
    np.testing.assert_allclose(mean, cross @ solved[:, 0], atol=1e-12)
    np.testing.assert_allclose(deviation**2, kernel.diagonal() - (cross * solved[:, 1:].T).sum(axis=1), atol=1e-12)


def test_random_features_tend_to_the_kernel() -> None:
    points = np.linspace(0, 1, 20)[:, None]
    many, exact = prior(points, 0.1, 5000, (3,)), prior(points, 0.1, 0, (3,))
    np.testing.assert_allclose(many.diagonal(), 1)
    assert np.abs(many - exact).max() < 2 * SIGMAS / math.sqrt(5000)
    assert np.array_equal(prior(points, 0.0, 0, (3,)), np.eye(20))


def test_the_index_solves_its_equation() -> None:
    rng = np.random.default_rng(2)
    p, bound = rng.uniform(0, 1, 2000), 10.0 ** rng.uniform(-6, 1.5, 2000)
    q = upper(p, bound)
    assert ((q >= p) & (q <= 1)).all()
    divergence = rel_entr(p, q) + rel_entr(1 - p, 1 - q)
    inner = q < 1 - 1e-9
    np.testing.assert_allclose(divergence[inner], bound[inner], rtol=1e-5, atol=1e-9)
    assert upper(np.array([1.0]), np.array([0.3]))[0] == 1
    np.testing.assert_allclose(upper(np.array([0.0]), np.array([0.3]))[0], 1 - math.exp(-0.3))


def test_moss_adds_nothing_once_an_arm_has_its_share() -> None:
    """By hand: 2 arms, 100 uses; the bonus is sqrt(ln(50 / n) / n), and 0 from 50 samples on."""
    explorer, points = Moss(arms=2, horizon=100), grid(line(), 2)
    for samples, means, arm in (((10, 40), (0.5, 0.6), 0), ((10, 40), (0.1, 0.6), 1), ((50, 50), (0.5, 0.51), 1)):
        drawn = np.array(samples, np.float64)
        asked = explorer.ask((1,), Counted(points, drawn * np.array(means), drawn), LOOK)
        assert isinstance(asked, Estimate)
        assert nearest(points, asked.setting) == arm
    assert (
        0.5 + math.sqrt(math.log(5) / 10) > 0.6 + math.sqrt(math.log(50 / 40) / 40) > 0.1 + math.sqrt(math.log(5) / 10)
    )
    with pytest.raises(BadInput, match="a horizon of 1 was given for 2 arms"):
        Moss(arms=2, horizon=1).init(line(), (1,))


def test_one_simulator_seed_gives_every_estimate_the_same_luck() -> None:
    arms, rng = Arms(np.array([0.3, 0.6])), np.random.default_rng(1)
    asked = Estimate(np.zeros(1), 0.01)
    seeded, new = Undercharged(arms, rng, (2,)), Undercharged(arms, rng)
    assert seeded(0, asked, 10**6) == seeded(0, asked, 10**6)
    assert new(0, asked, 10**6) != new(0, asked, 10**6)


def test_a_quantum_estimate_halves_the_variance_and_counts_by_its_error() -> None:
    """As in the paper: error = deviation, weight 1 / error^2, so that each estimate adds what was known."""
    explorer, state = QuantumGpUcb(arms=2, length=0.0), None
    state = explorer.init(line(), (1,))
    for stage in range(4):
        asked = explorer.ask((1,), state, LOOK)
        assert isinstance(asked, Estimate)
        arm = nearest(state.points, asked.setting)
        before = state.posterior()[1][arm]
        assert asked.error == pytest.approx(before)
        state = explorer.tell(state, asked, Estimated(0.4, asked.error, 1, 1))
        assert state.posterior()[1][arm] == pytest.approx(before / math.sqrt(2)), stage
    greedy = Greedy(explorer)
    first = Estimate(state.points[0], 0.01)
    mean, _ = greedy.tell(greedy.init(line(), (1,)), first, Estimated(0.4, 0.01, 1, 1)).posterior()
    assert mean[0] == pytest.approx(0.4 / 0.01, rel=1e-3)  # inflated by 1 / error


def test_sampling_several_at_once_adds_no_more_than_its_share() -> None:
    """Regrets with and without, on the same arms, within standard errors and the share."""
    arms = Arms(np.array([0.5, 0.6]))
    for one in (KlUcb(arms=2), Thompson(arms=2)):
        means, errors = [], []
        for share in (one.share, 0.0):
            games = [
                play(replace(one, share=share), Sampled(arms, np.random.default_rng((7, i))), 2, 300, (8, i))
                for i in range(12)
            ]
            regrets = np.array([game.regret(arms) for game in games])
            means.append(regrets.mean())
            errors.append(regrets.std(ddof=1) / math.sqrt(len(games)))
        assert means[0] <= means[1] * (1 + one.share) + SIGMAS * math.hypot(*errors)


@pytest.mark.parametrize(("mean", "read"), [(0.2, 0.845), (0.9, 1.156)])
def test_the_published_gaussian_oracle_reads_the_wrong_qubit(mean: float, read: float) -> None:
    """Qubit 0 is 1 with chance 1/2 for every mean, and the centre of the domain is the mean; the target is wrong."""
    variance = 0.4**2
    made = gaussian_oracle(mean, variance)
    lowest, target = (float(probabilities(made, [q])[1]) for q in (0, 6))
    assert lowest == pytest.approx(0.5, abs=1e-12)
    assert reward(lowest, mean, variance) == pytest.approx(mean, abs=1e-12)
    assert reward(target, mean, variance) == pytest.approx(read, abs=5e-4)


def test_the_register_of_the_gaussian_oracle_holds_the_density() -> None:
    low, high = domain(0.2, 0.16)
    places = np.linspace(low, high, 64)
    density = np.exp(-((places - 0.2) ** 2) / 0.32)
    found = probabilities(gaussian_oracle(0.2, 0.16), range(6))
    np.testing.assert_allclose(found, density / density.sum(), atol=1e-12)


def test_published_functions_and_what_cannot_be_made() -> None:
    drawn = function((3,)).chances
    assert (drawn.min(), drawn.max(), drawn.size) == (0.0, 1.0, 20)
    with pytest.raises(BadInput, match="1 functions and 10 runs were asked for"):
        table(1, (1,))
    with pytest.raises(BadInput, match="2 functions and 1 runs were asked for"):
        table(2, (1,), runs=1)
    with pytest.raises(BadInput, match="a horizon of 100 uses is below"):
        table(2, (1,), horizon=100)
    for length in (-1.0, math.nan, math.inf):
        with pytest.raises(BadInput, match=r"a kernel of length .* was asked for"):
            prior(np.zeros((2, 1)), length, 0, (1,))
    with pytest.raises(BadInput, match="the number of arms is 1, and"):
        grid(line(), 1)
    with pytest.raises(BadInput, match="a sharpness of nan was given"):
        QuantumGpUcb(sharpness=math.nan).init(line(), (1,))


def test_the_table_has_every_line_on_every_function() -> None:
    rows, again = (table(2, (1,), runs=2, horizon=2100) for _ in range(2))
    assert [row.line.name for row in rows] == [line.name for line in lines()]
    assert [row.plain() for row in rows] == [row.plain() for row in again]
    assert {row.one for row in rows} <= {0, 1}
    assert all(row.setting in row.line.settings for row in rows)
    assert all((row.regrets >= 0).all() and row.regrets.shape == (2, 2) for row in rows)


def test_alike_is_within_two_standard_errors_of_the_difference() -> None:
    """Two functions of standard errors 3 and 0 beside 100 +- 4: 2 * 5 and 2 * 4 may lie between."""
    one = replace(lines()[0], published=(100.0, 4.0))
    for off, alike in ((9.9, 1), (10.1, 0), (7.9, 2)):
        regrets = np.array([[97.0, 103.0], [100.0, 100.0]]) + off
        assert Row(one, one.settings[0], regrets, 1.0, 0).alike == alike
    assert Row(replace(one, published=None), one.settings[0], regrets, 1.0, 0).alike is None
