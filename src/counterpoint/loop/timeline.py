"""A program of lattice surgery drawn as a timeline: its patches and seams, step by step."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from counterpoint.codes.frame import Basis
from counterpoint.codes.steps import Step, line
from counterpoint.codes.surgery import Program
from counterpoint.loop.figure import COLOURS, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIDE = 0.74  # of a patch, in cells
BORDERS: dict[Basis, str] = {"X": COLOURS[1], "Z": COLOURS[0]}
STATE: dict[Basis, str] = {"X": "|+⟩", "Z": "|0⟩"}
INK = "#333333"
PATCH = "#f2f0ea"
SEAM = COLOURS[5]
_LINES = 96  # characters of a line of text below the panels


def draw_timeline(program: Program, distance: int, path: Path) -> None:
    """Write the figure: a panel for each step of `distance` rounds, time to the right, and what must come out below.

    A patch's borders are orange where X checks end it and blue where Z checks do; a seam says which product it
    measures. Above a patch stands how it begins or what is applied to it, below it how it ends.

    Raises:
        BadInput: `path` cannot be written.
    """
    from matplotlib.figure import Figure  # imported here: it takes longer than most verbs, which draw nothing

    columns = 1 + max(c for c, _ in program.cells.values())
    rows = 1 + max(r for _, r in program.cells.values())
    told = [
        row
        for one in program.compile(distance).observables
        for row in textwrap.wrap(f"certain:  {one.name}", _LINES, subsequent_indent="             ")
    ]
    steps = len(program.steps)
    width = max(6.5, 1.5 * columns * steps + 0.8)
    height = 1.5 * rows + 1.0 + 0.22 * len(told)
    figure = Figure(figsize=(width, height))
    below = (0.45 + 0.22 * len(told)) / height
    axes = figure.add_axes((0.02, below, 0.96, 1 - below - 0.4 / height))
    panel = columns + 0.45
    axes.set(xlim=(-0.1, steps * panel - 0.35), ylim=(rows + 0.16, -0.16), aspect="equal")
    axes.axis("off")
    alive: set[str] = set()
    turned: set[str] = set()
    for number, step in enumerate(program.steps):
        alive |= step.begin.keys()
        turned = (turned - step.begin.keys()) ^ set(step.turn)
        _panel(axes, program, step, number * panel, alive, turned)
        first = number * distance + 1
        label = f"rounds {first} to {first + distance - 1}"
        axes.text(number * panel + columns / 2, rows + 0.12, label, ha="center", va="top", fontsize=9, color=INK)
        alive -= step.end.keys()
    end = steps * panel - 0.45
    axes.annotate(
        "",
        xy=(end, rows + 0.07),
        xytext=(0, rows + 0.07),
        arrowprops={"arrowstyle": "->", "color": INK, "lw": 1},
        annotation_clip=False,
    )
    figure.text(0.02, 1 - 0.08 / height, f"{program.name}, distance {distance}", va="top", fontsize=12, color=INK)
    _legend(figure)
    for i, text in enumerate(reversed(told)):
        figure.text(0.02, (0.12 + 0.22 * i) / height, text, fontsize=9, color=INK, family="monospace")
    save(figure, path)


def _panel(axes: Axes, program: Program, step: Step, left: float, alive: set[str], turned: set[str]) -> None:
    """The grid in one step."""
    from matplotlib.patches import Rectangle

    margin = (1 - SIDE) / 2
    for column, row in program.cells.values():
        square = Rectangle((left + column + margin, row + margin), SIDE, SIDE, fill=False, ls=":", lw=0.6, ec="#bbbbbb")
        axes.add_patch(square)
    groups: list[Sequence[str]] = [*step.merge]
    merged = {q for group in groups for q in group}
    for group in [*groups, *((q,) for q in sorted(alive - merged))]:
        cells = [program.cells[q] for q in group]
        (x, y), (u, v) = min(cells), max(cells)
        corner, size = (left + x + margin, y + margin), (u - x + SIDE, v - y + SIDE)
        axes.add_patch(Rectangle(corner, *size, fc=PATCH, ec="none"))
        _borders(axes, corner, size, exchanged=len(group) == 1 and group[0] in turned)
        if len(group) > 1:
            _seams(axes, sorted(cells), line(program.cells, group), left)
    for qubit in sorted(alive):
        _words(axes, step, qubit, left + program.cells[qubit][0] + 0.5, program.cells[qubit][1] + 0.5)


def _borders(axes: Axes, corner: tuple[float, float], size: tuple[float, float], exchanged: bool) -> None:
    (x, y), (w, h) = corner, size
    along_rows, along_columns = BORDERS["Z" if exchanged else "X"], BORDERS["X" if exchanged else "Z"]
    for edge in (y, y + h):
        axes.plot([x, x + w], [edge, edge], color=along_rows, lw=3.2, solid_capstyle="butt")
    for edge in (x, x + w):
        axes.plot([edge, edge], [y, y + h], color=along_columns, lw=3.2, solid_capstyle="butt")


def _seams(axes: Axes, cells: Sequence[tuple[int, int]], basis: Basis, left: float) -> None:
    from matplotlib.patches import Rectangle

    margin = (1 - SIDE) / 2
    for x, y in cells[:-1]:
        if basis == "Z":
            corner, size = (left + x + margin, y + 1 - margin), (SIDE, 2 * margin)
        else:
            corner, size = (left + x + 1 - margin, y + margin), (2 * margin, SIDE)
        axes.add_patch(Rectangle(corner, *size, fc=SEAM, ec="white", hatch="///", lw=0, alpha=0.75, zorder=2))
        middle = (corner[0] + size[0] / 2, corner[1] + size[1] / 2)
        box = {"boxstyle": "round,pad=0.15", "fc": "white", "ec": SEAM}
        axes.text(*middle, basis * 2, ha="center", va="center", fontsize=9, color=INK, bbox=box, zorder=3)


def _words(axes: Axes, step: Step, qubit: str, x: float, y: float) -> None:
    """A patch's name, what it begins with or undergoes, and what it ends with."""
    axes.text(x, y, qubit, ha="center", va="center", fontsize=9, color=INK, weight="bold")
    above = [STATE[step.begin[qubit]]] if qubit in step.begin else []
    above += ["H"] if qubit in step.turn else []
    above += [f"apply {step.paulis[qubit]}"] if step.paulis.get(qubit) else []
    if above:
        axes.text(x, y - 0.2, ", ".join(above), ha="center", va="center", fontsize=9, color=INK)
    if qubit in step.end:
        axes.text(x, y + 0.2, f"measure {step.end[qubit]}", ha="center", va="center", fontsize=8.5, color=INK)


def _legend(figure: Figure) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles = [
        *(Line2D([], [], color=BORDERS[kind], lw=3.2, label=f"{kind} border") for kind in ("X", "Z")),
        Patch(fc=SEAM, ec="white", hatch="///", alpha=0.75, label="seam"),
    ]
    figure.legend(handles=handles, loc="upper right", ncols=3, frameon=False, fontsize=9)
