"""The audit of jobs: does each job in the store agree with the entries that permitted it and sealed its outcome?

A job that was killed after its permit stands in the ledger alone, and so do those of verbs that keep no jobs: no fault.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from counterpoint.base import BadInput, RunCircuit
from counterpoint.govern.chain import Entry, Fault
from counterpoint.identity import identity
from counterpoint.loop.jobs import given, stored
from counterpoint.store.jobs import JobRecord

NOT_RUN = ("refused", "cancelled")


def job_faults(entries: Sequence[Entry], records: Sequence[JobRecord]) -> tuple[list[Fault], list[str]]:
    """What is wrong with the jobs, and a sentence for each outcome that no entry holds yet."""
    sealed, not_run = _by_entry(entries, "job-done"), _by_entry(entries, "job-not-run")
    faults: list[Fault] = []
    unsealed: list[str] = []
    for record in records:
        try:
            faults += _permitted(record, entries)
            if record.entry in sealed:
                faults += _outcome(record, sealed[record.entry])
            elif record.state in NOT_RUN:
                faults += _free(record, not_run)
            elif record.state == "done":
                unsealed.append(
                    f"the outcome of the job of entry {record.entry:,} was stored right before a kill: no entry holds "
                    "it, so that a change of it would not show"
                )
        except BadInput as error:
            faults.append(Fault(record.entry, f"the job of entry {record.entry:,}: {error}"))
    kept = {record.entry for record in records}
    for number in sealed.keys() - kept:
        if json.loads(entries[number].content).get("stored"):
            faults.append(
                Fault(number, f"the outcome of the job of entry {number:,} is sealed, and the store has no such job")
            )
    return faults, unsealed


def _by_entry(entries: Sequence[Entry], kind: str) -> dict[int, Mapping[str, Any]]:
    """The content of entries of a kind, by the entry that they speak of."""
    found: dict[int, Mapping[str, Any]] = {}
    for entry in entries:
        if entry.kind == kind:
            content = json.loads(entry.content)
            found[content["entry"]] = content
    return found


def _permitted(record: JobRecord, entries: Sequence[Entry]) -> list[Fault]:
    """The job beside the entry that permitted it."""
    if not record.entry < len(entries) or entries[record.entry].kind != "job":
        return [Fault(None, f"a job of entry {record.entry:,} is in the store, and no such entry permitted a job")]
    entry = entries[record.entry]
    said, job = json.loads(entry.content), given(record)
    pairs = {
        "ticket": (record.ticket, entry.digest),
        "machine": (record.machine, said["machine"]),
        "circuit or its shots": (identity(RunCircuit(job.circuit, job.shots)), said["action"]),
        "key": (list(job.key), said["key"]),
        "price": (asdict(record.price), said["price"]),
        "verdict": ("allow", said["verdict"]),
    }
    return [
        Fault(entry.number, f"the {name} of the job of entry {entry.number:,} is not what that entry holds")
        for name, (here, there) in pairs.items()
        if here != there
    ]


def _free(record: JobRecord, not_run: Mapping[int, Any]) -> list[Fault]:
    """A job that is said to have cost nothing beside the entry that says so."""
    if record.entry in not_run:
        return []
    words = f"is '{record.state}' in the store, and no entry says that it never ran"
    return [Fault(record.entry, f"the job of entry {record.entry:,} {words}")]


def _outcome(record: JobRecord, said: Mapping[str, Any]) -> list[Fault]:
    """The stored outcome beside the entry that sealed it."""
    found = stored(record) if record.state == "done" else None
    if found is not None and identity(found) == said["outcome"]:
        return []
    words = "is not in the store" if found is None else "is not what the ledger sealed"
    return [Fault(record.entry, f"the outcome of the job of entry {record.entry:,} {words}")]
