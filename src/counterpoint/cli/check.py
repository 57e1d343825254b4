"""``counterpoint check``: what can this machine do, and how well? Several stand side by side."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from counterpoint.base import BadInput, Key, Machine, fold_in
from counterpoint.cli.console import STYLES as VERDICTS, console
from counterpoint.cli.interrupt import interruptible
from counterpoint.cli.options import JobStore, Json, Rules, Seed, jobs_in
from counterpoint.cli.sources import whole
from counterpoint.loop.check import Report, check as run_check
from counterpoint.loop.jobs import JobSession
from counterpoint.loop.machines import machines_named, queues
from counterpoint.loop.sheet import MEANING, charged, placed_of, rows_of, shown, write_sheet
from counterpoint.machine.protocols import PROTOCOLS

STYLES = VERDICTS | {"not run": "dim"}


def check(
    machines: Annotated[
        list[str], typer.Argument(metavar="MACHINE...", help="Such as ideal, FakeTorino, logical:distance=5.")
    ],
    shots: Annotated[
        int, typer.Option(parser=whole, metavar="N", help="Of a circuit; of a sequence of benchmarking N / 16.")
    ] = 4096,
    report: Annotated[Path | None, typer.Option(help="Write one page (.html) with a figure into this file.")] = None,
    as_json: Json = False,
    seed: Seed = 0,
    store: JobStore = None,
    charter: Rules = None,
) -> None:
    """Can this machine superpose, entangle and carry two bits on one qubit, and how well?

    A fidelity check, not a proof of quantumness: a simulator passes, too. Intervals are 95 %, verdicts' bounds 99.9 %.
    """
    if report is not None and (report.suffix != ".html" or not report.parent.is_dir()):
        raise BadInput(f"a page cannot be written to {report}: name a file in a folder that exists, ending in .html")
    far = [name for name in machines if queues(name)]
    if far and store is None:
        raise BadInput(
            f"machine '{far[0]}' queues its jobs, and 0 folders were named to keep them in: name one with --store, so "
            "that they can be collected when this is stopped"
        )
    with interruptible() as heed, jobs_in(store, charter) as session:
        named = machines_named(machines, (seed,), session.jobs)
        found = _checked(named, session, shots, fold_in((seed,), "check"), heed)
    if report is not None:
        write_sheet(found, f"counterpoint check: {shots:,} shots a circuit, seed {seed}", report)
    if as_json:
        typer.echo(json.dumps({"shots": shots, "seed": seed, "machines": [r.plain for r in found]}, allow_nan=False))
        return
    _show(found)
    if report is not None:
        typer.echo(f"\nreport   {report.resolve().as_uri()}")


def _checked(
    machines: dict[str, Machine], session: JobSession, shots: int, key: Key, heed: Callable[[], None]
) -> list[Report]:
    """One after the other, all under one charter."""
    found = []
    with Console(stderr=True).status("") as status:
        for name, machine in machines.items():

            def say(protocol: str, name: str = name) -> None:
                heed()
                status.update(Text(f"{name}: {protocol}"))

            found.append(replace(run_check(session, machine, shots, key, PROTOCOLS, say), machine=name))
    return found


def _show(reports: Sequence[Report]) -> None:
    out = console()
    piped = not out.is_terminal
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    for one in reports:
        table.add_column(one.machine, overflow="fold")
    for protocol, first in reports[0].checked.items():
        table.add_row(Text(first.title, "bold"), *(_status(one.checked[protocol].status) for one in reports))
        for figures in rows_of(reports, protocol):
            name = next(figure.name for figure in figures if figure)
            table.add_row(f"  {name}", *(" ".join(shown(figure)) if figure else "" for figure in figures))
        if placed := placed_of(reports, protocol):
            table.add_row("  on qubits", *placed)
    table.add_row(Text("charged", "bold"))
    for name, values in charged(reports).items():
        table.add_row(f"  {name}", *values)
    out.print(table)
    out.print(f"\n{' '.join(MEANING.split())}\n", style="dim", soft_wrap=piped)
    for one in reports:
        out.print(Text(one.sentence, STYLES[one.status]), soft_wrap=piped)


def _status(status: str | None) -> Text:
    return Text(status, STYLES[status]) if status else Text("")
