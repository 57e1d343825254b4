"""The published agent, as it is written: the arm to which others are compared, and which nobody improves.

Sivak et al., Nature 655, 879 (2026), supplement VIII, equations 10 to 22 and algorithm 1: parameter-exploring
policy gradients with a factorised Gaussian, a reward and a learned baseline for each detector, importance ratios
of the detector's own controls, entropy regularisation, a replay buffer, and several bounded steps of Adam an
epoch. The method's settings are unpublished but for the entropy weights; docs/published-agent.md says what was
chosen instead, and on what criterion. Patent applications on the published method exist (US18/680,288;
US19/345,222).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from counterpoint.base import Action, ControlSpace, Denial, Explorer, Floats, Key, Outcome, Seen, TryControls
from counterpoint.explore.centre import Centre

FIRST, SECOND, TINY = 0.9, 0.999, 1e-8  # Adam's memory of the gradient and of its square, and its guard
FARTHEST = 1.5  # of a candidate from the centre, and
REACH = 0.4  # of the centre's move in an epoch, in units of scale: together within the charter's step of 2


@dataclass(frozen=True, eq=False)
class Theta:
    """What is learned, and the shape of anything that stands beside it: gradients and moments."""

    mu: Floats  # (N,) units of a knob's scale from its start
    sigma: Floats  # (N,) the same units; itself the parameter, not its logarithm (eq. 11)
    baseline: Floats  # (S,) units of reward

    def joined(self) -> Floats:
        """float64 (2 N + S,)"""
        return np.concatenate([self.mu, self.sigma, self.baseline])

    @classmethod
    def split(cls, joined: Floats, knobs: int) -> Theta:
        """The inverse of `joined`."""
        return cls(joined[:knobs], joined[knobs : 2 * knobs], joined[2 * knobs :])


@dataclass(frozen=True, eq=False)
class Batch:
    """One epoch as the replay buffer keeps it; batches join into a longer one."""

    points: Floats  # (C, N) candidates, units of scale from the start
    rewards: Floats  # (C, S) r = -o (eqs 10 and 12)
    log_old: Floats  # (C, N) log density of each coordinate under the policy that drew it, 1/2 log 2 pi left out

    @classmethod
    def join(cls, batches: tuple[Batch, ...]) -> Batch:
        """All candidates of all `batches`."""
        return cls(
            np.concatenate([b.points for b in batches]),
            np.concatenate([b.rewards for b in batches]),
            np.concatenate([b.log_old for b in batches]),
        )


@dataclass(frozen=True, eq=False)
class Learner:
    """The state."""

    centre: Centre  # its point is mu
    theta: Theta
    replay: tuple[Batch, ...]  # the newest last
    first: Floats  # (2 N + S,) Adam's running mean of the gradient
    second: Floats  # (2 N + S,) and of its square
    steps: int  # of Adam so far


def log_density(points: Floats, mu: Floats, sigma: Floats) -> Floats:
    """float64 (C, N): log of N(mu, sigma^2) at each coordinate, less the constant 1/2 log 2 pi (eq. 11)."""
    return -0.5 * ((points - mu) / sigma) ** 2 - np.log(sigma)


def gradient(
    theta: Theta, batch: Batch, touches: Floats, *, clip: float, entropy: float, baseline_weight: float
) -> Theta:
    """The derivative of the total loss (eq. 22).

    The loss is L_policy + `baseline_weight` L_baseline + `entropy` L_entropy, with a mean over candidates c:

        alpha = r - b                                           (eq. 13)
        chi_ci = clip(pi(p_ci) / pi_old(p_ci), 1 +- `clip`)      (eqs 16 and 17: each coordinate first)
        rho_cj = exp(sum_i M_ji ln chi_ci)                      (eq. 17: only then the detector's own)
        L_policy = -mean_c sum_j alpha_cj rho_cj                (eq. 18; alpha is a constant in it)
        L_baseline = mean_c sum_j alpha_cj^2                    (eq. 19)
        L_entropy = -sum_i ln sigma_i + constant                (eqs 20 and 21)

    Args:
        touches: float64 (N, S) of 0 and 1, the transpose of the mask M.
    """
    away = (batch.points - theta.mu) / theta.sigma
    ratio = -0.5 * away**2 - np.log(theta.sigma) - batch.log_old
    low, high = math.log1p(-clip), math.log1p(clip)
    inside = (ratio > low) & (ratio < high)  # a clipped ratio no longer depends on theta
    advantage = batch.rewards - theta.baseline
    weighted = advantage * np.exp(ratio.clip(low, high) @ touches)
    credit = (weighted @ touches.T) * inside / len(away)  # (C, N): minus the derivative by ln chi
    return Theta(
        mu=-(credit * away).sum(axis=0) / theta.sigma,
        sigma=-((credit * (away**2 - 1)).sum(axis=0) + entropy) / theta.sigma,
        baseline=-2 * baseline_weight * advantage.mean(axis=0),
    )


@dataclass(frozen=True)
class Published(Explorer):
    """The agent of Sivak et al., frozen.

    Attributes:
        entropy: weight of the entropy loss; 0.001, 0.01 and 0.1 are published.
        sigma: standard deviation of the first policy, in units of each knob's scale.
        floor, cap: sigma is kept between these.
        rate_mu, rate_sigma, rate_baseline: learning rates of Adam; units of scale or reward, a step.
        steps: policy steps an epoch.
        clip: importance ratios of one coordinate are clipped to 1 - clip and 1 + clip.
        replay: epochs in the replay buffer, the present one included.
        baseline_weight: weight of the baseline loss.
        longest: Euclidean norm to which the gradient is shortened before Adam sees it.
        unit: reward for a fall of the detection rate by one; 30 is about events a shot of 30 cycles.
    """

    entropy: float = 0.01
    sigma: float = 0.3
    floor: float = 0.02
    cap: float = 0.35
    rate_mu: float = 8e-3
    rate_sigma: float = 1e-2
    rate_baseline: float = 3e-2
    steps: int = 20
    clip: float = 0.15
    replay: int = 2
    baseline_weight: float = 1.0
    longest: float = 0.1
    unit: float = 30.0
    citation: str = (
        "@article{Sivak2026, title={Reinforcement learning control of quantum error correction},"
        " journal={Nature}, volume={655}, pages={879--884}, year={2026},"
        " doi={10.1038/s41586-026-10759-2}}"
    )

    def init(self, space: ControlSpace, key: Key) -> Learner:
        knobs, sites = space.touches.shape
        centre = Centre.of(space)
        theta = Theta(centre.at, np.full(knobs, self.sigma), np.zeros(sites))
        zero = np.zeros(2 * knobs + sites)
        return Learner(centre, theta, (), zero, zero, 0)

    def ask(self, key: Key, state: Learner, seen: Seen) -> Action:
        noise = np.random.default_rng(key).standard_normal((seen.candidates, state.theta.mu.size))
        return state.centre.around((state.theta.sigma * noise).clip(-FARTHEST, FARTHEST))

    def tell(self, state: Learner, action: Action, outcome: Outcome | Denial) -> Learner:
        if isinstance(outcome, Denial):
            centre = state.centre.back()
            return replace(state, centre=centre, theta=replace(state.theta, mu=centre.at))
        assert isinstance(action, TryControls)
        points = state.centre.at + state.centre.offsets(action)
        rewards = -self.unit * outcome.events / np.maximum(1, outcome.opportunities)
        drawn = log_density(points, state.theta.mu, state.theta.sigma)
        replay = (*state.replay, Batch(points, rewards, drawn))[-self.replay :]
        # The first baseline is the first mean reward: from zero Adam would need hundreds of steps to get there.
        theta = state.theta if state.replay else replace(state.theta, baseline=rewards.mean(axis=0))
        return self._learned(replace(state, theta=theta, replay=replay))

    def _learned(self, state: Learner) -> Learner:
        """The state after the policy steps of one epoch (algorithm 1)."""
        knobs = state.theta.mu.size
        rates = Theta(
            np.full(knobs, self.rate_mu),
            np.full(knobs, self.rate_sigma),
            np.full_like(state.theta.baseline, self.rate_baseline),
        ).joined()
        touches = state.centre.space.touches.astype(np.float64)
        batch = Batch.join(state.replay)
        theta, first, second = state.theta, state.first, state.second
        for step in range(state.steps + 1, state.steps + 1 + self.steps):
            slope = gradient(
                theta, batch, touches, clip=self.clip, entropy=self.entropy, baseline_weight=self.baseline_weight
            ).joined()
            slope = slope * min(1.0, self.longest / max(float(np.linalg.norm(slope)), 1e-300))
            first = FIRST * first + (1 - FIRST) * slope
            second = SECOND * second + (1 - SECOND) * slope**2
            mean, square = first / (1 - FIRST**step), second / (1 - SECOND**step)
            theta = Theta.split(theta.joined() - rates * mean / (np.sqrt(square) + TINY), knobs)
            theta = replace(theta, sigma=theta.sigma.clip(self.floor, self.cap))
        centre = state.centre.moved(theta.mu - state.centre.at, REACH)
        return Learner(centre, replace(theta, mu=centre.at), state.replay, first, second, state.steps + self.steps)
