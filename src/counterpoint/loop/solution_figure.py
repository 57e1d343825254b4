"""Time to solution against the size of a problem, drawn."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from counterpoint.loop.figure import COLOURS, save
from counterpoint.loop.solution_growth import PROBLEMS, Course
from counterpoint.workloads.workload import QUANTUM


def draw(course: Course, path: Path) -> None:
    """Time to solution against size, on a logarithmic scale. Raises BadInput as `save`."""
    from matplotlib.figure import Figure  # loaded where a figure is drawn

    figure = Figure(figsize=(7.2, 4.6), layout="constrained")
    axes = figure.subplots()
    shown = [(name, side.growth) for name, side in course.sides.items() if side.growth is not None]
    apart = (course.family.sizes[-1] - course.family.sizes[0]) / 100 / max(1, len(shown) - 1)  # a hundredth in all
    for i, (name, grown) in enumerate(shown):
        known = {n: one for n, one in grown.times.items() if one.value is not None}
        sizes = np.array(list(known)) + apart * (i - (len(shown) - 1) / 2)  # beside each other
        values = np.array([one.value for one in known.values()])
        low = values - [one.low for one in known.values()]
        high = np.array([one.high or math.nan for one in known.values()]) - values
        base = grown.base.value
        label = f"{_label(name)}: {base:.3g}$^n$" if base else _label(name)
        axes.errorbar(sizes, values, [low, high], fmt="o-", ms=4, capsize=2, color=COLOURS[i], label=label)
    axes.set_yscale("log")
    axes.set_xticks(course.family.sizes)
    axes.set_xlabel("vertices n")
    axes.set_ylabel("time to solution at 99 %, s")
    title = f"{course.family.kind} graphs of degree {course.family.degree}: medians of {PROBLEMS // 2}, 95 % intervals"
    axes.set_title(title, fontsize=10)
    axes.legend(fontsize=8, title=f"QAOA in seconds of the machine '{course.machine}'", title_fontsize=8)
    axes.grid(alpha=0.3, which="both")
    save(figure, path)


def _label(name: str) -> str:
    return "QAOA" if name == QUANTUM else name
