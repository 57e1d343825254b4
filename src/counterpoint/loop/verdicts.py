"""Verdicts that stand by themselves: sealed in the ledger, kept in the store, and held against each other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from counterpoint.govern.chain import Entry, Fault
from counterpoint.identity import identity
from counterpoint.loop.jobs import JobSession
from counterpoint.store.turns import Attempt
from counterpoint.store.verdicts import Kept, Told, keep_verdict
from counterpoint.workloads.rivals import Comparison, Side


def told_of(found: Comparison, task: str, break_even: str, command: str) -> Told:
    """What is kept of a comparison."""
    verdict = found.verdict
    return Told(
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
    """Seal a verdict in the session's ledger and keep it in the store of `folder`; returns its number."""
    head = session.runner.governor.note("verdict", {"verdict": identity(told)})
    return keep_verdict(folder, told, head.count - 1)


def verdict_faults(entries: Sequence[Entry], kept: Sequence[Kept]) -> list[Fault]:
    """Verdicts in the store that are not what the ledger's `entries` sealed, and sealed ones that are not there.

    A kill between the two leaves the last one sealed and not stored, which is no fault.
    """
    sealed = {entry.number: json.loads(entry.content)["verdict"] for entry in entries if entry.kind == "verdict"}
    faults = [
        Fault(one.entry, f"verdict {one.id} in the store is not what entry {one.entry:,} of the ledger sealed")
        for one in kept
        if sealed.get(one.entry) != identity(one.told)
    ]
    stored = {one.entry for one in kept}
    lost = [number for number in sealed.keys() - stored if stored and number < max(stored)]
    return faults + [
        Fault(number, f"the verdict of entry {number:,} is sealed and not in the store") for number in lost
    ]
