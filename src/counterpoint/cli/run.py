"""``counterpoint run``: the loop, live."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from counterpoint.base import BadInput, Explorer
from counterpoint.cli.options import DEFAULT_STORE, Json, Seed, Store, decoder_part, machine_part, part
from counterpoint.cli.view import view
from counterpoint.explore import EXPLORERS
from counterpoint.govern.charter import FIRST_RUN, Charter
from counterpoint.loop.build import build
from counterpoint.loop.closing import closing
from counterpoint.loop.report import write_report
from counterpoint.loop.session import Session
from counterpoint.loop.settings import Settings
from counterpoint.loop.summary import tallies
from counterpoint.store.database import Store as StoreFile

REFRESH = 0.5  # seconds between two pictures: drawing more often would cost more than the loop itself


def run(
    charter: Annotated[Path | None, typer.Argument(help="Charter (TOML); without one, a built-in first run.")] = None,
    machine: Annotated[str, typer.Option(help="willow, published, or FILE.py:NAME.")] = Settings.machine,
    explorer: Annotated[str, typer.Option(help="gradient, spsa, fixed, oracle, or FILE.py:NAME.")] = Settings.explorer,
    decoder: Annotated[str, typer.Option(help="matching, correlated, none, or FILE.py:NAME.")] = Settings.decoder,
    distance: Annotated[int, typer.Option(help="Code distance of the memory, odd.")] = Settings.distance,
    drift: Annotated[str, typer.Option(help="How the optima move: name:key=value,... joined by +.")] = Settings.drift,
    turns: Annotated[int, typer.Option(help="Epochs of the run.")] = Settings.turns,
    resume: Annotated[bool, typer.Option("--resume", help="Take the last run of the store up again.")] = False,
    seed: Seed = 0,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Keep a drifting chip in tune while it corrects errors, inside a charter, with a ledger."""
    if resume:
        reader = StoreFile.open(store, read_only=True)
        last = reader.latest()
        reader.close()
        if last is None:
            raise BadInput(f"the store {store} holds no run to resume: begin one without --resume")
        number, rules, settings = last.id, Charter.from_toml(last.charter), Settings.from_json(dict(last.settings))
    else:
        rules = FIRST_RUN if charter is None else Charter.load(charter)
        settings = Settings(
            machine=machine,
            explorer=explorer,
            decoder=decoder,
            distance=distance,
            drift=drift,
            turns=turns,
            seed=seed,
        )
        number = None
    parts = build(
        settings,
        machine_part(settings.machine),
        part(settings.explorer, EXPLORERS, Explorer, "explorer"),
        decoder_part(settings.decoder),
    )
    console = Console(stderr=as_json)
    with (
        interruptible(),
        (
            Session.begin(store, rules, settings, parts)
            if number is None
            else Session.resume(store, rules, settings, parts, number)
        ) as session,
    ):
        watch(session, console, quiet=as_json)
    lines, figures = closing(session)
    report = write_report(session, store / f"run-{session.run}.html")
    if as_json:
        print(json.dumps(figures | {"report": str(report)}))
        return
    for line in lines:
        console.print(line, highlight=False)
    console.print(f"report   {report.resolve().as_uri()}", soft_wrap=True, highlight=False)


def watch(session: Session, console: Console, *, quiet: bool) -> None:
    """Take the session's turns, showing the live view where there is a terminal and a line now and then where not."""
    rows = [tallies(t) for t in session.turns]
    if quiet or not console.is_terminal:
        for turn in session:
            rows.append(tallies(turn))
            if not quiet and turn.number % 20 == 0:
                console.print(f"turn {turn.number} of {session.settings.turns}: {turn.verdict} {turn.summary}")
        return
    shown = 0.0
    with Live(console=console, screen=True, auto_refresh=False) as live:
        live.update(view(session, rows), refresh=True)
        for turn in session:
            rows.append(tallies(turn))
            if time.monotonic() - shown > REFRESH:
                live.update(view(session, rows), refresh=True)
                shown = time.monotonic()
        live.update(view(session, rows), refresh=True)
    console.print(view(session, rows))


@contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C and a polite kill both end the run after its ledger and store are in order."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt:
        print("stopped by hand: take it up again with --resume", file=sys.stderr)
    finally:
        signal.signal(signal.SIGTERM, before)
