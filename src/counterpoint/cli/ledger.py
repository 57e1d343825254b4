"""`counterpoint ledger show` and `counterpoint ledger verify`."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from counterpoint.cli.options import DEFAULT_STORE, Json, Store
from counterpoint.govern.ledger import Entry, Ledger
from counterpoint.store.database import FILE, Store as StoreFile

app = typer.Typer(help="What was asked, allowed, held back and denied, sealed against changes.", no_args_is_help=True)

_SHOWN = 20  # faults on screen; --json gives all

Last = Annotated[int | None, typer.Option("--last", min=1, help="Only the last so many entries.")]


@app.command()
def show(store: Store = DEFAULT_STORE, last: Last = None, json_: Json = False) -> None:
    """Print the entries of the ledger, the oldest first."""
    with Ledger.read(store) as ledger:
        entries = list(ledger.entries(max(0, ledger.head.count - last) if last else 0))
    if json_:
        print(json.dumps({"entries": [_plain(entry) for entry in entries]}))
        return
    table = Table("entry", "time", "kind", "verdict", "what", box=None, header_style="bold")
    for entry in entries:
        plain = _plain(entry)
        content = plain["content"]
        known = isinstance(content, dict) and "verdict" in content
        verdict = content["verdict"] if known else ""
        what = f"{content['summary']}: {content['reason']}" if known else json.dumps(content, sort_keys=True)
        row = (f"{entry.number:,}", plain["time"], plain["kind"], str(verdict), what)
        table.add_row(*(escape(cell) for cell in row))
    Console().print(table)


@app.command()
def verify(store: Store = DEFAULT_STORE, json_: Json = False) -> None:
    """Check that no entry was changed, removed, inserted or moved; exit code 1 where one was."""
    expected = _expected(store)
    with Ledger.read(store) as ledger:
        faults = ledger.verify(expected)
        count = None if faults else ledger.head.count
    if json_:
        listed = [{"entry": fault.entry, "fault": fault.sentence} for fault in faults]
        known = None if expected is None else {"count": expected[0], "digest": expected[1]}
        print(json.dumps({"verified": not faults, "entries": count, "expected": known, "faults": listed}))
    elif count is not None:
        print(f"{count:,} entries, verified{_reach(count, expected)}")
    else:
        for fault in faults[:_SHOWN]:
            print(fault.sentence)
        if len(faults) > _SHOWN:
            print(f"and {len(faults) - _SHOWN:,} faults more: --json gives them all")
    if faults:
        raise typer.Exit(1)


def _expected(folder: Path) -> tuple[int, str] | None:
    """The head that the store beside the ledger has seen; None where there is no store or no turn yet."""
    if not (folder / FILE).is_file():
        return None
    with StoreFile.open(folder, read_only=True) as store:
        return store.head()


def _reach(count: int, expected: tuple[int, str] | None) -> str:
    """What the store cannot vouch for, where there is such a thing."""
    if expected is None:
        return "; no outcome stands in a store beside it, so that a cut tail would not show"
    beyond = count - expected[0]
    return f"; the last {beyond:,} of them are newer than the last outcome in the store" if beyond else ""


def _plain(entry: Entry) -> dict[str, Any]:
    """`entry` for printing: content as JSON where it is JSON, bytes that are no text as question marks."""
    fields = {name: _printable(value) for name, value in vars(entry).items()}
    with suppress(TypeError, ValueError):
        fields["content"] = json.loads(fields["content"])
    return fields


def _printable(value: Any) -> Any:
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
