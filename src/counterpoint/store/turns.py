"""A turn of the loop with its works, and a run of turns, as the store, the view and the report all see them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from math import isfinite
from typing import Any, Literal

from counterpoint.base import Floats, Outcome, Price
from counterpoint.identity import identity


def now() -> str:
    """This moment in UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def plain_json(text: str) -> Any:
    """The JSON in `text`. Raises ValueError where it is none, or holds a number that is not finite."""
    return json.loads(text, parse_constant=_finite, parse_float=_finite)


def _finite(text: str) -> float:
    if not isfinite(number := float(text)):
        raise ValueError(f"it holds {text}, and numbers must be finite")
    return number


@dataclass(frozen=True)
class Attempt:
    """What one side came to."""

    score: float  # larger is better
    answer: str  # in a few words
    bill: Mapping[str, float]  # what it used, as workloads.Bill names it


@dataclass(frozen=True)
class Work:
    """One task of the AI half that the machine did in a turn: every side on the same budget."""

    edge: str
    task: str  # such as "recalibrate XY amplitude 7"
    attempts: Mapping[str, Attempt]  # "quantum", "nothing" and the rivals
    used: str  # the side whose answer was taken; "" where it was told only
    most: float | None  # what no answer can score more than, where that is proved
    price: Price  # of the run's machine, all sides and what was checked
    adopted: Mapping[str, float]  # settings that the explorer was told to go on from, by the name of the knob
    undone: str = ""  # why it ended early, without attempts: what it had used until then is charged

    def plain(self) -> dict[str, Any]:
        """As JSON values, from which `of` makes an equal record."""
        return asdict(self)

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Work:
        """The record that `plain` is of. Raises ValueError where it is of something else."""
        try:
            attempts = {name: Attempt(**attempt) for name, attempt in plain["attempts"].items()}
            return cls(**{**plain, "attempts": attempts, "price": Price(**plain["price"])})
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"a work is damaged ({error})") from None


@dataclass(frozen=True, eq=False)
class Turn:
    """One turn of the loop: what was asked, what the judge said, and what came of it."""

    number: int  # unique in its run
    action: str  # identity of the action
    summary: str
    verdict: Literal["allow", "deny", "ask"]
    reason: str
    price: Price  # used; nothing where it was not allowed
    clock: float  # machine time in seconds at its start
    centre: Floats  # (N,) what the explorer believed best
    outcome: Outcome | None  # None where it was not allowed
    bounds: Mapping[str, Outcome]  # "fixed" and "oracle" at the same moment, and what a prior saw
    stages: Mapping[
        str, float
    ]  # wall seconds of "simulate", "decode", "learn", "bounds", "work"; "run": of the run so far
    works: tuple[Work, ...] = ()  # tasks of the AI half that were done after it

    @property
    def used(self) -> Price:
        """What the turn used with all its works."""
        return sum((work.price for work in self.works), self.price)

    @property
    def seal(self) -> str:
        """Identity of what came of the turn, the bounding players' outcomes and its works too: the next ledger entry
        holds it."""
        outcomes = [self.outcome, dict(self.bounds)]
        return identity([*outcomes, list(self.works)] if self.works else outcomes)


@dataclass(frozen=True)
class Run:
    """What a run was started with, and how it ended."""

    name: str
    charter: str  # TOML
    seed: int
    settings: Mapping[str, Any]  # plain JSON values: machine, distance, rounds, explorer, decoder, drift, ...
    started: str = field(default_factory=now)  # UTC, ISO 8601
    id: int = 0  # the store's number, from 1; 0 before it is stored
    ended: str | None = None  # UTC, ISO 8601
    how: str | None = None  # how it ended; None while it runs, or where it was killed
