"""One turn of the loop: sense, ask, judge, act, decode, count, tell, record.

A detection event's way: `machine.run` gives it in a bit-packed `Shots`; `Sites.count` adds it to
the count of its site and candidate; the decoder turns its shot into a failure or not; both stand
in the `Outcome`, which the explorer is told, which moves a knob, under the next permit, in the ledger.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import sinter
import stim

from counterpoint.base import (
    BadInput,
    Denial,
    Explorer,
    Floats,
    Job,
    Key,
    Machine,
    Outcome,
    Price,
    Seen,
    Shots,
    TryControls,
    fold_in,
)
from counterpoint.codes.sites import Sites
from counterpoint.decoders.batch import checked_answer
from counterpoint.explore.bounds import Oracle
from counterpoint.govern.judge import Used
from counterpoint.govern.permits import Governor
from counterpoint.identity import identity
from counterpoint.loop.own import blaming
from counterpoint.store.turns import Turn


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


@dataclass(frozen=True, eq=False)
class State:
    """What changes from turn to turn."""

    number: int
    explorer: Any
    used: Used
    centre: Floats  # (N,) the last centre that was permitted
    outcome: str | None = None  # seal of the last outcome: the next ledger entry holds it


STAGES = ("simulate", "decode", "learn", "bounds")


@dataclass
class Clock:
    """Wall seconds by stage; what is in no stage is the loop's own work."""

    stages: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.stages[name] += time.perf_counter() - began


def ask(parts: Parts, state: State) -> TryControls:
    """What the explorer proposes now: the same again for the same state, which a resumed run relies on."""
    twin = parts.machine.twin
    seen = Seen(
        epoch=state.number,
        clock=parts.machine.clock,
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


def take_turn(parts: Parts, state: State, governor: Governor) -> tuple[State, Turn, Shots | None]:
    """One turn. Returns the next state, what happened, and the raw shots where there were any."""
    clock = Clock()
    with clock.stage("learn"):
        action = ask(parts, state)
    job = Job(
        circuit=parts.circuit,
        controls=action.candidates,
        shots=parts.shots * parts.candidates // len(action.candidates),
        cycles=parts.rounds,
        action=identity(action),
        key=fold_in(parts.key, "shots", state.number),
    )
    price = parts.machine.price(job)
    decision = governor.decide(
        action, price, state.used, state.centre, {"turn": state.number, "previous_outcome": state.outcome}
    )
    started = parts.machine.clock
    outcome: Outcome | None = None
    bounds: dict[str, Outcome] = {}
    shots: Shots | None = None
    if isinstance(decision, Denial):
        verdict, reason, paid = decision.verdict, decision.reason, Price()
    else:
        verdict, reason, paid = "allow", "", price
        with clock.stage("bounds"):
            bounds = bound(parts, job)
        with clock.stage("simulate"):
            shots = parts.machine.run(job, decision)
        outcome = count(parts, shots, parts.decoded // len(job.controls), clock)
    with clock.stage("learn"):
        explorer = tell(parts, state.explorer, action, decision if isinstance(decision, Denial) else outcome)
    turn = Turn(
        number=state.number,
        action=job.action,
        summary=action.summary,
        verdict=verdict,
        reason=reason,
        price=paid,
        clock=started,
        centre=action.centre,
        outcome=outcome,
        bounds=bounds,
        stages=clock.stages,
    )
    return advance(state, turn, explorer), turn, shots


def tell(parts: Parts, explorer: Any, action: TryControls, outcome: Outcome | Denial | None) -> Any:
    """The explorer's own state after it is told what came of its action."""
    assert outcome is not None
    with blaming(f"the explorer {type(parts.explorer).__name__}"):
        return parts.explorer.tell(explorer, action, outcome)


def advance(state: State, turn: Turn, explorer: Any) -> State:
    """The state after `turn`, given the explorer's own state after it."""
    return replace(
        state,
        number=turn.number + 1,
        explorer=explorer,
        used=replace(state.used, price=state.used.price + turn.price),
        centre=state.centre if turn.outcome is None else turn.centre,
        outcome=state.outcome if turn.outcome is None else turn.seal,
    )


def bound(parts: Parts, job: Job) -> dict[str, Outcome]:
    """What the players *fixed* and *oracle* get for the same work at the same moment.

    Their detection events are the exact mean, rounded to a count; their failures are sampled on as many shots
    as are decoded, from the job's own key.
    """
    twin = parts.machine.twin
    if twin is None:
        return {}
    space = parts.machine.space
    players = {"fixed": space.start, "oracle": twin.optimum().clip(space.low, space.high)}
    shots = job.shots * len(job.controls)
    opportunities = parts.sites.detectors * shots
    means = twin.expected(job.circuit, np.stack(list(players.values())))
    found: dict[str, Outcome] = {}
    for (name, at), mean in zip(players.items(), means, strict=True):
        decoded = failures = np.zeros(1, np.int64)
        if parts.decoder is not None:
            few = replace(job, controls=at[None], shots=min(parts.decoded, shots))
            sampled = count(parts, twin.run(few), parts.decoded, Clock())
            decoded, failures = sampled.decoded, sampled.failures
        found[name] = Outcome(
            events=np.rint(mean * opportunities).astype(np.int64)[None],
            opportunities=opportunities[None].copy(),
            shots=np.array([shots]),
            cycles=np.array([shots * job.cycles]),
            decoded=decoded,
            failures=failures,
            seconds=0.0,
        )
    return found


def count(parts: Parts, shots: Shots, decode: int, clock: Clock) -> Outcome:
    """Shots as counts: events at each site, and failures among the first `decode` shots, of each candidate."""
    candidates, each = shots.detection_events.shape[:2]
    decode = 0 if parts.decoder is None else min(max(1, decode), each)
    failures = np.zeros(candidates, np.int64)
    if parts.decoder is not None:
        with clock.stage("decode"):
            flat = shots.detection_events[:, :decode].reshape(candidates * decode, -1)
            with blaming("the decoder"):
                answer = parts.decoder.decode_shots_bit_packed(bit_packed_detection_event_data=flat)
        predicted = checked_answer("the decoder", answer, len(flat), parts.circuit.num_observables)
        actual = shots.observables[:, :decode]
        failures = (predicted.reshape(actual.shape) != actual).any(axis=2).sum(axis=1)
    events = parts.sites.count(shots.detection_events)
    return Outcome(
        events=events,
        opportunities=np.broadcast_to(parts.sites.detectors * each, events.shape).copy(),
        shots=np.full(candidates, each),
        cycles=np.full(candidates, each * parts.rounds),
        decoded=np.full(candidates, decode),
        failures=failures,
        seconds=float(shots.seconds),
    )
