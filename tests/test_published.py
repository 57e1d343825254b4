"""The published agent: its gradient against the written loss, its updates against closed forms, its limits."""

from __future__ import annotations

import math
from dataclasses import fields, replace

import numpy as np
import pytest

from counterpoint.base import ControlSpace, Denial, Floats, Outcome, Seen, TryControls
from counterpoint.explore.published import Batch, Learner, Published, Theta, gradient, log_density
from counterpoint.identity import identity

KNOBS, SITES = 5, 3
MASK = np.array([[1, 1, 0, 0, 1], [0, 1, 1, 0, 0], [0, 0, 1, 1, 1]])  # (S, N): M_ji of the paper
WEIGHTS = {"clip": 0.2, "entropy": 0.05, "baseline_weight": 0.7}


def loss(theta: Theta, points: Floats, rewards: Floats, old: list[tuple[Floats, Floats]], held: Floats) -> float:
    """Equations 13 to 22 with plain loops; `held` is the baseline in L_policy, where alpha is a constant."""

    def normal(x: float, mean: float, width: float) -> float:
        return math.exp(-0.5 * ((x - mean) / width) ** 2) / (width * math.sqrt(2 * math.pi))

    policy = baseline = 0.0
    for c in range(len(points)):
        chi = []
        for i in range(KNOBS):
            now = normal(points[c, i], theta.mu[i], theta.sigma[i])
            then = normal(points[c, i], old[c][0][i], old[c][1][i])
            chi.append(min(max(now / then, 1 - WEIGHTS["clip"]), 1 + WEIGHTS["clip"]))
        for j in range(SITES):
            rho = math.exp(sum(MASK[j, i] * math.log(chi[i]) for i in range(KNOBS)))
            policy -= (rewards[c, j] - held[j]) * rho / len(points)
            baseline += (rewards[c, j] - theta.baseline[j]) ** 2 / len(points)
    entropy = -sum(0.5 * math.log(2 * math.pi * math.e * s**2) for s in theta.sigma)
    return policy + WEIGHTS["baseline_weight"] * baseline + WEIGHTS["entropy"] * entropy


def example(key: int) -> tuple[Theta, Batch, list[tuple[Floats, Floats]]]:
    """A policy, and seven candidates that two earlier policies drew: about half of the ratios are clipped."""
    rng = np.random.default_rng((key, 7))
    theta = Theta(rng.normal(0, 0.1, KNOBS), rng.uniform(0.2, 0.4, KNOBS), rng.normal(size=SITES))
    old, rows = [], []
    for size in (4, 3):
        mu, sigma = theta.mu + rng.normal(0, 0.05, KNOBS), theta.sigma * rng.uniform(0.9, 1.1, KNOBS)
        points = mu + sigma * rng.normal(size=(size, KNOBS))
        old += [(mu, sigma)] * size
        rows.append(Batch(points, rng.normal(size=(size, SITES)), log_density(points, mu, sigma)))
    return theta, Batch.join(tuple(rows)), old


@pytest.mark.parametrize("key", range(5))
def test_the_gradient_is_that_of_the_written_loss(key: int) -> None:
    theta, batch, old = example(key)
    found = gradient(theta, batch, MASK.T.astype(float), **WEIGHTS)
    clipped = np.abs(np.exp(log_density(batch.points, theta.mu, theta.sigma) - batch.log_old) - 1) > WEIGHTS["clip"]
    assert 0 < clipped.sum() < clipped.size
    for field in fields(Theta):
        here = getattr(theta, field.name)
        for i in range(here.size):
            step = 1e-6 * np.eye(here.size)[i]
            up, down = (
                loss(replace(theta, **{field.name: here + s}), batch.points, batch.rewards, old, theta.baseline)
                for s in (step, -step)
            )
            assert getattr(found, field.name)[i] == pytest.approx((up - down) / 2e-6, rel=1e-6, abs=1e-7)


