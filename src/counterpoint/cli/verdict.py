"""``counterpoint verdict``: what the last comparison came to, and all before it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from counterpoint.base import BadInput
from counterpoint.cli.console import STYLES, console, say
from counterpoint.cli.options import DEFAULT_STORE, Json, Store
from counterpoint.store.turns import Attempt
from counterpoint.store.verdicts import Kept, Told, verdicts
from counterpoint.workloads.workload import USES


def verdict(
    number: Annotated[
        int | None, typer.Argument(help="Which one, as listed. Default: the last.", show_default=False)
    ] = None,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Did quantum help? The last comparison with both sides' bills, and the verdicts before it."""
    kept = verdicts(store)
    if not kept:
        raise BadInput(
            f"the store {store} holds 0 verdicts: run counterpoint optimise or counterpoint bandit, or name another "
            "with --store"
        )
    wanted = kept[-1].id if number is None else number
    chosen = next((one for one in kept if one.id == wanted), None)
    if chosen is None:
        raise BadInput(
            f"verdict {number} was asked for and the store {store} holds 1 to {kept[-1].id}: give one of these"
        )
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in kept] if number is None else asdict(chosen), allow_nan=False))
        return
    screen = console()
    show(screen, chosen.told)
    earlier = [one for one in kept if one.id != chosen.id]
    if earlier and number is None:
        screen.print(_list(earlier))


def show(screen: Console, told: Told) -> None:
    """One verdict with what it rests on."""
    screen.print(Text(told.task, "bold"))
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("")
    for name in told.sides:
        mark = " (best rival)" if name == told.rival else ""
        table.add_column(name + mark, justify="right")
    table.add_row("score, larger is better", *(f"{side.score:.5g}" for side in told.sides.values()))
    for use, (words, form) in USES.items():
        if any(side.bill.get(use) for side in told.sides.values()):
            table.add_row(words, *(_used(side, use, form) for side in told.sides.values()))
    screen.print(table)
    screen.print()
    say(screen, "budget     ", f"{told.budget}, both sides tuned on it")
    say(screen, "hypothesis ", told.hypothesis)
    if told.figure is None:
        figure = f"void: '{told.rival}' does not beat the player that does nothing"
    else:
        value, low, high = told.figure
        figure = f"difference {value:+.4g}, 95 % interval {low:+.4g} to {high:+.4g}, margin {told.margin:g}"
    say(screen, "verdict    ", Text.assemble((told.status, STYLES[told.status]), f" ({figure})"))
    if told.break_even:
        say(screen, "break-even ", told.break_even)
    say(screen, "again      ", Text(told.command, "dim"))


def _used(side: Attempt, use: str, form: str) -> str:
    value = side.bill.get(use, 0)
    return form.format(value) if value else ""


def _list(kept: list[Kept]) -> Table:
    table = Table(title="\nbefore", title_justify="left", box=None, header_style="bold", pad_edge=False)
    for name in ("", "made", "task", "verdict"):
        table.add_column(name)
    for one in reversed(kept):
        status = Text(one.told.status, STYLES[one.told.status])
        table.add_row(str(one.id), f"{one.told.made:.16}".replace("T", " "), one.told.task, status)
    return table
