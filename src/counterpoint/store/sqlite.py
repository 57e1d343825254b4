"""What SQLite could not do, said clearly."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from counterpoint.base import BadInput

_LEAST = 100_000  # bytes free below which SQLite's "disk I/O error" means that there is no room (its .shm takes 32 KiB)


# The ledger has the like of it: siblings do not import each other, and SQLite has no place below both.
@contextmanager
def clearly(path: Path, doing: str, what: str = "store") -> Iterator[None]:
    """Says what SQLite could not do with the file `path`, which is a `what`, in one sentence with the way out."""
    try:
        yield
    except (sqlite3.Error, UnicodeDecodeError) as error:  # of a damaged file its message may be no text
        name, free = getattr(error, "sqlite_errorname", ""), shutil.disk_usage(path.parent).free
        if name == "SQLITE_FULL" or (name.startswith("SQLITE_IOERR") and free < _LEAST):
            size = path.stat().st_size if path.exists() else 0
            raise BadInput(
                f"the disk is full: {what} {path} has {size:,} bytes and {free:,} are free, so nothing more was "
                "recorded: make room, then begin anew, or take a run up with --resume"
            ) from None
        raise BadInput(
            f"{what} {path} cannot be {doing} ({error}): check that the file is a whole {what} and that you "
            "may write in its folder, or name another folder with --store"
        ) from None
