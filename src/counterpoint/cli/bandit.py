"""``counterpoint bandit``: does amplitude estimation find the best of a few arms with less regret than samples do?"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from counterpoint.base import BadInput, fold_in
from counterpoint.cli.comparison import WIDTH
from counterpoint.cli.interrupt import interruptible
from counterpoint.cli.options import Json, Seed
from counterpoint.cli.sources import whole
from counterpoint.workloads.arms import Given, Near, Source
from counterpoint.workloads.bandit import GAIN, Bandit
from counterpoint.workloads.published_bandit import HORIZON, Row, table
from counterpoint.workloads.rivals import Comparison, Side, weigh
from counterpoint.workloads.workload import Budget

PUBLISHED = "published"
ARMS, GAP = 2, 0.003

File = Annotated[
    str | None,
    typer.Argument(
        metavar=f"[FILE | {PUBLISHED}]",
        help=f"A text file of probabilities, an arm each; or {PUBLISHED}: the published experiment, with its faults.",
        show_default=False,
    ),
]
Count = Annotated[
    int | None, typer.Option("--arms", help=f"Without FILE, near 1/2. Default: {ARMS}.", show_default=False)
]
Gap = Annotated[
    float | None, typer.Option(help=f"Of the best arm to the others, without FILE. Default: {GAP}.", show_default=False)
]
Horizon = Annotated[int, typer.Option(parser=whole, metavar="N", help="Uses of the arms' oracles, for each side.")]
Error = Annotated[float, typer.Option("--error", help="Of one use, lambda: contrast falls by exp(-lambda (2 k + 1)).")]
Instances = Annotated[int, typer.Option(min=1, help="Half of them to tune on. Of the published experiment: functions.")]


def bandit(
    file: File = None,
    arms: Count = None,
    gap: Gap = None,
    horizon: Horizon = 1_000_000,
    error: Error = 0.0,
    instances: Instances = 40,
    as_json: Json = False,
    seed: Seed = 0,
) -> None:
    """Find the best of a few arms: Q-GP-UCB with amplitude estimation beside GP-UCB, KL-UCB and Thompson, all tuned.

    All have as many uses of the oracles, a Grover power k counted as 2 k + 1. The oracles are simulated.
    """
    if file == PUBLISHED:
        with interruptible(), Console(stderr=True).status("running the published experiment"):
            rows = table(instances, fold_in((seed,), PUBLISHED))
        _show_published(rows, as_json)
        return
    workload = Bandit.of(_source(file, arms, gap), horizon, error)
    with interruptible(), Console(stderr=True).status(f"playing {horizon:,} uses on {instances} instances"):
        found = weigh(workload, Budget(horizon, "calls"), instances=instances, key=fold_in((seed,), "bandit"))
    if as_json:
        typer.echo(json.dumps(_plain(workload, found), allow_nan=False))
        return
    _show(workload, found)


def _source(file: str | None, arms: int | None, gap: float | None) -> Source:
    if file is None:
        return Near(ARMS if arms is None else arms, GAP if gap is None else gap)
    if arms is not None or gap is not None:
        raise BadInput(f"{file} was given and --arms or --gap as well, which are for arms without a file: give one")
    try:
        words = Path(file).read_text(encoding="utf-8").replace(",", " ").split()
    except (OSError, UnicodeDecodeError) as problem:
        raise BadInput(
            f"{file} cannot be read as text ({problem}): give a file of probabilities, or {PUBLISHED}"
        ) from None
    chances = []
    for word in words:
        try:
            chances.append(float(word))
        except ValueError:
            raise BadInput(f"{file} has '{word}', which is no number: give probabilities from 0 to 1") from None
    return Given(tuple(chances))


def regimes(workload: Bandit) -> str:
    """In which of the two regimes the quantum side is, in a sentence."""
    if workload.decay == 0:
        return "Oracles without errors: a precision e takes about 1/e uses, where samples take 1/e^2."
    factor, depth = GAIN / workload.decay, 1 / (2 * workload.decay)
    spread = workload.source.spread
    match workload.regime:
        case "free":
            told = f"below the mean gap of {spread:.3g}: errors hardly limit the depth that this gap needs"
        case "depth-limited":
            told = f"above the mean gap of {spread:.3g}: depth-limited, a constant factor, and 1/e^2 as for samples"
        case "none":
            told = "so large that a deep shot tells no more than samples do"
    return (
        f"An error of {workload.decay:g} a use is {told}. A use tells most in shots of {depth:.3g} uses, "
        f"as much as {factor:.3g} samples."
    )


def _plain(workload: Bandit, found: Comparison) -> dict[str, Any]:
    verdict = found.verdict
    value = None if found.void else {"value": verdict.value, "low": verdict.low, "high": verdict.high}
    return {
        "hypothesis": verdict.hypothesis,
        "status": verdict.status,
        "margin": verdict.margin,
        "saved": value,
        "rival": found.rival,
        "arms": workload.source.arms,
        "horizon": workload.horizon,
        "error": workload.decay,
        "regime": workload.regime,
        "sides": {name: _side(side) for name, side in found.sides.items()},
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "regret": -side.mean,
        "regrets": (-side.scores).tolist(),
        "setting": getattr(side.setting, "told", ""),
        "bill": asdict(side.bill),
        "tuning": asdict(side.tuning),
    }


def _console() -> tuple[Console, bool]:
    console = Console(markup=False, emoji=False, highlight=False)
    piped = not console.is_terminal
    if piped:
        console.width = WIDTH
    return console, piped


def _show(workload: Bandit, found: Comparison) -> None:
    console, piped = _console()
    judged = found.sides["nothing"].scores.size
    head = f"{workload.source.arms} arms, {workload.horizon:,} uses of simulated oracles each; tuned on other"
    console.print(f"{head} instances, judged on {judged}\n", style="dim", soft_wrap=piped)
    made = Table(box=None, header_style="bold", pad_edge=False)
    made.add_column("side")
    made.add_column("setting", overflow="fold")
    for heading in ("regret", "uses", "shots", "tuning, uses"):
        made.add_column(heading, justify="right")
    for name, side in found.sides.items():
        error = side.scores.std(ddof=1) / np.sqrt(judged)
        row = (
            f"{-side.mean:,.1f} +- {error:,.1f}",
            f"{side.bill.calls:,}",
            f"{side.bill.shots:,}",
            f"{side.tuning.calls:,}",
        )
        made.add_row(name, getattr(side.setting, "told", ""), *row)
    console.print(made)
    verdict = found.verdict
    if found.void:
        said = "Void: no classical bandit beat who uses all arms alike, so nothing can be said. Give a longer horizon."
    else:
        said = (
            f"Saved beside {found.rival}: {verdict.value:,.1f} ({verdict.low:,.1f} to {verdict.high:,.1f}, 95 %), "
            f"margin {verdict.margin:,.1f}: {verdict.status}."
        )
    told = [f"Hypothesis: {verdict.hypothesis}.", said, regimes(workload)]
    for sentence in told:
        console.print(f"\n{sentence}", soft_wrap=piped)


def _show_published(rows: list[Row], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"horizon": HORIZON, "rows": [row.plain() for row in rows]}, allow_nan=False))
        return
    console, piped = _console()
    made = Table(box=None, header_style="bold", pad_edge=False)
    made.add_column(f"regret of {HORIZON:,} uses")
    for heading in ("reported", "mean", "median", "worst", "estimates"):
        made.add_column(heading, justify="right")
    for row in rows:
        told = row.plain()
        figures = f"{row.mean:.1f} +- {row.error:.1f}", f"{told['median']:.1f}", f"{told['worst']:.0f}"
        made.add_row(row.line.name, row.line.published, *figures, f"{row.stages:.0f}")
    console.print(made)
    note = (
        f"{rows[0].regrets.size} functions, one run each; +- standard errors; rivals tuned on as many other functions."
    )
    console.print(f"\n{note}", soft_wrap=piped)
