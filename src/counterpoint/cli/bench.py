"""``counterpoint bench``: suites that anybody can run, check and beat."""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from counterpoint.base import Explorer, Verdict
from counterpoint.cli.interrupt import interruptible
from counterpoint.cli.options import DEFAULT_STORE, Json, Seed, Store
from counterpoint.explore import EXPLORERS
from counterpoint.identity import identity
from counterpoint.loop.contour import draw_merits
from counterpoint.loop.figure import check_figure
from counterpoint.loop.merits import mean_merit, verdicts
from counterpoint.loop.own import part
from counterpoint.loop.suite import Row, Scored, plain, play_all, rows

app = typer.Typer(help="Suites that anybody can run, check and beat.", no_args_is_help=True)
FILE = "drift-suite.jsonl"


@app.callback()
def suites() -> None:
    """Suites that anybody can run, check and beat."""


@app.command()
def drift(
    explorer: Annotated[
        list[str] | None,
        typer.Option(help="As in steer; repeat to compare. Default: the agent and its rivals.", show_default=False),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="One seed, short runs: minutes instead of hours.")] = False,
    workers: Annotated[int, typer.Option(min=1, help="Runs side by side.")] = os.cpu_count() or 1,
    plot: Annotated[
        Path | None, typer.Option(help="Draw merit against frequency and drift (.svg, .png or .pdf).")
    ] = None,
    seed: Seed = 0,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Steer simulated chips through the drift suite; runs that the store holds are not repeated."""
    for name in explorer or ():
        part(name, EXPLORERS, Explorer, "explorer")  # a fault is told before anything runs
    if plot is not None:
        check_figure(plot)
    wanted = rows(explorer or (), quick=quick, seed=seed)
    done = stored(store / FILE)
    todo = [row for row in wanted if identity(row) not in done]
    store.mkdir(parents=True, exist_ok=True)
    console = Console(stderr=as_json)
    with interruptible(), (store / FILE).open("a", encoding="utf-8") as file:
        runs = play_all(todo, workers)
        for scored in track(runs, f"{len(todo)} runs of {len(wanted)}", total=len(todo), console=console):
            print(json.dumps(plain(scored)), file=file, flush=True)
            done[identity(scored.row)] = scored
    results = [done[identity(row)] for row in wanted]
    if plot is not None:
        draw_merits(results, plot)
    shown = verdicts(results)
    if as_json:
        print(json.dumps({"rows": [plain(scored) for scored in results], "verdicts": [said(v) for v in shown]}))
        return
    console.print(table(results))
    for v in shown:
        console.print(f"{v.hypothesis}: {v.status} ({v.value:.3f}, {v.low:.3f} to {v.high:.3f}; asked {v.margin:.3f})")
    console.print(
        "[dim]Merit: 1 is the all-knowing player, 0 doing nothing; ( ) 95 % interval over seeds. Every exploring "
        "shot is charged.[/dim]"
    )


def said(verdict: Verdict) -> dict[str, object]:
    """A verdict as a flat JSON object."""
    return {**asdict(verdict), "status": verdict.status}


def stored(path: Path) -> dict[str, Scored]:
    """The rows that are done, by the identity of what decides them. A line cut off by a kill counts as not run."""
    found: dict[str, Scored] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            values: dict[str, Any] = json.loads(line)
            row = Row(**{name: values.pop(name) for name in Row.__dataclass_fields__})
            found[identity(row)] = Scored(row, **values)
        except (ValueError, KeyError, TypeError):
            continue
    return found


def table(results: list[Scored]) -> Table:
    """Mean merit of each explorer on each drift, chip and size."""
    names = list(dict.fromkeys(s.row.explorer for s in results))
    shown = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("drift", "chip", "d", "P", *names):
        shown.add_column(heading)
    for place in dict.fromkeys(s.row.place for s in results):
        cells = [cell([s for s in results if (s.row.place, s.row.explorer) == (place, name)]) for name in names]
        shown.add_row(*map(str, place), *cells)
    return shown


def cell(scores: list[Scored]) -> str:
    """The mean merit with its interval; empty where the explorer did not play."""
    found = mean_merit(scores)
    if found is None:
        return "void" if scores else ""
    return f"{found.value:.3f}" + ("" if math.isnan(found.low) else f" ({found.low:.2f} to {found.high:.2f})")
