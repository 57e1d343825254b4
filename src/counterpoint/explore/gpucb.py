"""GP-UCB: the arm whose value may be the largest, by a Gaussian process over the arms.

Srinivas, Krause, Kakade and Seeger, ICML 2010 (arXiv:0912.3995), algorithm 1, for arms on a grid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from counterpoint.base import Action, BadInput, ControlSpace, Denial, Explorer, Floats, Key, Outcome, Seen
from counterpoint.explore.estimate import Estimate, Estimated, grid, nearest


@dataclass(frozen=True, eq=False)
class Belief:
    """What is known of K arms."""

    points: Floats  # (K, 1)
    covariance: Floats  # (K, K) of the posterior
    moments: Floats  # (K,) sum of value / variance of the estimates of each arm
    stages: int = 0  # estimates told

    @classmethod
    def of(cls, points: Floats, kernel: Floats) -> Belief:
        """Nothing is known yet."""
        return cls(points, kernel, np.zeros(len(points)))

    def after(self, arm: int, weight: float, moment: float) -> Belief:
        """With one more estimate, of variance 1 / weight and with moment = weight * value (Sherman and Morrison)."""
        moments, column = self.moments.copy(), self.covariance[arm]
        moments[arm] += moment
        covariance = self.covariance - np.outer(column, column * (weight / (1 + weight * column[arm])))
        return replace(self, covariance=covariance, moments=moments, stages=self.stages + 1)

    def posterior(self) -> tuple[Floats, Floats]:
        """(K,) means and (K,) standard deviations."""
        return self.covariance @ self.moments, np.sqrt(np.maximum(self.covariance.diagonal(), 0))


def prior(points: Floats, length: float, features: int, key: Key) -> Floats:
    """(K, K) covariance exp(-|x - x'|^2 / (2 length^2)) of the points (K, 1), 1 on its diagonal.

    With `features` above 0, of so many random Fourier features (Rahimi and Recht, NIPS 2007) of length 1, as the
    published Q-GP-UCB has it. At length 0 no arm tells of another. Raises BadInput for a length that is not 0 or more.
    """
    if not 0 <= length < math.inf:
        raise BadInput(f"a kernel of length {length} was asked for: give a finite number, 0 or more")
    if length == 0:
        return np.eye(len(points))
    if not features:
        return np.exp(-((points - points.T) ** 2) / (2 * length**2))
    rng = np.random.default_rng(key)
    waves = rng.normal(0, 1 / length, features)
    phases = rng.uniform(0, 2 * np.pi, features)
    made = np.cos(points * waves + phases)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    return made @ made.T


@dataclass(frozen=True)
class GpUcb(Explorer):
    """GP-UCB with samples: the largest mean + beta * standard deviation is sampled next.

    Attributes:
        arms: points of the grid over the space's knob.
        length: of the kernel, in the knob's unit; 0 where arms are in no order.
        features: random Fourier features that stand for the kernel; 0: the kernel itself.
        beta: how much is hoped for.
        noise: variance of a sample, as the process believes it.
        share: an arm is sampled so often at once, of the samples that would tell as much of it as is known: what is
            saved is time.
    """

    arms: int = 20
    length: float = 0.1
    features: int = 0
    beta: float = 1.0
    noise: float = 1.0
    share: float = 0.01
    citation: str = (
        "@inproceedings{Srinivas2010, title={{Gaussian} process optimization in the bandit setting: no regret and"
        " experimental design}, author={Srinivas, Niranjan and Krause, Andreas and Kakade, Sham and Seeger, Matthias},"
        " booktitle={International Conference on Machine Learning}, pages={1015--1022}, year={2010}}"
    )

    def init(self, space: ControlSpace, key: Key) -> Belief:
        points = grid(space, self.arms)
        return Belief.of(points, prior(points, self.length, self.features, key))

    def ask(self, key: Key, state: Belief, seen: Seen) -> Action:
        mean, deviation = state.posterior()
        arm = int(np.argmax(mean + self.beta * deviation))
        sampled = self.noise * (1 / deviation[arm] ** 2 - 1)  # as many as would tell as much of this arm alone
        return Estimate.of_samples(state.points[arm], max(1, int(self.share * sampled)))

    def tell(self, state: Belief, action: Action, outcome: Outcome | Denial | Estimated) -> Belief:
        if isinstance(outcome, Denial):
            return state
        assert isinstance(action, Estimate)
        assert isinstance(outcome, Estimated)
        weight = outcome.shots / self.noise
        return state.after(nearest(state.points, action.setting), weight, weight * outcome.value)
