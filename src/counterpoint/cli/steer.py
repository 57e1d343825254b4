"""``counterpoint steer``: one explorer on one drift, without a view."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console

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
from counterpoint.cli.run import Shadow
from counterpoint.govern.charter import EXPERIMENT
from counterpoint.loop.session import Session
from counterpoint.loop.settings import Settings
from counterpoint.loop.shadow import night, rehearsed
from counterpoint.loop.summary import Tallies, merit, total


def steer(
    chip: Annotated[str, typer.Option("--chip", "--machine", help=MACHINE_HELP)] = "published",
    distance: Annotated[int, typer.Option(help="Code distance of the memory, odd.")] = 3,
    controls_per_gate: Annotated[int, typer.Option(help="Knobs on each gate of the published chip.")] = 1,
    rounds: Annotated[int, typer.Option(help="Error-correction cycles of one shot.")] = Settings.rounds,
    explorer: Annotated[str, typer.Option(help=EXPLORER_HELP)] = "gradient",
    drift: Annotated[str, typer.Option(help="name:key=value,... joined by +; frequencies per epoch.")] = "sine:f=0.001",
    epochs: Annotated[int, typer.Option(help="Epochs to run.")] = 300,
    candidates: Annotated[int, typer.Option(help="Settings tried in an epoch.")] = 50,
    cycles: Annotated[int, typer.Option(help="Error-correction cycles of each candidate in an epoch.")] = 36_000,
    decoder: Annotated[str, typer.Option(help="Decode too: matching, correlated, or FILE.py:NAME.")] = "none",
    decoded: Annotated[int, typer.Option(help="Shots of an epoch that are decoded.")] = Settings.decoded,
    prior: Prior = Settings.prior,
    shadow: Shadow = False,
    seed: Seed = 0,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Run one explorer on one drift, and compare it with doing nothing and with knowing all."""
    settings = Settings(
        machine=chip, explorer=explorer, decoder=decoder, distance=distance,
        rounds=rounds, controls_per_gate=controls_per_gate,
        drift=drift, candidates=candidates, cycles=cycles, turns=epochs, seed=seed,
        shadow=shadow, decoded=decoded, prior=prior,
    )  # fmt: skip
    console = Console(stderr=as_json)
    console.print(charter_line(EXPERIMENT), style="dim", highlight=False, markup=False)
    with interruptible():
        parts = parts_of(settings)
        with Session.begin(store, EXPERIMENT, settings, parts) as session, stoppable():
            for turn in session:
                if turn.number % 100 == 99:
                    console.print(f"epoch {turn.number + 1} of {epochs}", highlight=False)
        for number, event in session.events:
            console.print(f"epoch {number}: {event.kind}: {event.why}", highlight=False, markup=False, soft_wrap=True)
    rows = rehearsed(session.rows) if shadow else session.rows
    seen = night(parts.machine.space, session.turns, session.rows) if shadow else None
    events = {
        name: total(rows, player).events
        for name, player in (("fixed", "fixed"), ("explorer", "steered"), ("oracle", "oracle"))
    }
    result = {
        "explorer": explorer,
        "distance": distance,
        "controls": parts.machine.space.start.size,
        "epochs": len(session.turns),
        "merit": merit(rows),
        "events": events,
        "seconds_per_epoch": session.wall_seconds / max(1, len(session.turns)),
        "trace": [traced(i, row) for i, row in enumerate(rows) if row],
    }
    if seen:
        result["shadow"] = seen.plain
    if as_json:
        print(json.dumps(result))
        return
    for line in seen.lines if seen else []:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    share = (
        "void (the oracle is not shown to be better than doing nothing)"
        if result["merit"] is None
        else f"{result['merit']:.3f}"
    )
    console.print(
        f"merit {share} over {result['epochs']} epochs, {result['seconds_per_epoch']:.3f} s each\n"
        f"detection events: fixed {events['fixed']:,}, {explorer} {events['explorer']:,}, oracle {events['oracle']:,}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def traced(epoch: int, row: Tallies) -> dict[str, object]:
    """The counts of one epoch by player; failures where shots were decoded."""
    found: dict[str, object] = {"epoch": epoch, "events": {p: t.events for p, t in row.items()}}
    decoded = {p: {"failures": t.failures, "decoded": t.decoded} for p, t in row.items() if t.decoded}
    return found | decoded
