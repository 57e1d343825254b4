"""Thompson sampling: each arm is sampled as often as it is believed to be the best.

Thompson, Biometrika 25, 285 (1933); Agrawal and Goyal, COLT 2012 (arXiv:1111.1797), algorithm 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from counterpoint.base import Action, ControlSpace, Denial, Explorer, Key, Outcome, Seen, fold_in
from counterpoint.explore.counted import Counted
from counterpoint.explore.estimate import Estimated, grid

DRAWS = 1024  # at once, at most


@dataclass(frozen=True, eq=False)
class Planned:
    """Samples of K arms, and how many of each are to come before the next draws."""

    counted: Counted
    plan: NDArray[np.int64]  # (K,)
    key: Key
    draws: int = 0  # plans made


@dataclass(frozen=True)
class Thompson(Explorer):
    """Thompson sampling of probabilities: a value is drawn for each arm from its beta distribution, the largest wins.

    So many draws are made at once that no arm gets more samples than a share of what it has, every arm one at first.

    Attributes:
        arms: points of the grid over the space's knob.
        prior: both parameters of the beta distribution before any sample; 1 is uniform, 1/2 is Jeffreys'.
        calm: the draws' distribution is that of so many times the samples; 1 is Thompson's.
        share: of an arm's samples that are made at once: what is saved is time.
    """

    arms: int = 20
    prior: float = 1.0
    calm: float = 1.0
    share: float = 0.02
    citation: str = (
        "@article{Thompson1933, title={On the likelihood that one unknown probability exceeds another in view of the"
        " evidence of two samples}, author={Thompson, William R.}, journal={Biometrika}, volume={25}, pages={285--294},"
        " year={1933}, doi={10.1093/biomet/25.3-4.285}}"
    )

    def init(self, space: ControlSpace, key: Key) -> Planned:
        points = grid(space, self.arms)
        return Planned(Counted.of(points), np.ones(len(points), np.int64), key)

    def ask(self, key: Key, state: Planned, seen: Seen) -> Action:
        arm = int(np.flatnonzero(state.plan)[0])
        return state.counted.more(arm, state.plan[arm])

    def tell(self, state: Planned, action: Action, outcome: Outcome | Denial | Estimated) -> Planned:
        if isinstance(outcome, Denial):
            return state
        assert isinstance(outcome, Estimated)
        counted, plan = state.counted.after(action, outcome), state.plan.copy()
        plan[np.flatnonzero(plan)[0]] = 0
        if plan.any():
            return replace(state, counted=counted, plan=plan)
        return Planned(counted, self._plan(counted, fold_in(state.key, state.draws)), state.key, state.draws + 1)

    def _plan(self, counted: Counted, key: Key) -> NDArray[np.int64]:
        """(K,) how often each arm wins before one of them has won its share."""
        ones, rest = self.calm * counted.ones, self.calm * (counted.samples - counted.ones)
        most = np.maximum(1, (self.share * counted.samples).astype(np.int64))
        shape = (most.size, min(int(most.max()), DRAWS))
        drawn = np.random.default_rng(key).beta(self.prior + ones[:, None], self.prior + rest[:, None], shape)
        winners = drawn.argmax(axis=0)
        won = np.bincount(winners, minlength=most.size)
        if (won < most).all():
            return won
        wins = (winners == np.arange(most.size)[:, None]).cumsum(axis=1)
        return wins[:, (wins >= most[:, None]).any(axis=0).argmax()]
