"""What the ledger tells of each run: its rules, the decisions that stand, and the outcomes that they seal.

Entries in turn: "begin" (run, settings, charter), then for each turn a "decision" (turn, action, verdict,
price, previous_outcome). "end" and "resumed" hold how many turns were stored by then, "not-run" the turn
that was not: a decision on that turn or a later one was never carried out, or its outcome was lost with
the power, and it no longer stands.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from counterpoint.govern.chain import Entry, Fault

# Which key holds a number of turns from 0 on, by kind of entry.
_PLACES = {"decision": "turn", "not-run": "turn", "end": "turns", "resumed": "turns"}


class Said(NamedTuple):
    """What one entry says."""

    entry: int  # its number
    content: dict[str, Any]


@dataclass
class Told:
    """What the ledger tells of one run; filled by `told_of_runs`."""

    first: int  # number of its first entry
    decisions: dict[int, Said] = field(default_factory=dict)  # that stand, by turn
    void: list[Said] = field(default_factory=list)  # decisions that no longer stand
    seals: dict[int, list[Said]] = field(default_factory=dict)  # decisions and ends, by the turn that they come before
    rules: dict[str, list[Said]] = field(default_factory=lambda: {"charter": [], "settings": []})
    ends: list[Said] = field(default_factory=list)
    counted: tuple[int, int] = (0, -1)  # (stored turns, number of the entry that says so)

    def add(self, kind: str, place: int | None, said: Said) -> None:
        """Take in one entry more, which speaks of the turn or number of turns `place`."""
        for name, sayings in self.rules.items():
            if name in said.content:
                sayings.append(said)
        if place is None:
            return
        if kind == "decision":
            self.decisions[place] = said
        else:
            self.counted = (place, said.entry)
            self.void += [self.decisions.pop(turn) for turn in [*self.decisions] if turn >= place]
            self.seals = {turn: seals for turn, seals in self.seals.items() if turn <= place}
        if kind == "end":
            self.ends.append(said)
        if kind in ("decision", "end"):
            self.seals.setdefault(place, []).append(said)


def told_of_runs(entries: Iterable[Entry]) -> tuple[dict[int, Told], list[Fault]]:
    """What entries of a whole chain tell of each run, by its number, and which of them cannot be understood."""
    told: dict[int, Told] = {}
    faults: list[Fault] = []
    run: Told | None = None  # that the entries belong to
    for entry in entries:
        content = _object(entry.content)
        number, key = content.get("run"), _PLACES.get(entry.kind)
        place = content.get(key) if key else None
        if key and not isinstance(place, int):
            faults.append(_vague(entry, key))
            continue
        if entry.kind in ("begin", "resumed"):
            if not isinstance(number, int):
                faults.append(_vague(entry, "run"))
                continue
            # A number given anew is of a run that was lost with the power before the store had a turn of it.
            anew = entry.kind == "begin" or number not in told
            run = told[number] = Told(entry.number) if anew else told[number]
        if run is not None:
            run.add(entry.kind, place, Said(entry.number, content))
    return told, faults


def _vague(entry: Entry, key: str) -> Fault:
    return Fault(entry.number, f"entry {entry.number} is of the kind '{entry.kind}' and has no number under '{key}'")


def _object(text: str) -> dict[str, Any]:
    """The JSON object in `text`; empty where it holds something else."""
    try:
        content = json.loads(text)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
