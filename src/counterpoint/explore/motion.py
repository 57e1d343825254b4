"""Motion: how the best setting of each knob moves, learned by a bank of Kalman filters.

Nothing is known of the drift beforehand. Each model of the bank is a small linear system run for every
knob on its own; what a model predicted badly counts against it (Magill, IEEE Transactions on Automatic
Control 10, 434 (1965)). The share of knobs that follow each model is estimated over all knobs by
expectation-maximisation, so that what is too faint in one knob is learned from many.

*Walks*: x' = lambda x + noise of variance q, some with a rare jump (a two-component mixture, matched
to one Gaussian after each reading: Harrison and Stevens, J. R. Stat. Soc. B 38, 205 (1976)).
*Cycles*: a damped rotating phasor (Harvey, Forecasting, structural time series models and the Kalman
filter (1989), eq. 2.3.38), seen through its first component. The frequencies stand on a coarse grid;
each is pulled to that at which its phasors stop turning under the readings, as a phase-locked loop does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from counterpoint.base import Floats

MEMORY = 0.93  # of a model's log likelihood, an epoch
FLOOR = 1e-6  # no model is ever ruled out
ROUNDS = 3  # of expectation-maximisation an epoch

WALK_NOISE = np.geomspace(1e-5, 0.3, 8)  # variance an epoch
JUMP_CHANCE, JUMP = 0.003, 0.5  # chance of a jump in an epoch, and its variance
RELAXING = (0.9, 0.97, 0.99)  # lambda of walks that are drawn back to where calibration left the knob
SPREAD = 0.5  # variance in the long run of these, and of cycles: that of a sine of amplitude 1

FREQUENCIES = np.geomspace(1 / 1200, 0.35, 20)  # of cycles, per epoch
PERIODS = np.array([8.0, 100.0])  # over which a cycle forgets its amplitude and phase
LOCKED_BY = 0  # index in PERIODS of the cycles that say where a frequency lies
LOCK = 0.05  # share of the seen frequency error that is corrected in an epoch


def _walks() -> tuple[Floats, Floats, Floats]:
    """(W, 1) each: lambda, noise variance, chance of a jump."""
    quiet = [(1.0, q, 0.0) for q in WALK_NOISE]
    jumping = [(1.0, q, JUMP_CHANCE) for q in WALK_NOISE]
    relaxing = [(r, SPREAD * (1 - r**2), 0.0) for r in RELAXING]
    decay, noise, chance = np.array(quiet + jumping + relaxing).T[..., None]
    return decay, noise, chance


DECAY, NOISE, CHANCE = _walks()
CYCLE_DECAY = np.exp(-FREQUENCIES[:, None] / PERIODS).reshape(-1, 1)  # (V, 1), periods fastest
CYCLE_NOISE = SPREAD * (1 - CYCLE_DECAY**2)
PULL = (FREQUENCIES[1] / FREQUENCIES[0]) ** 0.5  # a frequency stays within this factor of its place


@dataclass(frozen=True, eq=False)
class Motion:
    """What is believed of N optima, in units of scale from the start, before the next reading."""

    walk: Floats  # (2, W, N): mean, variance
    cycle: Floats  # (5, V, N): means of both components, variances 00, 01, 11
    frequency: Floats  # (F,) radians an epoch
    score: Floats  # (W + V, N) log likelihoods
    share: Floats  # (W + V,) of knobs that follow a model
    mean: Floats  # (N,) of all models together
    variance: Floats  # (N,) of it
    growth: Floats  # (N,) by how much the variance grew since the last reading
    correlation: Floats  # (N,) of an error with what it was one epoch ago

    @classmethod
    def of(cls, knobs: int) -> Motion:
        """All optima are near the start: a full calibration has just left them there, or they turn."""
        walk = np.zeros((2, len(DECAY), knobs))
        walk[1] = 0.01
        cycle = np.zeros((5, len(CYCLE_DECAY), knobs))
        cycle[2] = cycle[4] = SPREAD
        models = len(DECAY) + len(CYCLE_DECAY)
        share = np.full(models, 1 / models)
        here = share[:, None] * np.concatenate([walk[1], cycle[2]])
        one = np.ones(knobs)
        variance = here.sum(axis=0)
        return cls(walk, cycle, 2 * np.pi * FREQUENCIES, np.zeros((models, knobs)), share, 0 * one, variance, one, one)

    def after(self, reading: Floats, noise: Floats) -> Motion:
        """After a reading (N,) of the optima with variance `noise` (N,), and one epoch later."""
        walk, walk_score = _read_walk(self.walk, reading, noise)
        cycle, cycle_score = _read_cycle(self.cycle, reading, noise)
        score = MEMORY * self.score + np.concatenate([walk_score, cycle_score])
        share, weight = _shares(self.share, score)
        w, v = weight[: len(DECAY)], weight[len(DECAY) :]
        _, before = _mix(w, v, walk[0], cycle[0], walk[1], cycle[2])
        frequency = self._locked(cycle, v)
        turn = np.repeat(frequency, len(PERIODS))[:, None]
        walk = np.stack([DECAY * walk[0], DECAY**2 * walk[1] + NOISE])
        cycle = _turned(cycle, CYCLE_DECAY * np.cos(turn), CYCLE_DECAY * np.sin(turn))
        mean, variance = _mix(w, v, walk[0], cycle[0], walk[1], cycle[2])
        jumps = JUMP * np.einsum("wn,w->n", w, CHANCE[:, 0])
        correlation = np.einsum("wn,w->n", w, DECAY[:, 0]) + np.einsum("vn,v->n", v, (CYCLE_DECAY * np.cos(turn))[:, 0])
        growth = np.maximum(variance - before, 1e-8)
        return Motion(walk, cycle, frequency, score, share, mean, variance + jumps, growth, correlation)

    def _locked(self, cycle: Floats, weight: Floats) -> Floats:
        """(F,) frequencies, after the turn that this reading gave to the phasors of the models in charge."""
        pick = slice(LOCKED_BY, None, len(PERIODS))
        x, y = self.cycle[0, pick], self.cycle[1, pick]
        trust = weight[pick] + 1e-9
        ahead = np.einsum("fn,fn->f", trust, x * (cycle[1, pick] - y) - y * (cycle[0, pick] - x))
        size = np.einsum("fn,fn->f", trust, x**2 + y**2)
        place = 2 * np.pi * FREQUENCIES
        return (self.frequency - LOCK * ahead / (size + 1e-9)).clip(place / PULL, place * PULL)


def _read_walk(walk: Floats, reading: Floats, noise: Floats) -> tuple[Floats, Floats]:
    """Means and variances after a reading, and its log likelihoods, (W, N)."""
    mean, variance = walk
    surprise = reading - mean
    total = variance + noise
    after = np.stack([mean + variance / total * surprise, variance * noise / total])
    score = -0.5 * (surprise**2 / total + np.log(total))
    jumps = CHANCE[:, 0] > 0
    surprise, wide = surprise[jumps], variance[jumps] + JUMP
    leapt = np.log(CHANCE[jumps]) - 0.5 * (surprise**2 / (wide + noise) + np.log(wide + noise))
    stayed = np.log1p(-CHANCE[jumps]) + score[jumps]
    both = np.logaddexp(stayed, leapt)
    chance = np.exp(leapt - both)
    apart = (wide / (wide + noise) - variance[jumps] / total[jumps]) * surprise
    after[0, jumps] += chance * apart
    spread = chance * wide * noise / (wide + noise) + chance * (1 - chance) * apart**2
    after[1, jumps] = (1 - chance) * after[1, jumps] + spread
    score[jumps] = both
    return after, score


def _read_cycle(cycle: Floats, reading: Floats, noise: Floats) -> tuple[Floats, Floats]:
    """Means and variances after a reading of the first components, and its log likelihoods, (V, N)."""
    x, y, xx, xy, yy = cycle
    total = xx + noise
    surprise = reading - x
    gain, side = xx / total, xy / total
    after = np.stack([x + gain * surprise, y + side * surprise, noise * gain, noise * side, yy - side * xy])
    return after, -0.5 * (surprise**2 / total + np.log(total))


def _turned(cycle: Floats, c: Floats, s: Floats) -> Floats:
    """Phasors one epoch later, turned and shrunk by the (V, 1) rotation c, s."""
    x, y, xx, xy, yy = cycle
    return np.stack(
        [
            c * x + s * y,
            c * y - s * x,
            c * c * xx + 2 * c * s * xy + s * s * yy + CYCLE_NOISE,
            c * s * (yy - xx) + (c * c - s * s) * xy,
            s * s * xx - 2 * c * s * xy + c * c * yy + CYCLE_NOISE,
        ]
    )


def _shares(share: Floats, score: Floats) -> tuple[Floats, Floats]:
    """Share of each model (M,), and its weight for each knob (M, N)."""
    likelihood = np.exp(score - score.max(axis=0))
    for _ in range(ROUNDS):
        share = share * (likelihood @ (1 / (share @ likelihood))) / score.shape[1] + FLOOR
        share = share / share.sum()
    return share, share[:, None] * likelihood / (share @ likelihood)


def _mix(w: Floats, v: Floats, walk: Floats, cycle: Floats, p: Floats, q: Floats) -> tuple[Floats, Floats]:
    """Mean and variance (N,) of the mixture of walks and cycles with these weights, means and variances."""
    mean = np.einsum("mn,mn->n", w, walk) + np.einsum("mn,mn->n", v, cycle)
    spread = np.einsum("mn,mn->n", w, p + (walk - mean) ** 2) + np.einsum("mn,mn->n", v, q + (cycle - mean) ** 2)
    return mean, spread
