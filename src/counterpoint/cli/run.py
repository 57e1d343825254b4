"""``counterpoint run``: the loop, live."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from counterpoint.base import BadInput
from counterpoint.cli.console import say
from counterpoint.cli.interrupt import interruptible, stoppable
from counterpoint.cli.options import (
    DEFAULT_STORE,
    EXPLORER_HELP,
    MACHINE_HELP,
    Json,
    Prior,
    Seed,
    Store,
    charter_line,
    parts_of,
)
from counterpoint.cli.view import view
from counterpoint.govern.charter import FIRST_RUN, Charter
from counterpoint.loop.closing import closing
from counterpoint.loop.edges.offered import EDGES
from counterpoint.loop.report import write_report
from counterpoint.loop.session import Session
from counterpoint.loop.settings import Settings
from counterpoint.store.database import FILE, Store as StoreFile
from counterpoint.store.turns import Run

Shadow = Annotated[bool, typer.Option("--shadow", help="The explorer proposes and is judged; nothing is moved.")]
REFRESH = 0.5  # seconds between two pictures: drawing more often would cost more than the loop itself


def run(
    context: typer.Context,
    charter: Annotated[
        Path | None, typer.Argument(help="Charter (TOML); without one, a built-in first run.", show_default=False)
    ] = None,
    machine: Annotated[str, typer.Option(help=MACHINE_HELP)] = Settings.machine,
    explorer: Annotated[str, typer.Option(help=EXPLORER_HELP)] = Settings.explorer,
    decoder: Annotated[str, typer.Option(help="matching, correlated, none, or FILE.py:NAME.")] = Settings.decoder,
    distance: Annotated[int, typer.Option(help="Code distance of the memory, odd.")] = Settings.distance,
    rounds: Annotated[int, typer.Option(help="Error-correction cycles of one shot.")] = Settings.rounds,
    drift: Annotated[str, typer.Option(help="How the optima move: name:key=value,... joined by +.")] = Settings.drift,
    candidates: Annotated[int, typer.Option(help="Settings tried in an epoch.")] = Settings.candidates,
    cycles: Annotated[int, typer.Option(help="Cycles of each candidate in an epoch.")] = Settings.cycles,
    turns: Annotated[int, typer.Option(help="Epochs of the run.")] = Settings.turns,
    resume: Annotated[
        bool, typer.Option("--resume", help="Take the last run up again; a CHARTER or --turns amends it.")
    ] = False,
    prior: Prior = Settings.prior,
    shadow: Shadow = False,
    edges: Annotated[
        str, typer.Option(help=f"Tasks of the AI half for the machine: {', '.join(EDGES)}, joined by commas, or none.")
    ] = ",".join(EDGES) or "none",
    seed: Seed = 0,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Keep a drifting chip in tune while it corrects errors, inside a charter, with a ledger."""
    own = None if charter is None else Charter.load(charter)
    if resume:
        last = stored(store)
        number, rules = last.id, own or Charter.from_toml(last.charter)
        settings = amended(Settings.from_json(dict(last.settings)), context)
    else:
        number, rules = None, own or FIRST_RUN
        settings = Settings(
            machine=machine,
            explorer=explorer,
            decoder=decoder,
            distance=distance,
            rounds=rounds,
            drift=drift,
            candidates=candidates,
            cycles=cycles,
            turns=turns,
            prior=prior,
            seed=seed,
            shadow=shadow,
            edges=edges,
        )
    console = Console(stderr=as_json)
    console.print(charter_line(rules), style="dim", highlight=False, markup=False)
    with interruptible():
        parts = parts_of(settings)
        if number is None:
            session = Session.begin(store, rules, settings, parts)
        else:
            session = Session.resume(store, rules, settings, parts, number)
        with session, stoppable():
            watch(session, console, quiet=as_json)
        tell(session, console, as_json)


def amended(settings: Settings, context: typer.Context) -> Settings:
    """The settings of a run that goes on: those it has, but for `--turns`. Raises BadInput for other changes."""
    for name, value in context.params.items():
        source = context.get_parameter_source(name)
        if source is None or source.name != "COMMANDLINE" or name not in settings.to_json():
            continue
        before = getattr(settings, name)
        if name == "turns":
            settings = replace(settings, turns=value)
        elif value != before:
            raise BadInput(f"the run has {name} {before} and --{name} is {value}: leave it out, or begin a new run")
    return settings


def stored(store: Path) -> Run:
    """The run of the store that began last; the store is brought up to date."""
    if (store / FILE).is_file():
        StoreFile.open(store).close()
    with StoreFile.open(store, read_only=True) as reader:
        last = reader.latest()
    if last is None:
        raise BadInput(f"the store {store} holds no run to resume: begin one without --resume")
    return last


def tell(session: Session, console: Console, as_json: bool) -> None:
    """The closing lines and the report."""
    lines, figures = closing(session)
    report = write_report(session, session.folder / f"run-{session.run}.html")
    if as_json:
        print(json.dumps(figures | {"report": str(report)}))
        return
    for line in [*lines, f"report   {report.resolve().as_uri()}"]:
        say(console, line[:8], line[9:])


def watch(session: Session, console: Console, *, quiet: bool) -> None:
    """Take the session's turns: the live view where there is a terminal, a line now and then where there is none."""
    if quiet or not console.is_terminal:
        told = 0
        for turn in session:
            if not quiet and turn.number % 20 == 0:
                console.print(f"turn {turn.number} of {session.settings.turns}: {turn.verdict} {turn.summary}")
            for number, event in session.events[told:] if not quiet else []:
                console.print(f"turn {number}: {event.kind}: {event.why}", markup=False, soft_wrap=True)
            told = len(session.events)
        return
    shown = 0.0
    with Live(console=console, screen=True, auto_refresh=False) as live:
        live.update(view(session), refresh=True)
        for _ in session:
            if time.monotonic() - shown > REFRESH:
                live.update(view(session), refresh=True)
                shown = time.monotonic()
    console.print(view(session))
