"""The terminal that answers are printed on, and how verdicts look on it."""

from __future__ import annotations

from rich.console import Console

WIDTH = 100  # columns of a pipe, which has no width of its own
STYLES = {"holds": "bold green", "does not hold": "bold red", "not shown": "bold yellow"}


def console(width: int = WIDTH) -> Console:
    """Standard output, without markup: names of files and machines are a person's own. A pipe has `width` columns."""
    found = Console(markup=False, emoji=False, highlight=False)
    if not found.is_terminal:
        found.width = width
    return found
