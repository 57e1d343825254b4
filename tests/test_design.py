"""Orthogonal designs: exact, and of use to the policy gradient."""

from __future__ import annotations

import numpy as np
import pytest

from counterpoint.base import Outcome, Seen, TryControls
from counterpoint.explore.credit import excess, slope
from counterpoint.explore.design import colours, hadamard
from counterpoint.explore.gradient import PolicyGradient
from counterpoint.machine import MACHINES


@pytest.mark.parametrize("most", range(1, 61))
def test_columns_are_orthogonal(most: int) -> None:
    square = hadamard(most)
    order = len(square)
    assert order <= most < 2 * order
    assert set(np.unique(square)) <= {-1.0, 1.0}
    np.testing.assert_array_equal(square.T @ square, order * np.eye(order))


def test_the_orders_that_an_epoch_of_40_or_50_candidates_needs() -> None:
    assert [len(hadamard(most)) for most in (3, 11, 20, 25, 47)] == [2, 8, 20, 24, 44]


@pytest.mark.parametrize("name", ["published", "willow"])
def test_knobs_that_share_a_site_have_different_colours(name: str) -> None:
    touches = MACHINES[name](3, key=(1,), drift="none", epoch_seconds=1.0).space.touches
    colour = colours(touches)
    for site in range(touches.shape[1]):
        here = colour[touches[:, site]]
        assert len(set(here)) == len(here)
    assert colour.max() < 2 * touches.sum(axis=0).max()


def test_no_knob_gets_in_the_way_of_another() -> None:
    """On a quadratic chip without noise the gradient of every knob is exact, however far the others are off."""
    space = MACHINES["published"](3, key=(1,), drift="none", epoch_seconds=1.0).space
    explorer = PolicyGradient()
    state = explorer.init(space, (0,))
    assert state.colour.max() < 24  # so many columns have 25 mirrored pairs
    action = explorer.ask((4,), state, Seen(epoch=0, clock=0.0, candidates=48))
    assert isinstance(action, TryControls)
    rng = np.random.default_rng(2)
    curvature, optimum = (
        rng.uniform(0.001, 0.01, space.touches.shape) * space.touches,
        rng.normal(size=space.start.size),
    )
    rates = ((action.candidates - optimum) ** 2) @ curvature
    ones = np.ones(len(rates), np.int64)
    many = np.full(rates.shape, 10**12)
    outcome = Outcome((rates * 1e12).astype(np.int64), many, ones, ones, ones, ones, 0.0)
    found = slope(space, state.centre.offsets(action) / state.sigma**2, excess(outcome))
    np.testing.assert_allclose(found, -2 * optimum * curvature.sum(axis=1), atol=1e-9)
