"""Policy gradient: reinforcement learning that keeps a machine in tune while it computes.

The policy is a distribution over controls around a centre, with no state of the machine as input
(parameter-exploring policy gradients: Sehnke et al., Neural Networks 23, 551 (2010)). Each site is a
reward of its own, minus its detection rate, and a knob learns from the sites it touches (Sivak et al.,
Nature 655, 879 (2026)). The agent is told nothing else: not the curvatures, the noise or the drift. Unlike
the published one it

- moves every knob by plus or minus its own exploration in an orthogonal design, in mirrored pairs: the
  effects of other knobs at the same site, the largest noise of all while the chip moves, drop out;
- takes steps proportional to the gradient instead of bounded ones (PPO with Adam): a knob far off
  returns in few epochs and a knob in tune barely moves;
- learns a gain for each knob from one fact: under the best gain successive errors are uncorrelated (the
  innovations of an optimal filter are white: Mehra, IEEE Trans. Autom. Control 15, 175 (1970)). Gradients that
  agree with the last one say that the step was too short, gradients that oppose it that it was too long;
- goes on moving with the velocity that its steps have had, in so far as gradients agree with it, by the
  same fact;
- explores as far as it pays: each knob's exploration follows its own tracking error, which is found
  from its steps and the part of the gradient that is shot noise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from counterpoint.base import Action, ControlSpace, Denial, Explorer, Floats, Key, Outcome, Seen, TryControls
from counterpoint.explore.centre import Centre
from counterpoint.explore.credit import excess, slope
from counterpoint.explore.design import colours, hadamard

MEMORY = 0.95  # of running mean squares
LEAST, MOST = -3.0, 2.5  # a knob's gain stays within exp of these times the learning rate
NARROW, WIDE = 0.05, 0.3  # bounds of exploration, in units of a knob's scale
FOLLOW = 0.1  # part of the way, in the logarithm, by which exploration goes to its target in an epoch
NOISY = 0.05  # least part of a gradient's mean square that is taken as signal


@dataclass(frozen=True, eq=False)
class Policy:
    """The state: where the policy is centred, how far it explores, and what it has learned of each knob."""

    centre: Centre
    colour: NDArray[np.int64]  # (N,) knobs that share a site have different ones
    sigma: Floats  # (N,) exploration, in units of each knob's scale
    log_gain: Floats  # (N,) beside the learning rate
    gradient: Floats  # (N,) the last one
    power: Floats  # (N,) running mean square of the gradients
    noise: Floats  # (N,) running mean of the part of it that is shot noise
    moves: Floats  # (N,) running mean square of the steps
    velocity: Floats  # (N,) running mean of the moves of the centre, an epoch
    momentum: float  # how much of the velocity is kept up, learned from all knobs together


@dataclass(frozen=True)
class PolicyGradient(Explorer):
    """Orthogonal exploration, reward and credit per site, proportional step with learned gain and velocity.

    Attributes:
        sigma: exploration at first, in units of each knob's scale.
        learning_rate: step for a unit of gradient, before a gain is learned. Where the summed detection
            rate of a knob's sites has curvature k (a unit of rate for a squared unit of scale), its error
            shrinks by 1 - 2 k * learning_rate an epoch.
        adaptation: change of the logarithm of a gain, and of the momentum, at full agreement.
        persistence: memory of the velocity, in (0, 1).
        boldness: squared exploration over the squared tracking error. Where a larger sigma buys a smaller
            error, P ~ 1 / sigma, the sum of both costs is least at 1/2.
        reach: the longest step of a knob in one epoch, in units of its scale.
    """

    sigma: float = 0.13
    learning_rate: float = 20.0
    adaptation: float = 0.05
    persistence: float = 0.8
    boldness: float = 0.4
    reach: float = 0.5
    citation: str = (
        "@article{Sivak2026, title={Reinforcement learning control of quantum error correction},"
        " journal={Nature}, volume={655}, pages={879--884}, year={2026},"
        " doi={10.1038/s41586-026-10759-2}}\n"
        "@article{Sehnke2010, title={Parameter-exploring policy gradients}, journal={Neural Networks},"
        " volume={23}, pages={551--559}, year={2010}, doi={10.1016/j.neunet.2009.12.004}}\n"
        "@article{Mehra1970, title={On the identification of variances and adaptive {Kalman} filtering},"
        " journal={IEEE Transactions on Automatic Control}, volume={15}, pages={175--184}, year={1970},"
        " doi={10.1109/TAC.1970.1099422}}\n"
        "@article{PlackettBurman1946, title={The design of optimum multifactorial experiments},"
        " journal={Biometrika}, volume={33}, pages={305--325}, year={1946}, doi={10.1093/biomet/33.4.305}}"
    )

    def init(self, space: ControlSpace, key: Key) -> Policy:
        zero = np.zeros_like(space.start)
        return Policy(
            Centre.of(space), colours(space.touches), zero + self.sigma, zero, zero, zero, zero, zero, zero, 0.0
        )

    def ask(self, key: Key, state: Policy, seen: Seen) -> Action:
        signs = _signs(key, state.colour, seen.candidates // 2)
        return state.centre.mirrored(state.sigma * signs, seen.candidates)

    def tell(self, state: Policy, action: Action, outcome: Outcome | Denial) -> Policy:
        if isinstance(outcome, Denial):
            return replace(state, centre=state.centre.back(), velocity=np.zeros_like(state.velocity))
        assert isinstance(action, TryControls)
        space, seen = state.centre.space, excess(outcome)
        gradient = slope(space, state.centre.offsets(action) / state.sigma**2, seen)
        memory = MEMORY if state.power.any() else 0.0
        power = _mean(memory, state.power, gradient**2)
        noise = _mean(memory, state.noise, space.touches @ _shot_noise(seen) / state.sigma**2 / len(seen))
        agreement = (gradient * state.gradient / np.maximum(power, 1e-300)).clip(-1, 1)
        log_gain = (state.log_gain + self.adaptation * agreement).clip(LEAST, MOST)
        step = -self.learning_rate * np.exp(log_gain) * gradient
        momentum = state.momentum + self.adaptation * _agreement(-gradient, state.velocity, power)
        momentum = float(np.clip(momentum, 0, 1))
        centre = state.centre.moved(step + momentum * state.velocity, self.reach)
        moves = _mean(memory, state.moves, step**2)
        return Policy(
            centre=centre,
            colour=state.colour,
            sigma=self._explored(state.sigma, moves, 1 - noise / np.maximum(power, 1e-300)) if memory else state.sigma,
            log_gain=log_gain,
            gradient=gradient,
            power=power,
            noise=noise,
            moves=moves,
            velocity=_mean(self.persistence, state.velocity, centre.at - state.centre.at),
            momentum=momentum,
        )

    def adopt(self, state: Policy, settings: Floats) -> Policy:
        """Go on from calibrated settings: what was learned of how these knobs move towards the old ones is dropped."""
        kept = np.isnan(settings)
        return replace(
            state,
            centre=state.centre.calibrated(settings),
            gradient=state.gradient * kept,
            velocity=state.velocity * kept,
        )

    def _explored(self, sigma: Floats, moves: Floats, signal: Floats) -> Floats:
        """Exploration a part of the way nearer to what the tracking errors ask for.

        A filter of gain K corrects by K (error + noise), and under the best one the mean square of that is
        K times the squared error while K is the part of the gradient's mean square that is signal: so the
        squared error is `moves` over `signal`. Each knob's own estimate is drawn half way to the mean of all.
        """
        log_error = np.log(np.maximum(moves / signal.clip(NOISY, 1), 1e-12))
        target = np.sqrt(self.boldness * np.exp((log_error + log_error.mean()) / 2)).clip(NARROW, WIDE)
        return sigma * (target / sigma) ** FOLLOW


def _signs(key: Key, colour: NDArray[np.int64], pairs: int) -> Floats:
    """(pairs, N) of +-1: orthogonal for knobs of different columns; the rows that are left over at random."""
    rng = np.random.default_rng(key)
    square = hadamard(pairs) if pairs else np.zeros((0, 1))
    columns = rng.permutation(square.shape[1])[colour % square.shape[1]]
    designed = square[:, columns] * rng.choice([-1.0, 1.0], colour.size)
    return np.concatenate([designed, rng.choice([-1.0, 1.0], (pairs - len(square), colour.size))])


def _mean(memory: float, before: Floats, now: Floats) -> Floats:
    return memory * before + (1 - memory) * now


def _shot_noise(excess: Floats) -> Floats:
    """(S,) variance of one candidate's rate: twice that of the mean of mirrored pairs, between pairs.

    All pairs are equally far from the centre, so that the cost of exploring is the same for all of them.
    """
    pairs = len(excess) // 2
    if pairs < 2:
        return np.zeros(excess.shape[1])
    return 2 * ((excess[:pairs] + excess[pairs : 2 * pairs]) / 2).var(axis=0, ddof=1)


def _agreement(wanted: Floats, velocity: Floats, power: Floats) -> float:
    """Correlation over knobs of the wanted moves with the velocity, times N^(1/2) of its chance size, in -1 to 1."""
    length = float(np.sqrt((velocity**2).mean()))
    if not length:
        return 0.0
    each = (wanted / np.sqrt(np.maximum(power, 1e-300)) * velocity / length).clip(-1, 1)
    return float(np.clip(each.mean() * each.size**0.25, -1, 1))
