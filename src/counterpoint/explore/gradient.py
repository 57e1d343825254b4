"""Policy gradient: reinforcement learning that keeps a machine in tune while it computes.

The policy is a factorised Gaussian over controls, N(mu, sigma^2), with no state of the machine as
input (parameter-exploring policy gradients: Sehnke et al., Neural Networks 23, 551 (2010)). Each
site is a reward of its own, minus its detection rate, and a knob learns from the sites it touches
(Sivak et al., Nature 655, 879 (2026)). Unlike the published agent, which bounds every step (PPO
with Adam), the step here is proportional to the gradient: a knob far off returns in few epochs and
a knob in tune barely moves, so that faster drift can be followed.

How large a step is right depends on the knob's curvature, on noise and on how fast it drifts, none of
which the agent is told. It learns a gain for each knob from one fact: under the best gain successive
errors are uncorrelated (the innovations of an optimal filter are white: Mehra, IEEE Transactions on
Automatic Control 15, 175 (1970)). Gradients that agree with the last one say that the step was too
short, gradients that oppose it that it was too long.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from counterpoint.base import Action, ControlSpace, Denial, Explorer, Floats, Key, Outcome, Seen, TryControls
from counterpoint.explore.centre import Centre
from counterpoint.explore.credit import excess, slope

MEMORY = 0.95  # of the running mean square of a gradient
LEAST, MOST = -1.5, 2.5  # a knob's gain stays within exp of these times the learning rate


@dataclass(frozen=True, eq=False)
class Policy:
    """The state: where the policy is centred, and the gain that each knob has learned."""

    centre: Centre
    log_gain: Floats  # (N,) beside the learning rate
    gradient: Floats  # (N,) the last one
    power: Floats  # (N,) running mean square of the gradients


@dataclass(frozen=True)
class PolicyGradient(Explorer):
    """Factorised Gaussian policy, reward and credit per site, proportional step with a learned gain.

    Attributes:
        sigma: standard deviation of exploration, in units of each knob's scale.
        learning_rate: step for a unit of gradient, before a gain is learned. Where the summed detection
            rate of a knob's sites has curvature k (a unit of rate for a squared unit of scale), its error
            shrinks by 1 - 2 k * learning_rate an epoch.
        adaptation: change of the logarithm of a gain at full agreement of two successive gradients.
        reach: the longest step of a knob in one epoch, in units of its scale.
    """

    sigma: float = 0.13
    learning_rate: float = 20.0
    adaptation: float = 0.05
    reach: float = 0.5
    citation: str = (
        "@article{Sivak2026, title={Reinforcement learning control of quantum error correction},"
        " journal={Nature}, volume={655}, pages={879--884}, year={2026},"
        " doi={10.1038/s41586-026-10759-2}}\n"
        "@article{Sehnke2010, title={Parameter-exploring policy gradients}, journal={Neural Networks},"
        " volume={23}, pages={551--559}, year={2010}, doi={10.1016/j.neunet.2009.12.004}}\n"
        "@article{Mehra1970, title={On the identification of variances and adaptive {Kalman} filtering},"
        " journal={IEEE Transactions on Automatic Control}, volume={15}, pages={175--184}, year={1970},"
        " doi={10.1109/TAC.1970.1099422}}"
    )

    def init(self, space: ControlSpace, key: Key) -> Policy:
        zero = np.zeros_like(space.start)
        return Policy(Centre.of(space), zero, zero, zero)

    def ask(self, key: Key, state: Policy, seen: Seen) -> Action:
        noise = np.random.default_rng(key).standard_normal((seen.candidates // 2, state.gradient.size))
        return state.centre.mirrored(self.sigma * noise, seen.candidates)

    def tell(self, state: Policy, action: Action, outcome: Outcome | Denial) -> Policy:
        if isinstance(outcome, Denial):
            return replace(state, centre=state.centre.back())
        assert isinstance(action, TryControls)
        score = state.centre.offsets(action) / self.sigma**2  # d log pi / d mu
        gradient = slope(state.centre.space, score, excess(outcome))
        first = not state.power.any()
        power = gradient**2 if first else MEMORY * state.power + (1 - MEMORY) * gradient**2
        agreement = (gradient * state.gradient / np.maximum(power, 1e-300)).clip(-1, 1)
        log_gain = (state.log_gain + self.adaptation * agreement).clip(LEAST, MOST)
        step = -self.learning_rate * np.exp(log_gain) * gradient
        return Policy(state.centre.moved(step, self.reach), log_gain, gradient, power)
