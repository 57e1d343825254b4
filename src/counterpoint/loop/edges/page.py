"""The feedback edges in the report of a run: verdicts, what each side used, and the tasks one by one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

import numpy as np

from counterpoint.loop.edges.record import TOLD, Record
from counterpoint.store.turns import Work
from counterpoint.workloads.energy import Power
from counterpoint.workloads.workload import USES

MEANING = (
    "Tasks of the AI half, done by this machine and by its classical rivals, each side on the same budget. Scores are"
    " measured, larger is better. The answer that is taken is that of the side which has done best on the tasks before;"
    " a setting is used where the check finds it better than the present one, and told only where the explorer cannot"
    " go on from it."
    f" Joules follow from a model: {Power()}. An oracle of the bandit is the gate itself."
)


def edge_page(records: Mapping[str, Record | str], works: Sequence[Work], complete: bool) -> list[str]:
    """Parts of HTML: how each edge stands, and all `works` of the run, which ended by itself or not; none where no
    edge was asked for."""
    if not records:
        return []
    parts = [f'<p class="note">{escape(MEANING)}</p>']
    for name, found in records.items():
        parts.append(f"<h3>{escape(name)}</h3>")
        if isinstance(found, str):
            parts.append(f"<p>{escape(found[0].upper() + found[1:])}.</p>")
            continue
        own = [work for work in works if work.edge == name]
        done = [work for work in own if not work.undone]
        parts += [f"<p>{escape(_verdict(found, complete))}</p>", *_sides(found, done), *_tasks(done)]
        parts += _undone([work for work in own if work.undone])
    return parts


def _verdict(found: Record, complete: bool) -> str:
    verdict = found.verdict
    if np.isnan(verdict.value):
        why = "no rival beats doing nothing" if found.void else "too few tasks"
        return f"{verdict.hypothesis}: {verdict.status} ({why}, {found.tasks} tasks)."
    return (
        f"{verdict.hypothesis}, by more than {verdict.margin:g}: {found.claim(complete)}. Mean difference"
        f" to {found.rival} {verdict.value:+.3g}, 95 % interval {verdict.low:+.3g} to {verdict.high:+.3g},"
        f" {found.tasks} tasks."
    )


def _sides(found: Record, works: list[Work]) -> list[str]:
    """Each side's mean score and what it used in all tasks together."""
    if not works:
        return []
    # What simulates the chip is charged to nobody, and the page has no room for it.
    uses = [
        use
        for use in USES
        if use != "simulation" and any(a.bill.get(use) for work in works for a in work.attempts.values())
    ]
    rows = [
        (side, f"{mean:.4g}", f"{found.used.get(side, 0)} of {len(works)}", *(_sum(works, side, use) for use in uses))
        for side, mean in found.means.items()
    ]
    return [_table(("side", "mean score", "answer used", *(USES[use][0] for use in uses)), rows)]


def _sum(works: list[Work], side: str, use: str) -> str:
    return USES[use][1].format(sum(work.attempts[side].bill.get(use, 0) for work in works))


def _tasks(works: list[Work]) -> list[str]:
    if not works:
        return []
    sides = list(works[0].attempts)
    rows = [(work.task, *(work.attempts[side].answer for side in sides), work.used or TOLD) for work in works]
    return [_table(("task", *sides, "used"), rows)]


def _undone(works: list[Work]) -> list[str]:
    """The tasks that ended early, with what they used until then."""
    rows = [(work.task, f"{work.price.shots:,}", f"{work.price.seconds:.3g}", work.undone) for work in works]
    return [_table(("left undone", "shots", "machine, s", "why"), rows)] if rows else []


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table with a heading row."""
    first = "".join(f"<th>{escape(name)}</th>" for name in head)
    cells = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{first}</tr>{cells}</table>"
