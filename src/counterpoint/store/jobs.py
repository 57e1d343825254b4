"""Jobs that machines were given: written down before they are sent, and again when their results are there."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from counterpoint.base import BadInput, Price
from counterpoint.store.database import FILE, Store
from counterpoint.store.sqlite import clearly
from counterpoint.store.turns import now

Begun = Literal["running", "sent"]  # here and now; to a queue
Ended = Literal["done", "failed", "refused", "cancelled"]  # the last two cost nothing

_COLUMNS = (
    "ticket, machine, job, cycles, shots, seconds, spend, entry, submitted, provider_id, state, result, reason, settled"
)


@dataclass(frozen=True)
class JobRecord:
    """One job as the store has it."""

    ticket: str  # digest of the ledger entry that permitted it
    machine: str
    job: str  # JSON, see machine/wire.py
    price: Price  # charged
    entry: int  # number of the ledger entry
    submitted: str  # UTC, ISO 8601
    provider_id: str | None = None  # None until the provider has answered
    state: Begun | Ended = "sent"
    result: bytes | None = None  # where it is done
    reason: str = ""  # one sentence, where it failed
    settled: str | None = None  # UTC, ISO 8601


class Jobs:
    """The jobs of one store, for any number of threads and processes."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path, self._connection, self._lock = path, connection, threading.Lock()

    @classmethod
    def open(cls, folder: Path) -> Jobs:
        """The jobs of the store in `folder`, made where there is none. Raises BadInput as `Store.open` does."""
        Store.open(folder).close()  # brings it up to date
        path = folder / FILE
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # What is sent afterwards costs money: not even a power cut may lose its ticket.
        connection.execute("PRAGMA synchronous = FULL")
        return cls(path, connection)

    @classmethod
    def read(cls, folder: Path) -> Jobs:
        """The jobs of the store in `folder`, for reading alone. Raises BadInput as `Store.open` does."""
        Store.open(folder, read_only=True).close()
        path = folder / FILE
        uri = f"{path.resolve().as_uri()}?mode=ro"
        return cls(path, sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """The connection, one thread at a time; what SQLite cannot do is said in one sentence."""
        with self._lock, clearly(self._path, "read or written"):
            yield self._connection

    def begin(self, ticket: str, machine: str, job: str, price: Price, entry: int, state: Begun) -> None:
        """Write down a job that is about to be run or sent. Raises BadInput where its ticket is known."""
        charged = (int(price.cycles), int(price.shots), float(price.seconds), float(price.spend))
        query = f"INSERT OR IGNORE INTO jobs ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?, NULL, '', NULL)"
        with self._open() as connection:
            if not connection.execute(query, (ticket, machine, job, *charged, entry, now(), state)).rowcount:
                raise BadInput(
                    f"ticket {ticket[:12]} of ledger entry {entry} was sent before: collect it, or ask for a new permit"
                )

    def sent(self, ticket: str, provider_id: str) -> None:
        """Write down what the provider calls the job."""
        with self._open() as connection:
            connection.execute("UPDATE jobs SET provider_id = ? WHERE ticket = ?", (provider_id, ticket))

    def settle(self, ticket: str, state: Ended, result: bytes | None = None, reason: str = "") -> None:
        """Write down how the job ended; a job that ended before stays as it is."""
        query = "UPDATE jobs SET state = ?, result = ?, reason = ?, settled = ? WHERE ticket = ? AND settled IS NULL"
        with self._open() as connection:
            connection.execute(query, (state, result, reason, now(), ticket))

    def known(self, ticket: str) -> bool:
        """Whether the store holds the ticket."""
        return bool(self._records("WHERE ticket = ?", ticket))

    def record(self, ticket: str) -> JobRecord:
        """The job of a ticket. Raises BadInput where the store has none."""
        for found in self._records("WHERE ticket = ?", ticket):
            return found
        raise BadInput(
            f"ticket {ticket[:12]} is not among the {len(self.all())} jobs of store {self._path}: name one of "
            "these, or another folder with --store"
        )

    def pending(self) -> list[JobRecord]:
        """Jobs that have not ended, the oldest first."""
        return self._records("WHERE settled IS NULL")

    def all(self) -> list[JobRecord]:
        """Every job, the oldest first."""
        return self._records("")

    def _records(self, where: str, *values: str) -> list[JobRecord]:
        with self._open() as connection:
            rows = connection.execute(f"SELECT {_COLUMNS} FROM jobs {where} ORDER BY rowid", values).fetchall()
        return [_record(row) for row in rows]


def _record(row: tuple[Any, ...]) -> JobRecord:
    ticket, machine, job, cycles, shots, seconds, spend, entry, submitted, *rest = row
    return JobRecord(ticket, machine, job, Price(cycles, shots, seconds, spend), entry, submitted, *rest)
