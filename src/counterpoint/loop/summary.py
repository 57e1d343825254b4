"""What a run has come to: the same few figures for the live view, the report and the closing lines.

The exploring player is called "steered"; it is charged for every exploring shot, because these are
the shots that its figures are made of. "fixed" and "oracle" bound it where the machine is simulated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from counterpoint.base import Adds, Floats, Outcome
from counterpoint.quops.cycle import error_per_cycle, per_cycle
from counterpoint.quops.estimate import Estimate
from counterpoint.quops.operation import QuOps, quops
from counterpoint.store.turns import Turn


@dataclass(frozen=True)
class Tally(Adds):
    """The counts of an outcome that the summary needs, over all candidates and sites."""

    events: int = 0
    opportunities: int = 0
    decoded: int = 0
    failures: int = 0

    @classmethod
    def of(cls, outcome: Outcome) -> Tally:
        return cls(
            int(outcome.events.sum()),
            int(outcome.opportunities.sum()),
            int(outcome.decoded.sum()),
            int(outcome.failures.sum()),
        )

    @property
    def detection_rate(self) -> float:
        """Detection events a detector; NaN where nothing was looked at."""
        return self.events / self.opportunities if self.opportunities else float("nan")


Tallies = dict[str, Tally]  # by player: "steered", "fixed", "oracle"


def tallies(turn: Turn) -> Tallies:
    """The counts of each player in one turn; empty where the action was not allowed."""
    if turn.outcome is None:
        return {}
    return {"steered": Tally.of(turn.outcome)} | {name: Tally.of(o) for name, o in turn.bounds.items()}


def total(rows: Sequence[Tallies], player: str) -> Tally:
    """The counts of one player over several turns."""
    return reduce(lambda a, b: a + b, (r[player] for r in rows if player in r), Tally())


@dataclass(frozen=True)
class Curves:
    """One player's course over a run, in equal groups of turns."""

    detection_rate: Floats  # (groups,)
    error_per_cycle: Floats  # (groups,) NaN where nothing was decoded


def grouped(rows: Sequence[Tallies], player: str, groups: int) -> list[Tally]:
    """The counts of one player in at most `groups` groups of consecutive turns."""
    parts = np.array_split(np.arange(len(rows)), max(1, min(groups, len(rows))))
    return [total([rows[i] for i in part], player) for part in parts]


def curves(rows: Sequence[Tallies], player: str, rounds: int, groups: int) -> Curves:
    """The course of one player in at most `groups` groups of consecutive turns."""
    sums = grouped(rows, player, groups)
    errors = [per_cycle(t.failures / t.decoded, rounds) if t.decoded else float("nan") for t in sums]
    return Curves(np.array([t.detection_rate for t in sums]), np.array(errors))


@dataclass(frozen=True)
class Standing:
    """One player's figures over a stretch of turns."""

    detection_rate: float
    error_per_cycle: Estimate | None  # None where nothing was decoded
    quops: QuOps | None  # an operation is d cycles of the patch


def standing(tally: Tally, distance: int, rounds: int) -> Standing:
    if not tally.decoded:
        return Standing(tally.detection_rate, None, None)
    cycle = error_per_cycle(tally.failures, tally.decoded, rounds)
    return Standing(tally.detection_rate, cycle, quops(cycle, distance))


def merit(rows: Sequence[Tallies]) -> float | None:
    """(N_fixed - N_steered) / (N_fixed - N_oracle) in detection events for the same work; 1 is the oracle.

    None where there are no bounds, or N_fixed - N_oracle (exact means) is not above three standard errors of
    N_steered: where nothing has drifted, the merit is void. Events are sums over independent faults that
    fire at most eight detectors each, so that their variance is at most eight times their number.
    """
    counted = [r for r in rows if {"steered", "fixed", "oracle"} <= r.keys()]
    steered, fixed, oracle = (total(counted, p).events for p in ("steered", "fixed", "oracle"))
    shown = fixed - oracle > 3 * (8 * steered) ** 0.5
    return (fixed - steered) / (fixed - oracle) if shown else None
