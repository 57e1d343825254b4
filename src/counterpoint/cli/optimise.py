"""``counterpoint optimise``: does quantum help with my optimisation problem?"""

from __future__ import annotations

import json
import math
import re
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.text import Text

from counterpoint.base import BadInput, fold_in
from counterpoint.cli.console import say
from counterpoint.cli.interrupt import interruptible
from counterpoint.cli.options import DEFAULT_STORE, Json, Rules, Seed, Store, jobs_in
from counterpoint.cli.solutions import show_answer, show_course
from counterpoint.loop.figure import check_figure
from counterpoint.loop.machines import machine_named, queues
from counterpoint.loop.optimise import check, optimise as run_optimise
from counterpoint.loop.solution_figure import draw
from counterpoint.loop.solution_growth import Course, each_of, grow
from counterpoint.loop.verdicts import keep, told_of
from counterpoint.workloads.cost.times import UNITS
from counterpoint.workloads.optimise.families import family_named
from counterpoint.workloads.optimise.ising import Ising
from counterpoint.workloads.optimise.problems import read_problem
from counterpoint.workloads.optimise.qaoa import Qaoa
from counterpoint.workloads.optimise.transfer import fixed

DEPTHS = (1, 3, 5)  # of QAOA, tuned where none is given
WARM = 0.25  # epsilon of a warm start: the value of its paper
Choice = Literal["fixed", "transferred", "optimised"]
SHORT = {"": "s", "m": "min"}


def duration(text: str) -> float:
    """Seconds of a text such as 60s, 2min or 0.5h."""
    found = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)\s*(s|min|m|h|)", text.strip())
    seconds = float(found[1]) * UNITS[SHORT.get(found[2], found[2])] if found else math.nan
    if not 0 < seconds < math.inf:
        raise typer.BadParameter(f"'{text}' is not a time above 0, such as 60s, 2min or 1h")
    return seconds


def optimise(
    problem: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="An edge list, DIMACS, or JSON with a QUBO or Ising problem; or a family of graphs, such as "
            "regular:degree=3,n=8-16 or weighted:degree=3,n=8-16, to see how time to solution grows.",
        ),
    ],
    budget: Annotated[
        float,
        typer.Option(parser=duration, metavar="TIME", help="Of machine and processor, for all sides together."),
    ] = "30s",  # type: ignore[assignment]  # typer parses a default, too
    machine: Annotated[str, typer.Option(help="As counterpoint check takes it.")] = "ideal",
    depth: Annotated[
        int | None, typer.Option(min=1, help="Layers of QAOA. Default: 1, 3 and 5, tuned.", show_default=False)
    ] = None,
    angles: Annotated[
        Choice | None,
        typer.Option(help="Default: fixed where the graph is regular, else transferred.", show_default=False),
    ] = None,
    warm: Annotated[bool, typer.Option("--warm", help="Start from a relaxed solution, with optimised angles.")] = False,
    cvar: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the lowest energies that angles are optimised for.")
    ] = 1.0,
    plot: Annotated[
        Path | None, typer.Option(help="Draw a family's times to solution into this file (.svg, .png, .pdf).")
    ] = None,
    as_json: Json = False,
    seed: Seed = 0,
    store: Store = DEFAULT_STORE,
    charter: Rules = None,
) -> None:
    """Solve a problem by QAOA and by tuned classical rivals on the same budget, and say whether quantum helps.

    The hypothesis is printed before anything runs. The verdict is of 20 paired repetitions; intervals are 95 %.
    """
    family = family_named(problem)
    if plot is not None:
        if family is None:
            raise BadInput(f"--plot {plot} draws how times grow, and {problem} has 1 size: give a family, or no --plot")
        check_figure(plot)
    key = fold_in((seed,), "optimise")
    given = read_problem(Path(problem)) if family is None else family.problem(family.sizes[0], key)
    settings = _settings(given.ising, depth, angles, warm, cvar)
    if family is None:
        check(given, settings, budget, key)
    else:
        each_of(family, settings, budget)
        for one in settings:
            one.check(given.ising)
    ready = None if queues(machine) else machine_named(machine, (seed,))
    console = Console(stderr=True, markup=False, emoji=False, highlight=False)
    with interruptible() as heed, jobs_in(store, charter) as session, console.status("") as status:
        on = ready or machine_named(machine, (seed,), session.jobs)  # what queues needs the folder of its jobs

        def doing(told: str) -> None:
            heed()
            status.update(Text(told))

        if family is not None:
            found = grow(session, on, family, settings, budget, key, doing)
        else:
            found = run_optimise(session, on, given, settings, budget, key, _stated(console), doing)
            if found.comparison is not None:
                again = _again(problem, budget, machine, depth, angles, warm, cvar, seed)
                keep(session, store, told_of(found.comparison, f"optimise {given.name}", found.prospect, again))
    if isinstance(found, Course) and plot is not None:
        draw(found, plot)
    if as_json:
        typer.echo(json.dumps(found.plain, allow_nan=False))
    elif isinstance(found, Course):
        show_course(found, plot)
    else:
        show_answer(found)


def _stated(console: Console) -> Callable[[str], None]:
    """What prints the hypothesis before anything runs."""
    return lambda hypothesis: say(console, "Hypothesis:", hypothesis)


def _settings(
    ising: Ising,
    depth: int | None,
    angles: Literal["fixed", "transferred", "optimised"] | None,
    warm: bool,
    cvar: float,
) -> Sequence[Qaoa]:
    """The settings of QAOA that are tuned over. Raises BadInput as `Qaoa`."""
    if angles is None:
        angles = "optimised" if warm or cvar != 1 else _known(ising)
    return [Qaoa(p, angles, WARM if warm else None, cvar) for p in ((depth,) if depth else DEPTHS)]


def _known(ising: Ising) -> Choice:
    """The angles that are had without running anything."""
    try:
        fixed(ising, DEPTHS[0])
    except BadInput:
        return "transferred"
    return "fixed"


def _again(problem: str, budget: float, machine: str, *choices: object) -> str:
    """The command that makes it again."""
    *options, seed = choices
    words = ["counterpoint", "optimise", problem, "--budget", f"{budget:g}s", "--machine", machine, "--seed", str(seed)]
    for name, value in zip(("depth", "angles", "warm", "cvar"), options, strict=True):
        if value and not (name == "cvar" and value == 1):
            words += [f"--{name}"] if value is True else [f"--{name}", str(value)]
    return shlex.join(words)
