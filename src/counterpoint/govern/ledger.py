"""The ledger: an append-only chain of entries (see chain.py) in its own SQLite file."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from counterpoint.base import BadInput
from counterpoint.govern.chain import GENESIS, Entry, Fault, Head, entry_faults, head_fault
from counterpoint.identity import canonical

FILE = "ledger.sqlite"
LOCK = "ledger.lock"
_LEAST = 100_000  # bytes free below which SQLite's "disk I/O error" means that there is no room (its .shm takes 32 KiB)
DAMAGE = (sqlite3.Error, UnicodeDecodeError)  # what SQLite says of a damaged file may itself be no text

_APPLICATION = 0x43504C47  # "CPLG" in the file's header: tells a ledger from any other SQLite file

_SCHEMA = (
    f"PRAGMA application_id = {_APPLICATION}",
    """CREATE TABLE entries (
        number INTEGER PRIMARY KEY,
        time TEXT NOT NULL,
        kind TEXT NOT NULL,
        content TEXT NOT NULL,
        previous TEXT NOT NULL,
        digest TEXT NOT NULL
    ) STRICT""",
    """CREATE TRIGGER entries_never_change BEFORE UPDATE ON entries
        BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END""",
    """CREATE TRIGGER entries_never_go BEFORE DELETE ON entries
        BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END""",
)


# The store has the like of it: siblings do not import each other, and SQLite has no place below both.
@contextmanager
def _clearly(path: Path, doing: str) -> Iterator[None]:
    """Says what SQLite could not do in one sentence with the way out."""
    try:
        yield
    except DAMAGE as error:
        name, free = getattr(error, "sqlite_errorname", ""), shutil.disk_usage(path.parent).free
        if name == "SQLITE_FULL" or (name.startswith("SQLITE_IOERR") and free < _LEAST):
            size = path.stat().st_size if path.exists() else 0
            raise BadInput(
                f"the disk is full: ledger {path} has {size:,} bytes and {free:,} are free, so nothing was "
                "permitted: make room, then begin the run, or take it up with --resume"
            ) from None
        raise BadInput(
            f"ledger {path} cannot be {doing} ({error}): check that the file is a ledger and that you may "
            "write in its folder, or name another folder with --store"
        ) from None


def _lock(folder: Path) -> sqlite3.Connection:
    """Holds the folder for one writer: an open exclusive transaction, which ends with its process.

    It is on a file of its own, so that readers of the ledger are never shut out.
    """
    with _clearly(folder / LOCK, "locked"):
        connection = sqlite3.connect(folder / LOCK, isolation_level=None, timeout=0)
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            connection.close()
            if error.sqlite_errorname != "SQLITE_BUSY":
                raise
            raise BadInput(
                f"another run writes the store {folder} and only one may: wait for its end, or name another "
                "folder with --store"
            ) from None
        return connection


# The store has the like of it, for the same reason.
def _exists(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether the file holds a ledger, or (False) nothing. Raises BadInput where it holds anything else."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application not in (0, _APPLICATION) or (tables and not application):
        raise BadInput(
            f"{path} is an SQLite file of something else (its application number is {application} and a "
            f"ledger's is {_APPLICATION}): name the folder of a run with --store"
        )
    return bool(tables)


class Ledger:
    """The chain, open in one process for writing (`open`) or in any number for reading (`read`)."""

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: sqlite3.Connection | None):
        self._path, self._connection, self._lock = path, connection, lock
        # Bytes that are no UTF-8 (a damaged file) become surrogates, which no digest agrees with.
        connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")

    @classmethod
    def open(cls, folder: Path) -> Ledger:
        """The ledger in `folder` for writing, made where there is none.

        Raises:
            BadInput: another process writes it, or the file is no ledger or cannot be written.
        """
        path = folder / FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(f"folder {folder} cannot be made ({error.strerror}): name another with --store") from None
        with ExitStack() as stack, _clearly(path, "written"):
            lock = stack.enter_context(closing(_lock(folder)))
            connection = stack.enter_context(closing(sqlite3.connect(path, isolation_level=None)))
            exists = _exists(connection, path)
            connection.execute("PRAGMA journal_mode = WAL")
            # Every entry is on the disk before its permit exists: no power cut can lose a permission.
            connection.execute("PRAGMA synchronous = FULL")
            if not exists:
                connection.execute("BEGIN IMMEDIATE")
                for statement in _SCHEMA:
                    connection.execute(statement)
                connection.execute("COMMIT")
            stack.pop_all()
        return cls(path, connection, lock)

    @classmethod
    def read(cls, folder: Path) -> Ledger:
        """The ledger in `folder` for reading only, also while another process writes it.

        Raises:
            BadInput: there is none, or the file is no ledger or cannot be read.
        """
        path = folder / FILE
        if not path.is_file():
            raise BadInput(f"there is no ledger {path}: name the folder of a run with --store")
        with ExitStack() as stack, _clearly(path, "read"):
            uri = f"{path.resolve().as_uri()}?mode=ro"
            connection = stack.enter_context(closing(sqlite3.connect(uri, uri=True, isolation_level=None)))
            if not _exists(connection, path):
                raise BadInput(f"ledger {path} is empty: name the folder of a run with --store")
            stack.pop_all()
        return cls(path, connection, None)

    def close(self) -> None:
        """Close the file; a writer lets the next one in."""
        self._connection.close()
        if self._lock is not None:
            self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def head(self) -> Head:
        """The end of the chain as the file has it."""
        with _clearly(self._path, "read"):
            query = "SELECT number, digest FROM entries ORDER BY number DESC LIMIT 1"
            row = self._connection.execute(query).fetchone()
        return Head(row[0] + 1, row[1]) if row else Head(0, GENESIS)

    def append(self, kind: str, content: Mapping[str, Any]) -> Head:
        """Seal `content` as the next entry; it is on the disk when this returns.

        Raises:
            BadInput: the disk is full or the file cannot be written; the ledger is as it was.
        """
        count, previous = self.head
        text = json.dumps(canonical(dict(content)), sort_keys=True, separators=(",", ":"), allow_nan=False)
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        digest = Entry(count, time, kind, text, previous, "").seal
        with _clearly(self._path, "written"):
            self._connection.execute(
                "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?)", (count, time, kind, text, previous, digest)
            )
        return Head(count + 1, digest)

    def entries(self, start: int = 0) -> Iterator[Entry]:
        """The entries from number `start` on, as the file has them, unverified."""
        with _clearly(self._path, "read"):
            yield from self._rows("WHERE number >= ?", start)

    def verify(self, expected: tuple[int, str] | None) -> list[Fault]:
        """Everything that is wrong with the chain, in order; nothing where it is whole.

        Args:
            expected: the head (count, digest) that the chain is known to have had; without it a cut
                tail does not show. More entries than that are no fault.
        """
        faults: list[Fault] = []
        number, previous, found = 0, GENESIS, None
        try:
            for entry in self._rows(""):
                faults += entry_faults(entry, number, previous)
                number, previous = entry.number + 1, entry.digest
                if expected and number == expected[0]:
                    found = entry.digest
        except DAMAGE as error:
            return [*faults, Fault(None, f"{self._path} is damaged after {number:,} entries ({error})")]
        if expected and (fault := head_fault(number, found, expected)):
            faults.append(fault)
        return faults

    def _rows(self, where: str, *values: int) -> Iterator[Entry]:
        columns = "number, time, kind, content, previous, digest"
        with closing(self._connection.cursor()) as cursor:
            for row in cursor.execute(f"SELECT {columns} FROM entries {where} ORDER BY number", values):
                yield Entry(*row)