def test_at_the_old_policy_the_gradient_is_the_score_times_the_advantage() -> None:
    """All ratios are one: the derivative by mu is -mean alpha (p - mu) / sigma^2 over the knob's own sites."""
    theta, batch, _ = example(0)
    batch = replace(batch, log_old=log_density(batch.points, theta.mu, theta.sigma))
    found = gradient(theta, batch, MASK.T.astype(float), **WEIGHTS)
    credit = (batch.rewards - theta.baseline) @ MASK
    away = batch.points - theta.mu
    np.testing.assert_allclose(found.mu, -(credit * away).mean(axis=0) / theta.sigma**2, rtol=1e-12)
    score = away**2 / theta.sigma**3 - 1 / theta.sigma
    expected = -(credit * score).mean(axis=0) - WEIGHTS["entropy"] / theta.sigma
    np.testing.assert_allclose(found.sigma, expected, rtol=1e-12)


def test_a_clipped_coordinate_learns_nothing_from_its_candidate_and_the_others_still_do() -> None:
    theta, batch, _ = example(1)
    far = batch.log_old.copy()
    far[:, 2] -= 1.0  # the ratio of this coordinate is above e, clipped for every candidate
    found = gradient(theta, replace(batch, log_old=far), MASK.T.astype(float), **WEIGHTS)
    assert found.mu[2] == 0
    assert found.sigma[2] == pytest.approx(-WEIGHTS["entropy"] / theta.sigma[2], rel=1e-12)
    assert (found.mu[[0, 1, 4]] != 0).all()


def test_a_knob_learns_only_from_the_detectors_it_touches() -> None:
    theta, batch, _ = example(2)
    other = batch.rewards.copy()
    other[:, 2] += np.arange(len(other))  # knobs 0 and 1 do not touch detector 2
    a, b = (gradient(theta, replace(batch, rewards=r), MASK.T.astype(float), **WEIGHTS) for r in (batch.rewards, other))
    np.testing.assert_array_equal(a.mu[:2], b.mu[:2])
    assert (a.mu[2:] != b.mu[2:]).any()


@pytest.fixture
def space() -> ControlSpace:
    scale = np.array([0.5, 1, 2, 1, 3.0])
    return ControlSpace(
        names=tuple(f"knob {i}" for i in range(KNOBS)),
        units=("",) * KNOBS,
        low=0.3 - 4 * scale,
        high=0.3 + 4 * scale,
        start=np.full(KNOBS, 0.3),
        scale=scale,
        touches=MASK.T.astype(bool),
        sites=tuple("abc"),
    )


def respond(space: ControlSpace, controls: Floats, optimum: Floats, shots: int = 10**9) -> Outcome:
    """A chip without shot noise: each knob's squared error, in units of scale, adds to the sites it touches."""
    rate = 0.05 + 0.01 * ((controls - optimum) / space.scale) ** 2 @ space.touches
    n = len(controls)
    zeros = np.zeros(n, np.int64)
    events = np.rint(rate * shots).astype(np.int64)
    return Outcome(events, np.full(rate.shape, shots), np.full(n, shots), np.full(n, shots), zeros, zeros, 1.0)


def play(agent: Published, space: ControlSpace, state: Learner, epoch: int, optimum: Floats) -> Learner:
    action = agent.ask((epoch, 3), state, Seen(epoch, float(epoch), 40))
    assert isinstance(action, TryControls)
    return agent.tell(state, action, respond(space, action.candidates, optimum))


def test_the_first_step_of_adam_is_the_learning_rate(space: ControlSpace) -> None:
    agent = Published(steps=1, rate_mu=0.01, rate_sigma=0.002)
    state = play(agent, space, agent.init(space, (0,)), 0, space.start + space.scale)
    np.testing.assert_allclose(np.abs(state.theta.mu), 0.01, rtol=1e-3)
    np.testing.assert_allclose(np.abs(state.theta.sigma - agent.sigma), 0.002, rtol=1e-3)


def test_a_gradient_of_any_size_is_shortened_to_the_same_step(space: ControlSpace) -> None:
    """Above the norm limit the direction alone counts: rewards of ten times the size change nothing but b."""
    small, large = (Published(unit=u, longest=1e-6, steps=1, entropy=0.0) for u in (100.0, 1000.0))
    start = small.init(space, (0,))
    one, ten = (play(a, space, start, 0, space.start + space.scale) for a in (small, large))
    np.testing.assert_allclose(one.theta.mu, ten.theta.mu, rtol=1e-9)


