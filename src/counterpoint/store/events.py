"""Raw detection events of the last epochs, as files in stim's own format .b8 beside the database.

An epoch is megabytes, so that in the database it would be written twice (log, then table), at ten
times the price of a file. A file is written before the transaction that names it and removed after
the transaction that drops its name: a kill in between leaves a file that nothing names, which the
next `prune_events` removes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from counterpoint.base import BadInput, Bits

FOLDER = "events"


def _path(folder: Path, run_id: int, turn: int) -> Path:
    return folder / FOLDER / f"run{run_id}-turn{turn}.b8"


def write_events(folder: Path, run_id: int, turn: int, raw: Bits) -> None:
    """Write the (C, shots, ceil(D / 8)) detection events of a turn, one candidate's shots after the other's.

    Raises:
        BadInput: the disk is full or the folder cannot be written.
    """
    path = _path(folder, run_id, turn)
    try:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(np.ascontiguousarray(raw).data)
    except OSError as error:
        raise BadInput(
            f"{raw.nbytes:,} bytes of detection events cannot be written to {path} ({error.strerror}), so the "
            "last turn was not recorded: make room, then take the run up with --resume"
        ) from None


def read_events(folder: Path, run_id: int, turn: int, shape: tuple[int, int, int]) -> Bits:
    """What `write_events` was given, of `shape` (C, shots, ceil(D / 8)).

    Raises:
        BadInput: the file is missing or of another size.
    """
    path = _path(folder, run_id, turn)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(f"detection events {path} cannot be read ({error.strerror}): restore the store") from None
    if len(data) != math.prod(shape):
        sizes = f"{len(data):,} bytes and {math.prod(shape):,} were written"
        raise BadInput(f"detection events {path} has {sizes}: restore the store")
    return np.frombuffer(data, dtype=np.uint8).reshape(shape)


def prune_events(folder: Path, kept: Iterable[tuple[int, int]]) -> None:
    """Remove the files of every (run, turn) that is not `kept`."""
    if (folder / FOLDER).is_dir():
        named = {_path(folder, run_id, turn) for run_id, turn in kept}
        for path in (folder / FOLDER).glob("*.b8"):
            if path not in named:
                path.unlink(missing_ok=True)
