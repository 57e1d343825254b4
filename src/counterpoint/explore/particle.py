"""Particle filter: a cloud of guesses for every knob, and the centre at its mean.

A bootstrap filter (Gordon, Salmond and Smith, IEE Proceedings F 140, 107 (1993)) of each knob on the
detection rates of its own sites. A particle is a guess of where the optimum is and of how fast it
wanders: the step size is part of the particle, so that it is learned by survival (self-organising
state-space model: Kitagawa, J. Am. Stat. Assoc. 93, 1203 (1998)). As the cloud may have any shape, a jump
or a knob that wanders now fast and now slowly need no model of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from counterpoint.base import Action, ControlSpace, Denial, Explorer, Floats, Key, Outcome, Seen, TryControls, fold_in
from counterpoint.explore.centre import Centre
from counterpoint.explore.curvature import Curvature
from counterpoint.explore.offsets import Design, Epoch, Touches, read

SLOWEST, FASTEST = 1e-3, 1.0  # standard deviation of a particle's step in one epoch, in units of scale


@dataclass(frozen=True, eq=False)
class Cloud:
    """The state; M particles a knob, all of equal weight."""

    key: Key
    epoch: int  # outcomes told so far
    centre: Centre
    touches: Touches
    curvature: Curvature
    optimum: Floats  # (M, N) in units of scale from the start
    log_step: Floats  # (M, N)
    sigma: Floats  # (N,) exploration


@dataclass(frozen=True)
class Particle(Explorer):
    """Bootstrap filter with systematic resampling, for every knob at once.

    Attributes:
        particles: of each knob.
        sigma: standard deviation of exploration in the first epoch, in units of each knob's scale.
        wander: standard deviation by which the logarithm of a particle's step size changes in one epoch.
        jump: chance that a particle jumps in one epoch.
        leap: standard deviation of such a jump, in units of scale.
        least: the smallest exploration of a knob.
        most: the largest one.
        reach: the longest step of a knob in one epoch, in units of its scale.
    """

    particles: int = 200
    sigma: float = 0.13
    wander: float = 0.3
    jump: float = 0.01
    leap: float = 0.7
    least: float = 0.02
    most: float = 0.35
    reach: float = 1.0
    citation: str = (
        "@article{Gordon1993, title={Novel approach to nonlinear/non-{Gaussian} {Bayesian} state estimation},"
        " journal={IEE Proceedings F}, volume={140}, pages={107--113}, year={1993},"
        " doi={10.1049/ip-f-2.1993.0015}}\n"
        "@article{Kitagawa1998, title={A self-organizing state-space model}, journal={Journal of the American"
        " Statistical Association}, volume={93}, pages={1203--1215}, year={1998},"
        " doi={10.1080/01621459.1998.10473780}}"
    )

    def init(self, space: ControlSpace, key: Key) -> Cloud:
        knobs = space.start.size
        rng = np.random.default_rng(key)
        shape = (self.particles, knobs)
        return Cloud(
            key,
            0,
            Centre.of(space),
            Touches.of(space.touches),
            Curvature.of(knobs),
            0.3 * rng.standard_normal(shape),
            rng.uniform(np.log(SLOWEST), np.log(FASTEST), shape),
            np.full(knobs, self.sigma),
        )

    def ask(self, key: Key, state: Cloud, seen: Seen) -> Action:
        noise = np.random.default_rng(key).standard_normal((seen.candidates // 2, state.sigma.size))
        return state.centre.mirrored((state.sigma * noise).clip(-0.9, 0.9), seen.candidates)

    def tell(self, state: Cloud, action: Action, outcome: Outcome | Denial) -> Cloud:
        if isinstance(outcome, Denial):
            return replace(state, centre=state.centre.back())
        assert isinstance(action, TryControls)
        touches, at = state.touches, state.centre.at
        epoch = Epoch.of(outcome)
        curvature = state.curvature.ready(touches, epoch)
        if not curvature.known:  # no site has told anything yet
            return replace(state, centre=state.centre.moved(0 * at, self.reach))
        offsets = state.centre.offsets(action)
        design = Design.of(offsets)
        mean, variance = at - state.optimum.mean(axis=0), state.optimum.var(axis=0) + self.least**2
        reading = read(touches, epoch, design, curvature.each, curvature.noise, mean, variance)
        curvature = curvature.regress(touches, epoch, design, reading)

        rng = np.random.default_rng(fold_in(state.key, state.epoch))
        weight = weights(state.optimum, at - reading.error, reading.variance)
        chosen = systematic(weight, rng.random(at.size))
        optimum = np.take_along_axis(state.optimum, chosen, axis=0)
        log_step = np.take_along_axis(state.log_step, chosen, axis=0)
        log_step = log_step + self.wander * rng.standard_normal(log_step.shape)
        log_step = log_step.clip(np.log(SLOWEST), np.log(FASTEST))
        step = np.exp(log_step)
        leap = np.where(rng.random(step.shape) < self.jump, self.leap, 0.0)
        growth = (step**2).mean(axis=0) + self.jump * self.leap**2
        optimum = optimum + np.hypot(step, leap) * rng.standard_normal(step.shape)

        # As in `kalman`: the exploration at which its cost and what it leaves unknown add up to least.
        noise = np.maximum(offsets.var(axis=0), 1e-12) * reading.variance
        sigma = ((growth * noise / 4) ** (1 / 6)).clip(self.least, self.most)
        centre = state.centre.moved(optimum.mean(axis=0) - at, self.reach)
        return Cloud(state.key, state.epoch + 1, centre, touches, curvature, optimum, log_step, sigma)


def weights(particles: Floats, reading: Floats, variance: Floats) -> Floats:
    """(M, N) weights of particles (M, N) under a reading (N,) with Gaussian errors; each knob's add up to 1."""
    log = -0.5 * (particles - reading) ** 2 / variance
    weight = np.exp(log - log.max(axis=0))
    return weight / weight.sum(axis=0)


def systematic(weight: Floats, start: Floats) -> np.ndarray:
    """int64 (M, N): which particle each survivor is, by systematic resampling.

    Of a particle with weight w, floor(M w) or ceil(M w) survive (Kitagawa, J. Comput. Graph. Stat. 5, 1
    (1996)). `start`, (N,) in [0, 1), is the one random number that a knob needs.
    """
    m, knobs = weight.shape
    upto = np.ceil(m * weight.cumsum(axis=0) - start).astype(np.int64)  # survivors among the first ones
    upto = upto.clip(0, m)
    upto[-1] = m
    # One long row: particle i of knob n is repeated as often as it survives.
    counts = np.diff(upto, axis=0, prepend=0).T
    return np.repeat(np.tile(np.arange(m), knobs), counts.ravel()).reshape(knobs, m).T
