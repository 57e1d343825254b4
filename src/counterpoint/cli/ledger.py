"""`counterpoint ledger show` and `counterpoint ledger verify`."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from counterpoint.cli.options import DEFAULT_STORE, Json, Store
from counterpoint.govern.ledger import Entry, Ledger
from counterpoint.loop.audit import Audit, audit

app = typer.Typer(help="What was asked, allowed, held back and denied, sealed against changes.", no_args_is_help=True)

_SHOWN = 20  # faults on screen; --json gives all
_WIDTH = 100  # columns of an entry where there is no terminal to say it

Last = Annotated[int | None, typer.Option("--last", min=1, help="Only the last so many entries.")]


@app.command()
def show(store: Store = DEFAULT_STORE, last: Last = None, json_: Json = False) -> None:
    """Print the entries of the ledger, the oldest first, one a line; --json gives all that they hold."""
    with Ledger.read(store) as ledger:
        entries = list(ledger.entries(max(0, ledger.head.count - last) if last else 0))
    plain = [_plain(entry) for entry in entries]
    if json_:
        print(json.dumps({"entries": plain}))
        return
    console, date = Console(highlight=False), ""
    width = min(_WIDTH, console.width) if console.is_terminal else _WIDTH
    for entry in plain:
        if entry["time"][:10] != date:
            date = entry["time"][:10]
            _print(console, f" entry {date + ' UTC':<14} digest       what", width)
        words = f"{entry['number']:>6,} {entry['time'][11:19]:<8} {_verdict(entry):<8} {entry['digest'][:12]:<12} "
        _print(console, words + _words(entry), width)
    if not plain:
        print("no entries")


@app.command()
def verify(store: Store = DEFAULT_STORE, json_: Json = False) -> None:
    """Check that no entry was changed, and no turn, job, setting or charter since; exit code 1 where one was."""
    found = audit(store)
    if json_:
        listed = [{"entry": fault.entry, "fault": fault.sentence} for fault in found.faults]
        known = None if found.expected is None else {"count": found.expected[0], "digest": found.expected[1]}
        about = {"verified": not found.faults, "entries": found.head and found.head.count, "expected": known}
        covered = {"runs": found.runs, "turns": found.turns, "jobs": found.jobs, "unsealed": found.unsealed}
        print(json.dumps(about | covered | {"faults": listed}))
    elif found.faults:
        for fault in found.faults[:_SHOWN]:
            print(_printable(fault.sentence))
        if len(found.faults) > _SHOWN:
            print(f"and {len(found.faults) - _SHOWN:,} faults more: --json gives them all")
    else:
        for line in _covered(found):
            print(line)
    if found.faults:
        raise typer.Exit(1)


def _covered(found: Audit) -> list[str]:
    """What the audit vouches for, and what it cannot."""
    assert found.head is not None
    count, runs = found.head.count, f"{found.runs:,} run{'s' * (found.runs != 1)}"
    if found.expected is None and found.jobs:
        jobs = f"{found.jobs:,} job{'s' * (found.jobs != 1)}"
        return [f"{count:,} entries chained, {jobs} agree with them; a tail cut after the last of these would not show"]
    if found.expected is None:
        return [f"{count:,} entries chained; no turn stands in a store beside them, so that a cut tail would not show"]
    jobs = f" and {found.jobs:,} job{'s' * (found.jobs != 1)}" if found.jobs else ""
    lines = [f"{count:,} entries chained, {found.turns:,} turns of {runs}{jobs} agree with them"]
    if beyond := count - found.expected[0]:
        lines.append(
            f"the last {beyond:,} entries are newer than what the store has seen: cut off, they would not show"
        )
    return [*lines, *found.unsealed]


def _verdict(entry: dict[str, Any]) -> str:
    """The kind of an entry; of a decision its verdict."""
    content = entry["content"]
    return str(content["verdict"]) if isinstance(content, dict) and "verdict" in content else entry["kind"]


def _words(entry: dict[str, Any]) -> str:
    """An entry in a few words."""
    match entry["content"]:
        case {"verdict": "allow", "turn": turn, "summary": summary}:
            return f"turn {turn}: {summary}"
        case {"verdict": _, "turn": turn, "reason": reason}:
            return f"turn {turn}: {reason}"
        case {"verdict": "allow", "machine": machine, "summary": summary}:
            return f"{machine}: {summary}"
        case {"verdict": _, "machine": machine, "reason": reason}:
            return f"{machine}: {reason}"
        case {"entry": number, "outcome": outcome}:
            return f"entry {number:,} gave {str(outcome)[:12]}"
        case {"entry": number, "why": why}:
            return f"entry {number:,}: {why}"
        case {"run": run, "turns": turns, "charter": charter}:
            return f"run {run} after {turns} turns; charter {str(charter)[:12]}"
        case {"run": run, "settings": {"machine": machine, "explorer": explorer}, "charter": charter}:
            return f"run {run}: {machine}, {explorer}; charter {str(charter)[:12]}"
        case {"run": run, "turns": turns, "how": how}:
            return f"run {run} after {turns} turns: {how}"
        case {"run": run, "turn": turn, "why": why}:
            return f"run {run}, turn {turn}: {why}"
        case content:
            return json.dumps(content, sort_keys=True, ensure_ascii=False)


def _print(console: Console, line: str, width: int) -> None:
    """Print one line, cut to `width` columns."""
    text = Text(_printable(line))
    text.truncate(width, overflow="ellipsis")
    console.print(text, no_wrap=True, soft_wrap=True)


def _plain(entry: Entry) -> dict[str, Any]:
    """`entry` for printing: content as JSON where it is JSON, bytes that are no text as question marks."""
    fields = {name: _decoded(value) for name, value in vars(entry).items()}
    with suppress(TypeError, ValueError):
        fields["content"] = json.loads(fields["content"])
    return fields


def _decoded(value: Any) -> Any:
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _printable(text: str) -> str:
    """`text` without what would move a terminal's cursor or change its colours."""
    return "".join(c if c.isprintable() else "?" for c in text)
