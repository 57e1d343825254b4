"""Explorers: one contract for all, exact truths of the credit, and a moving target."""

from __future__ import annotations

import numpy as np
import pytest

from counterpoint.base import (
    BadInput,
    ControlSpace,
    Denial,
    Outcome,
    Seen,
    TryControls,
)
from counterpoint.explore import EXPLORERS
from counterpoint.explore.credit import excess, slope
from counterpoint.explore.gradient import PolicyGradient
from counterpoint.identity import identity

KNOBS, SITES = 6, 4


@pytest.fixture
def space() -> ControlSpace:
    rng = np.random.default_rng(7)
    touches = rng.random((KNOBS, SITES)) < 0.5
    touches[:, 0] |= ~touches.any(axis=1)
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


def respond(space: ControlSpace, controls: np.ndarray, optimum: np.ndarray, shots: float = 1e9) -> Outcome:
    """A chip without shot noise: each knob's squared error, in scale units, adds to the sites it touches."""
    error = ((controls - optimum) / space.scale) ** 2
    rate = 0.05 + 0.01 * error @ space.touches
    n = len(controls)
    opportunities = np.full(rate.shape, int(shots))
    return Outcome(
        events=np.rint(rate * shots).astype(np.int64),
        opportunities=opportunities,
        shots=np.full(n, int(shots)),
        cycles=np.full(n, int(shots)),
        decoded=np.zeros(n, np.int64),
        failures=np.zeros(n, np.int64),
        seconds=1.0,
    )


def seen(epoch: int, optimum: np.ndarray) -> Seen:
    return Seen(epoch=epoch, clock=float(epoch), candidates=20, optimum=optimum)


@pytest.mark.parametrize("name", EXPLORERS)
def test_contract(name: str, space: ControlSpace) -> None:
    explorer = EXPLORERS[name]
    assert identity(explorer) == identity(type(explorer)(**vars(explorer)))  # storable, by content
    optimum = space.start + 0.4 * space.scale
    state = explorer.init(space, (1,))
    for epoch in range(5):
        action = explorer.ask((2, epoch), state, seen(epoch, optimum))
        again = explorer.ask((2, epoch), state, seen(epoch, optimum))
        assert identity(action) == identity(again), "asking changes nothing"
        assert isinstance(action, TryControls)
        assert 1 <= len(action.candidates) <= 20
        for point in (action.centre, *action.candidates):
            assert space.problem(point) is None
        outcome = respond(space, action.candidates, optimum)
        told = explorer.tell(state, action, outcome)
        twice = explorer.tell(state, action, outcome)
        one, two = (explorer.ask((3,), s, seen(epoch, optimum)) for s in (told, twice))
        assert identity(one) == identity(two), "telling the same gives the same state"
        explorer.ask((3,), explorer.tell(state, action, Denial("deny", "no")), seen(epoch, optimum))
        state = told


@pytest.mark.parametrize("name", ["gradient", "kalman", "published", "spsa"])
def test_different_keys_try_different_settings(name: str, space: ControlSpace) -> None:
    explorer = EXPLORERS[name]
    state = explorer.init(space, (1,))
    a, b = (explorer.ask((k,), state, seen(0, space.start)) for k in (1, 2))
    assert identity(a) != identity(b)


def test_oracle_refuses_to_play_without_the_truth(space: ControlSpace) -> None:
    oracle = EXPLORERS["oracle"]
    with pytest.raises(BadInput, match="only a simulated machine tells"):
        oracle.ask((0,), oracle.init(space, (0,)), Seen(epoch=0, clock=0.0, candidates=5))


def test_slope_of_a_linear_chip_is_its_derivative(space: ControlSpace) -> None:
    """With directions that are orthonormal over the candidates, the estimate is exact, knob by knob."""
    hadamard = np.array([[1]])
    for _ in range(3):
        hadamard = np.block([[hadamard, hadamard], [hadamard, -hadamard]])
    directions = hadamard[:, 1 : KNOBS + 1].astype(float)  # (8, N): columns of mean 0, orthogonal
    derivative = np.random.default_rng(0).normal(size=(KNOBS, SITES)) * space.touches
    rates = directions @ derivative
    found = slope(space, directions, rates - rates.mean(axis=0))
    np.testing.assert_allclose(found, derivative.sum(axis=1), atol=1e-12)


def test_a_knob_answers_only_for_the_sites_it_touches(space: ControlSpace) -> None:
    rng = np.random.default_rng(3)
    directions, noise = rng.normal(size=(20, KNOBS)), rng.normal(size=(20, SITES))
    for knob in range(KNOBS):
        elsewhere = noise * ~space.touches[knob]
        assert slope(space, directions, elsewhere)[knob] == 0


def test_excess_is_centred_over_candidates(space: ControlSpace) -> None:
    candidates = space.start + np.random.default_rng(1).normal(size=(9, KNOBS)) * space.scale * 0.1
    outcome = respond(space, candidates, space.start)
    np.testing.assert_allclose(excess(outcome).sum(axis=0), 0, atol=1e-12)


def test_a_denial_leads_back_to_the_last_permitted_centre(space: ControlSpace) -> None:
    explorer = PolicyGradient()
    optimum = space.start + space.scale
    state = explorer.init(space, (0,))
    first = explorer.ask((1,), state, seen(0, optimum))
    moved = explorer.tell(state, first, respond(space, first.candidates, optimum))  # type: ignore[attr-defined]
    second = explorer.ask((2,), moved, seen(1, optimum))
    assert np.abs(second.centre - first.centre).max() > 0  # type: ignore[attr-defined]
    back = explorer.tell(moved, second, Denial("deny", "too far"))
    third = explorer.ask((3,), back, seen(2, optimum))
    np.testing.assert_array_equal(third.centre, first.centre)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["gradient", "spsa"])
def test_follows_a_moving_target(name: str, space: ControlSpace) -> None:
    """Every optimum on a slow sine; the explorer's centre must be far nearer to it than the start is."""
    explorer = EXPLORERS[name]
    state = explorer.init(space, (0,))
    squares = np.zeros(2)
    for epoch in range(300):
        optimum = space.start + space.scale * np.sin(2 * np.pi * epoch / 150)
        action = explorer.ask((5, epoch), state, seen(epoch, optimum))
        assert isinstance(action, TryControls)
        if epoch >= 50:
            for i, point in enumerate((action.centre, space.start)):
                squares[i] += (((point - optimum) / space.scale) ** 2).mean()
        state = explorer.tell(state, action, respond(space, action.candidates, optimum))
    assert squares[0] < 0.1 * squares[1]


def test_the_gain_grows_while_gradients_agree_and_shrinks_while_they_alternate(space: ControlSpace) -> None:
    """On a chip that is far off the first gradients agree; where every step leaps too far, successive ones oppose."""
    explorer = PolicyGradient(learning_rate=0.5)
    state = explorer.init(space, (0,))
    far = space.start + 3 * space.scale
    for epoch in range(10):
        action = explorer.ask((epoch, 1), state, seen(epoch, far))
        assert isinstance(action, TryControls)
        state = explorer.tell(state, action, respond(space, action.candidates, far))
    assert (state.log_gain > 0).all()
    explorer = PolicyGradient(learning_rate=80.0)  # far too long: every step leaps over the optimum
    near = space.start + 0.3 * space.scale
    state = explorer.init(space, (0,))
    for epoch in range(60):
        action = explorer.ask((epoch, 2), state, seen(epoch, near))
        assert isinstance(action, TryControls)
        state = explorer.tell(state, action, respond(space, action.candidates, near))
    assert np.median(state.log_gain) < 0
