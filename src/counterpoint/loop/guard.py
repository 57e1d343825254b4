"""The guard: where the agent does harm, the last good controls come back.

A sign of harm is not yet harm: the whole chip may have become worse for everybody, and a low rate may
have been luck. So a risen rate and an alarm lead to a check first, one epoch in which half the candidates
are the good controls and half the present ones, side by side. Only where the good ones are shown to be
better do they come back. What cannot be checked leads back at once: an explorer that asks for what no
machine can do, and telemetry that cannot be used.

Everything here is a pure function of what was stored, so that a resumed run comes to the same state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.special import bdtrc

from counterpoint.base import Floats, Outcome, TryControls

PATIENCE = 3  # roll-backs after which the explorer is asked no more; denials in a row that are one fault
HOLD = 5  # epochs at the good controls before the explorer begins anew around them
MEMORY = 60  # epochs among which the good ones are sought
PERSIST = 3  # last epochs, each of which must show the harm: a burst in one is none
MULTIPLE = 1.25  # of the lowest rate: what counts as a sign
TIED = 1.0  # standard errors within which two rates count as equal when the good controls are chosen
SIGMAS = 6.0  # standard errors by which the good controls must win a check on detection events
CHANCE = 1e-9  # the like for failures: one-sided, as of six standard errors
FIRED = 8  # detectors at most that one fault fires: the variance of a count is at most so many times its number


@dataclass(frozen=True, eq=False)
class Epoch:
    """What is remembered of an epoch that the explorer steered."""

    number: int
    centre: Floats  # (N,)
    events: int
    opportunities: int

    @property
    def rate(self) -> float:
        """Detection events a detector."""
        return self.events / max(1, self.opportunities)


@dataclass(frozen=True, eq=False)
class Guard:
    """Who decides on the next epoch, and what the guard remembers."""

    start: Floats  # (N,) where the last calibration left the knobs
    good: Floats  # (N,) what is checked, or held
    mode: Literal["steer", "check", "hold"] = "steer"
    sign: str = ""  # what led to the check
    by: Literal["events", "failures"] = "events"  # what the check compares
    left: int = 0  # epochs that are still to be held once the good controls are reached
    falls: int = 0  # roll-backs that the explorer was the cause of
    strays: int = 0  # its denials in a row for steps too long or too far
    trusted: bool = False  # has it ever asked for what can be done?
    recent: tuple[Epoch, ...] = ()  # since it began, the oldest first
    usual: float = 0.0  # detection rate of the last usable epoch
    heard: str = ""  # what was last wrong with the telemetry

    @classmethod
    def of(cls, start: Floats) -> Guard:
        return cls(start, start)

    @property
    def stopped(self) -> bool:
        """Is the explorer asked no more?"""
        return self.falls >= PATIENCE

    def target(self, present: Floats, scale: Floats, reach: float) -> Floats:
        """(N,) the point nearest the good controls on the straight way from `present`, `reach` scale units at most.

        The charter's step limit binds the guard, too. Where the rate is convex along that way, as it is
        around an optimum, each point of it is as good as the worse of its ends or better.
        """
        way = self.good - present
        longest = float(np.abs(way / scale).max())
        return self.good if longest <= reach else present + way * (reach / longest)

    def action(self, at: Floats, present: Floats, candidates: int) -> TryControls:
        """What is tried: `at` alone, or in a check `at` and `present` in turn, so that slow changes are shared."""
        rows = [at, present] * (candidates // 2) if self.mode == "check" else [at]
        return TryControls(at, np.array(rows))

    def steered(self, epoch: Epoch) -> Guard:
        """After an epoch of the explorer's: a check, where each of the last epochs is far above a recent one."""
        recent = (*self.recent, epoch)[-MEMORY:]
        after = replace(self, recent=recent, trusted=True, strays=0, usual=epoch.rate)
        before, last = recent[:-PERSIST], recent[-PERSIST:]
        if not before:
            return after
        best = _best(before)
        if not all(e.rate > MULTIPLE * best.rate and _excess(e, best) > SIGMAS for e in last):
            return after
        if np.array_equal(best.centre, epoch.centre):  # the same controls: whatever it is, the agent did not do it
            return replace(after, recent=())
        sign = f"the detection rate is {epoch.rate:.2%} and was {best.rate:.2%} in turn {best.number}"
        return replace(after, mode="check", good=best.centre, sign=sign, by="events")

    def alarmed(self, sign: str, present: Floats) -> Guard:
        """After a Goodhart alarm: a check by counted failures, for the detection rate is no guide any more."""
        if self.mode != "steer" or np.array_equal(self.start, present):
            return self
        return replace(self, mode="check", good=self.start, sign=sign, by="failures")

    def checked(self, outcome: Outcome) -> tuple[Guard, str]:
        """After a check: the good controls come back only where they are better. The text holds both figures."""
        good, present = (_half(outcome, first) for first in (0, 1))
        if self.by == "events":
            better = _wins(outcome)
            figures = f"{good[0] / max(1, good[1]):.2%} with the earlier and {present[0] / max(1, present[1]):.2%}"
        else:
            better = _fewer(good[2:], present[2:])
            figures = f"{good[2]:,} failures in {good[3]:,} shots with the earlier and {present[2]:,} in {present[3]:,}"
        found = f"{self.sign}; side by side {figures} with the present controls"
        if better:
            return self.fell(found, self.good)
        kept = replace(self, mode="steer", recent=(), usual=good[0] / max(1, good[1]))
        return kept, f"{found}: the earlier are not shown to be better, so the explorer goes on"

    def fell(self, why: str, good: Floats | None = None) -> tuple[Guard, str]:
        """After harm that the explorer did: the good controls (those of the best recent epoch) come back."""
        after = replace(self._back(good), falls=self.falls + 1, strays=0)
        if after.stopped:
            return after, f"{why}: back to the last good controls, and after {PATIENCE} roll-backs held to the end"
        return after, f"{why}: back to the last good controls, held for {HOLD} epochs before the explorer begins anew"

    def unusable(self, why: str) -> tuple[Guard, str]:
        """After telemetry that cannot be used: likewise, but the explorer is not to blame, and need not be checked."""
        after = replace(self._back(None if self.mode == "steer" else self.good), heard=why)
        return after, f"{why}: back to the last good controls until {HOLD} epochs are usable"

    def strayed(self, reason: str) -> tuple[Guard, str]:
        """After a denial of a step too long or too far; the text is empty unless it was one too many."""
        if self.strays + 1 < PATIENCE:
            return replace(self, strays=self.strays + 1), ""
        return self.fell(f"{PATIENCE} proposals in a row were denied, the last because {reason}")

    def held(self, centre: Floats) -> Guard:
        """After an epoch at `centre` on the way to the good controls, or at them."""
        if self.stopped or not np.array_equal(centre, self.good):
            return self
        return replace(self, left=self.left - 1, mode="steer" if self.left <= 1 else "hold")

    def _back(self, good: Floats | None) -> Guard:
        if good is None:
            good = _best(self.recent).centre if self.recent else self.start
        return replace(self, mode="hold", good=good, left=HOLD, recent=())


