"""Kalman: error, curvature and motion of every knob are filtered, and the centre goes where the optimum will be.

One epoch is read jointly for all knobs (`offsets`), curvatures are learned on the way (`curvature`),
and a bank of Kalman filters (R. E. Kalman, J. Basic Eng. 82, 35 (1960)) finds out how the optima move
and predicts them for the next epoch (`motion`). It is told only which knob touches which site.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from counterpoint.base import Action, ControlSpace, Denial, Explorer, Floats, Key, Outcome, Seen, TryControls
from counterpoint.explore.centre import Centre
from counterpoint.explore.curvature import Curvature
from counterpoint.explore.motion import Motion
from counterpoint.explore.offsets import Design, Epoch, Touches, read

FARTHEST = 0.9  # no candidate is farther from the centre, in units of scale: with `reach`, less than two
SMOOTH = 0.6  # of the logarithm of exploration, an epoch


@dataclass(frozen=True, eq=False)
class Belief:
    """The state."""

    centre: Centre
    touches: Touches
    curvature: Curvature
    motion: Motion
    sigma: Floats  # (N,) exploration


@dataclass(frozen=True)
class Kalman(Explorer):
    """A bank of Kalman filters on detection rates, with exploration that follows the drift.

    A knob explored with standard deviation s costs s^2, and lowers the variance of what is known of it.
    For a random walk of variance q an epoch, read with variance r / s^2, the sum of both is least at
    s = (q r / 4)^(1/6): a chip that stands still is hardly disturbed.

    Attributes:
        sigma: standard deviation of exploration in the first epoch, in units of each knob's scale.
        least: the smallest exploration of a knob.
        most: the largest one.
        reach: the longest step of a knob in one epoch, in units of its scale.
    """

    sigma: float = 0.13
    least: float = 0.02
    most: float = 0.35
    reach: float = 1.0
    citation: str = (
        "@article{Kalman1960, title={A new approach to linear filtering and prediction problems},"
        " journal={Journal of Basic Engineering}, volume={82}, pages={35--45}, year={1960},"
        " doi={10.1115/1.3662552}}\n"
        "@article{Magill1965, title={Optimal adaptive estimation of sampled stochastic processes},"
        " journal={IEEE Transactions on Automatic Control}, volume={10}, pages={434--439}, year={1965},"
        " doi={10.1109/TAC.1965.1098191}}"
    )

    def init(self, space: ControlSpace, key: Key) -> Belief:
        knobs = space.start.size
        return Belief(
            Centre.of(space),
            Touches.of(space.touches),
            Curvature.of(knobs),
            Motion.of(knobs),
            np.full(knobs, self.sigma),
        )

    def ask(self, key: Key, state: Belief, seen: Seen) -> Action:
        noise = np.random.default_rng(key).standard_normal((seen.candidates // 2, state.sigma.size))
        return state.centre.mirrored((state.sigma * noise).clip(-FARTHEST, FARTHEST), seen.candidates)

    def tell(self, state: Belief, action: Action, outcome: Outcome | Denial) -> Belief:
        if isinstance(outcome, Denial):
            return replace(state, centre=state.centre.back())
        assert isinstance(action, TryControls)
        touches, motion, at = state.touches, state.motion, state.centre.at
        epoch = Epoch.of(outcome)
        curvature = state.curvature.ready(touches, epoch)
        if not curvature.known:  # no site has told anything yet
            return replace(state, centre=state.centre.moved(0 * at, self.reach))
        offsets = state.centre.offsets(action)
        design = Design.of(offsets)
        error = at - motion.mean
        reading = read(touches, epoch, design, curvature.each, curvature.noise, error, motion.variance)
        curvature = curvature.regress(touches, epoch, design, reading)
        curvature, errors, variance = curvature.share(reading, error, motion.variance)
        motion = motion.after(at - errors, variance)
        return Belief(
            state.centre.moved(motion.mean - at, self.reach),
            touches,
            curvature.after(motion.correlation.clip(-1, 1)),
            motion,
            self._exploration(state.sigma, motion.growth, 1 / reading.variance, offsets),
        )

    def _exploration(self, sigma: Floats, growth: Floats, information: Floats, offsets: Floats) -> Floats:
        """(N,) standard deviations for the next epoch."""
        noise = np.maximum(offsets.var(axis=0), 1e-12) / information
        best = ((growth * noise / 4) ** (1 / 6)).clip(self.least, self.most)
        return sigma**SMOOTH * best ** (1 - SMOOTH)
