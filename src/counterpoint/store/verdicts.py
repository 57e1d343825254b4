"""Verdicts that stand by themselves: what a comparison of a quantum solver with its rivals came to."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from counterpoint.base import BadInput
from counterpoint.store.database import FILE, Store
from counterpoint.store.sqlite import clearly
from counterpoint.store.turns import Attempt, plain_json


@dataclass(frozen=True)
class Told:
    """A verdict with all that it rests on."""

    made: str  # UTC, ISO 8601
    task: str  # such as "optimise my_graph.txt"
    hypothesis: str
    margin: float
    status: str  # "holds", "does not hold", "not shown"
    figure: tuple[float, float, float] | None  # value and 95 % interval; None where the comparison is void
    budget: str  # of each side, in words
    rival: str  # the best one, by name
    sides: Mapping[str, Attempt]
    break_even: str  # one sentence
    command: str  # that makes it again


@dataclass(frozen=True)
class Kept:
    """A verdict as the store has it."""

    id: int
    entry: int  # of the ledger entry that sealed it
    told: Told


def keep_verdict(folder: Path, told: Told, entry: int) -> int:
    """Write a verdict down in the store of `folder`; returns its number.

    Raises BadInput as `Store.open` does, and where one of the same entry is there.
    """
    Store.open(folder).close()  # brings it up to date
    text = json.dumps(asdict(told), allow_nan=False)
    with clearly(folder / FILE, "written"), closing(sqlite3.connect(folder / FILE, isolation_level=None)) as connection:
        query = "INSERT INTO verdicts (entry, content) VALUES (?, ?) RETURNING id"
        return connection.execute(query, (entry, text)).fetchone()[0]


def verdicts(folder: Path) -> list[Kept]:
    """The verdicts in the store of `folder`, the oldest first. Raises BadInput where one is damaged."""
    return [Kept(number, entry, _told(number, text)) for number, entry, text in _rows(folder, "id, entry, content")]


def verdict_entries(folder: Path) -> frozenset[int]:
    """The ledger entries that sealed the verdicts in the store of `folder`."""
    return frozenset(entry for (entry,) in _rows(folder, "entry"))


def _rows(folder: Path, columns: str) -> list[tuple[Any, ...]]:
    Store.open(folder, read_only=True).close()
    uri = f"{(folder / FILE).resolve().as_uri()}?mode=ro"
    with clearly(folder / FILE, "read"), closing(sqlite3.connect(uri, uri=True)) as connection:
        return connection.execute(f"SELECT {columns} FROM verdicts ORDER BY id").fetchall()


def _told(number: int, text: str) -> Told:
    try:
        plain: dict[str, Any] = plain_json(text)
        figure = None if plain["figure"] is None else tuple(plain["figure"])
        sides = {name: Attempt(**side) for name, side in plain["sides"].items()}
        return Told(**{**plain, "figure": figure, "sides": sides})
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadInput(f"verdict {number} cannot be read ({error}): restore the store") from None
