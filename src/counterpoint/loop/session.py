"""A session: one run with its store and ledger, begun anew or taken up where it broke off."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from counterpoint.base import BadInput, fold_in
from counterpoint.govern.charter import Charter
from counterpoint.govern.judge import Used, shares
from counterpoint.govern.ledger import Ledger
from counterpoint.govern.permits import Governor
from counterpoint.identity import identity
from counterpoint.loop.alarm import STRETCH, Alarm, last_alarm
from counterpoint.loop.audit import audit
from counterpoint.loop.edges.edge import Edge
from counterpoint.loop.edges.record import Record, record
from counterpoint.loop.guard import PATIENCE as PATIENCE, Guard
from counterpoint.loop.parts import Event, Parts, State
from counterpoint.loop.plan import plan, settle
from counterpoint.loop.settings import Settings
from counterpoint.loop.summary import Tallies, tallies
from counterpoint.loop.turn import take_turn
from counterpoint.loop.unbroken import unbroken
from counterpoint.store.database import Store
from counterpoint.store.turns import Run, Turn

HYPOTHESIS = "in this run, steering wins reliable operations over fixed controls"  # margin 0


@dataclass
class Session:
    """A run in progress: iterate over it to take its turns, in a `with` block that ends it cleanly.

    Everything that a view shows is in `turns`, which holds every turn of the run, resumed ones included.
    """

    folder: Path
    charter: Charter
    settings: Settings
    parts: Parts
    store: Store
    ledger: Ledger
    run: int
    turns: list[Turn] = field(default_factory=list)
    rows: list[Tallies] = field(default_factory=list)  # the counts of each turn, by player
    alarms: list[Alarm] = field(default_factory=list)
    events: list[tuple[int, Event]] = field(default_factory=list)  # (turn, what the guard did or heard)
    ending: str = "interrupted"

    def __post_init__(self) -> None:
        self.parts = replace(self.parts, shadow=self.settings.shadow)
        self.governor = Governor(self.charter, self.ledger, self.parts.machine.space)
        self.state = State(
            number=0,
            explorer=self.parts.explorer.init(self.parts.machine.space, fold_in(self.parts.key, "init")),
            used=Used(),
            centre=self.parts.machine.space.start,
            guard=Guard.of(self.parts.machine.space.start),
            following=None if self.parts.steered is None else self.parts.steered.begin(),
        )
        self._began = time.monotonic()
        self._before = 0.0  # wall seconds that the run had used when it was taken up
        self._ended: float | None = None

    @classmethod
    def begin(cls, folder: Path, charter: Charter, settings: Settings, parts: Parts) -> Session:
        """A new run in the store under `folder`, which is made where it is missing."""
        store, ledger = _open(folder)
        run = store.begin(
            Run(name=charter.name, charter=charter.to_toml(), seed=settings.seed, settings=settings.to_json())
        )
        session = cls(folder, charter, settings, parts, store, ledger, run)
        session.governor.note("begin", {"run": run, "hypothesis": HYPOTHESIS, "margin": 0.0} | session._about())
        return session

    @classmethod
    def resume(cls, folder: Path, charter: Charter, settings: Settings, parts: Parts, run: int) -> Session:
        """Take run number `run` up again: its history is asked and told anew, and must be the same.

        Raises:
            BadInput: the ledger does not verify, or the history cannot be reproduced.
        """
        session = cls(folder, charter, settings, parts, *_open(folder), run)
        try:
            session._take_up()
        except BaseException:
            session.close()
            raise
        return session

    def _take_up(self) -> None:
        """Verify the ledger, replay the stored turns, and write down that the run goes on."""
        if faults := audit(self.folder).faults:
            raise BadInput(f"the ledger does not verify, so run {self.run} is not taken up again: {faults[0].sentence}")
        for turn in self.store.turns(self.run):
            self._replay(turn)
        self._before = self.turns[-1].stages["run"] if self.turns else 0.0
        unspent = self._unspent()
        if unspent is not None:
            self.governor.note("not-run", {"run": self.run, "turn": unspent, "why": "permitted, then interrupted"})
        self.governor.note("resumed", {"run": self.run, "turns": len(self.turns)} | self._about())
        self.store.amend(self.run, self.charter.to_toml(), self.settings.to_json())

    def _about(self) -> dict[str, Any]:
        return {"settings": self.settings.to_json(), "charter": identity(self.charter.to_toml())}

    def _replay(self, turn: Turn) -> None:
        """Bring the explorer and the machine to where they were after `turn`."""
        self.parts.machine.resume(turn.clock)
        planned = plan(self.parts, self.state, reach=0.0, at=turn.centre)
        asked = planned.proposal.centre if self.settings.shadow and planned.proposal is not None else turn.centre
        if identity(planned.action) != turn.action or not np.array_equal(asked, turn.centre):
            raise BadInput(
                f"turn {turn.number} of run {self.run} was the action {turn.action[:12]} and would now be"
                f" {identity(planned.action)[:12]}: resume with the version and the parts that began it, or begin a"
                " new run"
            )
        self.state = settle(self.parts, planned, turn)
        self.parts.machine.resume(turn.clock + turn.used.seconds)
        self._append(turn)

    def _append(self, turn: Turn) -> Alarm | None:
        """Take a turn into the run; the alarm, where it ends a stretch of turns that raises one."""
        self.turns.append(turn)
        self.rows.append(tallies(turn))
        self.events += [(turn.number, event) for event in self.state.events if event.kind != "shadow"]
        found = last_alarm(self.rows) if len(self.rows) % STRETCH == 0 else None
        if found and not self.settings.shadow:
            guard = self.state.guard.alarmed(found.sentence, self.state.centre)
            self.state = replace(self.state, guard=guard)
        self.alarms += [found] if found else []
        return found

    def _unspent(self) -> int | None:
        """The turn whose permit the ledger granted last, where no outcome of it was stored: it counts as not run."""
        granted = [e.content for e in self.ledger.entries() if e.kind in ("begin", "decision")]
        last = json.loads(granted[-1]) if granted else {}
        permitted = last.get("verdict") == "allow" and last.get("turn") == len(self.turns)
        return len(self.turns) if permitted else None

    def __iter__(self) -> Iterator[Turn]:
        """Take the remaining turns, each stored before it is given out."""
        while self.done < self.settings.turns:
            state, turn, shots = take_turn(self.parts, replace(self.state, used=self.used), self.governor)
            raw = None if shots is None else shots.detection_events
            turn = replace(turn, stages={**turn.stages, "run": self.wall_seconds})
            with unbroken():  # store, ledger and session agree on whether there was this turn
                for event in state.events:  # before the turn is stored: a kill in between says it twice, and never not
                    self.governor.note(event.kind, {"run": self.run, "turn": turn.number} | event.content)
                self.store.record(self.run, turn, self.ledger.head, raw)
                self.state = state
                if found := self._append(turn):
                    self.governor.note("alarm", {"run": self.run, "turn": turn.number, "why": found.sentence})
            yield turn
            recent = self.turns[-PATIENCE:]
            refused = len(recent) == PATIENCE and all(t.verdict != "allow" for t in recent)
            if refused and not any(event.kind == "rolled-back" for event in state.events):
                self.ending = f"ended by the charter: {turn.reason}"
                return
        self.ending = "complete"

    @property
    def done(self) -> int:
        """Turns that were carried out; a denied one does not use up the run."""
        return self.state.done

    @property
    def records(self) -> dict[str, Record | str]:
        """How each feedback edge stands, or that the run has no such task and why."""
        return {edge.name: self._record(edge) for edge in self.parts.edges}

    def _record(self, edge: Edge) -> Record | str:
        if self.settings.shadow:
            return "not offered in shadow mode"
        why = edge.lack(self.parts.machine, self.parts.sites)
        return f"not offered: {why}" if why else record(edge, self.state.works)

    @property
    def used(self) -> Used:
        """What the run has used so far."""
        return replace(self.state.used, wall=self.wall_seconds, disk=self.store.disk())

    @property
    def wall_seconds(self) -> float:
        """Wall time of the run so far, in seconds, time between interruption and resumption left out."""
        return self._before + (self._ended or time.monotonic()) - self._began

    @property
    def seconds_left(self) -> float:
        """Wall time to the end of the run as it goes now, within the charter's limit."""
        turns = self.wall_seconds / max(1, self.done) * (self.settings.turns - self.done)
        return max(0.0, min(turns, self.charter.limits.seconds - self.wall_seconds))

    @property
    def shares(self) -> dict[str, float]:
        """How much of each of the charter's budgets is used, as a fraction."""
        return shares(self.charter, self.used)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None or issubclass(kind, KeyboardInterrupt):
            about = {"run": self.run, "turns": len(self.turns), "how": self.ending}
            with unbroken():
                self.governor.note("end", about | {"previous_outcome": self.state.outcome})
                self.store.finish(self.run, self.ending, self.ledger.head)
        self.close()

    def close(self) -> None:
        """Close the store and the ledger, which frees them for another run."""
        self._ended = time.monotonic()
        self.store.close()
        self.ledger.close()


def _open(folder: Path) -> tuple[Store, Ledger]:
    """Store and ledger of a folder; the ledger first, for it keeps a second loop out."""
    ledger = Ledger.open(folder)
    try:
        return Store.open(folder), ledger
    except BaseException:
        ledger.close()
        raise
