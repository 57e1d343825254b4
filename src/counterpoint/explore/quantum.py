"""Q-GP-UCB: a Gaussian-process bandit whose estimates are made by amplitude estimation.

Dai, Lau, Verma, Shu, Low and Jaillet, NeurIPS 2023 (arXiv:2310.05373), algorithm 1, with the weights of the paper,
1/error^2. The program published with the paper has other weights (`workloads/bandit/published.py`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from counterpoint.base import Action, BadInput, ControlSpace, Denial, Explorer, Key, Outcome, Seen
from counterpoint.explore.estimate import Estimate, Estimated, grid, nearest
from counterpoint.explore.gpucb import Belief, prior


@dataclass(frozen=True)
class QuantumGpUcb(Explorer):
    """Q-GP-UCB: the largest mean + beta_s * standard deviation is estimated next, to its standard deviation.

    beta_s = beta + growth * ln s in stage s; the first arm is drawn. Each estimate is asked for to an error of the
    posterior's standard deviation / sharpness: at 1, as in the paper, the deviation falls by sqrt(2) with each.

    Attributes:
        arms: points of the grid over the space's knob.
        length: of the kernel, in the knob's unit; 0 where arms are in no order.
        features: random Fourier features that stand for the kernel; 0: the kernel itself.
        beta: how much is hoped for.
        growth: of beta with the logarithm of the stage.
        sharpness: of an estimate.
    """

    arms: int = 20
    length: float = 0.1
    features: int = 0
    beta: float = 1.0
    growth: float = 0.0
    sharpness: float = 1.0
    citation: str = (
        "@inproceedings{Dai2023, title={Quantum {Bayesian} optimization}, author={Dai, Zhongxiang and Lau, Gregory Kang"
        " Ruey and Verma, Arun and Shu, Yao and Low, Bryan Kian Hsiang and Jaillet, Patrick}, booktitle={Advances in"
        " Neural Information Processing Systems}, volume={36}, year={2023}}"
    )

    def init(self, space: ControlSpace, key: Key) -> Belief:
        if not self.sharpness > 0:
            raise BadInput(f"a sharpness of {self.sharpness} was given: give a number above 0")
        points = grid(space, self.arms)
        return Belief.of(points, prior(points, self.length, self.features, key))

    def ask(self, key: Key, state: Belief, seen: Seen) -> Action:
        mean, deviation = state.posterior()
        if state.stages:
            arm = int(np.argmax(mean + (self.beta + self.growth * math.log(state.stages)) * deviation))
        else:
            arm = int(np.random.default_rng(key).integers(mean.size))
        return Estimate(state.points[arm], float(deviation[arm]) / self.sharpness)

    def tell(self, state: Belief, action: Action, outcome: Outcome | Denial | Estimated) -> Belief:
        if isinstance(outcome, Denial):
            return state
        assert isinstance(action, Estimate)
        assert isinstance(outcome, Estimated)
        weight = action.error**-2
        return state.after(nearest(state.points, action.setting), weight, weight * outcome.value)
