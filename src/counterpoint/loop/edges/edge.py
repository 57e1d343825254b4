"""The role of a feedback edge: a task that the AI half really has, done beside its classical rivals."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from counterpoint.base import Floats, Key, Machine
from counterpoint.codes.sites import Sites
from counterpoint.loop.edges.errand import Errand
from counterpoint.store.turns import Work


@dataclass(frozen=True, eq=False)
class Moment:
    """What an edge may look at when its task comes up."""

    machine: Machine
    sites: Sites
    centre: Floats  # (N,) where the knobs stand
    rates: Floats  # (S,) detection events a detector in this turn; NaN where a site is dead
    usual: Floats  # (S,) in the first turn in which the site could be heard; NaN where it never could
    works: tuple[Work, ...]  # of this edge so far
    adopts: bool  # whether the explorer steers, and goes on from settings that are found
    key: Key


class Edge(ABC):
    """One kind of task; a frozen record of settings."""

    name: str
    hypothesis: str
    margin: float  # by how much the quantum score must exceed the best rival's
    rival: str  # whose answer is taken before any side has done a task
    every: int  # turns between two tasks

    @abstractmethod
    def lack(self, machine: Machine, sites: Sites) -> str:
        """Why a run on `machine` has no such task, in a few words; "" where it has."""

    @abstractmethod
    def work(self, errand: Errand, moment: Moment, taken: str) -> Work:
        """Do the task on every side; the answer of the side `taken` is the one that counts.

        Raises Refused where the charter does not allow a job of it, BadInput where the machine fails in one. What was
        done until then is charged in `errand`.
        """
