"""SPSA: simultaneous perturbation stochastic approximation, with local credit.

All knobs are moved at once by +-c at random, and then by the opposite (Spall, IEEE Transactions on
Automatic Control 37, 332 (1992), eq. 2.2). As the target moves, the gains stay constant instead of
decaying. Each knob takes its difference from the sites that it touches alone (locality-aware SPSA:
Gong and Hu, arXiv:2608.05686), which is the rival that a good laboratory would really use.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from counterpoint.base import Action, ControlSpace, Denial, Explorer, Key, Outcome, Seen, TryControls
from counterpoint.explore.centre import Centre
from counterpoint.explore.credit import excess, slope


@dataclass(frozen=True)
class Spsa(Explorer):
    """Locality-aware SPSA with constant gains, tuned for the mean merit over six drifts (docs/rivals.md).

    Attributes:
        perturbation: Spall's c, in units of a knob's scale.
        gain: Spall's a, the step for a unit of gradient.
        reach: the longest step of a knob in one epoch, in units of its scale.
    """

    perturbation: float = 0.15
    gain: float = 30.0
    reach: float = 0.5
    citation: str = (
        "@article{Spall1992, title={Multivariate stochastic approximation using a simultaneous perturbation"
        " gradient approximation}, journal={IEEE Transactions on Automatic Control}, volume={37},"
        " pages={332--341}, year={1992}, doi={10.1109/9.119632}}"
    )

    def init(self, space: ControlSpace, key: Key) -> Centre:
        return Centre.of(space)

    def ask(self, key: Key, state: Centre, seen: Seen) -> Action:
        signs = np.random.default_rng(key).choice([-1.0, 1.0], (seen.candidates // 2, state.at.size))
        return state.mirrored(self.perturbation * signs, seen.candidates)

    def tell(self, state: Centre, action: Action, outcome: Outcome | Denial) -> Centre:
        if isinstance(outcome, Denial):
            return state.back()
        assert isinstance(action, TryControls)
        inverse = 1.0 / np.where(state.offsets(action) == 0, np.inf, state.offsets(action))
        return state.moved(-self.gain * slope(state.space, inverse, excess(outcome)), self.reach)