def test_the_replay_buffer_keeps_the_last_epochs_with_their_own_policies(space: ControlSpace) -> None:
    agent = Published(replay=2)
    states = [agent.init(space, (0,))]
    for epoch in range(4):
        states.append(play(agent, space, states[-1], epoch, space.start + space.scale))
    assert [len(s.replay) for s in states] == [0, 1, 2, 2, 2]
    for batch, drew in zip(states[4].replay, states[2:4], strict=True):
        np.testing.assert_array_equal(batch.log_old, log_density(batch.points, drew.theta.mu, drew.theta.sigma))


def test_the_entropy_weight_widens_the_policy_and_sigma_stays_between_floor_and_cap(space: ControlSpace) -> None:
    widths = []
    for entropy in (0.0, 0.01, 100.0):
        agent = Published(entropy=entropy, rate_sigma=0.02)
        state = agent.init(space, (0,))
        for epoch in range(60):
            state = play(agent, space, state, epoch, space.start)
            assert agent.floor <= state.theta.sigma.min() <= state.theta.sigma.max() <= agent.cap
        widths.append(state.theta.sigma.mean())
    assert widths[0] < widths[1] < widths[2] == Published().cap


def test_every_candidate_stays_within_the_charters_step_of_the_last_centre(space: ControlSpace) -> None:
    """Even with rates that are far too large and the widest policy."""
    agent = Published(rate_mu=10.0, sigma=5.0, cap=5.0)
    state = agent.init(space, (0,))
    last = space.start
    for epoch in range(20):
        action = agent.ask((epoch, 3), state, Seen(epoch, float(epoch), 40))
        assert isinstance(action, TryControls)
        assert np.abs((action.candidates - last) / space.scale).max() <= 2.0
        assert all(space.problem(point) is None for point in action.candidates)
        last = action.centre
        state = agent.tell(state, action, respond(space, action.candidates, space.start))


def test_a_denial_leads_back_to_the_last_permitted_centre(space: ControlSpace) -> None:
    agent = Published()
    before = play(agent, space, agent.init(space, (0,)), 0, space.start + space.scale)
    state = play(agent, space, before, 1, space.start + space.scale)
    action = agent.ask((9,), state, Seen(2, 2.0, 40))
    back = agent.tell(state, action, Denial("deny", "too far"))
    np.testing.assert_array_equal(back.theta.mu, before.theta.mu)
    np.testing.assert_array_equal(back.centre.at, before.theta.mu)
    assert np.abs(state.theta.mu - before.theta.mu).max() > 0


def test_a_dead_detector_and_fewer_candidates_do_no_harm(space: ControlSpace) -> None:
    agent = Published()
    state = agent.init(space, (0,))
    for epoch, candidates in enumerate((40, 3, 1, 40)):
        action = agent.ask((epoch,), state, Seen(epoch, float(epoch), candidates))
        assert isinstance(action, TryControls)
        assert len(action.candidates) == candidates
        outcome = respond(space, action.candidates, space.start)
        outcome.events[:, 1] = outcome.opportunities[:, 1] = 0
        state = agent.tell(state, action, outcome)
    assert np.isfinite(state.theta.joined()).all()


def test_finds_a_fixed_optimum(space: ControlSpace) -> None:
    """On a chip without shot noise the mean squared error falls below a tenth of what the start has."""
    agent = Published()
    state = agent.init(space, (0,))
    optimum = space.start + 0.5 * space.scale
    for epoch in range(150):
        state = play(agent, space, state, epoch, optimum)
    assert ((state.theta.mu - 0.5) ** 2).mean() < 0.1 * 0.5**2


def test_the_same_history_gives_the_same_action(space: ControlSpace) -> None:
    actions = []
    for _ in range(2):
        agent = Published()
        state = agent.init(space, (0,))
        for epoch in range(3):
            state = play(agent, space, state, epoch, space.start + space.scale)
        actions.append(agent.ask((5,), state, Seen(3, 3.0, 40)))
    assert identity(actions[0]) == identity(actions[1])
