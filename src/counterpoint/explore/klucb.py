"""KL-UCB: the arm whose value may be the largest, by the Kullback-Leibler divergence of what was sampled.

Garivier and Cappe, COLT 2011 (arXiv:1102.2490), algorithm 1 with c = 0. With the divergence of normal samples it is
UCB1 (Auer, Cesa-Bianchi and Fischer, Machine Learning 47, 235 (2002)).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import entr

from counterpoint.base import Action, ControlSpace, Denial, Explorer, Floats, Key, Outcome, Seen
from counterpoint.explore.counted import Counted
from counterpoint.explore.estimate import Estimated, grid

STEPS, CLOSE = 50, 1e-10  # of Newton's method, which converges from one side


def upper(means: Floats, bounds: Floats) -> Floats:
    """(K,) the largest q with d(p, q) <= bound, d the divergence of Bernoulli distributions, for means p.

    Newton's method on a convex function, from the lesser of two bounds of q: Pinsker's, and that of -(1 - p) ln(1 - q).
    """
    p, left = means, 1 - means
    entropy = entr(p) + entr(left)
    with np.errstate(divide="ignore", over="ignore", under="ignore"):
        near = 1 - np.exp(-(bounds + entropy) / np.where(left > 0, left, 1))
    q = np.where(left > 0, np.minimum(np.minimum(p + np.sqrt(bounds / 2), near), 1 - 1e-15), 1.0)
    inside = (left > 0) & (q > p)
    for _ in range(STEPS):
        at = np.where(inside, q, 0.5)
        excess = np.where(inside, -entropy - p * np.log(at) - left * np.log1p(-at) - bounds, 0.0)
        step = np.maximum(excess, 0) * at * (1 - at) / np.where(inside, at - p, 1)
        q = np.maximum(q - step, p)
        inside &= q > p
        if step.max() < CLOSE:
            break
    return q


@dataclass(frozen=True)
class KlUcb(Explorer):
    """KL-UCB: the largest q that n d(mean, q) <= scale * ln t allows is sampled next, every arm once before.

    Attributes:
        arms: points of the grid over the space's knob.
        divergence: d, of Bernoulli distributions, or 2 (q - mean)^2; this with scale 4 is UCB1.
        scale: of the logarithm; 1 has the guarantee.
        share: an arm is sampled so often at once, of its samples so far: what is saved is time, and at most this share
            of the regret is added.
    """

    arms: int = 20
    divergence: Literal["bernoulli", "normal"] = "bernoulli"
    scale: float = 1.0
    share: float = 0.02
    citation: str = (
        "@inproceedings{Garivier2011, title={The {KL-UCB} algorithm for bounded stochastic bandits and beyond},"
        " author={Garivier, Aur{\\'e}lien and Capp{\\'e}, Olivier}, booktitle={Conference on Learning Theory},"
        " pages={359--376}, year={2011}}\n"
        "@article{Auer2002, title={Finite-time analysis of the multiarmed bandit problem}, author={Auer, Peter and"
        " Cesa-Bianchi, Nicol{\\`o} and Fischer, Paul}, journal={Machine Learning}, volume={47}, pages={235--256},"
        " year={2002}, doi={10.1023/A:1013689704352}}"
    )

    def init(self, space: ControlSpace, key: Key) -> Counted:
        return Counted.of(grid(space, self.arms))

    def ask(self, key: Key, state: Counted, seen: Seen) -> Action:
        untried = np.flatnonzero(state.samples == 0)
        if untried.size:
            return state.more(int(untried[0]), 1)
        means = state.ones / state.samples
        bounds = self.scale * math.log(state.samples.sum()) / state.samples
        index = upper(means, bounds) if self.divergence == "bernoulli" else means + np.sqrt(bounds / 2)
        arm = int(np.argmax(index))
        return state.more(arm, self.share * state.samples[arm])

    def tell(self, state: Counted, action: Action, outcome: Outcome | Denial | Estimated) -> Counted:
        return state.told(action, outcome)
