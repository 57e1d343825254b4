"""Iterative amplitude estimation: a probability to a precision, with fewer uses of what prepares it than samples.

A prepares a state in which the marked part has the probability a = sin^2(theta). A shot of Grover power k, which is
A and then k times the Grover operator, shows the mark with sin^2((2 k + 1) theta) and uses A or its inverse 2 k + 1
times. The interval of theta tells which k is not ambiguous; counts at that k shorten it (Grinko, Gacon, Zoufal and
Woerner, npj Quantum Information 7, 52 (2021), arXiv:1912.05559, algorithms 1 and 2, intervals of Clopper and Pearson).

Two regimes. An oracle without errors needs about 1/error uses where samples need 1/error^2. Where each use of A loses
contrast, P = 1/2 - exp(-decay (2 k + 1)) cos(2 (2 k + 1) theta) / 2, a use at K = 2 k + 1 tells of a = 1/2 as much as
K exp(-2 decay K) samples do: most at K = 1/(2 decay), where it is 1/(2 e decay), 0.184/decay. So the depth is bounded,
beyond it errors fall as 1/sqrt(uses) again, and what is won is that constant factor.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv

from counterpoint.base import BadInput
from counterpoint.explore.estimate import Estimated

RATIO = 2  # by which 2 k + 1 grows at least
WIDEST = 0.5  # no precision is worse
BLOCK = 128  # powers that are looked at together

Oracle = Callable[[int, int], int]  # (Grover power, shots) -> how often the mark was seen


@dataclass(frozen=True)
class Amplify:
    """What is asked of an oracle."""

    power: int  # k
    shots: int

    @property
    def calls(self) -> int:
        """Uses of A and its inverse."""
        return self.shots * (2 * self.power + 1)


@dataclass(frozen=True)
class Reading:
    """What is known so far; angles theta in turns, a quarter of one at most."""

    low: float = 0.0
    high: float = 0.25
    power: int = 0
    rising: bool = True  # whether the chance grows with theta between low and high at this power
    turns: int = 0  # whole ones of (2 k + 1) 2 theta at this power; kept, since an end may lie on a turn's end itself
    ones: int = 0  # at this power
    shots: int = 0  # at this power
    spent: tuple[Amplify, ...] = ()

    @property
    def interval(self) -> tuple[float, float]:
        """Of the probability."""
        return math.sin(math.tau * self.low) ** 2, math.sin(math.tau * self.high) ** 2

    @property
    def estimated(self) -> Estimated:
        """The middle of the interval, its half width, and what was used."""
        low, high = self.interval
        calls, shots = sum(one.calls for one in self.spent), sum(one.shots for one in self.spent)
        return Estimated((low + high) / 2, (high - low) / 2, calls, shots)


@dataclass(frozen=True)
class Amplitude:
    """Settings of one estimate. Raises BadInput for an error outside 0 to 1/2, no shots, or a decay below 0.

    Attributes:
        error: half width of the interval that is wanted.
        shots: of a round; None: ceil(32 ln(2 / 0.05 log2(pi / (4 error)))), as Qiskit's implementation has it.
        decay: of the contrast with each use of A, which the oracle is known to have.
        miss: chance that the interval misses, at most.
    """

    error: float
    shots: int | None = None
    decay: float = 0.0
    miss: float = 0.05
    citation: str = (
        "@article{Grinko2021, title={Iterative quantum amplitude estimation}, author={Grinko, Dmitry and Gacon,"
        " Julien and Zoufal, Christa and Woerner, Stefan}, journal={npj Quantum Information}, volume={7}, pages={52},"
        " year={2021}, doi={10.1038/s41534-021-00379-1}}"
    )

    def __post_init__(self) -> None:
        if not 0 < self.error <= WIDEST:
            raise BadInput(f"an estimate to {self.error:g} was asked for: give a half width above 0 and at most 0.5")
        if self.shots is not None and self.shots < 1:
            raise BadInput(f"{self.shots} shots a round were given: give at least 1")
        if not 0 <= self.decay < math.inf:
            raise BadInput(f"a decay of {self.decay} a use was given: give a finite number, 0 or more")

    @property
    def round(self) -> int:
        """Shots of a round."""
        if self.shots is not None:
            return self.shots
        return math.ceil(32 * math.log(2 / self.miss * math.log2(math.pi / (4 * self.error))))

    def ask(self, state: Reading) -> Amplify | None:
        """What to run next; None where the interval is short enough."""
        if state.high - state.low <= self.error / math.pi:
            return None
        power, *_ = self._next(state)
        again = state.shots if power == state.power else 0
        return Amplify(power, max(self.round, again // 4))  # growing, so that few looks are taken at one power

    def tell(self, state: Reading, asked: Amplify, ones: int) -> Reading:
        """The reading after so many marks in the shots that were asked for. Counts at one power add."""
        if not 0 <= ones <= asked.shots:
            raise BadInput(f"{ones} marks were told in {asked.shots} shots: count each shot once")
        power, rising, turns = self._next(state)
        shots = asked.shots + (state.shots if power == state.power else 0)
        ones += state.ones if power == state.power else 0
        low, high = self._turns(ones, shots, power)
        if not rising:
            low, high = 1 - high, 1 - low
        scale = 4 * power + 2
        return Reading(
            (turns + low) / scale, (turns + high) / scale, power, rising, turns, ones, shots, (*state.spent, asked)
        )

    def _turns(self, ones: int, shots: int, power: int) -> tuple[float, float]:
        """The angle (2 k + 1) 2 theta of these counts, in turns from 0 to 1/2, with its interval."""
        tail = self.miss / self._rounds() / 2
        low = float(betaincinv(ones, shots - ones + 1, tail)) if ones else 0.0
        high = float(betaincinv(ones + 1, shots - ones, 1 - tail)) if ones < shots else 1.0
        contrast = math.exp(-self.decay * (2 * power + 1))
        cosines = (min(1.0, max(-1.0, (1 - 2 * p) / contrast)) for p in (low, high))
        first, last = (math.acos(c) / math.tau for c in cosines)
        return first, last

    def _rounds(self) -> int:
        """The most rounds of different power, over which the chance to miss is shared out."""
        return int(math.log(RATIO * math.pi / 8 / self.error) / math.log(RATIO)) + 1

    def _next(self, state: Reading) -> tuple[int, bool, int]:
        """The largest power at which the interval is not ambiguous, whether the chance grows there, and whole turns."""
        old = 4 * state.power + 2
        scale = int(1 / (2 * (state.high - state.low)))
        if self.decay:
            scale = min(scale, 2 * depth(self.decay))
        scale -= (scale - 2) % 4
        for first in range(scale, RATIO * old - 1, -4 * BLOCK):
            some = np.arange(first, max(first - 4 * BLOCK, RATIO * old - 1), -4)
            low, high = some * state.low % 1, some * state.high % 1
            clear = np.flatnonzero((low <= high) & ((high <= 0.5) | (low >= 0.5)))
            if clear.size:
                found = int(some[clear[0]])
                return (found - 2) // 4, bool(high[clear[0]] <= 0.5), math.floor(found * state.low)
        return state.power, state.rising, state.turns


def estimate(settings: Amplitude, oracle: Oracle, calls: float = math.inf) -> Reading:
    """Ask the oracle until the interval is short enough, or the next round would use more than `calls` in all."""
    state, used = Reading(), 0
    while (asked := settings.ask(state)) is not None and used + asked.calls <= calls:
        state = settings.tell(state, asked, oracle(asked.power, asked.shots))
        used += asked.calls
    return state


def depth(decay: float) -> int:
    """The odd 2 k + 1 at which a use tells most, 1/(2 decay), at least 1."""
    return max(1, math.floor(1 / (2 * decay)) - 1 | 1)


def information(calls: float, decay: float) -> float:
    """What one use in shots of `calls` = 2 k + 1 uses tells of a = 1/2, in samples: calls exp(-2 decay calls)."""
    return calls * math.exp(-2 * decay * calls)
