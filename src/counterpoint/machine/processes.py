"""Processes by which the best setting of a knob moves, one tick (an epoch) at a time.

Offsets are in units of each knob's scale; frequencies and rates are per epoch. All start where the
last calibration left the knobs, at 0, but for sinusoids with independent phases and spoiled controls.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import ceil, expm1, log
from typing import Literal, final

import numpy as np

from counterpoint.base import Floats, Key, fold_in
from counterpoint.machine.device import RANGE

PINK_OCTAVE = 2.0  # ratio of neighbouring rates in the sum that makes 1/f


@dataclass(frozen=True)
class Process(ABC):
    """The settings of one process. Its hidden state is one array, (M, N) for N knobs."""

    @abstractmethod
    def begin(self, key: Key, knobs: int) -> Floats:
        """Hidden state at tick 0."""

    @abstractmethod
    def after(self, hidden: Floats, key: Key, tick: int) -> Floats:
        """Hidden state at `tick`, from that one tick earlier."""

    @abstractmethod
    def offset(self, hidden: Floats, tick: int) -> Floats:
        """(N,) offsets at `tick`."""


@final
@dataclass(frozen=True)
class Sine(Process):
    """amplitude * sin(2 pi f t + phase): one phase, 0, for all knobs or one drawn for each."""

    f: float
    amplitude: float = 1.0
    phases: Literal["common", "independent"] = "common"

    def begin(self, key: Key, knobs: int) -> Floats:
        if self.phases == "common":
            return np.zeros((1, knobs))
        return np.random.default_rng(key).uniform(0, 2 * np.pi, (1, knobs))

    def after(self, hidden: Floats, key: Key, tick: int) -> Floats:
        return hidden

    def offset(self, hidden: Floats, tick: int) -> Floats:
        return self.amplitude * np.sin(2 * np.pi * self.f * tick + hidden[0])


@final
@dataclass(frozen=True)
class Step(Process):
    """0 before epoch `at`, `amplitude` from then on, for every knob."""

    at: float
    amplitude: float = 1.0

    def begin(self, key: Key, knobs: int) -> Floats:
        return np.zeros((1, knobs))

    def after(self, hidden: Floats, key: Key, tick: int) -> Floats:
        return hidden

    def offset(self, hidden: Floats, tick: int) -> Floats:
        return hidden[0] + (self.amplitude if tick >= self.at else 0.0)


@final
@dataclass(frozen=True)
class Burst(Process):
    """`amplitude` for `epochs` epochs from epoch `at` on, 0 before and after, for every knob."""

    at: float
    epochs: float
    amplitude: float = 1.0

    def begin(self, key: Key, knobs: int) -> Floats:
        return np.zeros((1, knobs))

    def after(self, hidden: Floats, key: Key, tick: int) -> Floats:
        return hidden

    def offset(self, hidden: Floats, tick: int) -> Floats:
        return hidden[0] + (self.amplitude if self.at <= tick < self.at + self.epochs else 0.0)


@final
@dataclass(frozen=True)
class Spoiled(Process):
    """Controls lost: an offset of each knob, drawn once, uniform over +-`reach`; the whole safe range by default.

    The recovery experiment of Sivak et al. (arXiv:2511.08493, supplement IV).
    """

    reach: float = RANGE

    def begin(self, key: Key, knobs: int) -> Floats:
        return np.random.default_rng(key).uniform(-self.reach, self.reach, (1, knobs))

    def after(self, hidden: Floats, key: Key, tick: int) -> Floats:
        return hidden

    def offset(self, hidden: Floats, tick: int) -> Floats:
        return hidden[0]


@final
@dataclass(frozen=True)
class Linear(Process):
    """rate * t for every knob."""

    rate: float

    def begin(self, key: Key, knobs: int) -> Floats:
        return np.zeros((1, knobs))

    def after(self, hidden: Floats, key: Key, tick: int) -> Floats:
        return hidden

    def offset(self, hidden: Floats, tick: int) -> Floats:
        return hidden[0] + self.rate * tick


@final
@dataclass(frozen=True)
class OrnsteinUhlenbeck(Process):
    """Pulled back to 0 at `rate`, pushed by white noise; standard deviation `amplitude` in the long run.

    Exact transition over one tick: x -> x e^-rate + amplitude sqrt(1 - e^(-2 rate)) normal
    (Gillespie, Phys. Rev. E 54, 2084 (1996), eq. 1.9). From 0 the variance is
    amplitude^2 (1 - e^(-2 rate t)).
    """

    rate: float
    amplitude: float = 1.0

    def begin(self, key: Key, knobs: int) -> Floats:
        return np.zeros((1, knobs))

    def after(self, hidden: Floats, key: Key, tick: int) -> Floats:
        return _relax(hidden, np.array([[self.rate]]), self.amplitude, fold_in(key, tick))

    def offset(self, hidden: Floats, tick: int) -> Floats:
        return hidden[0]


@final
@dataclass(frozen=True)
class Telegraph(Process):
    """A two-level system beside each knob, which shifts its optimum by + or - `amplitude` while it is on.

    It starts off and switches either way at `rate`: an odd number of switches in one tick, and so a
    change, has probability (1 - e^(-2 rate)) / 2. The sign of each knob's shift is drawn once.
    """

    rate: float
    amplitude: float = 1.0

    def begin(self, key: Key, knobs: int) -> Floats:
        sign = np.where(np.random.default_rng(key).random(knobs) < 0.5, -1.0, 1.0)
        return np.stack([sign, np.zeros(knobs)])

    def after(self, hidden: Floats, key: Key, tick: int) -> Floats:
        sign, on = hidden
        changes = np.random.default_rng(fold_in(key, tick)).random(on.size) < -expm1(-2 * self.rate) / 2
        return np.stack([sign, np.where(changes, 1 - on, on)])

    def offset(self, hidden: Floats, tick: int) -> Floats:
        return self.amplitude * hidden[0] * hidden[1]


@final
@dataclass(frozen=True)
class Pink(Process):
    """1/f noise between the rates `slow` and `fast`, of standard deviation `amplitude` in the long run.

    A sum of Ornstein-Uhlenbeck processes of equal variance whose rates are evenly spaced in the
    logarithm has a spectrum close to 1/f for slow < 2 pi f < fast (Bernamont 1937; Milotti,
    arXiv:physics/0204033, section 3).
    """

    amplitude: float = 1.0
    slow: float = 0.001
    fast: float = 0.5

    @property
    def rates(self) -> Floats:
        """(M, 1) of them, neighbours at most an octave apart."""
        steps = ceil(log(self.fast / self.slow, PINK_OCTAVE))
        return np.geomspace(self.slow, self.fast, max(1, steps) + 1)[:, None]

    def begin(self, key: Key, knobs: int) -> Floats:
        return np.zeros((self.rates.size, knobs))

    def after(self, hidden: Floats, key: Key, tick: int) -> Floats:
        each = self.amplitude / np.sqrt(len(hidden))
        return _relax(hidden, self.rates, each, fold_in(key, tick))

    def offset(self, hidden: Floats, tick: int) -> Floats:
        return hidden.sum(axis=0)


def _relax(hidden: Floats, rates: Floats, amplitude: float, key: Key) -> Floats:
    """One exact Ornstein-Uhlenbeck tick of each row."""
    push = amplitude * np.sqrt(-np.expm1(-2 * rates))
    return hidden * np.exp(-rates) + push * np.random.default_rng(key).standard_normal(hidden.shape)
