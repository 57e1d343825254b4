"""One turn of the loop: sense, ask, judge, act, decode, count, work, tell, record.

A detection event's way: `machine.run` gives it in a bit-packed `Shots`; `Sites.count` adds it to
the count of its site and candidate; the decoder turns its shot into a failure or not; both stand
in the `Outcome`, which the explorer is told, which moves a knob, under the next permit, in the ledger.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
import sinter
from numpy.typing import NDArray

from counterpoint.base import Denial, Job, Outcome, Price, Shots, TryControls, fold_in
from counterpoint.decoders.batch import checked_answer
from counterpoint.explore.centre import Adopting
from counterpoint.govern.charter import Charter
from counterpoint.govern.permits import Governor
from counterpoint.identity import identity
from counterpoint.loop.edges.edge import Moment
from counterpoint.loop.edges.offered import filled, rates, works
from counterpoint.loop.own import blaming
from counterpoint.loop.parts import Parts as Parts, State as State
from counterpoint.loop.plan import PROPOSED, moment, plan, settle
from counterpoint.loop.shadow import NO_TWIN, UNASKED, WOULD, proposed
from counterpoint.loop.steered import DAY_ZERO, PARITIES
from counterpoint.loop.telemetry import fault, heard, nothing
from counterpoint.store.turns import Turn, Work

STAGES = ("simulate", "decode", "learn", "bounds", "work")


@dataclass
class Clock:
    """Wall seconds by stage; what is in no stage is the loop's own work."""

    stages: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.stages[name] += time.perf_counter() - began


def take_turn(parts: Parts, state: State, governor: Governor) -> tuple[State, Turn, Shots | None]:
    """One turn. Returns the next state, what happened, and the raw shots where there were any."""
    clock, space = Clock(), parts.machine.space
    with clock.stage("learn"):
        planned = plan(parts, state, _reach(governor.charter))
    action, proposal, state = planned.action, planned.proposal, planned.state
    job = _job(parts, state, action)
    price = parts.machine.price(job)
    last = space.start if parts.shadow else state.centre
    decision = governor.decide(
        action, price, state.used, last, {"turn": state.number, "previous_outcome": state.outcome}
    )
    started = moment(parts, state)
    outcome: Outcome | None = None
    bounds: dict[str, Outcome] = {}
    shots: Shots | None = None
    done: tuple[Work, ...] = ()
    if isinstance(decision, Denial):
        verdict, reason, paid = decision.verdict, decision.reason, Price()
    else:
        verdict, reason, paid = "allow", "", price
        with clock.stage("bounds"):  # before the machine runs, whose clock then moves on
            bounds = bound(parts, job)
            if parts.shadow:
                state, reason, tried = _shadow(parts, state, proposal, governor)
                bounds |= tried
        with clock.stage("simulate"):
            given = parts.machine.run(job, decision)
        if wrong := fault(job, given):
            reason = reason if parts.shadow else wrong
            outcome = nothing(len(job.controls), len(parts.sites.names))
        else:
            shots, guard = given, state.guard
            everything = guard.mode == "check" and guard.by == "failures"  # rare, and it needs them all
            decode = job.shots if everything else parts.decoded // len(job.controls)
            outcome = count(parts, shots, decode, clock, parts.decoder)
            if parts.steered is not None and state.following is not None:
                with clock.stage("learn"):
                    bounds |= {DAY_ZERO: outcome, PARITIES: parts.steered.sight(shots.detection_events).kept()}
                failures = failed(parts, shots, decode, clock, state.following.compiled)
                outcome = replace(outcome, failures=failures.sum(axis=1))
            if not parts.shadow:
                with clock.stage("work"):
                    done = _work(parts, state, action, price, outcome, governor)
    turn = Turn(
        number=state.number,
        action=job.action,
        summary=action.summary,
        verdict=verdict,
        reason=reason,
        price=paid,
        clock=started,
        centre=proposal.centre if parts.shadow and proposal is not None else action.centre,
        outcome=outcome,
        bounds=bounds,
        stages=clock.stages,
        works=done,
    )
    with clock.stage("learn"):
        state = settle(parts, replace(planned, state=state), turn)
    return state, turn, shots


