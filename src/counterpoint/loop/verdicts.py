"""Verdicts that stand by themselves: sealed in the ledger, kept in the store, and held against each other."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from counterpoint.govern.chain import Entry, Fault
from counterpoint.identity import identity
from counterpoint.loop.jobs import JobSession
from counterpoint.store.turns import Attempt, now
from counterpoint.store.verdicts import Kept, Told, keep_verdict, verdict_entries
from counterpoint.workloads.rivals import Comparison, Side


def told_of(found: Comparison, task: str, break_even: str, command: str) -> Told:
    """What is kept of a comparison."""
    verdict = found.verdict
    return Told(
        made=now(),
        task=task,
        hypothesis=verdict.hypothesis,
        margin=verdict.margin,
        status=verdict.status,
        figure=None if np.isnan(verdict.value) else (verdict.value, verdict.low, verdict.high),
        budget=f"{found.budget.amount:,.6g} {found.budget.unit} on each instance",
        rival=found.rival,
        sides={name: _attempt(side) for name, side in found.sides.items()},
        break_even=break_even,
        command=command,
    )


def _attempt(side: Side) -> Attempt:
    return Attempt(side.mean, str(side.setting), asdict(side.bill + side.tuning))


def keep(session: JobSession, folder: Path, told: Told) -> int:
    """Seal a verdict in the session's ledger and keep it in the store of `folder`; returns its number.

    A kill between the two leaves a verdict that is sealed and nowhere else. The next one says so in the ledger first.
    """
    governor = session.runner.governor
    last = max(_sealed(governor.ledger.entries()), default=None)
    if last is not None and last not in verdict_entries(folder):
        governor.note("verdict-not-kept", {"entry": last})
    head = governor.note("verdict", {"verdict": identity(told)})
    return keep_verdict(folder, told, head.count - 1)


def _sealed(entries: Iterable[Entry]) -> dict[int, str]:
    """Identity of each verdict that is sealed, by the entry; without those that an entry says were never stored."""
    found: dict[int, str] = {}
    for entry in entries:
        if entry.kind == "verdict":
            found[entry.number] = json.loads(entry.content)["verdict"]
        elif entry.kind == "verdict-not-kept":
            found.pop(json.loads(entry.content)["entry"], None)
    return found


def verdict_faults(entries: Sequence[Entry], kept: Sequence[Kept], before: int) -> tuple[list[Fault], list[str]]:
    """What is wrong with the verdicts in the store, and a sentence where the last one is sealed and not there.

    Args:
        entries: of the whole ledger, read after `kept`.
        before: so many of them are older than `kept`, so that what they seal must be there.
    """
    sealed = _sealed(entries)
    faults = [
        Fault(one.entry, f"verdict {one.id} in the store is not what entry {one.entry:,} of the ledger sealed")
        for one in kept
        if sealed.get(one.entry) != identity(one.told)
    ]
    stored = {one.entry for one in kept}
    *older, last = sorted(number for number in sealed if number < before) or [-1]
    faults += [
        Fault(number, f"the verdict of entry {number:,} is sealed and not in the store")
        for number in older
        if number not in stored
    ]
    if last < 0 or last in stored:
        return faults, []
    return faults, [
        f"the verdict of entry {last:,} was sealed right before a kill, or is being stored at this moment: the store"
        " does not have it"
    ]
