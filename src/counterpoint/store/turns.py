"""A turn of the loop and a run of turns, as the store, the view and the report all see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from counterpoint.base import Floats, Outcome, Price
from counterpoint.identity import identity


def now() -> str:
    """This moment in UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


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
    stages: Mapping[str, float]  # wall seconds of "simulate", "decode", "learn", "bounds"; "run": of the run so far

    @property
    def seal(self) -> str:
        """Identity of what came of the turn, the bounding players' outcomes too: the next ledger entry holds it."""
        return identity([self.outcome, dict(self.bounds)])


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
