"""The feedback edges: tasks that the AI half really has, done by the run's own machine beside its classical rivals.

Every so many turns the loop offers each edge its task. All sides do it, on the same budget, and what they come to is
measured; the answer that is taken is that of the side which has done best on the tasks before, the do-nothing player
among them. At first that is a classical one: the quantum side has to show its worth.
"""

from __future__ import annotations

from counterpoint.base import BadInput, Floats, Outcome, fold_in
from counterpoint.govern.permits import Governor
from counterpoint.loop.calibration import Calibration
from counterpoint.loop.edge import Edge, Moment
from counterpoint.loop.errand import Errand, Refused
from counterpoint.loop.parts import Parts, State
from counterpoint.loop.patch import PatchChoice
from counterpoint.loop.record import record
from counterpoint.store.turns import Work

EDGES: dict[str, Edge] = {one.name: one for one in (Calibration(), PatchChoice())}


def edges_named(names: str) -> tuple[Edge, ...]:
    """The edges of a list such as "bandit,optimise"; none for "none". Raises BadInput for a name that is not known."""
    wanted = [] if names == "none" else names.split(",")
    for name in wanted:
        if name not in EDGES:
            raise BadInput(f"the edge '{name}' is not known: give {', '.join(EDGES)}, joined by commas, or none")
    return tuple(EDGES[name] for name in dict.fromkeys(wanted))


def due(parts: Parts, number: int) -> list[Edge]:
    """The edges whose task comes up after turn `number`, of those that the machine has."""
    offered = [edge for edge in parts.edges if not edge.lack(parts.machine, parts.sites)]
    return [edge for edge in offered if (number + 1) % edge.every == 0]


def works(parts: Parts, state: State, centre: Floats, outcome: Outcome, governor: Governor) -> tuple[Work, ...]:
    """The tasks that come up in this turn, done; one that the charter does not allow is left out."""
    found: list[Work] = []
    usual = rates(outcome) if state.usual is None else state.usual
    for edge in due(parts, state.number):
        key = fold_in(parts.key, "edge", edge.name, state.number)
        before = tuple(work for work in state.works if work.edge == edge.name)
        moment = Moment(parts.machine, parts.sites, centre, rates(outcome), usual, before, key)
        about = {"turn": state.number, "edge": edge.name}
        errand = Errand(parts.machine, governor, state.used, centre, about, key)
        try:
            found.append(edge.work(errand, moment, record(edge, before).taken))
        except Refused:  # the ledger holds the denial
            continue
        except BadInput as problem:  # steering goes on without it
            governor.note("work-failed", about | {"why": str(problem)})
    return tuple(found)


def rates(outcome: Outcome) -> Floats:
    """(S,) detection events a detector at each site, over all candidates; NaN where nothing was looked at."""
    looked = outcome.opportunities.sum(axis=0)
    return outcome.events.sum(axis=0) / [n or float("nan") for n in looked.tolist()]
