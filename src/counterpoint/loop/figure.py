"""Figures on paper: where they may be written, their colours, and their bytes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from counterpoint.base import BadInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = (".svg", ".png", ".pdf")
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#000000", "#e69f00", "#56b4e9", "#999999")  # Okabe, Ito


def check_figure(path: Path) -> None:
    """Raises BadInput where no figure can be written to `path`; leaves what is there as it is."""
    if path.suffix not in FORMATS or not path.parent.is_dir():
        raise BadInput(
            f"a figure cannot be written to {path}: name a file in a folder that exists, ending in one of "
            f"{', '.join(FORMATS)}"
        )
    new = not path.exists()
    try:
        path.open("ab").close()
        if new:
            path.unlink()
    except OSError as problem:
        raise BadInput(_unwritable(path, problem)) from problem


def save(figure: Figure, path: Path) -> None:
    """Write `figure`; the same numbers give the same bytes. Raises BadInput where `path` cannot be written."""
    from matplotlib import rc_context

    # No date, and identifiers that do not depend on the process.
    metadata = {"Date": None} if path.suffix == ".svg" else None
    try:
        with rc_context({"svg.hashsalt": "counterpoint"}):
            figure.savefig(path, metadata=metadata)
    except OSError as problem:
        raise BadInput(_unwritable(path, problem)) from problem


def _unwritable(path: Path, problem: OSError) -> str:
    return f"{path} cannot be written ({problem.strerror}): name a file in a folder of your own"
