"""MOSS: the arm whose value may be the largest, by a bound that knows how many samples there will be.

Audibert and Bubeck, COLT 2009, section 2: the bonus of an arm falls to 0 once it has its share of the horizon.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from counterpoint.base import Action, BadInput, ControlSpace, Denial, Explorer, Key, Outcome, Seen
from counterpoint.explore.counted import Counted
from counterpoint.explore.estimate import Estimated, grid


@dataclass(frozen=True)
class Moss(Explorer):
    """MOSS: the largest mean + sqrt(scale max(0, ln(horizon / (arms n))) / n) is sampled next, every arm once before.

    Attributes:
        arms: points of the grid over the space's knob.
        horizon: samples in all.
        scale: of the logarithm; 1 has the guarantee.
        share: an arm is sampled so often at once, of its samples so far: what is saved is time, and at most this share
            of the regret is added.
    """

    arms: int = 20
    horizon: int = 10_000
    scale: float = 1.0
    share: float = 0.02
    citation: str = (
        "@inproceedings{Audibert2009, title={Minimax policies for adversarial and stochastic bandits},"
        " author={Audibert, Jean-Yves and Bubeck, S{\\'e}bastien}, booktitle={Conference on Learning Theory},"
        " year={2009}}"
    )

    def init(self, space: ControlSpace, key: Key) -> Counted:
        if self.horizon < self.arms:
            raise BadInput(f"a horizon of {self.horizon} was given for {self.arms} arms: give at least 1 use of each")
        return Counted.of(grid(space, self.arms))

    def ask(self, key: Key, state: Counted, seen: Seen) -> Action:
        untried = np.flatnonzero(state.samples == 0)
        if untried.size:
            return state.more(int(untried[0]), 1)
        left = np.maximum(0, np.log(self.horizon / (self.arms * state.samples)))
        arm = int(np.argmax(state.ones / state.samples + np.sqrt(self.scale * left / state.samples)))
        return state.more(arm, self.share * state.samples[arm])

    def tell(self, state: Counted, action: Action, outcome: Outcome | Denial | Estimated) -> Counted:
        return state.told(action, outcome)
