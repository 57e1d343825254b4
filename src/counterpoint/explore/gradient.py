"""Policy gradient: reinforcement learning that keeps a machine in tune while it computes.

The policy is a factorised Gaussian over controls, N(mu, sigma^2), with no state of the machine as
input (parameter-exploring policy gradients: Sehnke et al., Neural Networks 23, 551 (2010)). Each
site is a reward of its own, minus its detection rate, and a knob learns from the sites it touches
(Sivak et al., Nature 655, 879 (2026)). Unlike the published agent, which bounds every step (PPO
with Adam), the step here is proportional to the gradient: a knob far off returns in few epochs and
a knob in tune barely moves, so that faster drift can be followed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from counterpoint.base import Action, ControlSpace, Denial, Explorer, Key, Outcome, Seen, TryControls
from counterpoint.explore.centre import Centre
from counterpoint.explore.credit import excess, slope


@dataclass(frozen=True)
class PolicyGradient(Explorer):
    """Factorised Gaussian policy, reward and credit per site, proportional step.

    Attributes:
        sigma: standard deviation of exploration, in units of each knob's scale.
        learning_rate: step for a unit of gradient. Where the summed detection rate of a knob's
            sites has curvature k (a unit of rate for a squared unit of scale), its error shrinks
            by 1 - k * learning_rate an epoch; above 2 / k it grows.
        reach: the longest step of a knob in one epoch, in units of its scale.
    """

    sigma: float = 0.13
    learning_rate: float = 20.0
    reach: float = 0.5
    citation: str = (
        "@article{Sivak2026, title={Reinforcement learning control of quantum error correction},"
        " journal={Nature}, volume={655}, pages={879--884}, year={2026},"
        " doi={10.1038/s41586-026-10759-2}}\n"
        "@article{Sehnke2010, title={Parameter-exploring policy gradients}, journal={Neural Networks},"
        " volume={23}, pages={551--559}, year={2010}, doi={10.1016/j.neunet.2009.12.004}}"
    )

    def init(self, space: ControlSpace, key: Key) -> Centre:
        return Centre.of(space)

    def ask(self, key: Key, state: Centre, seen: Seen) -> Action:
        noise = np.random.default_rng(key).standard_normal((seen.candidates // 2, state.at.size))
        return state.mirrored(self.sigma * noise, seen.candidates)

    def tell(self, state: Centre, action: Action, outcome: Outcome | Denial) -> Centre:
        if isinstance(outcome, Denial):
            return state.back()
        assert isinstance(action, TryControls)
        score = state.offsets(action) / self.sigma**2  # d log pi / d mu
        gradient = slope(state.space, score, excess(outcome))
        return state.moved(-self.learning_rate * gradient, self.reach)
