"""``counterpoint job``: the same circuit on any machine, near or far, now or collected later."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import stim
import typer
from rich.console import Console
from rich.table import Table

from counterpoint.base import BadInput, Job, Program, Shots, fold_in
from counterpoint.cli.console import console
from counterpoint.cli.interrupt import interruptible
from counterpoint.cli.options import DEFAULT_STORE, Json, Rules, Seed, Store, jobs_in
from counterpoint.cli.sources import program_in, whole
from counterpoint.loop.jobs import given, machine_of, stored
from counterpoint.loop.machines import machines_named
from counterpoint.machine.queued import QueuedMachine
from counterpoint.machine.results import outcomes
from counterpoint.store.jobs import JobRecord, Jobs

app = typer.Typer(no_args_is_help=True, help="The same circuit on any machine, now or collected later.")

SHOWN = 8  # outcomes
COLUMNS = ("ticket", "entry", "shots", "spend", "sent", "state", "machine")

File = Annotated[Path, typer.Argument(metavar="CIRCUIT", help="Noiseless: .qasm (OpenQASM 3) or .stim.")]
Machines = Annotated[
    list[str],
    typer.Option("--machine", help="ideal, logical, FakeTorino, an address, ...; several."),
]
Runs = Annotated[int, typer.Option("--shots", parser=whole, metavar="N", help="Shots on each machine.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for machines that queue, or collect later.")]
Tickets = Annotated[list[str] | None, typer.Argument(metavar="[TICKET]...", help="Default: all that have not ended.")]
Ticket = Annotated[str, typer.Argument(metavar="TICKET", help="Its first letters will do.")]


@app.command()
def run(
    circuit: File,
    machine: Machines,
    shots: Runs = 1000,
    charter: Rules = None,
    wait: Wait = True,
    seed: Seed = 0,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Run a circuit on each machine, unchanged, and show what comes out side by side."""
    program = program_in(circuit)
    found: dict[str, Shots | str] = {}
    refused: list[BadInput] = []
    with interruptible(), jobs_in(store, charter) as session:
        machines = machines_named(machine, (seed,), session.jobs)
        for name, on in machines.items():
            key = fold_in((seed,), "job")
            try:
                if isinstance(on, QueuedMachine) and not wait:
                    found[name] = session.submit(on, program, shots, key)
                else:
                    found[name] = session.run(on, program, shots, key)
            except BadInput as problem:  # the others are shown all the same
                refused.append(BadInput(f"{name}: {problem}"))
    if as_json:
        typer.echo(json.dumps({name: _plain(program, one) for name, one in found.items()}))
    else:
        out = console()
        _show(out, {name: outcomes(program, one) for name, one in found.items() if isinstance(one, Shots)}, shots)
        for name, one in found.items():
            if isinstance(one, str):
                out.print(f"{name}: sent; counterpoint job collect {one[:12]}", soft_wrap=True)
    _refuse(refused)


@app.command("list")
def list_jobs(store: Store = DEFAULT_STORE, as_json: Json = False) -> None:
    """Every job of the store: where it was sent, what it was charged, how it stands."""
    with Jobs.read(store) as jobs:
        rows = [_row(one) for one in jobs.all()]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in COLUMNS:
        numbers = heading in ("entry", "shots", "spend")
        table.add_column(heading, justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(str(row[heading]) for heading in COLUMNS))
    out = console()
    out.print(table)
    for row in [one for one in rows if one["why"]]:
        out.print(f"{row['ticket']}: {row['why']}", soft_wrap=True)


@app.command()
def collect(ticket: Tickets = None, charter: Rules = None, store: Store = DEFAULT_STORE, as_json: Json = False) -> None:
    """Wait for jobs that were sent, also by a program that is no more, and show what came of them."""
    found: dict[str, tuple[str, Job, Shots]] = {}
    refused: list[BadInput] = []
    Jobs.read(store).close()  # where there is none, nothing is to be made
    with interruptible(), jobs_in(store, charter) as session:
        asked = ticket or [one.ticket for one in session.jobs.pending()]
        for start in asked:
            try:
                record = session.record(start)
                shots = stored(record) or session.collect(machine_of(record, session.jobs), record.ticket)
                found[record.ticket] = record.machine, given(record), shots
            except BadInput as problem:  # the others are collected all the same
                refused.append(problem)
    if as_json:
        typer.echo(json.dumps({one: {"machine": m, **_plain(j.circuit, s)} for one, (m, j, s) in found.items()}))
        return _refuse(refused)
    out = console()
    for one, (name, job, shots) in found.items():
        out.print(one[:12], style="dim")
        _show(out, {name: outcomes(job.circuit, shots)}, job.shots)
    if not asked:
        out.print("no job waits")
    return _refuse(refused)


@app.command()
def cancel(ticket: Ticket, charter: Rules = None, store: Store = DEFAULT_STORE) -> None:
    """Take a job out of its machine's queue, where it has not begun."""
    Jobs.read(store).close()
    with interruptible(), jobs_in(store, charter) as session:
        record = session.record(ticket)
        session.cancel(machine_of(record, session.jobs), record.ticket)
    console().print(f"{record.ticket[:12]} cancelled; it is no longer charged")


def _refuse(refused: Sequence[BadInput]) -> None:
    """Tell what could not be done, the last as the program's own error."""
    for problem in refused[:-1]:
        Console(stderr=True).print(f"counterpoint: {problem}", soft_wrap=True, markup=False, highlight=False)
    if refused:
        raise refused[-1]


def _plain(program: Program, found: Shots | str) -> dict[str, Any]:
    if isinstance(found, str):
        return {"ticket": found}
    plain: dict[str, Any] = {"outcomes": outcomes(program, found), "seconds": found.seconds}
    if isinstance(program, stim.Circuit) and program.num_detectors:
        plain["detection fraction"] = _fraction(program, found)
    return plain


def _fraction(circuit: stim.Circuit, shots: Shots) -> float:
    """Detection events a detector and shot."""
    return int(np.bitwise_count(shots.detection_events).sum()) / (
        circuit.num_detectors * shots.detection_events.shape[1]
    )


def _show(out: Console, found: dict[str, dict[str, int]], shots: int) -> None:
    """Outcomes as rows, machines as columns, in per cent of all shots."""
    if not found:
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("outcome", justify="right")
    for name in found:
        table.add_column(f"{name}, %", justify="right")
    all_of_them = Counter[str]()
    for counts in found.values():
        all_of_them.update(counts)
    for outcome, _ in all_of_them.most_common(SHOWN):
        table.add_row(outcome, *(f"{100 * counts.get(outcome, 0) / shots:.2f}" for counts in found.values()))
    out.print(table)
    if len(all_of_them) > SHOWN:
        out.print(f"{len(all_of_them) - SHOWN} more outcomes: --json has all")


def _row(one: JobRecord) -> dict[str, Any]:
    return {
        "ticket": one.ticket[:12],
        "entry": one.entry,
        "machine": one.machine,
        "shots": one.price.shots,
        "spend": one.price.spend,
        "sent": one.submitted[:19],
        "state": one.state,
        "why": one.reason,
    }
