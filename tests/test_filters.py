"""Filters on detection rates: closed forms, a noiseless chip, and targets that move."""

from __future__ import annotations

import numpy as np
import pytest

from counterpoint.base import ControlSpace, Denial, Explorer, Outcome, Seen, TryControls
from counterpoint.explore import motion
from counterpoint.explore.curvature import Curvature
from counterpoint.explore.kalman import Kalman
from counterpoint.explore.motion import Motion
from counterpoint.explore.offsets import Design, Epoch, Touches, read
from counterpoint.explore.particle import Particle, systematic, weights
from counterpoint.identity import identity

FILTERS: dict[str, Explorer] = {"kalman": Kalman(), "particle": Particle()}
KNOBS, SITES = 6, 4


@pytest.fixture
def space() -> ControlSpace:
    touches = np.array([[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 0, 0], [0, 1, 1, 1], [0, 0, 1, 0], [0, 0, 1, 1]], bool)
    scale = np.array([0.5, 1, 2, 1, 1, 3.0])
    return ControlSpace(
        names=tuple(f"knob {i}" for i in range(KNOBS)),
        units=("",) * KNOBS,
        low=-4 * scale + 0.3,
        high=4 * scale + 0.3,
        start=np.full(KNOBS, 0.3),
        scale=scale,
        touches=touches,
        sites=tuple("abcd"),
    )


def respond(space: ControlSpace, controls: np.ndarray, optimum: np.ndarray, shots: int = 10**9) -> Outcome:
    """A chip without shot noise whose errors add exactly: every knob has curvature 0.01 on the scale l."""
    error = ((controls - optimum) / space.scale) ** 2
    rate = 0.5 * (1 - np.exp(-2 * (0.05 + 0.01 * error @ space.touches)))
    n = np.full(len(controls), shots)
    none = np.zeros(len(controls), np.int64)
    counts = np.rint(rate * shots).astype(np.int64)
    return Outcome(counts, np.full(rate.shape, shots), n, n, none, none, 1.0)


def seen(epoch: int, candidates: int = 20) -> Seen:
    return Seen(epoch=epoch, clock=float(epoch), candidates=candidates)


def play(explorer: Explorer, space: ControlSpace, optimum: np.ndarray, epochs: int) -> TryControls:
    state = explorer.init(space, (1,))
    for epoch in range(epochs):
        action = explorer.ask((2, epoch), state, seen(epoch))
        assert isinstance(action, TryControls)
        state = explorer.tell(state, action, respond(space, action.candidates, optimum))
    action = explorer.ask((3,), state, seen(epochs))
    assert isinstance(action, TryControls)
    return action


def test_sums_over_sites_and_knobs_are_those_of_the_mask(space: ControlSpace) -> None:
    rng = np.random.default_rng(1)
    touches = Touches.of(space.touches)
    knobs, sites = rng.normal(size=(3, KNOBS)), rng.normal(size=(3, SITES))
    np.testing.assert_allclose(touches.to_sites(knobs), knobs @ space.touches, atol=1e-12)
    np.testing.assert_allclose(touches.to_knobs(sites), sites @ space.touches.T, atol=1e-12)


def test_the_joint_reading_is_the_gaussian_posterior(space: ControlSpace) -> None:
    """Against the normal equations, written out and solved densely."""
    rng = np.random.default_rng(2)
    design = Design.of(rng.normal(size=(20, KNOBS)) * 0.1)
    change = rng.normal(size=(20, SITES))
    epoch = Epoch(np.zeros(SITES), change, rng.uniform(0.5, 2, SITES))
    curvature, mean, variance = rng.uniform(1, 2, KNOBS), rng.normal(size=KNOBS), rng.uniform(0.5, 2, KNOBS)
    found = read(Touches.of(space.touches), epoch, design, curvature, 2.0, mean, variance)
    design_matrix = (design.linear[:, None, :] * (curvature[:, None] * space.touches).T).reshape(-1, KNOBS)
    weight = np.tile(epoch.precision / 2.0, 20)
    target = (change - (design.square * curvature) @ space.touches).ravel()
    precision = np.diag(1 / variance) + design_matrix.T @ (weight[:, None] * design_matrix)
    posterior = np.linalg.solve(precision, mean / variance + design_matrix.T @ (weight * target))
    np.testing.assert_allclose(found.posterior, posterior, atol=1e-4)


