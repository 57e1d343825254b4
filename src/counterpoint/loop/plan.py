"""The plan of a turn: who decides what is done next, and what everybody is told of it afterwards.

The same two functions run when a turn is taken and when a stored one is gone through again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from counterpoint.base import BadInput, Denial, Floats, Outcome, Seen, TryControls, fold_in
from counterpoint.explore.bounds import Oracle
from counterpoint.explore.centre import Adopting
from counterpoint.loop.edges.offered import filled, rates
from counterpoint.loop.guard import Epoch, Guard, strays
from counterpoint.loop.own import blaming
from counterpoint.loop.parts import Event, Parts, State
from counterpoint.loop.steered import PARITIES, Sight
from counterpoint.loop.telemetry import heard
from counterpoint.store.turns import Turn, Work

PROPOSED = "proposed"  # the player that does on the twin, in shadow mode, what the explorer asks for


@dataclass(frozen=True, eq=False)
class Plan:
    """What is to be done in a turn."""

    action: TryControls
    proposal: TryControls | None  # the explorer's; None where it was not asked, or asked the impossible
    state: State  # after asking: the guard has taken over where the explorer's answer cannot be used


def plan(parts: Parts, state: State, reach: float, at: Floats | None = None) -> Plan:
    """What is done next: the same again for the same state, which a resumed run relies on.

    Args:
        reach: scale units of the longest step that the charter allows without a human.
        at: (N,) where a stored turn was centred; it need not follow today's charter.

    Raises:
        BadInput: the explorer has never asked for anything that can be done, and does not now.
    """
    state, space = replace(state, events=()), parts.machine.space
    proposal = None
    if state.guard.mode == "steer":
        try:
            proposal = ask(parts, state)
            if state.guard.trusted or parts.shadow:  # else the governor says so, and ends the run
                _possible(parts, proposal)
        except BadInput as error:
            if not state.guard.trusted:
                raise  # it never worked: a person must mend it
            proposal, state = None, _taken_over(parts, state, *state.guard.fell(str(error)))
    if parts.shadow:
        return Plan(TryControls(space.start, space.start[None]), proposal, state)
    if proposal is not None:
        return Plan(proposal, proposal, state)
    target = state.guard.target(state.centre, space.scale, reach) if at is None else at
    return Plan(state.guard.action(target, state.centre, parts.candidates), None, state)


def ask(parts: Parts, state: State) -> TryControls:
    """What the explorer proposes now."""
    twin = parts.machine.twin
    seen = Seen(
        epoch=state.number,
        clock=moment(parts, state),
        candidates=parts.candidates,
        optimum=twin.optimum() if twin is not None and isinstance(parts.explorer, Oracle) else None,
    )
    name = f"the explorer {type(parts.explorer).__name__}"
    with blaming(name):
        action = parts.explorer.ask(fold_in(parts.key, "ask", state.number), state.explorer, seen)
    if not isinstance(action, TryControls):
        raise BadInput(f"{name} asked for a {type(action).__name__}, and this loop carries out TryControls")
    rows = getattr(action.candidates, "shape", ())
    if len(rows) != 2 or not 1 <= rows[0] <= parts.candidates or not isinstance(action.centre, np.ndarray):
        raise BadInput(
            f"{name} tried candidates of shape {rows or type(action.candidates).__name__}: give a centre, float64"
            f" (N,), and 1 to {parts.candidates} candidates, float64 (C, N)"
        )
    return action


def tell(parts: Parts, explorer: Any, action: TryControls, outcome: Outcome | Denial) -> Any:
    """The explorer's own state after it is told what came of its action."""
    with blaming(f"the explorer {type(parts.explorer).__name__}"):
        return parts.explorer.tell(explorer, action, outcome)


def moment(parts: Parts, state: State) -> float:
    """Machine time in seconds; the last usable one where the machine now tells none."""
    clock = parts.machine.clock
    return float(clock) if np.isfinite(clock) and clock >= 0 else state.clock


def settle(parts: Parts, planned: Plan, turn: Turn) -> State:
    """The state after `turn`: what the explorer learns, what the guard makes of it, and what the works found."""
    state = _settled(parts, planned, turn)
    return _worked(parts, state, turn.works) if turn.works else state


def _worked(parts: Parts, state: State, works: tuple[Work, ...]) -> State:
    """After the machine did tasks: the explorer takes over settings that they found, unless it has just begun anew."""
    state = replace(state, works=state.works + works)
    adopted = {name: value for work in works for name, value in work.adopted.items()}
    if not adopted or state.guard.mode == "hold" or not isinstance(parts.explorer, Adopting):
        return state
    settings = np.array([adopted.get(name, np.nan) for name in parts.machine.space.names])
    with blaming(f"the explorer {type(parts.explorer).__name__}"):
        return replace(state, explorer=parts.explorer.adopt(state.explorer, settings))


