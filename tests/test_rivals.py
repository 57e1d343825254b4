"""The rivals: exact truths of each method on a chip without shot noise, and a moving target."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from counterpoint.base import BadInput, ControlSpace, Denial, Explorer, Outcome, Seen, TryControls
from counterpoint.explore.bayes import Bayes, Process, kinds
from counterpoint.explore.cma import CmaEs
from counterpoint.explore.perturb import Spsa
from counterpoint.explore.recalibrate import Recalibrate, groups, parabola
from counterpoint.identity import identity

CANDIDATES, LOOKED = 20, 10**9
RIVALS: dict[str, Explorer] = {
    "spsa": Spsa(),
    "cma": CmaEs(),
    "bayes": Bayes(),
    "recalibrate": Recalibrate(),
    "recalibrate, holding": Recalibrate(hold=3),
}


@pytest.fixture
def space() -> ControlSpace:
    """Eight knobs of two kinds on a ring of five sites, each knob touching one site or two."""
    names = tuple(f"XY amplitude {i}" for i in range(4)) + tuple(f"CZ phase {i}-{i + 1}" for i in range(4))
    touches = np.zeros((8, 5), np.bool_)
    for i in range(4):
        touches[i, i] = touches[4 + i, i] = touches[4 + i, i + 1] = True
    scale = np.array([0.5, 0.5, 0.5, 0.5, 2, 2, 2, 2])
    start = np.full(8, 0.3)
    return ControlSpace(names, ("",) * 8, start - 4 * scale, start + 4 * scale, start, scale, touches, tuple("abcde"))


def respond(space: ControlSpace, controls: np.ndarray, optimum: np.ndarray) -> Outcome:
    """Without shot noise: each knob's squared error, in scale units, adds 0.01 to the sites it touches."""
    rate = 0.05 + 0.01 * ((controls - optimum) / space.scale) ** 2 @ space.touches
    many = np.full(len(controls), LOOKED)
    none = np.zeros(len(controls), np.int64)
    return Outcome(
        events=np.rint(rate * LOOKED).astype(np.int64),
        opportunities=np.full(rate.shape, LOOKED),
        shots=many,
        cycles=many,
        decoded=none,
        failures=none,
        seconds=1.0,
    )


def asked(explorer: Explorer, state: object, epoch: int, candidates: int = CANDIDATES) -> TryControls:
    action = explorer.ask((5, epoch), state, Seen(epoch=epoch, clock=float(epoch), candidates=candidates))
    assert isinstance(action, TryControls)
    return action


def distances(explorer: Explorer, space: ControlSpace, optima: np.ndarray) -> np.ndarray:
    """(epochs,) root mean square distance of the centre from the optimum, in scale units."""
    state = explorer.init(space, (0,))
    found = []
    for epoch, optimum in enumerate(optima):
        action = asked(explorer, state, epoch)
        found.append(np.sqrt((((action.centre - optimum) / space.scale) ** 2).mean()))
        state = explorer.tell(state, action, respond(space, action.candidates, optimum))
    return np.array(found)


@pytest.mark.parametrize("name", RIVALS)
def test_keeps_the_contract_of_an_explorer(name: str, space: ControlSpace) -> None:
    explorer = RIVALS[name]
    assert identity(explorer) == identity(type(explorer)(**vars(explorer)))
    optimum = space.start + 4.5 * space.scale  # beyond the safe range: every player is driven to its end
    state, last = explorer.init(space, (1,)), space.start
    for epoch in range(30):
        action, again = asked(explorer, state, epoch), asked(explorer, state, epoch)
        assert identity(action) == identity(again), "asking changes nothing"
        assert 1 <= len(action.candidates) <= CANDIDATES
        for point in (action.centre, *action.candidates):
            assert space.problem(point) is None
            assert (np.abs(point - last) <= 2 * space.scale + 1e-9).all(), "the charter's longest step"
        last = action.centre
        outcome = respond(space, action.candidates, optimum)
        state, twin = (explorer.tell(state, action, outcome) for _ in range(2))
        assert identity(asked(explorer, state, epoch)) == identity(asked(explorer, twin, epoch)), "nor does telling"


