"""Answers to an optimisation problem as a person sees them: tables, then sentences."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from rich.table import Table
from rich.text import Text

from counterpoint.cli.console import STYLES, console, say
from counterpoint.loop.answer import EXACT, Answer
from counterpoint.loop.solution_growth import PROBLEMS, Course
from counterpoint.workloads.cost.times import told, unit_of
from counterpoint.workloads.energy import Power
from counterpoint.workloads.optimise.solution_time import Bounded, Growth
from counterpoint.workloads.optimise.task import whole_of
from counterpoint.workloads.workload import NOTHING, USES, Bill

SHOWN = 40  # variables of an answer
TIMES = (
    "Time to solution: until the best known answer is there with 99 %, runs alone; median of problems, 95 % intervals "
    "('...': no bound)."
)
JOULES = f"Joules: {Power()}; an assumption."
CHARGED = (
    "Machine seconds are what it charges for shots, 1.1 us each where it tells no time; what simulated it is charged "
    "to nobody."
)
ALL_OF_IT = "Used: for the verdict and the time to solution; counterpoint verdict shows the verdict's alone."


def show_answer(answer: Answer) -> None:
    """What came of one problem."""
    out = console()
    piped = not out.is_terminal
    ising, split = answer.problem.ising, answer.split
    pairs = f"{len(ising.pairs):,} {'coupling' if len(ising.pairs) == 1 else 'couplings'}"
    size = f"{answer.problem.kind}, {ising.size:,} variables, {pairs}"
    out.print(f"{answer.problem.name}: {size}; machine {answer.machine}.", style="dim", soft_wrap=piped)
    out.print(
        f"Budget {split.total:g} s: {EXACT} up to {split.proof:.3g} s, {split.runs} runs of the verdict "
        f"{split.each:.3g} s each, time to solution {split.timing:.3g} s a side.\n",
        style="dim",
        soft_wrap=piped,
    )
    table = _table("side", "best", "mean score,\nlarger is better", "time to 99 %", "a run", "hits", "prepared")
    scores = {} if answer.comparison is None else {name: one.mean for name, one in answer.comparison.sides.items()}
    for name in dict.fromkeys([*answer.best.each, *scores]):
        timed, best = answer.times.get(name), answer.best.each.get(name)
        row = [name, "" if best is None else f"{answer.problem.value(best):.8g}", _or_none(scores.get(name), "{:.5f}")]
        if timed is not None:
            share = f"{100 * timed.tally.hits / timed.tally.runs:.3g} %"
            row += [interval(timed.time), told(timed.tally.seconds), share, told(timed.prepared)]
        table.add_row(*row)
    out.print(table)
    out.print()
    out.print(_settings({name: one.setting for name, one in answer.times.items()}))
    out.print()
    out.print(_used(answer.bills))
    proof = "proved by HiGHS" if answer.proved else "not proved to be the optimum"
    whole = f"Scores are shares of {whole_of(answer.problem.kind)}."
    out.print(f"\n{TIMES} {whole} {CHARGED} {ALL_OF_IT} {JOULES}\n", style="dim", soft_wrap=piped)
    say(out, "Best known:", f"{answer.problem.value(answer.best.energy):.10g}, {proof}. {_assignment(answer)}")
    say(out, "Verdict:", _verdict(answer))
    if answer.prospect:
        say(out, "Break-even:", answer.prospect)


def show_course(course: Course, plot: Path | None) -> None:
    """What came of a family."""
    out = console()
    piped = not out.is_terminal
    family = course.family
    out.print(
        f"{family.kind} graphs of degree {family.degree}, {PROBLEMS} of each size, half to tune settings and half to "
        f"judge them; {course.each:.3g} s a run; machine {course.machine}.\n",
        style="dim",
        soft_wrap=piped,
    )
    values = [v for side in course.sides.values() if side.growth for v in _known(side.growth)]
    unit, size = unit_of(float(np.median(values)) if values else 1.0)
    table = _table(f"to 99 %, {unit}", *course.sides)
    for n in family.sizes:
        times = [side.growth and side.growth.times.get(n) for side in course.sides.values()]
        table.add_row(f"{n} vertices", *(bounded(one, 1 / size) if one else "" for one in times))
    bases = [side.growth and side.growth.base for side in course.sides.values()]
    table.add_row("times a vertex", *(bounded(one, 1) if one else "" for one in bases))
    out.print(table)
    out.print()
    out.print(_settings({name: one.settings[max(one.settings)] for name, one in course.sides.items()}))
    out.print()
    out.print(_used({name: one.bill for name, one in course.sides.items()}))
    out.print(f"\n{TIMES} {CHARGED} {JOULES}\n", style="dim", soft_wrap=piped)
    proved = ", ".join(f"{count} of {PROBLEMS} at {n}" for n, count in course.proved.items())
    say(out, "Proved:", f"the best known answer, by {EXACT}, for {proved}.")
    if course.refused:
        say(out, "Missing:", f"QAOA where the machine refused it: {course.refused}.")
    if course.breakeven is not None:
        say(out, "Break-even:", course.breakeven.sentence)
    if plot is not None:
        say(out, "Plot:", str(plot))


def interval(time: Bounded) -> str:
    """A time with its interval, or its bound, in one unit."""
    unit, size = unit_of(time.low if time.value is None else time.value)
    return f"{bounded(time, 1 / size)} {unit}"


def bounded(figure: Bounded, times: float) -> str:
    """A figure with its interval, or its bound, so many times."""
    low = f"{times * figure.low:.3g}"
    if figure.value is None:
        return f"above {low}"
    return f"{times * figure.value:.3g} ({low}-{'...' if figure.high is None else f'{times * figure.high:.3g}'})"


def _known(growth: Growth) -> list[float]:
    return [one.value for one in growth.times.values() if one.value is not None]


def _verdict(answer: Answer) -> Text:
    verdict, found = answer.verdict, answer.comparison
    if found is None:
        figures = f": the machine cannot run QAOA on it: {answer.refused}."
    elif found.void:
        figures = f": {found.rival} does not beat one guess, so that nothing can be said."
    else:
        ends = f"{verdict.value:+.3g} ({verdict.low:+.3g} to {verdict.high:+.3g})"
        figures = f": mean difference {ends} against {found.rival}, margin {verdict.margin:g}."
    return Text.assemble((verdict.status, STYLES[verdict.status]), figures)


def _assignment(answer: Answer) -> str:
    """The variables that stand apart: on one side of the cut, at 1, or with spin -1."""
    if answer.best.bits is None:
        return ""
    marks = {"max-cut": "One side", "qubo": "At 1", "ising": "At -1"}
    names = [name for name, bit in zip(answer.problem.names, answer.best.bits, strict=True) if bit]
    more = f" and {len(names) - SHOWN} more (--json has all)" if len(names) > SHOWN else ""
    return f"{marks[answer.problem.kind]}: {', '.join(names[:SHOWN]) or 'none'}{more}."


def _settings(settings: Mapping[str, str]) -> Table:
    table = _table("side", "setting of the least time to solution")
    table.columns[1].justify = "left"
    for name, setting in settings.items():
        table.add_row(name, setting)
    return table


def _used(bills: Mapping[str, Bill]) -> Table:
    shown = {name: bill for name, bill in bills.items() if name != NOTHING}
    uses = {use: said for use, said in USES.items() if any(getattr(bill, use) for bill in shown.values())}
    table = _table("used, tuning included", *(words for words, _ in uses.values()))
    for name, bill in shown.items():
        figures = ((getattr(bill, use), form) for use, (_, form) in uses.items())
        table.add_row(name, *(form.format(figure) if figure else "" for figure, form in figures))
    return table


def _table(first: str, *more: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(first)
    for heading in more:
        table.add_column(heading, justify="right")
    return table


def _or_none(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)
