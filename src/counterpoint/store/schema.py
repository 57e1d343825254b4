"""The store's tables, as numbered migrations: each runs once, in one transaction with its own record."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from counterpoint.base import BadInput
from counterpoint.store.turns import now

Migration = Callable[[sqlite3.Connection], None]

PATIENCE = 5.0  # seconds that a process waits for others at a new file, as long as SQLite does by itself elsewhere
APPLICATION = 0x43505354  # "CPST" in the file's header: tells a store from any other SQLite file


def runs_turns_outcomes(connection: sqlite3.Connection) -> None:
    """The first tables."""
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute(
        """CREATE TABLE runs (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL,
            charter TEXT NOT NULL,
            seed INTEGER NOT NULL,
            settings TEXT NOT NULL, -- JSON
            started TEXT NOT NULL,  -- UTC, ISO 8601
            ended TEXT,
            how TEXT
        ) STRICT"""
    )
    connection.execute(
        """CREATE TABLE turns (
            run INTEGER NOT NULL REFERENCES runs,
            number INTEGER NOT NULL,
            action TEXT NOT NULL,
            summary TEXT NOT NULL,
            verdict TEXT NOT NULL CHECK (verdict IN ('allow', 'deny', 'ask')),
            reason TEXT NOT NULL,
            cycles INTEGER NOT NULL,
            shots INTEGER NOT NULL,
            seconds REAL NOT NULL,  -- machine time
            spend REAL NOT NULL,
            clock REAL NOT NULL,    -- machine time at the start
            stages TEXT NOT NULL,   -- JSON: wall seconds
            centre BLOB NOT NULL,   -- (N,) little-endian float64
            PRIMARY KEY (run, number)
        ) STRICT, WITHOUT ROWID"""
    )
    connection.execute(
        """CREATE TABLE outcomes (
            run INTEGER NOT NULL,
            turn INTEGER NOT NULL,
            player TEXT NOT NULL,   -- 'explorer', or a bounding player
            sites INTEGER NOT NULL,
            seconds REAL NOT NULL,  -- machine time
            counts BLOB NOT NULL,   -- see blobs.py
            PRIMARY KEY (run, turn, player),
            FOREIGN KEY (run, turn) REFERENCES turns
        ) STRICT, WITHOUT ROWID"""
    )
    connection.execute(
        """CREATE TABLE events ( -- which turns have files, see events.py
            id INTEGER PRIMARY KEY,
            run INTEGER NOT NULL,
            turn INTEGER NOT NULL,
            candidates INTEGER NOT NULL,
            shots INTEGER NOT NULL, -- of each candidate
            bytes INTEGER NOT NULL, -- of each shot
            FOREIGN KEY (run, turn) REFERENCES turns
        ) STRICT"""
    )
    connection.execute(
        """CREATE TABLE heads (
            entries INTEGER PRIMARY KEY, -- of the ledger, at the time of a record
            digest TEXT NOT NULL
        ) STRICT"""
    )


def jobs(connection: sqlite3.Connection) -> None:
    """Jobs that stand by themselves."""
    connection.execute(
        """CREATE TABLE jobs (
            ticket TEXT PRIMARY KEY NOT NULL, -- digest of the ledger entry
            machine TEXT NOT NULL,
            job TEXT NOT NULL,           -- JSON, see machine/wire.py
            cycles INTEGER NOT NULL,     -- charged, these four
            shots INTEGER NOT NULL,
            seconds REAL NOT NULL,
            spend REAL NOT NULL,
            entry INTEGER NOT NULL,      -- of the ledger
            submitted TEXT NOT NULL,     -- UTC, ISO 8601
            provider_id TEXT,
            state TEXT NOT NULL CHECK (state IN ('running', 'sent', 'done', 'failed', 'refused', 'cancelled')),
            result BLOB,                 -- see machine/wire.py
            reason TEXT NOT NULL,
            settled TEXT                 -- UTC, ISO 8601
        ) STRICT"""
    )


def works_verdicts(connection: sqlite3.Connection) -> None:
    """Tasks that the machine did for the AI half, and verdicts that stand by themselves."""
    connection.execute(
        """CREATE TABLE works (
            run INTEGER NOT NULL,
            turn INTEGER NOT NULL,
            place INTEGER NOT NULL, -- in the turn, from 0
            content TEXT NOT NULL,  -- JSON, see turns.py
            PRIMARY KEY (run, turn, place),
            FOREIGN KEY (run, turn) REFERENCES turns
        ) STRICT, WITHOUT ROWID"""
    )
    connection.execute(
        """CREATE TABLE verdicts (
            id INTEGER PRIMARY KEY,
            entry INTEGER NOT NULL UNIQUE, -- of the ledger, which sealed the content
            content TEXT NOT NULL          -- JSON, see verdicts.py
        ) STRICT"""
    )


MIGRATIONS: tuple[Migration, ...] = (runs_turns_outcomes, jobs, works_verdicts)


def version(connection: sqlite3.Connection) -> int:
    """How many migrations the store has had; 0 where the file is empty."""
    known = connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'migrations'").fetchone()[0]
    return connection.execute("SELECT count(*) FROM migrations").fetchone()[0] if known else 0


def write_ahead(connection: sqlite3.Connection) -> None:
    """Switch the file to a write-ahead log. SQLite does not wait where another process does so at the same time."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > until:
                raise
        time.sleep(0.01)


def migrate(connection: sqlite3.Connection, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Bring the store up to date; several processes may do so at the same time.

    Raises:
        BadInput: it is of a newer version than this program knows.
    """
    while (number := version(connection) + 1) <= len(migrations):
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.execute(
                """CREATE TABLE IF NOT EXISTS migrations (
                    number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied TEXT NOT NULL
                ) STRICT"""
            )
            if version(connection) < number:  # else another process was quicker
                step = migrations[number - 1]
                step(connection)
                connection.execute("INSERT INTO migrations VALUES (?, ?, ?)", (number, step.__name__, now()))
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # SQLite itself may have rolled back, as on a full disk
                connection.execute("ROLLBACK")
            raise
    refuse_newer(connection, len(migrations))


def refuse_newer(connection: sqlite3.Connection, known: int = len(MIGRATIONS)) -> None:
    """Raise BadInput where the store is of a newer version than `known`."""
    if (found := version(connection)) > known:
        raise BadInput(
            f"the store is of version {found} and this counterpoint reads up to {known}: update "
            "counterpoint, or name another folder with --store"
        )


# The ledger has the like of it: siblings do not import each other, and SQLite has no place below both.
def refuse_foreign(connection: sqlite3.Connection, path: Path) -> None:
    """Raise BadInput where the file holds something, and not a store."""
    connection.execute("BEGIN")  # all of one moment: another process may be making the store
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema")]
    connection.execute("COMMIT")
    # A store of an earlier counterpoint, killed before its first migration, holds the table of migrations alone.
    begun = names == ["migrations"]
    if application not in (0, APPLICATION) or (names and not application and not begun):
        raise BadInput(
            f"{path} is an SQLite file of something else (its application number is {application} and a "
            f"store's is {APPLICATION}): name the folder of a run with --store"
        )
