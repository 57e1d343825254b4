"""The store of a folder: runs, turns with their counts, and the ledger's head, one transaction a turn."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from counterpoint.base import BadInput, Bits, Outcome, Price
from counterpoint.store.blobs import pack_counts, pack_floats, unpack_counts, unpack_floats
from counterpoint.store.events import prune_events, read_events, write_events
from counterpoint.store.schema import MIGRATIONS, migrate, refuse_foreign, refuse_newer, version, write_ahead
from counterpoint.store.sqlite import clearly
from counterpoint.store.turns import Run, Turn, Work, now, plain_json

FILE = "store.sqlite"
KEPT = 20  # epochs whose raw detection events are kept
_EXPLORER = "explorer"  # the player whose outcome is the turn's own


class Store:
    """The store of one folder, open for writing in one process or for reading in any number."""

    def __init__(self, folder: Path, connection: sqlite3.Connection):
        self._folder, self._path, self._connection = folder, folder / FILE, connection

    @classmethod
    def open(cls, folder: Path, read_only: bool = False) -> Store:
        """The store in `folder`, made where there is none unless `read_only`.

        Raises:
            BadInput: no store to read; a foreign, truncated or newer file; a folder without leave to write.
        """
        path = folder / FILE
        if read_only and not path.is_file():
            raise BadInput(f"there is no store {path}: name the folder of a run with --store")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(f"folder {folder} cannot be made ({error.strerror}): name another with --store") from None
        with ExitStack() as stack, clearly(path, "opened"):
            uri = f"{path.resolve().as_uri()}?mode={'ro' if read_only else 'rwc'}"
            connection = stack.enter_context(closing(sqlite3.connect(uri, uri=True, isolation_level=None)))
            refuse_foreign(connection, path)
            if read_only:
                refuse_newer(connection)
                if (found := version(connection)) < len(MIGRATIONS):
                    raise BadInput(
                        f"store {path} is of version {found} and {len(MIGRATIONS)} is needed: start or "
                        "resume a run on it once, which brings it up to date"
                    )
            else:
                write_ahead(connection)
                # A power cut may lose the last turns but nothing else, and a kill loses nothing. The
                # ledger, which is on the disk before any machine acts, still holds their permits: on
                # resuming they count as not run. So the wait for the disk is paid once a turn, there.
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.execute("PRAGMA foreign_keys = ON")
                migrate(connection)
            stack.pop_all()
        return cls(folder, connection)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """All that is read inside is of one moment, while another process goes on writing."""
        with clearly(self._path, "read"):
            self._connection.execute("BEGIN")
            self._connection.execute("SELECT count(*) FROM runs").fetchone()  # the first reading sets the moment
        try:
            yield
        finally:
            self._connection.execute("ROLLBACK")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with clearly(self._path, "written"):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # SQLite itself may have rolled back, as on a full disk
                    self._connection.execute("ROLLBACK")
                raise

    def begin(self, run: Run) -> int:
        """Store a new run; returns its id, from 1."""
        values = (run.name, run.charter, run.seed, json.dumps(dict(run.settings), allow_nan=False), run.started)
        with self._transaction() as connection:
            columns = "name, charter, seed, settings, started"
            query = f"INSERT INTO runs ({columns}) VALUES (?, ?, ?, ?, ?) RETURNING id"
            return connection.execute(query, values).fetchone()[0]

    def amend(self, run_id: int, charter: str, settings: Mapping[str, Any]) -> None:
        """Replace the charter (TOML) and settings of a run that is taken up under new ones.

        The ledger must hold the new ones first: a kill in between then leaves a run under its old ones.

        Raises:
            BadInput: there is no such run, or the disk is full; nothing is changed.
        """
        with self._transaction() as connection:
            values = (charter, json.dumps(dict(settings), allow_nan=False), run_id)
            if not connection.execute("UPDATE runs SET charter = ?, settings = ? WHERE id = ?", values).rowcount:
                known = connection.execute("SELECT count(*) FROM runs").fetchone()[0]
                raise BadInput(f"run {run_id} is not among the {known} runs of store {self._path}: begin it first")

    def record(self, run_id: int, turn: Turn, head: tuple[int, str], raw: Bits | None) -> None:
        """Store one turn, the ledger's head at that time and the epoch's raw data: all of it or nothing.

        Args:
            head: (count, digest) of the ledger with this turn's entry.
            raw: (C, shots, ceil(D / 8)) bit-packed detection events, kept for KEPT epochs.

        Raises:
            BadInput: the turn is stored already, its run is not, or the disk is full; nothing is stored.
        """
        with self._transaction() as connection:
            self._refuse(run_id, turn.number)
            price, centre = turn.price, pack_floats(turn.centre)
            about = (run_id, turn.number, turn.action, turn.summary, turn.verdict, turn.reason)
            used = (int(price.cycles), int(price.shots), float(price.seconds), float(price.spend))
            stages = json.dumps(dict(turn.stages), allow_nan=False)
            connection.execute(
                "INSERT INTO turns VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*about, *used, float(turn.clock), stages, centre),
            )
            own = [] if turn.outcome is None else [(_EXPLORER, turn.outcome)]
            connection.executemany(
                "INSERT INTO outcomes VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (run_id, turn.number, player, o.events.shape[1], float(o.seconds), pack_counts(o))
                    for player, o in [*own, *turn.bounds.items()]
                ],
            )
            connection.executemany(
                "INSERT INTO works VALUES (?, ?, ?, ?)",
                [
                    (run_id, turn.number, place, json.dumps(work.plain(), allow_nan=False))
                    for place, work in enumerate(turn.works)
                ],
            )
            if raw is not None:
                self._keep(connection, run_id, turn.number, raw)
            self._see(connection, head)
            # A run that had ended and has a turn more was resumed: it has not ended.
            connection.execute("UPDATE runs SET ended = NULL, how = NULL WHERE id = ?", (run_id,))
        if raw is not None:
            with clearly(self._path, "read"):
                prune_events(self._folder, self._connection.execute("SELECT run, turn FROM events").fetchall())

    def _see(self, connection: sqlite3.Connection, head: tuple[int, str]) -> None:
        # The first digest seen at a count stays: a ledger written anew must not cover its own trace.
        connection.execute("INSERT OR IGNORE INTO heads VALUES (?, ?)", (head[0], head[1]))

    def _refuse(self, run_id: int, number: int) -> None:
        found = self._connection.execute(
            "SELECT EXISTS (SELECT 1 FROM runs WHERE id = ?), "
            "EXISTS (SELECT 1 FROM turns WHERE run = ? AND number = ?)",
            (run_id, run_id, number),
        ).fetchone()
        if not found[0]:
            raise BadInput(f"turn {number} is of run {run_id}, which store {self._path} does not hold: begin it first")
        if found[1]:
            last = self._connection.execute("SELECT max(number) FROM turns WHERE run = ?", (run_id,)).fetchone()[0]
            raise BadInput(
                f"turn {number} of run {run_id} is recorded already and the last is turn {last}: go on with "
                f"turn {last + 1}"
            )

    def _keep(self, connection: sqlite3.Connection, run_id: int, number: int, raw: Bits) -> None:
        write_events(self._folder, run_id, number, raw)
        query = "INSERT INTO events (run, turn, candidates, shots, bytes) VALUES (?, ?, ?, ?, ?)"
        connection.execute(query, (run_id, number, *raw.shape))
        connection.execute("DELETE FROM events WHERE id <= (SELECT max(id) FROM events) - ?", (KEPT,))

    def finish(self, run_id: int, how: str, head: tuple[int, str]) -> None:
        """Store how a run ended, with the ledger's head after its last entry."""
        with self._transaction() as connection:
            connection.execute("UPDATE runs SET ended = ?, how = ? WHERE id = ?", (now(), how, run_id))
            self._see(connection, head)

    def runs(self) -> list[Run]:
        """All runs, the oldest first."""
        with clearly(self._path, "read"):
            query = "SELECT name, charter, seed, settings, started, id, ended, how FROM runs ORDER BY id"
            rows = self._connection.execute(query).fetchall()
        return [
            Run(name, charter, seed, self._settings(number, settings), started, number, ended, how)
            for name, charter, seed, settings, started, number, ended, how in rows
        ]

    def _settings(self, run_id: int, text: str) -> Mapping[str, Any]:
        with suppress(ValueError):
            if isinstance(settings := json.loads(text), dict):
                return settings
        raise BadInput(f"the settings of run {run_id} are '{text:.40}' and must be a JSON object: restore the store")

    def latest(self) -> Run | None:
        """The run that began last; None where there is none."""
        return next(reversed(self.runs()), None)

    def head(self) -> tuple[int, str] | None:
        """The longest (count, digest) that the ledger is known to have had; None before the first turn."""
        with clearly(self._path, "read"):
            return self._connection.execute(
                "SELECT entries, digest FROM heads ORDER BY entries DESC LIMIT 1"
            ).fetchone()

    def heads(self) -> dict[int, str]:
        """Every head of the ledger that the store has seen, one at each turn and end: digest by count."""
        with clearly(self._path, "read"):
            return dict(self._connection.execute("SELECT entries, digest FROM heads").fetchall())

    def turns(self, run_id: int) -> Iterator[Turn]:
        """The turns of a run in order, exactly as they were recorded.

        Raises:
            BadInput: what a turn holds is damaged.
        """
        columns = "number, action, summary, verdict, reason, cycles, shots, seconds, spend, clock, centre, stages"
        with clearly(self._path, "read"), closing(self._connection.cursor()) as cursor:
            for row in cursor.execute(f"SELECT {columns} FROM turns WHERE run = ? ORDER BY number", (run_id,)):
                try:
                    turn = self._turn(run_id, *row)
                except ValueError as error:
                    raise BadInput(f"turn {row[0]} of run {run_id} cannot be read: {error}") from None
                yield turn

    def _turn(self, run_id: int, number: int, *row: Any) -> Turn:
        action, summary, verdict, reason, *used, clock, centre, stages = row
        outcomes = self._outcomes(run_id, number)
        own, at = outcomes.pop(_EXPLORER, None), unpack_floats(centre)
        query = "SELECT content FROM works WHERE run = ? AND turn = ? ORDER BY place"
        works = tuple(Work.of(plain_json(text)) for (text,) in self._connection.execute(query, (run_id, number)))
        return Turn(
            number, action, summary, verdict, reason, Price(*used), clock, at, own, outcomes, json.loads(stages), works
        )

    def _outcomes(self, run_id: int, number: int) -> dict[str, Outcome]:
        query = "SELECT player, counts, sites, seconds FROM outcomes WHERE run = ? AND turn = ?"
        return {
            player: unpack_counts(counts, sites, seconds)
            for player, counts, sites, seconds in self._connection.execute(query, (run_id, number))
        }

    def events(self, run_id: int, number: int) -> Bits | None:
        """(C, shots, ceil(D / 8)) detection events of a turn, bit-packed; None where none are kept."""
        with clearly(self._path, "read"):
            query = "SELECT candidates, shots, bytes FROM events WHERE run = ? AND turn = ?"
            shape = self._connection.execute(query, (run_id, number)).fetchone()
        return None if shape is None else read_events(self._folder, run_id, number, shape)

    def disk(self) -> int:
        """Bytes that the files of the folder take, the ledger's among them."""
        total = 0
        for file in self._folder.rglob("*"):
            with suppress(FileNotFoundError):  # the writer may remove a file while another process looks
                total += file.stat().st_size if file.is_file() else 0
        return total
