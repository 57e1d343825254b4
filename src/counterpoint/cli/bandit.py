"""``counterpoint bandit``: does amplitude estimation find the best of a few arms with less regret than samples do?"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from counterpoint.base import BadInput, fold_in
from counterpoint.cli.bandit_view import plain, show, show_published
from counterpoint.cli.interrupt import interruptible
from counterpoint.cli.options import DEFAULT_STORE, Json, Rules, Seed, Store, jobs_in
from counterpoint.cli.sources import whole
from counterpoint.loop.verdicts import keep, told_of
from counterpoint.workloads.bandit.arms import Given, Near, Source
from counterpoint.workloads.bandit.prospect import prospect
from counterpoint.workloads.bandit.published import HORIZON, table
from counterpoint.workloads.bandit.task import MOST, Bandit
from counterpoint.workloads.cost.footprint import Assumptions
from counterpoint.workloads.rivals import weigh
from counterpoint.workloads.workload import Budget

PUBLISHED = "published"
ARMS, GAP, USES = 2, 0.003, 1_000_000
INSTANCES, FUNCTIONS = 60, 20

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
Horizon = Annotated[
    int | None,
    typer.Option(
        parser=whole,
        metavar="N",
        help=f"Uses of the arms' oracles, for each side, at most {MOST:,}. Default: {USES:,}.",
        show_default=False,
    ),
]
Error = Annotated[
    float | None,
    typer.Option(
        "--error", help="Of one use, lambda: contrast falls by exp(-lambda (2 k + 1)). Default: 0.", show_default=False
    ),
]
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
    horizon: Horizon = None,
    error: Error = None,
    instances: Instances = None,
    as_json: Json = False,
    seed: Seed = 0,
    store: Store = DEFAULT_STORE,
    charter: Rules = None,
) -> None:
    """Find the best of a few arms: Q-GP-UCB with amplitude estimation beside GP-UCB, KL-UCB, MOSS and Thompson, tuned.

    All have as many uses of the oracles, a Grover power k counted as 2 k + 1. The oracles are simulated. The hypothesis
    is printed before anything runs; counterpoint verdict shows what came of it.
    """
    given = {"arms": arms, "gap": gap, "horizon": horizon, "error": error}
    if file == PUBLISHED:
        _check_published(given)
        with interruptible(), Console(stderr=True).status("running the published experiment"):
            rows = table(instances or FUNCTIONS, fold_in((seed,), PUBLISHED))
        if as_json:
            typer.echo(json.dumps({"horizon": HORIZON, "rows": [row.plain() for row in rows]}, allow_nan=False))
        else:
            show_published(rows)
        return
    workload = Bandit.of(_source(file, arms, gap), horizon or USES, error or 0.0)
    count = instances or INSTANCES
    console = Console(stderr=True, markup=False, emoji=False, highlight=False)
    with interruptible(), jobs_in(store, charter) as session:
        console.print(f"hypothesis  {workload.hypothesis}: {workload.margin:.4g}", soft_wrap=True)
        with console.status(f"playing {workload.horizon:,} uses on {count} instances"):
            budget = Budget(workload.horizon, "calls")
            found = weigh(workload, budget, instances=count, key=fold_in((seed,), "bandit"))
        told = prospect(workload, Assumptions())
        again = _again(file, given | {"instances": instances, "seed": seed})
        keep(session, store, told_of(found, f"bandit {file or 'of arms near 1/2'}", told, again))
    if as_json:
        typer.echo(json.dumps(plain(workload, found, told), allow_nan=False))
    else:
        show(workload, found, told)


def _check_published(given: dict[str, float | None]) -> None:
    for name, value in given.items():
        if value is not None:
            raise BadInput(
                f"--{name} {value:g} was given and the published experiment has its own: give --instances and --seed "
                "alone"
            )


def _again(file: str | None, given: dict[str, float | None]) -> str:
    """The command that makes it again."""
    words = ["counterpoint", "bandit", *([] if file is None else [file])]
    for name, value in given.items():
        if value is not None:
            words += [f"--{name}", f"{value}"]
    return shlex.join(words)


def _source(file: str | None, arms: int | None, gap: float | None) -> Source:
    if file is None:
        return Near(ARMS if arms is None else arms, GAP if gap is None else gap)
    if arms is not None or gap is not None:
        raise BadInput(f"{file} was given and --arms or --gap as well, which are for arms without a file: give one")
    try:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise BadInput(
            f"{file} cannot be read as text ({problem}): give a file of probabilities, or {PUBLISHED}"
        ) from None
    chances = []
    for number, line in enumerate(lines, 1):
        for word in line.partition("#")[0].replace(",", " ").split():
            try:
                chances.append(float(word))
            except ValueError:
                raise BadInput(
                    f"line {number} of {file} has '{word}', which is no number: give probabilities from 0 to 1"
                ) from None
    return Given(tuple(chances))
