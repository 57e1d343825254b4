"""``counterpoint bench``: suites that anybody can run, check and beat."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from counterpoint.base import BadInput
from counterpoint.cli.interrupt import interruptible
from counterpoint.cli.options import DEFAULT_STORE, Json, Seed, Store
from counterpoint.explore import EXPLORERS
from counterpoint.identity import identity
from counterpoint.loop.suite import Row, Scored, mean_merit, plain, play_all, rows

app = typer.Typer(help="Suites that anybody can run, check and beat.", no_args_is_help=True)
FILE = "drift-suite.jsonl"


@app.callback()
def suites() -> None:
    """Suites that anybody can run, check and beat."""


@app.command()
def drift(
    explorer: Annotated[
        list[str] | None, typer.Option(help="gradient or spsa; repeat to compare. Default: both.", show_default=False)
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="One seed, short runs: minutes instead of hours.")] = False,
    workers: Annotated[int, typer.Option(min=1, help="Runs side by side.")] = os.cpu_count() or 1,
    seed: Seed = 0,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Steer the published chip through the drift suite; runs that the store holds are not repeated."""
    names = explorer or ["gradient", "spsa"]
    unknown = [name for name in names if name not in EXPLORERS]
    if unknown:
        raise BadInput(f"explorer '{unknown[0]}' is not known to the suite: take some of {', '.join(EXPLORERS)}")
    wanted = rows(names, quick=quick, seed=seed)
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
    if as_json:
        print(json.dumps({"rows": [plain(scored) for scored in results]}))
        return
    console.print(table(results, names))
    console.print(
        "[dim]Merit: 1 is the all-knowing player, 0 doing nothing; ( ) 95 % interval over seeds. Every exploring "
        "shot is charged.[/dim]"
    )


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


def table(results: list[Scored], names: list[str]) -> Table:
    """Mean merit of each explorer on each drift and size."""
    shown = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("drift", "d", "P", *names):
        shown.add_column(heading)
    keys = dict.fromkeys((s.row.drift, s.row.distance, s.row.controls_per_gate) for s in results)
    for drift, distance, knobs in keys:
        cells = []
        for name in names:
            where = (drift, distance, knobs, name)
            chosen = [
                s for s in results if (s.row.drift, s.row.distance, s.row.controls_per_gate, s.row.explorer) == where
            ]
            found = mean_merit(chosen)
            if found is None:
                cells.append("void")
            else:
                spread = "" if math.isnan(found.low) else f" ({found.low:.2f} to {found.high:.2f})"
                cells.append(f"{found.value:.3f}{spread}")
        shown.add_row(drift, str(distance), str(knobs), *cells)
    return shown