def strays(reason: str) -> bool:
    """Was an action denied for where it leads, as the judge words it, and not for what it costs?"""
    return any(f"limits.{name} is" in reason for name in ("step", "range"))


def _best(epochs: Sequence[Epoch]) -> Epoch:
    """The latest epoch whose rate is not shown to be above the lowest: among equals the freshest."""
    lowest = min(epochs, key=lambda e: e.rate)
    return next(e for e in reversed(epochs) if _excess(e, lowest) <= TIED)


def _excess(a: Epoch, b: Epoch) -> float:
    """By how many standard errors, at most, the rate of `a` is above that of `b`."""
    variance = FIRED * sum(max(1, e.events) / max(1, e.opportunities) ** 2 for e in (a, b))
    return (a.rate - b.rate) / variance**0.5


def _half(outcome: Outcome, first: int) -> tuple[int, int, int, int]:
    """Events, opportunities, failures and decoded shots of every other candidate."""
    parts = (outcome.events, outcome.opportunities, outcome.failures, outcome.decoded)
    events, opportunities, failures, decoded = (int(p[first::2].sum()) for p in parts)
    return events, opportunities, failures, decoded


def _wins(outcome: Outcome) -> bool:
    """Has the first half fewer events, by more than six standard errors?

    The variance is the larger of the bound for faults that fire eight detectors and of what the
    candidates, alike in each half, show themselves: bursts make counts spread more than any bound.
    """
    events, opportunities = outcome.events.sum(axis=1), np.maximum(1, outcome.opportunities.sum(axis=1))
    low, high, variance = 0.0, 0.0, 0.0
    for first in (0, 1):
        e, n = events[first::2], opportunities[first::2]
        low, high = high, float(e.sum() / n.sum())
        shown = float((e / n).var(ddof=1)) / e.size if e.size > 1 else 0.0
        variance += max(FIRED * max(1, int(e.sum())) / int(n.sum()) ** 2, shown)
    return high - low > SIGMAS * variance**0.5


def _fewer(good: tuple[int, int], present: tuple[int, int]) -> bool:
    """Are failures fewer? Exact: given their sum, equal error rates split it like fair draws among the shots."""
    (k, n), (also, others) = good, present
    return also > 0 and n > 0 and float(bdtrc(also - 1, k + also, others / (n + others))) < CHANCE