def _settled(parts: Parts, planned: Plan, turn: Turn) -> State:
    before = planned.state
    state = replace(
        before,
        number=turn.number + 1,
        used=replace(before.used, price=before.used.price + turn.used),
        clock=turn.clock + turn.used.seconds,
        outcome=before.outcome if turn.outcome is None else turn.seal,
        done=before.done + (turn.outcome is not None),
    )
    told = None
    if turn.outcome is not None:
        asked = parts.shots_of_each(len(planned.action.candidates))
        found = heard(turn.outcome, asked, state.guard.usual, parts.machine.space.sites)
        why = found.sentence if parts.shadow else turn.reason or found.sentence
        if not (found.usable or parts.shadow):
            return _deafened(parts, state, turn, why)
        if why != state.guard.heard:
            words = why or "the machine's telemetry is whole again"
            state = _with(state, Event("telemetry", words), replace(state.guard, heard=why))
        told = found.outcome
        if found.usable:
            state = replace(state, usual=filled(state.usual, rates(told)))
        if parts.steered is not None and state.following is not None and PARITIES in turn.bounds:
            sight = Sight.of(turn.bounds[PARITIES])
            state = replace(state, following=parts.steered.tell(state.following, sight))
    if parts.shadow:
        return _shadowed(parts, state, planned.proposal, turn)
    if planned.proposal is not None:
        return _steered(parts, state, planned.proposal, turn, told)
    if told is None:  # the guard's own action was denied: nothing has changed
        return state
    if state.guard.mode == "hold":
        return replace(state, centre=turn.centre, guard=state.guard.held(turn.centre))
    guard, why = state.guard.checked(told)
    if guard.mode == "hold":
        return _taken_over(parts, replace(state, centre=turn.centre), guard, why)
    return _with(state, Event("kept", why), guard)


def _possible(parts: Parts, action: TryControls) -> None:
    """Raises BadInput where the machine cannot be set to what is asked for."""
    for point in (action.centre, *action.candidates):
        if problem := parts.machine.space.problem(point):
            raise BadInput(f"the explorer {type(parts.explorer).__name__} asked for the impossible ({problem})")


def _steered(parts: Parts, state: State, action: TryControls, turn: Turn, outcome: Outcome | None) -> State:
    """After an action of the explorer's own, carried out or denied."""
    told = outcome or Denial("ask" if turn.verdict == "ask" else "deny", turn.reason)
    try:
        state = replace(state, explorer=tell(parts, state.explorer, action, told))
    except BadInput as error:
        if not state.guard.trusted:
            raise
        return _taken_over(parts, state, *state.guard.fell(str(error)))
    if outcome is not None:
        epoch = Epoch(turn.number, turn.centre, int(outcome.events.sum()), int(outcome.opportunities.sum()))
        return replace(state, centre=turn.centre, guard=state.guard.steered(epoch))
    if turn.verdict == "deny" and strays(turn.reason):
        guard, why = state.guard.strayed(turn.reason)
        return _taken_over(parts, state, guard, why) if why else replace(state, guard=guard)
    return replace(state, guard=replace(state.guard, strays=0))


def _shadowed(parts: Parts, state: State, proposal: TryControls | None, turn: Turn) -> State:
    """After a turn in shadow mode: the explorer learns from the twin, or that nothing was carried out."""
    if proposal is None:
        return replace(state, guard=state.guard.held(state.guard.good)) if turn.outcome is not None else state
    tried = turn.bounds.get(PROPOSED)
    try:
        explorer = tell(parts, state.explorer, proposal, tried or Denial("deny", turn.reason))
    except BadInput as error:
        if not state.guard.trusted:
            raise
        return _taken_over(parts, state, *state.guard.fell(str(error)))
    centre = state.centre if tried is None else turn.centre
    return replace(state, explorer=explorer, centre=centre, guard=replace(state.guard, trusted=True))


def _deafened(parts: Parts, state: State, turn: Turn, why: str) -> State:
    """After telemetry that cannot be used."""
    guard, words = state.guard.unusable(why)
    state = replace(state, centre=turn.centre)
    if state.guard.mode != "hold":
        return _taken_over(parts, state, guard, words)
    return replace(state, guard=guard) if state.guard.heard == why else _with(state, Event("telemetry", why), guard)


def _taken_over(parts: Parts, state: State, guard: Guard, why: str) -> State:
    """The good controls come back: said, and the explorer begins anew around them."""
    space = replace(parts.machine.space, start=guard.good)
    with blaming(f"the explorer {type(parts.explorer).__name__}"):
        explorer = parts.explorer.init(space, fold_in(parts.key, "init", state.number))
    centre = guard.good if parts.shadow else state.centre  # a machine is led back, a thought is just dropped
    return replace(_with(state, Event("rolled-back", why), guard), explorer=explorer, centre=centre)


def _with(state: State, event: Event, guard: Guard) -> State:
    return replace(state, guard=guard, events=(*state.events, event))
