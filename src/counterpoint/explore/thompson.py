"""Thompson sampling: each arm is sampled as often as it is believed to be the best.

Thompson, Biometrika 25, 285 (1933); Agrawal and Goyal, COLT 2012 (arXiv:1111.1797), algorithm 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from counterpoint.base import Action, ControlSpace, Denial, Explorer, Key, Outcome, Seen
from counterpoint.explore.estimate import Estimated, grid
from counterpoint.explore.klucb import Counted


@dataclass(frozen=True)
class Thompson(Explorer):
    """Thompson sampling of probabilities: a value is drawn for each arm from its beta distribution, the largest wins.

    Attributes:
        arms: points of the grid over the space's knob.
        prior: both parameters of the beta distribution before any sample; 1 is uniform, 1/2 is Jeffreys'.
        calm: the draws' distribution is that of so many times the samples; 1 is Thompson's.
        share: the arm drawn is sampled so often at once, of the fewest samples that an arm has: what is saved is time.
            Were it of its own, arms with many would get more than their part.
    """

    arms: int = 20
    prior: float = 1.0
    calm: float = 1.0
    share: float = 0.05
    citation: str = (
        "@article{Thompson1933, title={On the likelihood that one unknown probability exceeds another in view of the"
        " evidence of two samples}, author={Thompson, William R.}, journal={Biometrika}, volume={25}, pages={285--294},"
        " year={1933}, doi={10.1093/biomet/25.3-4.285}}"
    )

    def init(self, space: ControlSpace, key: Key) -> Counted:
        return Counted.of(grid(space, self.arms))

    def ask(self, key: Key, state: Counted, seen: Seen) -> Action:
        ones, rest = self.calm * state.ones, self.calm * (state.samples - state.ones)
        drawn = np.random.default_rng(key).beta(self.prior + ones, self.prior + rest)
        return state.more(int(np.argmax(drawn)), self.share * float(state.samples.min()))

    def tell(self, state: Counted, action: Action, outcome: Outcome | Denial | Estimated) -> Counted:
        if isinstance(outcome, Denial):
            return state
        assert isinstance(outcome, Estimated)
        return state.after(action, outcome)