def test_one_knob_reads_without_interference() -> None:
    """With one knob the reading is the least-squares error and its textbook variance."""
    u = np.array([[0.1], [-0.1], [0.2], [-0.2]])
    design = Design.of(u)
    epoch = Epoch(np.zeros(1), 0.3 * (design.linear * 0.7 + design.square), np.array([50.0]))
    found = read(Touches.of(np.ones((1, 1), bool)), epoch, design, np.array([0.3]), 1.0, np.zeros(1), np.full(1, 1e3))
    information = 50.0 * (0.3 * design.linear**2 * 0.3).sum()
    # The knob's own signal is counted as interference, too: a share 1 / candidates of the information.
    assert abs(found.error[0] - 0.7) <= 0.7 * found.variance[0] / 1e3
    assert 1 / information <= found.variance[0] <= (1 + 1 / (len(u) - 1)) / information + 1e-12


@pytest.mark.parametrize("model", np.flatnonzero(motion.CHANCE[:, 0] == 0).tolist())
def test_each_walk_without_jumps_is_the_closed_recursion_of_kalman(model: int) -> None:
    decay, noise = float(motion.DECAY[model, 0]), float(motion.NOISE[model, 0])
    readings, r = np.random.default_rng(model).normal(size=30), 0.25
    belief, mean, variance = Motion.of(1), 0.0, 0.01
    for z in readings:
        belief = belief.after(np.array([z]), np.array([r]))
        gain = variance / (variance + r)
        mean, variance = decay * (mean + gain * (z - mean)), decay**2 * (1 - gain) * variance + noise
    np.testing.assert_allclose(belief.walk[:, model, 0], [mean, variance], rtol=1e-10)


