"""The terminal that answers are printed on, and how verdicts look on it."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDTH = 100  # columns of a pipe, which has no width of its own
LABEL = 11  # columns of a label
STYLES = {"holds": "bold green", "does not hold": "bold red", "not shown": "bold yellow"}


def console(width: int = WIDTH) -> Console:
    """Standard output, without markup: names of files and machines are a person's own. A pipe has `width` columns."""
    found = Console(markup=False, emoji=False, highlight=False)
    if not found.is_terminal:
        found.width = width
    return found


def say(out: Console, label: str, told: str | Text) -> None:
    """Sentences behind their label: in a terminal wrapped between words and indented, in a pipe one line."""
    if not out.is_terminal:
        out.print(Text.assemble(label, " ", told), soft_wrap=True)
        return
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True, min_width=LABEL)
    grid.add_column(overflow="fold")
    grid.add_row(Text(label), told if isinstance(told, Text) else Text(told))
    out.print(grid)