@pytest.mark.parametrize("name", RIVALS)
def test_finds_an_optimum_that_stands_still(name: str, space: ControlSpace) -> None:
    optimum = space.start + space.scale * np.repeat([1.2, -0.9], 4)  # common to a kind: all rivals can find it
    distance = distances(RIVALS[name], space, np.tile(optimum, (100, 1)))
    assert distance[80:].max() < 0.1 * distance[0]


@pytest.mark.parametrize("name", RIVALS)
def test_follows_a_moving_target(name: str, space: ControlSpace) -> None:
    wave = np.sin(2 * np.pi * np.arange(200) / 150)[:, None]
    optima = space.start + space.scale * wave
    followed = distances(RIVALS[name], space, optima)[50:]
    assert (followed**2).mean() < 0.1 * (wave[50:] ** 2).mean()


@pytest.mark.parametrize("name", RIVALS)
def test_a_denial_leads_back_to_the_last_permitted_centre(name: str, space: ControlSpace) -> None:
    explorer, optimum = RIVALS[name], space.start + space.scale
    state = explorer.init(space, (0,))
    for epoch in range(50):
        action = asked(explorer, state, epoch)
        moved = explorer.tell(state, action, respond(space, action.candidates, optimum))
        proposed = asked(explorer, moved, epoch + 1)
        if not np.array_equal(proposed.centre, action.centre):
            break
        state = moved
    else:
        raise AssertionError("the explorer never moved")
    back = explorer.tell(moved, proposed, Denial("deny", "too far"))
    assert np.array_equal(asked(explorer, back, 99).centre, action.centre)


@pytest.mark.parametrize(("explorer", "least"), [(CmaEs(), 4), (Recalibrate(), 3)])
def test_too_few_candidates_are_refused_with_both_values(explorer: Explorer, least: int, space: ControlSpace) -> None:
    state = explorer.init(space, (0,))
    with pytest.raises(BadInput, match=rf"{least - 1} candidates.* {least} or more"):
        asked(explorer, state, 0, least - 1)
    assert len(asked(explorer, state, 0, least).candidates) <= least


def test_cma_ranks_a_block_by_its_own_sites_alone(space: ControlSpace) -> None:
    """What happens at sites that a knob does not touch leaves its step as it was."""
    explorer = CmaEs()
    state = explorer.init(space, (0,))
    action = asked(explorer, state, 0)
    outcome = respond(space, action.candidates, space.start + space.scale)
    events = outcome.events.copy()
    events[:, 4] = events[::-1, 4]  # the last site, which the last knob alone touches
    one, two = (explorer.tell(state, action, o).centre.at for o in (outcome, replace(outcome, events=events)))
    np.testing.assert_array_equal(one[:7], two[:7])
    assert one[7] != two[7]


def test_cma_starts_anew_after_its_generations(space: ControlSpace) -> None:
    explorer = CmaEs(generations=3)
    state = explorer.init(space, (0,))
    seen = []
    for epoch in range(6):
        action = asked(explorer, state, epoch)
        state = explorer.tell(state, action, respond(space, action.candidates, space.start))
        seen.append([o.generation for o in state.optimisers][:1])
    assert seen == [[1], [2], []] * 2


def test_kinds_are_names_without_the_gates_qubits(space: ControlSpace) -> None:
    expected = np.repeat(np.eye(2), 4, axis=1)
    np.testing.assert_array_equal(kinds(space), expected)
    copies = replace(space, names=tuple(f"CZ {i // 2}-9 #{i % 2 + 1}" for i in range(8)))
    np.testing.assert_array_equal(kinds(copies), np.ones((1, 8)))


