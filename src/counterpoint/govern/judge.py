"""The judge: a pure function from charter, action and what was used so far to a verdict with its reason."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Literal

import numpy as np

from counterpoint.base import Action, ControlSpace, Floats, Price, RunCircuit, Scan, TryControls
from counterpoint.govern.charter import KINDS, Charter

Verdict = Literal["allow", "deny", "ask"]

# A candidate clipped to a limit may lie beyond it by the rounding of centre + step * scale - centre.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Used:
    """What a run has used so far."""

    price: Price = field(default_factory=Price)
    wall: float = 0.0  # seconds of wall time
    disk: int = 0  # bytes of the store's folder


@dataclass(frozen=True)
class Judgement:
    """A verdict and why."""

    verdict: Verdict
    reason: str
    broken: bool = False  # the action is outside the machine's own space: its explorer is at fault


def judge(
    charter: Charter, space: ControlSpace, action: Action, price: Price, used: Used, last_centre: Floats
) -> Judgement:
    """What `charter` says to `action`.

    Args:
        price: the most that the action may use.
        used: what the run has used before it. Wall time and disk are known only afterwards, so an
            action is denied once they have reached their limits.
        last_centre: (N,) the centre of the last permitted action (at first, the space's start).

    Returns:
        "deny" where any limit would be passed, else "ask" where a human must decide, else "allow".
    """
    kind = type(action).__name__
    if not isinstance(action, TryControls | Scan | RunCircuit):
        return Judgement("deny", f"an action of kind '{kind}' cannot be bounded: propose one of {', '.join(KINDS)}")
    if isinstance(action, RunCircuit):  # it moves no knob: its price is all that bounds it
        spent = _overspent(charter, price, used)
        return Judgement("deny", spent) if spent else _by_kind(charter, kind)
    if problem := _outside(space, action):
        return Judgement("deny", problem, broken=True)
    limits, points = charter.limits, np.vstack([action.centre, action.candidates])
    step, step_place = _farthest(space, points, last_centre)
    reach, reach_place = _farthest(space, points, space.start)
    spent = _overspent(charter, price, used)
    if spent:
        return Judgement("deny", spent)
    if not reach <= limits.range * (1 + _ROUNDING):
        where = f"{reach_place} would be {reach:.4g} scale units from its start"
        return Judgement("deny", f"{where} and limits.range is {limits.range:g}: stay nearer, or raise limits.range")
    moved = f"{step_place} would move {step:.4g} scale units from the last permitted centre"
    if not step <= limits.step * (1 + _ROUNDING):
        return Judgement("deny", f"{moved} and limits.step is {limits.step:g}: move less, or raise limits.step")
    if charter.ask.step is not None and not step <= charter.ask.step * (1 + _ROUNDING):
        return Judgement(
            "ask", f"{moved} and ask.step is {charter.ask.step:g}: move less, or let a human raise ask.step"
        )
    return _by_kind(charter, kind)


def _by_kind(charter: Charter, kind: str) -> Judgement:
    if kind in charter.ask.kinds:
        return Judgement("ask", f"ask.kinds holds '{kind}': let a human take it out to allow such actions")
    return Judgement("allow", "within every limit")


def shares(charter: Charter, used: Used) -> dict[str, float]:
    """The fraction used of every limit that is used up (1 is all of it); none is left where it reaches 1."""
    return {name: amount / limit if limit else float(amount > 0) for name, amount, limit in _amounts(charter, used)}


def _amounts(charter: Charter, used: Used) -> list[tuple[str, float, float]]:
    """(limit's name, amount used, limit). Machine time has no limit of its own: it follows from cycles."""
    limits = charter.limits
    return [
        ("cycles", used.price.cycles, limits.cycles),
        ("shots", used.price.shots, limits.shots),
        ("seconds", used.wall, limits.seconds),
        ("disk", used.disk, limits.disk),
        ("spend", used.price.spend, limits.spend),
    ]


def _overspent(charter: Charter, price: Price, used: Used) -> str | None:
    """Which limit the price would pass, or wall time or disk has reached."""
    for part in fields(price):
        amount = getattr(price, part.name)
        if not (math.isfinite(amount) and amount >= 0):
            wrong = f"the action's price in {part.name} is {amount}"
            return f"{wrong} and must be a finite number, 0 or more: mend what the machine asks for it"
    for name, amount, limit in _amounts(charter, used):
        so_far = f"limits.{name} is {limit:,.10g}, of which {amount:,.10g} is used"
        if name in ("seconds", "disk"):
            if not amount < limit:
                return f"{so_far}: raise limits.{name} to go on"
        elif not amount + getattr(price, name) <= limit:
            more = f"{getattr(price, name):,.10g}"
            return f"{so_far}, and this action takes {more} more: ask for less, or raise limits.{name}"
    return None


def _outside(space: ControlSpace, action: TryControls | Scan) -> str | None:
    """Why the centre or a candidate is not in the machine's own space."""
    if action.candidates.ndim != 2 or not len(action.candidates):
        shape = action.candidates.shape
        return f"candidates of shape {shape} were proposed: give (C, {space.start.size}) with C at least 1"
    for i, point in enumerate([action.centre, *action.candidates]):
        if problem := space.problem(point):
            return f"{_place(i)}: {problem}"
    return None


def _farthest(space: ControlSpace, points: Floats, origin: Floats) -> tuple[float, str]:
    """Largest |point - origin| / scale over all points and knobs, and where; a NaN counts as the largest."""
    distance = np.abs(points - origin) / space.scale
    i, k = np.unravel_index(int(np.argmax(distance)), distance.shape)
    return float(distance[i, k]), f"control '{space.names[k]}' of {_place(int(i))}"


def _place(row: int) -> str:
    return "the centre" if row == 0 else f"candidate {row - 1}"
