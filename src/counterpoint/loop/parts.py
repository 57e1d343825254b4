"""What a run is made of, and what changes from turn to turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import sinter
import stim

from counterpoint.base import Explorer, Floats, Key, Machine
from counterpoint.codes.sites import Sites
from counterpoint.govern.judge import Used
from counterpoint.loop.edges.edge import Edge
from counterpoint.loop.guard import Guard
from counterpoint.loop.steered import Following, SteeredDecoder
from counterpoint.store.turns import Work


@dataclass(frozen=True, eq=False)
class Parts:
    """What a run is made of; none of it changes from turn to turn but the machine's own time."""

    machine: Machine
    explorer: Explorer
    decoder: sinter.CompiledDecoder | None
    circuit: stim.Circuit
    sites: Sites
    candidates: int
    shots: int  # of each candidate, where the explorer tries as many as it may
    decoded: int  # shots of each player that are decoded in an epoch; all are counted
    rounds: int
    key: Key
    steered: SteeredDecoder | None = None  # decodes the run's own shots in place of `decoder`, the day-zero one
    shadow: bool = False  # the explorer proposes and nothing of it is carried out
    edges: tuple[Edge, ...] = ()  # whose tasks are offered

    def shots_of_each(self, candidates: int) -> int:
        """Shots of each candidate, where so many are tried: an epoch is the same work however many there are."""
        return self.shots * self.candidates // candidates


@dataclass(frozen=True)
class Event:
    """Something that the ledger is told beside the decisions."""

    kind: Literal["shadow", "rolled-back", "kept", "telemetry"]
    why: str
    would: str = ""  # of a proposal in shadow mode: the charter's verdict
    action: str = ""  # likewise: its identity

    @property
    def content(self) -> dict[str, str]:
        """What stands in the entry."""
        more = {"would": self.would, "action": self.action} if self.would else {}
        return {"why": self.why} | more


@dataclass(frozen=True, eq=False)
class State:
    """What changes from turn to turn."""

    number: int
    explorer: Any
    used: Used
    centre: Floats  # (N,) the last centre that was permitted; in shadow mode, that would have been
    guard: Guard
    following: Following | None = None  # the steered decoder in force
    clock: float = 0.0  # machine time in seconds, as far as the machine has told a usable one
    outcome: str | None = None  # seal of the last outcome: the next ledger entry holds it
    events: tuple[Event, ...] = ()  # of the last turn
    done: int = 0  # turns with an outcome
    usual: Floats | None = None  # (S,) detection events a detector when a site was first heard; NaN where never
    works: tuple[Work, ...] = ()  # of all edges so far