def test_a_cycle_is_the_closed_recursion_of_kalman() -> None:
    """Matrix form, with the frequency that the bank had in each epoch."""
    model = 25
    belief, r = Motion.of(1), 0.1
    decay, push = float(motion.CYCLE_DECAY[model, 0]), float(motion.CYCLE_NOISE[model, 0])
    x, p = np.zeros(2), np.eye(2) * motion.SPREAD
    for z in np.random.default_rng(3).normal(size=20):
        belief = belief.after(np.array([z]), np.array([r]))
        turn = belief.frequency[model // len(motion.PERIODS)]
        f = decay * np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        gain = p[:, 0] / (p[0, 0] + r)
        x, p = f @ (x + gain * (z - x[0])), f @ (p - np.outer(gain, p[0])) @ f.T + push * np.eye(2)
    found = belief.cycle[:, model, 0]
    np.testing.assert_allclose(found, [x[0], x[1], p[0, 0], p[0, 1], p[1, 1]], rtol=1e-9, atol=1e-12)


def test_the_bank_finds_a_frequency_that_it_was_not_told() -> None:
    """Forty knobs on one frequency between two places of the grid, at phases of their own, noiseless."""
    f = float(np.sqrt(motion.FREQUENCIES[12] * motion.FREQUENCIES[13])) * 1.05
    phase = np.random.default_rng(4).uniform(0, 2 * np.pi, 40)
    belief = Motion.of(40)
    for t in range(400):
        belief = belief.after(np.sin(2 * np.pi * f * t + phase), np.full(40, 1e-4))
    best = int(belief.share.argmax()) - len(motion.DECAY)
    assert best >= 0, "a cycle, no walk"
    assert belief.frequency[best // len(motion.PERIODS)] == pytest.approx(2 * np.pi * f, rel=1e-3)
    np.testing.assert_allclose(belief.mean, np.sin(2 * np.pi * f * 400 + phase), atol=0.01)


def test_the_common_curvature_is_found_from_the_squares(space: ControlSpace) -> None:
    touches, curvature = Touches.of(space.touches), Curvature.of(KNOBS)
    rng = np.random.default_rng(5)
    for _ in range(20):
        offsets = rng.normal(size=(20, KNOBS))
        offsets = np.concatenate([offsets, -offsets])
        epoch = Epoch.of(respond(space, space.start + space.scale * offsets, space.start))
        design = Design.of(offsets)
        curvature = curvature.ready(touches, epoch)
        zero, variance = np.zeros(KNOBS), np.full(KNOBS, 0.1)
        reading = read(touches, epoch, design, curvature.each, curvature.noise, zero, variance)
        curvature = curvature.regress(touches, epoch, design, reading)
    assert curvature.common == pytest.approx(0.01, rel=1e-3)


def test_weights_add_up_and_follow_bayes() -> None:
    particles = np.random.default_rng(6).normal(size=(50, 3))
    reading, variance = np.array([0.1, 5.0, 80.0]), np.array([1.0, 0.1, 1e-4])  # the last underflows but for care
    weight = weights(particles, reading, variance)
    np.testing.assert_allclose(weight.sum(axis=0), 1.0, atol=1e-12)
    likelihood = np.exp(-((particles[:, 0] - 0.1) ** 2) / 2)
    np.testing.assert_allclose(weight[:, 0], likelihood / likelihood.sum(), atol=1e-12)


def test_systematic_resampling_keeps_every_particle_its_share() -> None:
    """Of a particle of weight w among M, floor(M w) or ceil(M w) survive, knob by knob."""
    rng = np.random.default_rng(7)
    weight = rng.random((40, 5)) ** 4
    weight[:10, 0] = 0
    weight /= weight.sum(axis=0)
    chosen = systematic(weight, rng.random(5))
    assert chosen.shape == weight.shape
    for knob in range(5):
        counts = np.bincount(chosen[:, knob], minlength=40)
        assert (np.abs(counts - 40 * weight[:, knob]) < 1 + 1e-9).all()
    np.testing.assert_array_equal(systematic(np.full((8, 2), 1 / 8), np.array([0.5, 0.1])).T, [range(8)] * 2)


@pytest.mark.parametrize("name", FILTERS)
def test_a_noiseless_chip_leads_to_its_optimum(name: str, space: ControlSpace) -> None:
    optimum = space.start + space.scale * np.array([0.5, -1.0, 1.5, 0.3, -0.7, 1.2])
    centre = play(FILTERS[name], space, optimum, 60).centre
    assert (np.abs((centre - optimum) / space.scale) < 0.1).all()


@pytest.mark.parametrize("name", FILTERS)
def test_follows_a_moving_target(name: str, space: ControlSpace) -> None:
    explorer = FILTERS[name]
    state = explorer.init(space, (0,))
    squares = np.zeros(2)
    for epoch in range(300):
        optimum = space.start + space.scale * np.sin(2 * np.pi * epoch / 60)
        action = explorer.ask((5, epoch), state, seen(epoch))
        assert isinstance(action, TryControls)
        if epoch >= 50:
            for i, point in enumerate((action.centre, space.start)):
                squares[i] += (((point - optimum) / space.scale) ** 2).mean()
        state = explorer.tell(state, action, respond(space, action.candidates, optimum))
    assert squares[0] < 0.1 * squares[1]


@pytest.mark.parametrize("name", FILTERS)
def test_a_denial_leads_back_to_the_last_permitted_centre(name: str, space: ControlSpace) -> None:
    explorer, optimum = FILTERS[name], space.start + space.scale
    state = explorer.init(space, (0,))
    first = explorer.ask((1,), state, seen(0))
    assert isinstance(first, TryControls)
    moved = explorer.tell(state, first, respond(space, first.candidates, optimum))
    second = explorer.ask((2,), moved, seen(1))
    assert isinstance(second, TryControls)
    assert np.abs(second.centre - first.centre).max() > 0
    third = explorer.ask((3,), explorer.tell(moved, second, Denial("deny", "too far")), seen(2))
    assert isinstance(third, TryControls)
    np.testing.assert_array_equal(third.centre, first.centre)


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("fault", ["silent", "always", "unseen"])
def test_sites_that_tell_nothing_leave_everything_finite(name: str, fault: str, space: ControlSpace) -> None:
    """All sites dead, all firing always, or not looked at: the centre stays where it was."""
    explorer = FILTERS[name]
    state = explorer.init(space, (0,))
    for epoch in range(3):
        action = explorer.ask((epoch,), state, seen(epoch))
        assert isinstance(action, TryControls)
        np.testing.assert_array_equal(action.centre, space.start)
        outcome = respond(space, action.candidates, space.start, 1000)
        outcome.events[:] = 1000 if fault == "always" else 0
        outcome.opportunities[:] = 0 if fault == "unseen" else 1000
        state = explorer.tell(state, action, outcome)


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("candidates", [1, 2, 3])
def test_few_candidates_are_enough_to_go_on(name: str, candidates: int, space: ControlSpace) -> None:
    explorer = FILTERS[name]
    state = explorer.init(space, (0,))
    for epoch in range(5):
        action = explorer.ask((epoch,), state, seen(epoch, candidates))
        assert isinstance(action, TryControls)
        assert len(action.candidates) == candidates
        assert all(space.problem(point) is None for point in (action.centre, *action.candidates))
        state = explorer.tell(state, action, respond(space, action.candidates, space.start + space.scale))
    assert np.isfinite(explorer.ask((9,), state, seen(9, candidates)).centre).all()  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", FILTERS)
def test_telling_the_same_gives_the_same(name: str, space: ControlSpace) -> None:
    assert identity(play(FILTERS[name], space, space.start, 3)) == identity(play(FILTERS[name], space, space.start, 3))
