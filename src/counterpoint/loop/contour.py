"""Merit against frequency and drift: the figure of the drift suite."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from counterpoint.loop.figure import COLOURS, save
from counterpoint.loop.merits import mean_merit
from counterpoint.loop.suite import PERIODS, Scored
from counterpoint.quops.estimate import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PUBLISHED = 1 / 150  # the break-even of the published simulation, common phases
FLOOR = -0.6  # merits below are drawn at the edge


def draw_merits(results: Sequence[Scored], path: Path) -> None:
    """Write the figure: sines with common and independent phases above, all other drifts below.

    One colour an explorer; bars are 95 % intervals over seeds; only the small published chip is drawn.

    Raises:
        BadInput: `path` cannot be written.
    """
    # Imported here: it takes longer than most verbs, which draw nothing.
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    small = [s for s in results if s.row.place[1:] == ("published", 3, 1)]
    names = list(dict.fromkeys(s.row.explorer for s in small))
    colours = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}
    figure = Figure(figsize=(10, 8), layout="constrained")
    panels = figure.subplot_mosaic([["common", "independent"], ["others", "others"]])
    left, right = panels["common"], panels["independent"]
    for axes, end in ((left, ""), (right, ", independent")):
        for name in names:
            found = {p: _merit(small, name, f"sine 1/{p}{end}") for p in PERIODS}
            _line(axes, found, colours[name])
        axes.set(xscale="log", xlabel="frequency, per epoch", ylim=(FLOOR, 1.02))
        axes.set_xticks([1 / p for p in PERIODS], [f"1/{p}" for p in PERIODS])
        axes.set_xticks([], minor=True)
        axes.axhline(0, color="grey", linewidth=0.8)
    left.axvline(PUBLISHED, color="grey", linestyle=":", linewidth=1)
    left.text(PUBLISHED, FLOOR + 0.03, " published break-even", color="grey", fontsize="small")
    left.set(ylabel="merit", title="sine, common phase")
    right.set(title="sine, independent phases")
    handles = [Line2D([], [], color=colours[name], marker="o", markersize=4, label=name) for name in names]
    figure.legend(handles, names, fontsize="small", loc="outside lower center", ncols=max(1, len(names)))
    _others(panels["others"], small, names, colours)
    save(figure, path)


def _others(axes: Axes, small: Sequence[Scored], names: Sequence[str], colours: dict[str, str]) -> None:
    drifts = [d for d in dict.fromkeys(s.row.drift for s in small) if not d.startswith("sine")]
    for i, name in enumerate(names):
        for x, drift in enumerate(drifts):
            found = _merit(small, name, drift)
            if found is not None:
                at = x + (i - (len(names) - 1) / 2) * 0.8 / max(1, len(names))
                axes.errorbar([at], [max(FLOOR, found.value)], _spread(found), fmt="o", color=colours[name], capsize=2)
    axes.axhline(0, color="grey", linewidth=0.8)
    axes.set(ylabel="merit", ylim=(FLOOR, 1.02), xlim=(-0.6, max(0, len(drifts) - 1) + 0.6))
    axes.set_xticks(range(len(drifts)), drifts)


def _merit(results: Sequence[Scored], explorer: str, drift: str) -> Estimate | None:
    return mean_merit([s for s in results if s.row.explorer == explorer and s.row.drift == drift])


def _line(axes: Axes, found: dict[int, Estimate | None], colour: str) -> None:
    seen = {1 / p: e for p, e in found.items() if e is not None}
    if seen:
        values = [max(FLOOR, e.value) for e in seen.values()]
        spread = np.hstack([_spread(e) for e in seen.values()])
        axes.errorbar(list(seen), values, spread, fmt="-o", markersize=4, color=colour, capsize=2)


def _spread(e: Estimate) -> list[list[float]]:
    """(2, 1) lengths of the bars below and above; none for a single seed."""
    return [[float(np.nan_to_num(e.value - e.low))], [float(np.nan_to_num(e.high - e.value))]]
