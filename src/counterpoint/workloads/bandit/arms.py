"""Arms of a bandit, each a probability, and the simulated oracles that answer for them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from counterpoint.base import BadInput, ControlSpace, Floats, Key
from counterpoint.circuits.circuit import Circuit, Operation
from counterpoint.explore.amplitude import WIDEST, Amplitude, Oracle, estimate
from counterpoint.explore.estimate import Estimate, Estimated


@dataclass(frozen=True, eq=False)
class Arms:
    """One instance: each use of an arm's oracle gives 1 with the arm's chance, and costs what it gives too little.

    Raises BadInput for fewer than 2 arms, a chance that is no probability, and arms that are all alike.
    """

    chances: Floats  # (K,)

    def __post_init__(self) -> None:
        if self.chances.size < 2:
            raise BadInput(f"the number of arms is {self.chances.size}, and nothing can be chosen: give at least 2")
        for i in np.flatnonzero(~((self.chances >= 0) & (self.chances <= 1)))[:1]:  # NaN is caught, too
            raise BadInput(f"arm {i + 1} has the probability {self.chances[i]:g}: give a number from 0 to 1")
        if self.chances.min() == self.chances.max():
            raise BadInput(
                f"all {self.chances.size} arms have the probability {self.chances[0]:g}, and there is nothing to find: "
                "give one that is better"
            )

    @property
    def gaps(self) -> Floats:
        """(K,) what a use of each arm costs."""
        return self.chances.max() - self.chances


class Source(Protocol):
    """Where instances come from."""

    @property
    def arms(self) -> int: ...
    @property
    def spread(self) -> float: ...  # mean cost of a use, where arms are used alike
    def draw(self, key: Key) -> Arms: ...


@dataclass(frozen=True)
class Near:
    """Arms of one chance, drawn from 0.45 to 0.55, and one that is better by `gap`.

    Raises BadInput for fewer than 2 arms, and a gap that is not above 0 and at most 0.4.
    """

    arms: int
    gap: float

    def __post_init__(self) -> None:
        if self.arms < 2:
            raise BadInput(f"the number of arms is {self.arms}, and nothing can be chosen: give at least 2")
        if not 0 < self.gap <= 0.4:
            raise BadInput(f"a gap of {self.gap:g} was given: give a number above 0 and at most 0.4")

    @property
    def spread(self) -> float:
        return self.gap * (1 - 1 / self.arms)

    def draw(self, key: Key) -> Arms:
        rng = np.random.default_rng(key)
        chances = np.full(self.arms, rng.uniform(0.45, 0.55) - self.gap / 2)
        chances[rng.integers(self.arms)] += self.gap
        return Arms(chances)


@dataclass(frozen=True)
class Given:
    """Arms of given chances, in a new order each time. Raises BadInput as `Arms`."""

    chances: tuple[float, ...]

    def __post_init__(self) -> None:
        Arms(np.array(self.chances, np.float64))

    @property
    def arms(self) -> int:
        return len(self.chances)

    @property
    def spread(self) -> float:
        return float(Arms(np.array(self.chances)).gaps.mean())

    def draw(self, key: Key) -> Arms:
        return Arms(np.random.default_rng(key).permutation(np.array(self.chances)))


def line() -> ControlSpace:
    """The arms as a space of one knob, from 0 to 1."""
    return ControlSpace(
        ("arm",), ("",), np.zeros(1), np.ones(1), np.zeros(1), np.ones(1), np.ones((1, 1), np.bool_), ("reward",)
    )


@dataclass(frozen=True, eq=False)
class Sampled:
    """Answers with the mean of samples."""

    arms: Arms
    rng: np.random.Generator

    def __call__(self, arm: int, asked: Estimate, left: int) -> tuple[Estimated | None, int]:
        """An estimate of an arm with at most `left` uses, and how many are charged."""
        samples = min(asked.samples, left)
        mean = int(self.rng.binomial(samples, self.arms.chances[arm])) / samples
        return Estimated(mean, asked.error, samples, samples), samples


@dataclass(frozen=True, eq=False)
class Amplified:
    """Answers by amplitude estimation on an oracle whose exact chances are known.

    Attributes:
        shots: of a round, see `Amplitude`.
        decay: of the contrast with each use.
        miss: chance that an interval misses, at most.
    """

    arms: Arms
    rng: np.random.Generator
    shots: int | None = None
    decay: float = 0.0
    miss: float = 0.05

    def __call__(self, arm: int, asked: Estimate, left: int) -> tuple[Estimated | None, int]:
        """An estimate of an arm with at most `left` uses, None where they did not suffice, and how many are charged."""
        settings = Amplitude(min(asked.error, WIDEST), self.shots, self.decay, self.miss)
        reading = estimate(settings, oracle(self.arms, arm, self.rng, self.decay), left)
        if settings.ask(reading) is not None:
            return None, left
        return reading.estimated, reading.estimated.calls


def oracle(arms: Arms, arm: int, rng: np.random.Generator, decay: float = 0.0) -> Oracle:
    """What counts the marks in shots of a Grover power of one arm."""
    angle = math.asin(math.sqrt(arms.chances[arm]))
    return lambda power, shots: int(rng.binomial(shots, chance(angle, power, decay)))


def chance(angle: float, power: int, decay: float = 0.0) -> float:
    """Of the mark in a shot of Grover power k: 1/2 - exp(-decay (2 k + 1)) cos(2 (2 k + 1) angle) / 2."""
    calls = 2 * power + 1
    return min(1.0, max(0.0, 0.5 - 0.5 * math.exp(-decay * calls) * math.cos(2 * calls * angle)))


def circuit(arm: float, power: int) -> Circuit:
    """The shot itself, on one qubit: A = RY(2 asin sqrt(arm)), and `power` times the Grover operator A Z A^-1 Z.

    Both Z are reflections, about the mark |1> and, up to a sign of the whole, about |0>.
    """
    turn = 2 * math.asin(math.sqrt(arm))
    prepare, undo, reflect = (
        Operation("ry", (0,), (turn,)),
        Operation("ry", (0,), (-turn,)),
        Operation("z", (0,)),
    )
    return Circuit(1, 1, (prepare, *(reflect, undo, reflect, prepare) * power, Operation("measure", (0,), bit=0)))
