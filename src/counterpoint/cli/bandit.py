"""``counterpoint bandit``: does amplitude estimation find the best of a few arms with less regret than samples do?"""

from __future__ import annotations

import json
import shlex
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
from counterpoint.cli.options import DEFAULT_STORE, Json, Rules, Seed, Store, jobs_in
from counterpoint.cli.sources import whole
from counterpoint.loop.verdicts import keep, told_of
from counterpoint.workloads.bandit.arms import Given, Near, Source
from counterpoint.workloads.bandit.prospect import prospect
from counterpoint.workloads.bandit.published import HORIZON, Row, table
from counterpoint.workloads.bandit.task import GAIN, Bandit
from counterpoint.workloads.cost.footprint import Assumptions
from counterpoint.workloads.rivals import NOTHING, Comparison, Side, weigh
from counterpoint.workloads.workload import Budget

PUBLISHED = "published"
ARMS, GAP = 2, 0.003
INSTANCES, FUNCTIONS = 40, 20

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
Instances = Annotated[
    int | None,
    typer.Option(
        min=1,
        help=f"Half of them to tune on. Of the published experiment: functions. Default: {INSTANCES}, or {FUNCTIONS}.",
        show_default=False,
    ),
]


def bandit(
    file: File = None,
    arms: Count = None,
    gap: Gap = None,
    horizon: Horizon = 1_000_000,
    error: Error = 0.0,
    instances: Instances = None,
    as_json: Json = False,
    seed: Seed = 0,
    store: Store = DEFAULT_STORE,
    charter: Rules = None,
) -> None:
    """Find the best of a few arms: Q-GP-UCB with amplitude estimation beside GP-UCB, KL-UCB and Thompson, all tuned.

    All have as many uses of the oracles, a Grover power k counted as 2 k + 1. The oracles are simulated. The hypothesis
    is printed before anything runs; counterpoint verdict shows what came of it.
    """
    if file == PUBLISHED:
        with interruptible(), Console(stderr=True).status("running the published experiment"):
            rows = table(instances or FUNCTIONS, fold_in((seed,), PUBLISHED))
        _show_published(rows, as_json)
        return
    workload = Bandit.of(_source(file, arms, gap), horizon, error)
    count = instances or INSTANCES
    console = Console(stderr=True, markup=False, emoji=False, highlight=False)
    with interruptible(), jobs_in(store, charter) as session:
        console.print(f"hypothesis  {workload.hypothesis}: {workload.margin:g}", soft_wrap=True)
        with console.status(f"playing {horizon:,} uses on {count} instances"):
            found = weigh(workload, Budget(horizon, "calls"), instances=count, key=fold_in((seed,), "bandit"))
        told = prospect(workload, Assumptions())
        again = _again(file, {"arms": arms, "gap": gap, "horizon": horizon, "error": error or None}, count, seed)
        keep(session, store, told_of(found, f"bandit {file or 'of arms near 1/2'}", told, again))
    if as_json:
        typer.echo(json.dumps(_plain(workload, found) | {"break_even": told}, allow_nan=False))
        return
    _show(workload, found, told)


def _again(file: str | None, given: dict[str, float | None], instances: int, seed: int) -> str:
    """The command that makes it again."""
    words = ["counterpoint", "bandit", *([] if file is None else [file])]
    for name, value in (given | {"instances": instances, "seed": seed}).items():
        if value is not None:
            words += [f"--{name}", f"{value}"]
    return shlex.join(words)


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
        "setting": str(side.setting),
        "bill": asdict(side.bill),
        "tuning": asdict(side.tuning),
    }


def _console() -> tuple[Console, bool]:
    console = Console(markup=False, emoji=False, highlight=False)
    piped = not console.is_terminal
    if piped:
        console.width = WIDTH
    return console, piped


def _show(workload: Bandit, found: Comparison, prospect: str) -> None:
    console, piped = _console()
    judged = found.sides[NOTHING].scores.size
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
        made.add_row(name, str(side.setting), *row)
    console.print(made)
    verdict = found.verdict
    if found.void:
        said = "Void: no classical bandit beat who uses all arms alike, so nothing can be said. Give a longer horizon."
    else:
        said = (
            f"Saved beside {found.rival}: {verdict.value:,.1f} ({verdict.low:,.1f} to {verdict.high:,.1f}, 95 %), "
            f"margin {verdict.margin:,.1f}: {verdict.status}."
        )
    for sentence in (f"Hypothesis: {verdict.hypothesis}.", said, regimes(workload), f"Break-even of {prospect}"):
        console.print(f"\n{sentence}", soft_wrap=piped)


def _show_published(rows: list[Row], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"horizon": HORIZON, "rows": [row.plain() for row in rows]}, allow_nan=False))
        return
    console, piped = _console()
    functions, runs = rows[0].regrets.shape
    made = Table(box=None, header_style="bold", pad_edge=False)
    made.add_column(f"regret of {HORIZON:,} uses")
    for heading in ("published", "ours before", "one function", "estimates", "alike", "median", "range over functions"):
        made.add_column(heading, justify="right")
    for row in rows:
        means = row.means
        made.add_row(
            row.line.name,
            *("" if figure is None else f"{figure[0]:g} +- {figure[1]:g}" for figure in _reported(row)),
            f"{means[row.one]:.1f} +- {row.errors[row.one]:.1f}",
            f"{row.stages:.0f}",
            "" if row.alike is None else f"{row.alike}/{functions}",
            f"{np.median(means):.1f}",
            f"{means.min():.1f}-{means.max():.1f}",
        )
    console.print(made)
    note = (
        f"{runs} runs on each of {functions} functions; +- standard errors. The one function has the median regret of "
        f"the first line, in other runs; rivals are tuned on {functions} other functions. Alike: on so many the mean "
        "is within two standard errors of the difference from what is published, or else was ours before."
    )
    console.print(f"\n{note}", soft_wrap=piped)


def _reported(row: Row) -> tuple[tuple[float, float] | None, tuple[float, float] | None]:
    return row.line.published, row.line.earlier
