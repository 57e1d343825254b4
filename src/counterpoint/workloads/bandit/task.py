"""Bandit: find the best of a few arms and use it, at equal uses of their oracles, with or without Grover powers.

The theory, from which setting and margin were chosen. With arms near 1/2 and a gap D, samples tell two arms apart after
about ln(T D^2) / (2 D^2) of each, so that the regret of T uses is about min(T D / 2, ln(T D^2) / (2 D)): largest, some
tenths of sqrt(T), at D of a few 1/sqrt(T). Amplitude estimation tells them apart after c / D uses, so its regret is
about c for each arm that is not the best, at any D, and c is some tens. So quantum should win where both T D and
ln(T D^2) / (2 D) are well above c: with 2 arms and T = 1e6 at D = 0.003, where samples lose hundreds; and lose where
the gap is large. Where each use errs by `decay`, no shot tells more than one of 1/(2 decay) uses: at a decay well below
D nothing changes, above it the regret of samples is divided by 0.184/decay at best, and grows with T as theirs does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, final

import numpy as np

from counterpoint.base import Action, BadInput, ControlSpace, Counts, Key, Seen, fold_in
from counterpoint.explore.amplitude import Amplitude
from counterpoint.explore.estimate import Estimate, Estimated, grid, nearest
from counterpoint.explore.gpucb import GpUcb
from counterpoint.explore.klucb import KlUcb
from counterpoint.explore.moss import Moss
from counterpoint.explore.quantum import QuantumGpUcb
from counterpoint.explore.thompson import Thompson
from counterpoint.workloads.bandit.arms import Amplified, Arms, Sampled, Source, line
from counterpoint.workloads.workload import NOTHING, QUANTUM, Bill, Budget, Solver, Workload

MOST = 10**7  # uses; more would take hours to simulate
SHARE = 0.05  # the margin: of the regret of who uses all arms alike
GAIN = 0.184  # 1 / (2 e): what a use tells at the best depth, times decay
LOOK = Seen(epoch=0, clock=0.0, candidates=1)

Answer = Callable[[int, Estimate, int], tuple[Estimated | None, int]]


class Player(Protocol):
    """An explorer that asks for estimates and is told them."""

    def init(self, space: ControlSpace, key: Key) -> Any: ...
    def ask(self, key: Key, state: Any, seen: Seen) -> Action: ...
    def tell(self, state: Any, action: Action, outcome: Estimated) -> Any: ...


@dataclass(frozen=True, eq=False)
class Play:
    """What came of one game."""

    uses: Counts  # (K,) of each arm's oracle
    stages: int  # estimates
    shots: int
    simulation: float  # seconds of one core in which the oracles were simulated

    def regret(self, arms: Arms) -> float:
        """What all uses gave less than as many of the best arm."""
        return float(self.uses @ arms.gaps)


def play(explorer: Player, answer: Answer, arms: int, horizon: int, key: Key) -> Play:
    """Ask and tell until `horizon` uses are charged, on a grid of arms from 0 to 1.

    What is left when an estimate would not end is used on its arm.
    """
    space = line()
    points = grid(space, arms)
    state = explorer.init(space, fold_in(key, "init"))
    uses, stages, shots, left, simulation = np.zeros(arms, np.int64), 0, 0, horizon, 0.0
    while left > 0:
        asked = explorer.ask(fold_in(key, stages), state, LOOK)
        assert isinstance(asked, Estimate)
        arm = nearest(points, asked.setting)
        began = time.process_time()
        told, charged = answer(arm, asked, left)
        simulation += time.process_time() - began
        uses[arm] += charged
        left -= charged
        stages += 1
        if told is not None:
            shots += told.shots
            state = explorer.tell(state, asked, told)
    return Play(uses, stages, shots, simulation)


@final
@dataclass(frozen=True)
class Quantum:
    """Q-GP-UCB with iterative amplitude estimation."""

    explorer: QuantumGpUcb
    shots: int | None  # of a round
    decay: float
    miss: float = 0.05  # chance that an estimate's interval misses, at most

    def __str__(self) -> str:
        shots = "published" if self.shots is None else self.shots
        return f"sharpness {self.explorer.sharpness:g}, {shots} shots, miss {self.miss:g}"

    def __call__(self, instance: Arms, budget: Budget, key: Key) -> tuple[float, Bill]:
        rng = np.random.default_rng(fold_in(key, "oracle"))
        answer = Amplified(instance, rng, self.shots, self.decay, self.miss)
        return _scored(instance, play(self.explorer, answer, self.explorer.arms, int(budget.amount), key))


@final
@dataclass(frozen=True)
class Classical:
    """An explorer that samples."""

    explorer: GpUcb | KlUcb | Moss | Thompson

    def __str__(self) -> str:
        match self.explorer:
            case GpUcb(beta=beta):
                return f"beta {beta:g}"
            case KlUcb(scale=scale) | Moss(scale=scale):
                return f"scale {scale:g}"
            case Thompson(calm=calm):
                return f"calm {calm:g}"

    def __call__(self, instance: Arms, budget: Budget, key: Key) -> tuple[float, Bill]:
        answer = Sampled(instance, np.random.default_rng(fold_in(key, "oracle")))
        return _scored(instance, play(self.explorer, answer, self.explorer.arms, int(budget.amount), key))


@final
@dataclass(frozen=True)
class Alike:
    """Learns nothing: uses all arms alike."""

    def __str__(self) -> str:
        return "all arms alike"

    def __call__(self, instance: Arms, budget: Budget, key: Key) -> tuple[float, Bill]:
        uses = int(budget.amount)
        return -uses * float(instance.gaps.mean()), Bill(calls=uses, shots=uses)


@final
@dataclass(frozen=True)
class Bandit(Workload):
    """K arms; the score is minus the regret of `horizon` uses."""

    source: Source
    horizon: int
    decay: float
    margin: float
    name: str = "bandit"
    hypothesis: str = (
        "at equal uses of the oracles, the regret with amplitude estimation is below that of the best classical bandit "
        "by more than 5 % of what using all arms alike loses"
    )

    @classmethod
    def of(cls, source: Source, horizon: int, decay: float = 0.0) -> Bandit:
        """With the margin that the hypothesis states. Raises BadInput for a horizon or a decay that cannot be used."""
        least = source.arms * Amplitude(0.5).round
        if least > MOST:
            raise BadInput(
                f"the first estimates of {source.arms:,} arms take {least:,} uses together and at most {MOST:,} can "
                f"be simulated: give at most {MOST // Amplitude(0.5).round:,} arms"
            )
        if not least <= horizon <= MOST:
            raise BadInput(
                f"a horizon of {horizon:,} uses was given, and the first estimates of {source.arms} arms take "
                f"{least:,} together: give this or more, at most {MOST:,}"
            )
        if not 0 <= decay <= 1:
            raise BadInput(f"an error of {decay:g} a use was given: give a number from 0 to 1")
        return cls(source, horizon, decay, SHARE * horizon * source.spread)

    @property
    def regime(self) -> Literal["free", "depth-limited", "none"]:
        """Whether a shot may be as deep as a gap of twice the mean one wants, or errors limit it, or undo all gain."""
        if self.decay <= self.source.spread:
            return "free"
        return "depth-limited" if self.decay < GAIN else "none"

    def instance(self, key: Key) -> Arms:
        return self.source.draw(key)

    def solvers(self) -> Mapping[str, Sequence[Solver]]:
        k = self.source.arms
        paper = QuantumGpUcb(arms=k, length=0.0)
        sharp = replace(paper, sharpness=2.0)
        return {
            QUANTUM: [
                Quantum(paper, None, self.decay),
                # an estimate that misses can cost T D, so the chance is shared out over some tens of estimates
                *(Quantum(sharp, 30, self.decay, miss) for miss in (0.005, 0.0005)),
                Quantum(paper, 30, self.decay, 0.0005),
            ],
            "gp-ucb": [Classical(GpUcb(arms=k, length=0.0, beta=b)) for b in (0.5, 1.0, 1.4, 2.0)],
            "kl-ucb": [Classical(KlUcb(arms=k, scale=s)) for s in (0.25, 0.5, 1.0)],
            "moss": [Classical(Moss(arms=k, horizon=self.horizon, scale=s)) for s in (0.25, 0.5, 1.0)],
            "thompson": [Classical(Thompson(arms=k, calm=c)) for c in (1.0, 2.0)],
            NOTHING: [Alike()],
        }


def _scored(arms: Arms, game: Play) -> tuple[float, Bill]:
    bill = Bill(calls=int(game.uses.sum()), shots=game.shots, simulation=game.simulation)
    return -game.regret(arms), bill
