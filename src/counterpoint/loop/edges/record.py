"""The record of a feedback edge: how its sides have done so far, and whose answer is taken next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from counterpoint.base import Verdict
from counterpoint.loop.edges.edge import Edge
from counterpoint.quops.estimate import student
from counterpoint.store.turns import Work
from counterpoint.workloads.workload import NOTHING, QUANTUM

TOLD = "told only"  # of an answer that nothing goes on from
LEAST = 5  # tasks; fewer carry no interval


@dataclass(frozen=True)
class Record:
    """How the sides of an edge have done so far."""

    tasks: int
    means: dict[str, float]  # score by side
    rival: str  # the best one
    verdict: Verdict  # void with fewer than LEAST tasks, or where no rival beats doing nothing
    taken: str  # whose answer is taken next
    used: dict[str, int]  # in how many tasks the answer of a side was; "" where it was told only
    last: Work | None  # the latest task

    def words(self, ended: bool = False) -> str:
        """The latest task and the standing, in one line for a person."""
        if self.last is None:
            return "no task yet"
        sides = (QUANTUM, self.rival)
        found = ", ".join(f"{side} {self.last.attempts[side].answer}" for side in sides)
        tasks = f"{self.tasks} task" + "s" * (self.tasks != 1)
        so_far = f"after {tasks}" if ended else f"so far ({tasks})"
        standing = "void: no rival beats doing nothing" if self.void else self.verdict.status
        used = f"{self.last.used} used" if self.last.used else TOLD
        return f"{self.last.task}: {found} · {standing} {so_far} · {used}"

    @property
    def uses(self) -> str:
        """How often the answer of each side was used, in words."""
        often = sorted(self.used.items(), key=lambda item: -item[1])
        return ", ".join(f"{side or TOLD} {count} of {self.tasks}" for side, count in often)

    def claim(self, complete: bool) -> str:
        """The verdict of a run that ended by itself; stopping one when it looks good proves nothing."""
        return self.verdict.status if complete else "not shown"

    @property
    def void(self) -> bool:
        """Whether there are tasks enough, and no rival beats the player that does nothing."""
        return self.tasks >= LEAST and bool(np.isnan(self.verdict.value))


def record(edge: Edge, works: Sequence[Work]) -> Record:
    """How the sides of `edge` have done in its `works`, those that ended early left out.

    The verdict is on the mean difference between the quantum side and the rival that did best on these very tasks,
    which favours the rival, with Student's 95 % interval over tasks. Tasks of one run share its chip: the verdict is on
    this run. Where it is proved of every task that no answer scores more than the rival's, the interval ends at 0.
    """
    own = [work for work in works if work.edge == edge.name and not work.undone]
    nothing = Verdict(edge.hypothesis, edge.margin, *(float("nan"),) * 3)
    if not own:
        return Record(0, {}, edge.rival, nothing, edge.rival, {}, None)
    scores = {side: np.array([work.attempts[side].score for work in own]) for side in own[0].attempts}
    means = {side: float(score.mean()) for side, score in scores.items()}
    rival = max((side for side in means if side not in (QUANTUM, NOTHING)), key=means.__getitem__)
    # Of sides that have done equally well the established one is taken.
    taken = max(means, key=lambda side: (means[side], side == edge.rival))
    used = dict(Counter(work.used for work in own))
    if len(own) < LEAST or not means[rival] > means[NOTHING]:
        return Record(len(own), means, rival, nothing, taken, used, own[-1])
    gain = student(scores[QUANTUM] - scores[rival])
    proved = all(work.most == work.attempts[rival].score for work in own)
    high = min(gain.high, 0.0) if proved else gain.high
    verdict = Verdict(edge.hypothesis, edge.margin, gain.value, gain.low, high)
    return Record(len(own), means, rival, verdict, taken, used, own[-1])
