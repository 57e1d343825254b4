"""What is offered in a run: the edges, when their tasks come up, and what came of them.

Every so many turns the loop offers each edge its task. All sides do it, on the same budget, and what they come to is
measured; the answer that is taken is that of the side which has done best on the tasks before, the do-nothing player
among them. At first that is a classical one: the quantum side has to show its worth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from counterpoint.base import BadInput, Floats, Machine, Outcome, fold_in
from counterpoint.codes.sites import Sites
from counterpoint.govern.judge import Used
from counterpoint.govern.permits import Governor
from counterpoint.loop.edges.calibration import Calibration
from counterpoint.loop.edges.edge import Edge, Moment
from counterpoint.loop.edges.errand import Errand, Refused
from counterpoint.loop.edges.patch import PatchChoice
from counterpoint.loop.edges.record import record
from counterpoint.store.turns import Work

EDGES: dict[str, Edge] = {one.name: one for one in (Calibration(), PatchChoice())}


def edges_named(names: str) -> tuple[Edge, ...]:
    """The edges of a list such as "bandit,optimise"; none for "none". Raises BadInput for a name that is not known."""
    wanted = [] if names == "none" else names.split(",")
    for name in wanted:
        if name not in EDGES:
            raise BadInput(f"the edge '{name}' is not known: give {', '.join(EDGES)}, joined by commas, or none")
    return tuple(EDGES[name] for name in dict.fromkeys(wanted))


def due(edges: Sequence[Edge], machine: Machine, sites: Sites, done: int) -> list[Edge]:
    """The edges whose task comes up after so many turns that were carried out, of those that the machine has."""
    return [edge for edge in edges if done % edge.every == 0 and not edge.lack(machine, sites)]


def works(
    edges: Sequence[Edge], moment: Moment, governor: Governor, used: Used, turn: int, done: int
) -> tuple[Work, ...]:
    """The tasks that come up, done.

    One that the charter does not allow, or that the machine fails in, is left undone, and what it used is charged.

    Args:
        moment: with the works of all edges, and a key of which each task has its own.
        used: what the run has used so far.
        turn: number of the present one, for the ledger.
        done: turns that were carried out, this one among them.
    """
    found: list[Work] = []
    for edge in due(edges, moment.machine, moment.sites, done):
        key = fold_in(moment.key, "edge", edge.name, turn)
        before = tuple(work for work in moment.works if work.edge == edge.name)
        spent = sum((work.price for work in found), used.price)
        about = {"turn": turn, "edge": edge.name}
        errand = Errand(moment.machine, governor, replace(used, price=spent), moment.centre, about, key)
        try:
            work = edge.work(errand, replace(moment, works=before, key=key), record(edge, before).taken)
        except (Refused, BadInput) as problem:  # steering goes on without it
            work = Work(edge.name, errand.task, {}, "", None, errand.price, {}, str(problem))
        found.append(work)
    return tuple(found)


def rates(outcome: Outcome) -> Floats:
    """(S,) detection events a detector at each site, over all candidates; NaN where nothing was looked at."""
    looked = outcome.opportunities.sum(axis=0)
    return outcome.events.sum(axis=0) / [n or float("nan") for n in looked.tolist()]


def filled(usual: Floats | None, now: Floats) -> Floats:
    """(S,) the usual rates, and those of `now` where a site had none."""
    return now if usual is None else np.where(np.isnan(usual), now, usual)