def test_posterior_of_two_points_is_the_closed_form() -> None:
    """Mean and variance by hand, from the inverse of a 2 x 2 matrix."""
    length, amplitude, forgetting, noise = 1.5, 0.7, 0.2, 0.05
    process = Process(
        length,
        amplitude,
        forgetting,
        places=np.array([[0.0, 0.0], [1.0, 2.0]]),
        times=np.array([0.0, 3.0]),
        values=np.array([0.4, -1.1]),
        noise=np.full(2, noise),
    )

    def k(square: float, time: float) -> float:
        return amplitude**2 * np.exp(-square / (2 * length**2)) * (1 - forgetting) ** (time / 2)

    a, b = amplitude**2 + noise, k(5.0, 3.0)
    p, q = k(0.5**2 + 1**2, 4.0), k(0.5**2 + 3**2, 1.0)  # from (0.5, -1) at time 4 to either
    det = a * a - b * b
    mean = (p * (a * 0.4 + b * 1.1) + q * (-b * 0.4 - a * 1.1)) / det
    variance = amplitude**2 - (a * p * p - 2 * b * p * q + a * q * q) / det
    found, covariance = process.posterior(np.array([[0.5, -1.0]]), 4.0)
    np.testing.assert_allclose(found, [mean], rtol=1e-12)
    np.testing.assert_allclose(covariance, [[variance]], rtol=1e-12)


def test_without_forgetting_and_noise_the_process_goes_through_what_it_saw() -> None:
    places, values = np.array([[0.0], [1.0], [3.0]]), np.array([0.2, -0.5, 0.1])
    process = Process(1.0, 1.0, 0.0, places, np.arange(3.0), values, np.zeros(3))
    mean, covariance = process.posterior(places, 7.0)
    np.testing.assert_allclose(mean, values, atol=1e-12)
    np.testing.assert_allclose(covariance, 0, atol=1e-12)


def test_nothing_seen_is_the_prior() -> None:
    none = np.zeros(0)
    mean, covariance = Process(1.0, 0.3, 0.1, np.zeros((0, 1)), none, none, none).posterior(np.zeros((1, 1)), 0.0)
    np.testing.assert_allclose([mean[0], covariance[0, 0]], [0, 0.09], atol=1e-15)


def test_a_parabola_is_fitted_exactly() -> None:
    x = np.array([[0, 0, 0], [1, 0.5, 2], [-1, -1.5, -0.25]])
    a, b, c = np.array([[3, -2, 0.1], [1, -4, 0], [2, 5, -1]])
    slope, curvature = parabola(x, a + b * x + c * x**2)
    np.testing.assert_allclose(slope, b, atol=1e-12)
    np.testing.assert_allclose(curvature, c, atol=1e-12)


def test_knobs_of_one_group_share_no_site_and_every_knob_has_a_group(space: ControlSpace) -> None:
    rng = np.random.default_rng(4)
    for touches in (space.touches, rng.random((60, 30)) < 0.1):
        group = groups(touches)
        for g in range(group.max() + 1):
            assert (group == g).any()
            assert touches[group == g].sum(axis=0).max() <= 1


def test_one_scan_without_noise_finds_the_optimum(space: ControlSpace) -> None:
    """Knobs of one group share no site, so that each sees a parabola of its own, and its vertex is exact."""
    explorer = Recalibrate(hold=2, gain=1.0, together=2)
    optimum = space.start + 0.8 * space.scale * np.array([1, -1, 0.5, 0, -0.3, 1, 1, -1])
    state = explorer.init(space, (0,))
    tried, action = [], asked(explorer, state, 0)
    for epoch in range(30):
        action = asked(explorer, state, epoch)
        tried.append(len(action.candidates))
        state = explorer.tell(state, action, respond(space, action.candidates, optimum))
    scan = tried.index(1)
    assert sum(tried[:scan]) == scan + 2 * (groups(space.touches).max() + 1), "each group twice, and the centre"
    assert tried[scan : 2 * scan + 2] == [1, 1, *tried[:scan]], "two epochs held, and a scan again"
    np.testing.assert_allclose((action.centre - optimum) / space.scale, 0, atol=1e-6)


def test_a_parabola_that_opens_downwards_moves_nothing(space: ControlSpace) -> None:
    explorer = Recalibrate()
    state = explorer.init(space, (0,))
    action = asked(explorer, state, 0)
    outcome = respond(space, action.candidates, space.start + 0.2)
    upside_down = replace(outcome, events=LOOKED // 5 - outcome.events)
    told = explorer.tell(state, action, upside_down)
    np.testing.assert_array_equal(told.centre.at, 0)
