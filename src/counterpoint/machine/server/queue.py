"""The queue of a server: clients, their quotas and their jobs in SQLite, each change in one transaction."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from counterpoint.base import BadInput
from counterpoint.machine.checks import Unavailable
from counterpoint.machine.queued import State
from counterpoint.machine.server.limits import Refused
from counterpoint.store.schema import write_ahead
from counterpoint.store.sqlite import clearly

FILE = "queue.sqlite"
_APPLICATION = 0x43505155  # "CPQU" in the file's header: tells a queue from any other SQLite file
TRIES = 2  # how often the server may end while a job runs, before the job is not run again

_TABLES = (
    f"PRAGMA application_id = {_APPLICATION}",
    """CREATE TABLE clients (
        name TEXT PRIMARY KEY NOT NULL,
        token BLOB NOT NULL,    -- SHA-256
        quota INTEGER NOT NULL, -- shots
        used INTEGER NOT NULL
    ) STRICT""",
    """CREATE TABLE jobs (
        number INTEGER PRIMARY KEY, -- the order in which they run
        client TEXT NOT NULL REFERENCES clients,
        id TEXT NOT NULL,           -- the client's name of it
        job TEXT NOT NULL,          -- JSON
        shots INTEGER NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
        result TEXT,                -- JSON
        reason TEXT NOT NULL,
        unavailable INTEGER NOT NULL,
        UNIQUE (client, id)
    ) STRICT""",
    "CREATE INDEX jobs_queued ON jobs (number) WHERE state = 'queued'",
    "CREATE INDEX jobs_open ON jobs (client) WHERE state IN ('queued', 'running')",
)
# How often the server ended while the job ran.
_TRIED = ("ALTER TABLE jobs ADD COLUMN tries INTEGER NOT NULL DEFAULT 0",)
_CHANGES = (_TABLES, _TRIED)  # what each version of the file has beyond the one before


@dataclass(frozen=True)
class Waiting:
    """A job that is to be run."""

    number: int
    client: str
    id: str
    job: str  # JSON


@dataclass(frozen=True)
class Status:
    """How a job stands."""

    state: State
    result: str | None = None  # JSON, where it is done
    reason: str = ""
    unavailable: bool = False  # it failed because of the machine


@dataclass(frozen=True)
class Account:
    """What a client has."""

    quota: int  # shots
    used: int


class Queue:
    """The queue in a folder, for any number of threads and processes.

    Where SQLite cannot do what is asked, every method raises Unavailable, in words for who runs the server.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path, self._connection, self._lock = path, connection, threading.Lock()

    @classmethod
    def open(cls, folder: Path) -> Queue:
        """The queue in `folder`, made where there is none. Raises BadInput where the file is none or cannot be used."""
        path = folder / FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(f"folder {folder} cannot be made ({error.strerror}): name another with --store") from None
        with ExitStack() as stack, clearly(path, "opened", "queue"):
            connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            queue = stack.enter_context(cls(path, connection))
            queue._prepare()
            stack.pop_all()
        return queue

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def admit(self, name: str, quota: int) -> str | None:
        """Make a client with a quota of shots, and return its token, or change the quota of one that is there."""
        with self._transaction() as connection:
            if connection.execute("UPDATE clients SET quota = ? WHERE name = ?", (quota, name)).rowcount:
                return None
            token = secrets.token_urlsafe(32)
            connection.execute("INSERT INTO clients VALUES (?, ?, ?, 0)", (name, _hashed(token), quota))
            return token

    def renew(self, name: str) -> str:
        """A new token of a client, whose old one is good no longer. Raises BadInput where there is no such client."""
        token = secrets.token_urlsafe(32)
        with self._transaction() as connection:
            if not connection.execute("UPDATE clients SET token = ? WHERE name = ?", (_hashed(token), name)).rowcount:
                raise BadInput(f"client '{name}' is not among {len(self._names(connection))} clients: give it a quota")
        return token

    def clients(self) -> dict[str, Account]:
        """Every client by name."""
        with self._reading() as connection:
            return {row[0]: Account(*row[1:]) for row in connection.execute("SELECT name, quota, used FROM clients")}

    def who(self, token: str) -> str | None:
        """The client whose token this is; as long whichever it is."""
        given, found = _hashed(token), None
        with self._reading() as connection:
            rows = connection.execute("SELECT name, token FROM clients").fetchall()
        for name, kept in rows:
            if hmac.compare_digest(given, kept):
                found = name
        return found

    def put(self, client: str, id: str, job: str, shots: int, most: int) -> bool:
        """Queue a job of `shots`, taken from the client's quota; False where this very job is there already.

        Raises:
            Refused: another job has the id (409), `most` jobs of the client are waiting (429), or its quota does not
                last (403).
        """
        with self._transaction() as connection:
            if self._same(connection, client, id, job):
                return False
            query = "SELECT count(*) FROM jobs WHERE client = ? AND state IN ('queued', 'running')"
            (waiting,) = connection.execute(query, (client,)).fetchone()
            if waiting >= most:
                raise Refused(429, f"{waiting} jobs of client '{client}' are waiting and {most} may: wait for some")
            query = "UPDATE clients SET used = used + ? WHERE name = ? AND used + ? <= quota"
            if not connection.execute(query, (shots, client, shots)).rowcount:
                query = "SELECT quota, used FROM clients WHERE name = ?"
                quota, used = connection.execute(query, (client,)).fetchone()
                raise Refused(
                    403,
                    f"the job has {shots:,} shots and client '{client}' has {quota - used:,} left of a quota of "
                    f"{quota:,}: ask for fewer, or ask who runs the server for more",
                )
            columns = "client, id, job, shots, state, reason, unavailable"
            query = f"INSERT INTO jobs ({columns}) VALUES (?, ?, ?, ?, 'queued', '', 0)"
            connection.execute(query, (client, id, job, shots))
            return True

    def same(self, client: str, id: str, job: str) -> bool:
        """Whether this very job is there. Raises Refused (409) where another one has its id."""
        with self._reading() as connection:
            return self._same(connection, client, id, job)

    def status(self, client: str, id: str) -> Status:
        """How a client's job stands. Raises Refused (404) where it has none with this id."""
        with self._reading() as connection:
            return self._status(connection, client, id)

    def cancel(self, client: str, id: str) -> Status:
        """Take a job out of the queue; its shots go back to the quota.

        Raises Refused where the client has none with this id (404), or it has begun (409).
        """
        with self._transaction() as connection:
            found = self._status(connection, client, id)
            if found.state == "queued":
                self._give_back(connection, client, id)
                query = "UPDATE jobs SET state = 'cancelled', reason = ? WHERE client = ? AND id = ?"
                connection.execute(query, (reason := "cancelled by its client", client, id))
                return Status("cancelled", reason=reason)
            if found.state != "cancelled":
                raise Refused(409, f"job {id} is {found.state} and only one that waits can be cancelled: collect it")
            return found

    def take(self) -> Waiting | None:
        """The job that has waited longest, from now on running; None where none waits."""
        with self._transaction() as connection:
            oldest = "(SELECT min(number) FROM jobs WHERE state = 'queued')"
            query = f"UPDATE jobs SET state = 'running' WHERE number = {oldest} RETURNING number, client, id, job"
            rows = connection.execute(query).fetchall()
            return Waiting(*rows[0]) if rows else None

    def settle(self, one: Waiting, status: Status) -> None:
        """Write down how a job ended; one that failed gives its shots back to the quota."""
        with self._transaction() as connection:
            if status.state == "failed":
                self._give_back(connection, one.client, one.id)
            connection.execute(
                "UPDATE jobs SET state = ?, result = ?, reason = ?, unavailable = ? WHERE number = ?",
                (status.state, status.result, status.reason, int(status.unavailable), one.number),
            )

    def again(self) -> None:
        """Jobs that were running when the last server ended wait again; one that ran at `TRIES` ends has failed."""
        reason = (
            f"the server ended {TRIES} times while it ran: it may be what ends the server, so give a smaller one, or "
            "ask who runs the server"
        )
        with self._transaction() as connection:
            connection.execute("UPDATE jobs SET state = 'queued', tries = tries + 1 WHERE state = 'running'")
            query = "UPDATE jobs SET state = 'failed', reason = ? WHERE state = 'queued' AND tries >= ?"
            for client, id in connection.execute(f"{query} RETURNING client, id", (reason, TRIES)).fetchall():
                self._give_back(connection, client, id)

    def waiting(self) -> int:
        """How many jobs wait or run."""
        with self._reading() as connection:
            query = "SELECT count(*) FROM jobs WHERE state IN ('queued', 'running')"
            return connection.execute(query).fetchone()[0]

    def _prepare(self) -> None:
        connection = self._connection
        connection.execute("BEGIN")  # all of one moment: another process may be making the queue
        self._version(connection)
        connection.execute("COMMIT")
        write_ahead(connection)
        # What a client was told is queued is on the disk; a power cut loses neither it nor its price.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        with self._transaction():
            for number, change in list(enumerate(_CHANGES, start=1))[self._version(connection) :]:
                for statement in (*change, f"PRAGMA user_version = {number}"):
                    connection.execute(statement)

    def _version(self, connection: sqlite3.Connection) -> int:
        """Of the file, 0 where it is empty. Raises BadInput where it holds anything else than a queue."""
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (known,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if (tables or application) and not (application == _APPLICATION and 1 <= known <= len(_CHANGES)):
            raise BadInput(
                f"{self._path} is an SQLite file of something else (its application number and version are "
                f"{application} and {known}, a queue's {_APPLICATION} and 1 to {len(_CHANGES)}): name another folder "
                "with --store"
            )
        return known if tables else 0

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _available(self._path):
            yield self._connection

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # SQLite itself may have rolled back, as on a full disk
                    connection.execute("ROLLBACK")
                raise

    def _same(self, connection: sqlite3.Connection, client: str, id: str, job: str) -> bool:
        row = connection.execute("SELECT job FROM jobs WHERE client = ? AND id = ?", (client, id)).fetchone()
        if row and row[0] != job:
            raise Refused(409, f"another job has the id {id}, of {len(row[0])} bytes and not {len(job)}: give a new id")
        return bool(row)

    def _status(self, connection: sqlite3.Connection, client: str, id: str) -> Status:
        query = "SELECT state, result, reason, unavailable FROM jobs WHERE client = ? AND id = ?"
        row = connection.execute(query, (client, id)).fetchone()
        if not row:
            raise Refused(404, f"client '{client}' has no job with the id {id}: submit it first")
        return Status(row[0], row[1], row[2], bool(row[3]))

    def _give_back(self, connection: sqlite3.Connection, client: str, id: str) -> None:
        query = (
            "UPDATE clients SET used = used - (SELECT shots FROM jobs WHERE client = ?1 AND id = ?2) WHERE name = ?1"
        )
        connection.execute(query, (client, id))

    def _names(self, connection: sqlite3.Connection) -> list[str]:
        return [name for (name,) in connection.execute("SELECT name FROM clients")]


@contextmanager
def _available(path: Path) -> Iterator[None]:
    """Says what SQLite could not do with the queue, which is no fault of the job's, as Unavailable."""
    try:
        yield
    except (sqlite3.Error, UnicodeDecodeError) as error:
        try:
            with clearly(path, "read or written", "queue"):
                raise
        except BadInput as said:
            raise Unavailable(str(said)) from error


def _hashed(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