def _work(
    parts: Parts, state: State, action: TryControls, price: Price, outcome: Outcome, governor: Governor
) -> tuple[Work, ...]:
    """The tasks of the AI half that come up after the machine ran `action` for `price`."""
    asked = parts.shots_of_each(len(action.candidates))
    found = heard(outcome, asked, state.guard.usual, parts.machine.space.sites)
    if not found.usable:
        return ()
    now = rates(found.outcome)
    about = Moment(
        machine=parts.machine,
        sites=parts.sites,
        centre=action.centre,
        rates=now,
        usual=filled(state.usual, now),
        works=state.works,
        adopts=state.guard.mode == "steer" and isinstance(parts.explorer, Adopting),
        key=parts.key,
    )
    used = replace(state.used, price=state.used.price + price)
    return works(parts.edges, about, governor, used, state.number, state.done + 1)


def _reach(charter: Charter) -> float:
    """The longest step that `charter` allows without a human, in scale units."""
    return min(charter.limits.step, charter.limits.step if charter.ask.step is None else charter.ask.step)


def _job(parts: Parts, state: State, action: TryControls) -> Job:
    return Job(
        circuit=parts.circuit,
        controls=action.candidates,
        shots=parts.shots_of_each(len(action.candidates)),
        cycles=parts.rounds,
        action=identity(action),
        key=fold_in(parts.key, "shots", state.number),
    )


def _shadow(
    parts: Parts, state: State, proposal: TryControls | None, governor: Governor
) -> tuple[State, str, dict[str, Outcome]]:
    """In shadow mode: what the charter says to a proposal, why it was not tried, and what it got on the twin."""
    if proposal is None:
        return state, UNASKED, {}
    job, twin = _job(parts, state, proposal), parts.machine.twin
    price = parts.machine.price(job)
    event = proposed(governor.charter, parts.machine.space, proposal, price, state.used, state.centre)
    state = replace(state, events=(*state.events, event))
    if event.would != "allow":
        return state, WOULD[event.would] + event.why, {}
    if twin is None:
        return state, NO_TWIN, {}
    return (
        state,
        "",
        {PROPOSED: count(parts, twin.run(job), parts.decoded // len(job.controls), Clock(), parts.decoder)},
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
    means = twin.expected(parts.circuit, np.stack(list(players.values())))
    found: dict[str, Outcome] = {}
    for (name, at), mean in zip(players.items(), means, strict=True):
        decoded = failures = np.zeros(1, np.int64)
        if parts.decoder is not None:
            few = replace(job, controls=at[None], shots=min(parts.decoded, shots))
            sampled = count(parts, twin.run(few), parts.decoded, Clock(), parts.decoder)
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


def count(parts: Parts, shots: Shots, decode: int, clock: Clock, decoder: sinter.CompiledDecoder | None) -> Outcome:
    """Shots as counts: events at each site, and failures among the first `decode` shots, of each candidate."""
    candidates, each = shots.detection_events.shape[:2]
    failures = np.zeros((candidates, 0), bool) if decoder is None else failed(parts, shots, decode, clock, decoder)
    events = parts.sites.count(shots.detection_events)
    return Outcome(
        events=events,
        opportunities=np.broadcast_to(parts.sites.detectors * each, events.shape).copy(),
        shots=np.full(candidates, each),
        cycles=np.full(candidates, each * parts.rounds),
        decoded=np.full(candidates, failures.shape[1]),
        failures=failures.sum(axis=1),
        seconds=float(shots.seconds),
    )


def failed(parts: Parts, shots: Shots, decode: int, clock: Clock, decoder: sinter.CompiledDecoder) -> NDArray[np.bool_]:
    """(C, decoded) which of the first `decode` shots of each candidate, one at least, `decoder` fails."""
    candidates, each = shots.detection_events.shape[:2]
    decode = min(max(1, decode), each)
    with clock.stage("decode"):
        flat = shots.detection_events[:, :decode].reshape(candidates * decode, -1)
        with blaming("the decoder"):
            answer = decoder.decode_shots_bit_packed(bit_packed_detection_event_data=flat)
    predicted = checked_answer("the decoder", answer, len(flat), parts.circuit.num_observables)
    actual = shots.observables[:, :decode]
    return (predicted.reshape(actual.shape) != actual).any(axis=2)
