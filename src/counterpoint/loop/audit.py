"""The audit: does the store agree with what the ledger sealed while it happened?

That no entry was changed is shown by the chain (govern/chain.py), and what the entries tell of a run is
read in govern/told.py. Here the run in the store is held against it: settings, charter, and of each turn
the action, verdict, price and outcomes, the bounding players' too. What no entry holds no audit can vouch
for: the centre, clock and wall times of a turn.

A kill or a power cut is no fault: a decision may stand without a turn where the store never had one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from counterpoint.base import BadInput, Price
from counterpoint.govern.chain import GENESIS, Fault, Head
from counterpoint.govern.ledger import Ledger
from counterpoint.govern.told import Said, Told, told_of_runs
from counterpoint.identity import identity
from counterpoint.loop.job_audit import job_faults
from counterpoint.loop.verdicts import verdict_faults
from counterpoint.store.database import FILE, Store
from counterpoint.store.jobs import JobRecord, Jobs
from counterpoint.store.turns import Run, Turn
from counterpoint.store.verdicts import Kept, verdicts


@dataclass(frozen=True)
class Audit:
    """What was compared, and everything that is wrong with it."""

    head: Head | None  # of the chain; None where it is broken
    expected: tuple[int, str] | None  # the head that the store has seen; None without a store or a turn
    runs: int  # that were compared with the ledger
    turns: int  # likewise
    jobs: int  # in the store, likewise
    faults: tuple[Fault, ...]
    unsealed: tuple[str, ...]  # a sentence for each outcome that no entry holds yet: no fault


def audit(folder: Path) -> Audit:
    """Compare store and ledger of `folder`, read from the disk; a run may write them at the same moment.

    Where the chain is broken its faults are the only ones: it is no witness for anything else.

    Raises:
        BadInput: there is no ledger, or a file is of something else or too damaged to be opened.
    """
    with ExitStack() as stack:
        ledger = stack.enter_context(Ledger.read(folder))
        # What these entries say is stored must be in the store, which is looked at later.
        before = ledger.head.count
        store, expected, records, kept = None, None, list[JobRecord](), list[Kept]()
        if (folder / FILE).is_file():
            store = stack.enter_context(Store.open(folder, read_only=True))
            stack.enter_context(store.snapshot())
            expected = store.head()
            # Before the entries are read: each of these is newer than its permit or seal.
            records, kept = _jobs(folder), _verdicts(folder)
        if faults := ledger.verify(expected):
            return Audit(None, expected, 0, 0, 0, tuple(faults), ())
        entries = list(ledger.entries())
        head = Head(len(entries), entries[-1].digest) if entries else Head(0, GENESIS)
        if store is None:
            return Audit(head, None, 0, 0, 0, (), ())
        told, faults = told_of_runs(entries)
        try:
            runs, seen = {run.id: run for run in store.runs()}, frozenset(store.heads())
        except BadInput as error:
            return Audit(head, expected, 0, 0, 0, (Fault(None, str(error)),), ())
        compared = [
            _Comparison(number, runs.get(number), told.get(number), seen, before).over(store.turns(number))
            for number in sorted(runs.keys() | told.keys())
        ]
    wrong, late = job_faults(entries, records)
    faults += [fault for each in compared for fault in each.faults] + wrong
    if isinstance(kept, BadInput):
        faults, lost = [*faults, Fault(None, str(kept))], list[str]()
    else:
        untrue, lost = verdict_faults(entries, kept, before)
        faults += untrue
    unsealed = (*(each.unsealed for each in compared if each.unsealed), *late, *lost)
    turns = sum(each.turns for each in compared)
    return Audit(head, expected, len(runs), turns, len(records), tuple(faults), unsealed)


def _jobs(folder: Path) -> list[JobRecord]:
    with Jobs.read(folder) as jobs:
        return jobs.all()


def _verdicts(folder: Path) -> list[Kept] | BadInput:
    """The verdicts in the store, or why one cannot be read."""
    try:
        return verdicts(folder)
    except BadInput as error:
        return error


@dataclass
class _Comparison:
    """One run in the store beside what the ledger tells of it."""

    number: int
    run: Run | None  # None where the store does not have it
    told: Told | None  # None where the ledger does not
    seen: frozenset[int]  # counts of entries at which the store recorded a turn or an end
    before: int  # entries that are older than what is looked at of the store
    turns: int = 0
    faults: list[Fault] = field(default_factory=list)
    unsealed: str | None = None
    outcome: tuple[int, str] | None = None  # (turn, identity) of the last outcome; None before the first
    certain: bool = True  # that no later outcome is missing

    def over(self, turns: Iterator[Turn]) -> _Comparison:
        """Compare the run and all its stored `turns`; returns itself."""
        try:
            if self.told is not None:
                self._rules(self.told)
                self._turns(self.told, turns)
            elif count := sum(1 for _ in turns):  # without a turn it was killed before its first entry
                self._fault(None, f"run {self.number} has {count:,} turns in the store and no entry in the ledger")
        except BadInput as error:
            self._fault(None, str(error))
        return self

    def _fault(self, entry: int | None, sentence: str) -> None:
        self.faults.append(Fault(entry, sentence))

    def _differ(self, what: str, stored: Any, said: Said, sealed: Any) -> None:
        """A fault where what is `stored` is not what an entry holds."""
        if stored != sealed:
            values = f"{_shown(stored)} in the store and {_shown(sealed)} in entry {said.entry:,} of the ledger"
            self._fault(said.entry, f"{what} of run {self.number} is {values}")

    def _rules(self, told: Told) -> None:
        """The run's charter, settings and ending."""
        latest = max(self.seen, default=0)
        if self.run is None:
            if told.first < latest:  # else it may have been lost with the power
                words = f"has entry {told.first:,} in the ledger and is not in the store"
                self._fault(told.first, f"run {self.number} {words}")
            return
        stored = {"charter": identity(self.run.charter), "settings": dict(self.run.settings)}
        for name, sayings in told.rules.items():
            if not sayings:
                words = f"in the store and none in the ledger, where its first entry is {told.first:,}"
                self._fault(told.first, f"run {self.number} has {name} {words}")
                continue
            # New rules are in the ledger before they are in the store: a kill in between leaves the old ones.
            newer = sum(said.entry >= latest for said in sayings)
            if not any(stored[name] == said.content[name] for said in sayings[-newer - 1 :]):
                self._rule(name, stored[name], sayings[-1])
        ends = [said for said in told.ends if said.entry + 1 in self.seen]
        if self.run.how is not None and ends:
            self._differ("the ending", self.run.how, ends[-1], ends[-1].content.get("how"))

    def _rule(self, name: str, stored: Any, said: Said) -> None:
        sealed = said.content[name]
        if not (isinstance(stored, dict) and isinstance(sealed, dict)):
            return self._differ(f"the {name}", stored, said, sealed)
        for key in sorted(stored.keys() | sealed.keys()):
            self._differ(f"the setting '{key}'", stored.get(key), said, sealed.get(key))
        return None

    def _turns(self, told: Told, turns: Iterator[Turn]) -> None:
        """Each turn beside its decision, and each outcome beside the entry that follows it."""
        stored, after = set(), 0  # `after`: the number that should come next
        for turn in turns:
            self.certain &= turn.number == after
            self._sealed(told.seals.get(turn.number, []), turn.number)
            said = told.decisions.get(turn.number)
            if said is None:
                words = f"is in the store as '{turn.verdict}' and has no decision in the ledger"
                self._fault(None, f"turn {turn.number} of run {self.number} {words}")
            else:
                self._turn(turn, said)
            if turn.outcome is not None:
                self.outcome, self.certain = (turn.number, turn.seal), True
            elif turn.verdict == "allow":
                self.certain = False
            stored.add(turn.number)
            after = turn.number + 1
        self.turns = len(stored)
        self._sealed(told.seals.get(after, []), after)
        self._missing(told, stored, after)
        if self.outcome and not any(self.outcome[0] < turn <= after for turn in told.seals):
            self.unsealed = (
                f"the outcome of turn {self.outcome[0]} of run {self.number} is the last before a kill or of a run "
                "that goes on: no entry holds it yet, so that a change of it would not show"
            )

    def _turn(self, turn: Turn, said: Said) -> None:
        what, content = f"of turn {turn.number}", said.content
        self._differ(f"the action {what}", turn.action, said, content.get("action"))
        self._differ(f"the summary {what}", turn.summary, said, content.get("summary"))
        self._differ(f"the verdict {what}", turn.verdict, said, content.get("verdict"))
        if content.get("verdict") == "allow":
            self._differ(f"the price {what}", asdict(turn.price), said, content.get("price"))
        else:
            self._differ(f"the reason {what}", turn.reason, said, content.get("reason"))
            self._differ(f"the price {what}", asdict(turn.price), said, asdict(Price()))
        if (turn.outcome is None) == (content.get("verdict") == "allow"):
            found = "no outcome" if turn.outcome is None else "an outcome"
            words = f"has {found} in the store and '{content.get('verdict')}' in entry {said.entry:,} of the ledger"
            self._fault(said.entry, f"turn {turn.number} of run {self.number} {words}")

    def _sealed(self, seals: list[Said], turn: int) -> None:
        """The last outcome before `turn` beside the entries that hold its identity; one fault at most."""
        stored = self.outcome[1] if self.outcome else None
        for said in seals:
            if self.certain and said.content.get("previous_outcome") != stored:
                of = f"turn {self.outcome[0]}" if self.outcome else f"a turn before turn {turn}"
                self._differ(f"the outcome of {of}", stored, said, said.content.get("previous_outcome"))
                self.certain = False  # the entries after it hold the same
                return

    def _missing(self, told: Told, stored: set[int], after: int) -> None:
        """Decisions whose turns are not in the store and were."""
        counted, entry = told.counted
        reached = max(after, counted) if entry < self.before else after
        for turn, said in sorted(told.decisions.items()):
            if turn not in stored and (turn < reached or said.entry + 1 in self.seen):
                words = f"'{said.content.get('verdict')}' in entry {said.entry:,} of the ledger and is not in the store"
                self._fault(said.entry, f"turn {turn} of run {self.number} has {words}")
        for said in told.void:
            if said.entry + 1 in self.seen:
                words = f"on entry {said.entry:,} of the ledger and a later entry says that it never was"
                self._fault(said.entry, f"turn {said.content['turn']} of run {self.number} was stored {words}")


def _shown(value: Any) -> str:
    """A value in a few words: an identity by its first digits."""
    if isinstance(value, str):
        return value[:12] if len(value) == 64 else f"'{value}'"
    return "none" if value is None else json.dumps(value)
