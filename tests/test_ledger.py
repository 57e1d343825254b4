"""The ledger: every change is found, one writer at a time, and a kill at any moment loses nothing."""

from __future__ import annotations

import json
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import namedtuple
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from rich.cells import cell_len
from typer.testing import CliRunner

from counterpoint.base import BadInput, Price
from counterpoint.cli.ledger import app
from counterpoint.govern.chain import GENESIS, Entry, Head
from counterpoint.govern.ledger import FILE, Ledger
from counterpoint.identity import identity
from counterpoint.store import Run, Store, Turn

COUNT = 5
FIELDS = ("time", "kind", "content", "previous", "digest")


def written(folder: Path, count: int = COUNT) -> Head:
    """A ledger of `count` entries in `folder`, closed; returns its head."""
    with Ledger.open(folder) as ledger:
        ledger._connection.execute("PRAGMA synchronous = OFF")  # thousands of waits for the disk prove nothing here
        for number in range(count):
            ledger.append("decision", {"turn": number, "reason": f"within every limit — {number}"})
        return ledger.head


def edited(folder: Path, *statements: str) -> None:
    """Change the ledger behind its back."""
    connection = sqlite3.connect(folder / FILE)
    connection.execute("DROP TRIGGER entries_never_change")
    connection.execute("DROP TRIGGER entries_never_go")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def sentences(folder: Path, head: Head | None) -> list[str]:
    with Ledger.read(folder) as ledger:
        return [str(fault) for fault in ledger.verify(head)]


def test_a_whole_chain_verifies(tmp_path: Path) -> None:
    head = written(tmp_path)
    assert head.count == COUNT
    with Ledger.read(tmp_path) as ledger:
        assert ledger.head == head
        assert ledger.verify(head) == []
        assert ledger.verify(None) == []
        entries = list(ledger.entries())
        assert [entry.number for entry in entries] == list(range(COUNT))
        assert [entry.previous for entry in entries] == [GENESIS, *(entry.digest for entry in entries[:-1])]
        assert list(ledger.entries(5)) == entries[5:]
        assert json.loads(entries[3].content) == {"turn": 3, "reason": "within every limit — 3"}


def test_the_digest_is_the_published_one() -> None:
    # sha256 of '[0,"2026-01-01T00:00:00.000+00:00","begin","{}","000...0"]', computed with coreutils.
    entry = Entry(0, "2026-01-01T00:00:00.000+00:00", "begin", "{}", GENESIS, "")
    assert entry.seal == "b619d6d2712b7f69ef7e318a02931ab74c37309d164284ae94ec772e3335cadd"


def test_text_cannot_move_between_fields() -> None:
    one = Entry(0, "t", "ab", "c", GENESIS, "")
    assert len({one.seal, Entry(0, "t", "a", "bc", GENESIS, "").seal, Entry(0, "ta", "b", "c", GENESIS, "").seal}) == 3


def test_every_flipped_byte_of_every_field_is_found(tmp_path: Path) -> None:
    head = written(tmp_path)
    edited(tmp_path)
    connection = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    flips = 0
    with Ledger.read(tmp_path) as ledger:
        for number in range(COUNT):
            for field in FIELDS:
                query = f"SELECT CAST({field} AS BLOB) FROM entries WHERE number = {number}"
                (value,) = connection.execute(query).fetchone()
                update = f"UPDATE entries SET {field} = CAST(? AS TEXT) WHERE number = {number}"
                for place in range(len(value)):
                    # The highest bit too: the text is then no UTF-8.
                    flipped = bytearray(value)
                    flipped[place] ^= 1 << (place % 8)
                    connection.execute(update, (bytes(flipped),))
                    faults = ledger.verify(head)
                    assert faults, f"byte {place} of {field} of entry {number}"
                    assert faults[0].entry in (number, number + 1)
                    flips += 1
                connection.execute(update, (value,))
        assert ledger.verify(head) == []
    connection.close()
    assert flips > COUNT * 200


@pytest.mark.parametrize("number", range(COUNT))
def test_an_entry_removed_anywhere_is_found(tmp_path: Path, number: int) -> None:
    head = written(tmp_path)
    edited(tmp_path, f"DELETE FROM entries WHERE number = {number}")
    found = sentences(tmp_path, head)
    if number < COUNT - 1:
        assert f"entry {number} is missing" in found[0]
        assert sentences(tmp_path, None)
    else:
        assert found == ["the tail is cut: the ledger holds 4 entries and the store has seen 5"]


@pytest.mark.parametrize("number", range(COUNT))
def test_an_entry_removed_and_the_rest_renumbered_is_found(tmp_path: Path, number: int) -> None:
    head = written(tmp_path)
    edited(
        tmp_path,
        f"DELETE FROM entries WHERE number = {number}",
        f"UPDATE entries SET number = -number WHERE number > {number}",
        "UPDATE entries SET number = -number - 1 WHERE number < 0",
    )
    assert sentences(tmp_path, head)


@pytest.mark.parametrize("number", [-1, *range(COUNT + 1)])
def test_an_entry_inserted_anywhere_is_found(tmp_path: Path, number: int) -> None:
    head = written(tmp_path)
    edited(
        tmp_path,
        f"UPDATE entries SET number = -number - 100 WHERE number >= {number}",
        "UPDATE entries SET number = -number - 99 WHERE number <= -100",
        f"INSERT INTO entries SELECT {number}, time, kind, content, previous, digest FROM entries LIMIT 1",
    )
    assert sentences(tmp_path, head)


@pytest.mark.parametrize(("one", "other"), [(a, b) for a in range(COUNT) for b in range(a)])
def test_entries_swapped_anywhere_are_found(tmp_path: Path, one: int, other: int) -> None:
    head = written(tmp_path)
    edited(
        tmp_path,
        f"UPDATE entries SET number = -1 WHERE number = {one}",
        f"UPDATE entries SET number = {one} WHERE number = {other}",
        f"UPDATE entries SET number = {other} WHERE number = -1",
    )
    assert sentences(tmp_path, head)
    assert sentences(tmp_path, None)


@pytest.mark.parametrize("kept", range(COUNT))
def test_a_cut_tail_is_found_by_the_head_alone(tmp_path: Path, kept: int) -> None:
    head = written(tmp_path)
    edited(tmp_path, f"DELETE FROM entries WHERE number >= {kept}")
    assert sentences(tmp_path, None) == []
    found = sentences(tmp_path, head)
    assert found == [f"the tail is cut: the ledger holds {kept} entries and the store has seen {COUNT}"]


def test_a_chain_written_anew_is_found_by_the_head_alone(tmp_path: Path) -> None:
    head = written(tmp_path / "first")
    with Ledger.open(tmp_path / "second") as ledger:
        for _ in range(COUNT + 2):
            ledger.append("decision", {"forged": True})
    assert sentences(tmp_path / "second", None) == []
    (found,) = sentences(tmp_path / "second", head)
    assert "written anew" in found
    assert head.digest[:12] in found


@pytest.mark.parametrize("number", range(COUNT))
def test_a_changed_entry_with_a_fitting_digest_is_found(tmp_path: Path, number: int) -> None:
    head = written(tmp_path)
    with Ledger.read(tmp_path) as ledger:
        forged = replace(list(ledger.entries())[number], content='{"forged":true}')
    edited(
        tmp_path,
        f"UPDATE entries SET content = '{forged.content}', digest = '{forged.seal}' WHERE number = {number}",
    )
    if number < COUNT - 1:
        assert sentences(tmp_path, None) == [f"entry {number + 1} does not follow from the entry before it"]
    (found,) = sentences(tmp_path, head)
    assert ("written anew" in found) == (number == COUNT - 1)


def test_more_entries_than_the_store_has_seen_are_no_fault(tmp_path: Path) -> None:
    head = written(tmp_path)
    with Ledger.open(tmp_path) as ledger:
        ledger.append("end", {})
        assert ledger.verify(head) == []
        assert ledger.verify((0, GENESIS)) == []


def test_raw_bytes_flipped_in_the_file_are_found(tmp_path: Path) -> None:
    head = written(tmp_path)
    path = tmp_path / FILE
    whole = path.read_bytes()
    with Ledger.read(tmp_path) as ledger:
        entries = list(ledger.entries())
    for entry in entries:
        for value in (entry.content.encode(), entry.digest.encode(), entry.time.encode()):
            place = whole.index(value)
            for offset in (0, len(value) // 2, len(value) - 1):
                damaged = bytearray(whole)
                damaged[place + offset] ^= 0x10
                path.write_bytes(damaged)
                assert sentences(tmp_path, head), f"byte {place + offset}"
    path.write_bytes(whole)
    assert sentences(tmp_path, head) == []


def test_a_byte_flipped_anywhere_is_found_or_changes_no_entry(tmp_path: Path) -> None:
    head = written(tmp_path)
    path = tmp_path / FILE
    whole = path.read_bytes()
    with Ledger.read(tmp_path) as ledger:
        entries = list(ledger.entries())
    rng = np.random.default_rng((2, 71))
    found = unreadable = 0
    for place in rng.choice(len(whole), 400, replace=False):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        try:
            ledger = Ledger.read(tmp_path)
        except BadInput:
            unreadable += 1
            continue
        with ledger:
            if ledger.verify(head):
                found += 1
            else:
                assert list(ledger.entries()) == entries
    assert found > 0
    assert unreadable > 0


def test_the_table_refuses_changes_that_keep_its_triggers(tmp_path: Path) -> None:
    written(tmp_path)
    connection = sqlite3.connect(tmp_path / FILE)
    for statement in ("DELETE FROM entries", "UPDATE entries SET kind = 'x'"):
        with pytest.raises(sqlite3.IntegrityError, match="only grows"):
            connection.execute(statement)
    connection.close()


def test_a_second_writer_is_refused_and_a_reader_is_not(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as first:
        first.append("begin", {})
        with pytest.raises(BadInput, match=r"another run writes the store .* another folder with --store"):
            Ledger.open(tmp_path)
        with Ledger.read(tmp_path) as reader:
            assert reader.verify(first.head) == []
            first.append("end", {})
            assert reader.head.count == 2
    with Ledger.open(tmp_path) as second:
        assert second.head.count == 2


def test_a_second_writer_in_another_process_is_refused(tmp_path: Path) -> None:
    imports = "import sys; from pathlib import Path; from counterpoint.govern.ledger import Ledger"
    script = f"{imports}; Ledger.open(Path(sys.argv[1]))"
    with Ledger.open(tmp_path):
        done = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False
        )
    assert done.returncode == 1
    assert "another run writes the store" in done.stderr


def test_a_full_disk_leaves_the_ledger_as_it_was(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as ledger:
        head = ledger.append("begin", {})
        (pages,) = ledger._connection.execute("PRAGMA page_count").fetchone()
        ledger._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(BadInput, match=r"disk is full: .* bytes and .* are free.*make room"):
            ledger.append("decision", {"padding": "x" * 100_000})
        assert ledger.head == head
        ledger._connection.execute("PRAGMA max_page_count = 1000000")
        ledger.append("end", {})
        assert ledger.verify(head) == []
        assert ledger.head.count == 2


@contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    """Makes the system refuse what a full disk would: the room for the next bytes of a file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("opener", [Ledger.open, Store.open])
@pytest.mark.parametrize("size", [0, 4096, 20_000])
def test_a_disk_that_is_full_when_a_file_is_made_is_said_to_be_full(
    tmp_path: Path, size: int, opener: Callable[[Path], Ledger | Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite calls it an I/O error, which it is where the disk has room."""
    with no_file_longer_than(size), pytest.raises(BadInput, match=r"cannot be \w+ \(disk I/O error\)"):
        opener(tmp_path / "with room")
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(20_480, 16_384, 4096))
    with no_file_longer_than(size), pytest.raises(BadInput, match=r"disk is full: .* and 4,096 are free.*make room"):
        opener(tmp_path / "full")
    opener(tmp_path / "full").close()


@pytest.mark.parametrize("opener", [Ledger.open, Ledger.read])
def test_what_is_no_ledger_is_said_to_be_none(tmp_path: Path, opener: Callable[[Path], Ledger]) -> None:
    (tmp_path / FILE).write_text("a shopping list, long enough to be no SQLite file whatever " * 20)
    with pytest.raises(BadInput, match=r"ledger\.sqlite cannot be .* not a database.*--store"):
        opener(tmp_path)
    (tmp_path / FILE).unlink()
    connection = sqlite3.connect(tmp_path / FILE)
    connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()
    with pytest.raises(BadInput, match=r"is an SQLite file of something else.*--store"):
        opener(tmp_path)


def test_a_missing_truncated_or_empty_ledger_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"there is no ledger .*--store"):
        Ledger.read(tmp_path)
    head = written(tmp_path, 200)
    whole = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInput, match=r"cannot be read .*malformed"):
        sentences(tmp_path, head)
    (tmp_path / FILE).write_bytes(b"")
    with pytest.raises(BadInput, match="is empty"):
        Ledger.read(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"folder .*file cannot be made"):
        Ledger.open(tmp_path / "file")


def test_a_number_that_is_none_has_no_place_in_an_entry(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as ledger:
        with pytest.raises(ValueError, match="JSON compliant"):
            ledger.append("decision", {"price": float("nan")})
        assert ledger.head == Head(0, GENESIS)


def turn(number: int, verdict: Literal["allow", "deny"] = "deny") -> Turn:
    return Turn(number, "ab" * 32, "try [red]3[/red]", verdict, "too far", Price(), 0.0, np.zeros(2), None, {}, {})


def recorded(folder: Path, turns: int) -> Head:
    """A run of denied turns in store and ledger; returns the ledger's head."""
    with Ledger.open(folder) as ledger, Store.open(folder) as store:
        ledger._connection.execute("PRAGMA synchronous = OFF")
        run = store.begin(Run("lab", "", 0, {"machine": "willow"}))
        ledger.append("begin", {"run": run, "charter": identity(""), "settings": {"machine": "willow"}})
        for number in range(turns):
            one = turn(number)
            about = {"verdict": one.verdict, "action": one.action, "summary": one.summary, "reason": one.reason}
            head = ledger.append("decision", {"turn": number, "previous_outcome": None} | about)
            store.record(run, one, head, None)
        return ledger.head


def command(folder: Path, *words: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, [words[0], "--store", str(folder), *words[1:]])
    assert done.exit_code == code, done.output
    return done.stdout


def test_verify_says_what_it_covered(tmp_path: Path) -> None:
    written(tmp_path / "bare", 1482)
    assert command(tmp_path / "bare", "verify").startswith("1,482 entries chained; no turn stands in a store")
    folder = tmp_path / "run"
    head = recorded(folder, 1200)
    assert command(folder, "verify") == "1,201 entries chained, 1,200 turns of 1 run agree with them\n"
    assert json.loads(command(folder, "verify", "--json")) == {
        "verified": True,
        "entries": 1201,
        "expected": {"count": 1201, "digest": head.digest},
        "runs": 1,
        "turns": 1200,
        "jobs": 0,
        "unsealed": [],
        "faults": [],
    }
    with Ledger.open(folder) as ledger:
        ledger.append("resumed", {"run": 1, "turns": 1200})
    assert "the last 1 entries are newer than what the store has seen" in command(folder, "verify")
    missing = CliRunner().invoke(app, ["verify", "--store", str(tmp_path / "nothing")])
    assert isinstance(missing.exception, BadInput)


def test_show_prints_one_line_an_entry_whatever_it_holds(tmp_path: Path) -> None:
    recorded(tmp_path, 2)
    with Ledger.open(tmp_path) as ledger:
        ledger.append("not-run", {"run": 1, "turn": 2, "why": "permitted, then interrupted"})
        ledger.append("resumed", {"run": 1, "turns": 2, "charter": "cd" * 32, "settings": {}})
        ledger.append("decision", {"turn": 2, "verdict": "allow", "summary": "try [bold]\x1b[31m\n" + "\u4e2d" * 90})
        ledger.append("end", {"run": 1, "turns": 3, "how": "complete"})
        ledger.append("new", {"kind": "of entry"})
        entries = list(ledger.entries())
    printed = command(tmp_path, "show").splitlines()
    assert printed[0].split() == ["entry", entries[0].time[:10], "UTC", "digest", "what"]
    lines = [line for line in printed if "UTC" not in line]
    assert len(printed) - len(lines) == len({entry.time[:10] for entry in entries}), "each day is said once"
    for entry, line in zip(entries, lines, strict=True):
        assert line.split()[:2] == [str(entry.number), entry.time[11:19]]
        assert line.split()[3] == entry.digest[:12]
        assert cell_len(line) <= 100
    words = [line[38:] for line in lines]
    assert words[1] == "turn 0: too far"
    assert words[3:5] == ["run 1, turn 2: permitted, then interrupted", "run 1 after 2 turns; charter cdcdcdcdcdcd"]
    assert words[5].startswith("turn 2: try [bold]?[31m?\u4e2d")
    assert words[5].endswith("\u2026")
    assert words[6:] == ["run 1 after 3 turns: complete", '{"kind": "of entry"}']
    shown = json.loads(command(tmp_path, "show", "--last", "2", "--json"))["entries"]
    assert [entry["number"] for entry in shown] == [6, 7]
    assert shown[0]["content"] == {"run": 1, "turns": 3, "how": "complete"}
    assert [line.split()[0] for line in command(tmp_path, "show", "--last", "2").splitlines()][-2:] == ["6", "7"]


def test_the_commands_say_every_fault_and_exit_with_one(tmp_path: Path) -> None:
    recorded(tmp_path, 4)
    edited(
        tmp_path,
        "UPDATE entries SET content = CAST(x'ff7b' AS TEXT) WHERE number = 2",
        "DELETE FROM entries WHERE number >= 4",
    )
    assert command(tmp_path, "verify", code=1).splitlines() == [
        "entry 2 was changed: its digest does not fit its content",
        "the tail is cut: the ledger holds 4 entries and the store has seen 5",
    ]
    found = json.loads(command(tmp_path, "verify", "--json", code=1))
    assert [fault["entry"] for fault in found["faults"]] == [2, 4]
    assert (found["verified"], found["entries"]) == (False, None)
    assert "?{" in command(tmp_path, "show")


# Appends and records as the loop does, for ever. A decision without its turn was cut off by a kill.
LOOP = """
import json, sys
from pathlib import Path
import numpy as np
from counterpoint.base import Outcome, Price
from counterpoint.govern.ledger import Ledger
from counterpoint.store import Run, Store, Turn

folder = Path(sys.argv[1])
print("imported", flush=True)
ones = np.ones(3, dtype=np.int64)
table = np.ones((3, 4), dtype=np.int64)
outcome = Outcome(table, table, ones, ones, ones, ones, 0.5)
with Ledger.open(folder) as ledger, Store.open(folder) as store:
    assert ledger.verify(store.head()) == []
    run = store.latest().id if store.latest() else store.begin(Run("lab", "", 0, {}))
    turns = sum(1 for _ in store.turns(run))
    decided = [json.loads(e.content)["turn"] for e in ledger.entries() if e.kind == "decision"]
    lost = sum(1 for e in ledger.entries() if e.kind == "not-run")
    if len(decided) - lost > turns:
        ledger.append("not-run", {"turn": decided[-1]})
    while True:
        head = ledger.append("decision", {"turn": turns})
        turn = Turn(turns, "a", "try", "allow", "", Price(1, 1), 0.0, np.ones(5), outcome, {"fixed": outcome}, {})
        store.record(run, turn, head, np.full((3, 20, 9), turns % 256, dtype=np.uint8))
        turns += 1
"""


def test_a_kill_at_any_moment_leaves_both_whole_and_in_step(tmp_path: Path) -> None:
    rng = np.random.default_rng((2, 9))
    reached = []
    for _ in range(20):
        child = subprocess.Popen(
            [sys.executable, "-c", LOOP, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert child.stdout is not None
        assert child.stdout.readline() == b"imported\n"
        time.sleep(float(rng.uniform(0, 0.12)))  # from the first opening of the files to many turns
        child.send_signal(signal.SIGKILL)
        _, errors = child.communicate()
        assert child.returncode == -signal.SIGKILL, errors.decode()
        with Ledger.open(tmp_path) as ledger, Store.open(tmp_path) as store:
            assert ledger.verify(store.head()) == []
            runs = store.runs()
            turns = [t for run in runs for t in store.turns(run.id)]
            kinds = [entry.kind for entry in ledger.entries()]
            pending = kinds.count("decision") - kinds.count("not-run") - len(turns)
            assert pending in (0, 1)
            assert len(runs) <= 1
            assert [t.number for t in turns] == list(range(len(turns)))
            for t in turns[-20:]:
                kept = store.events(1, t.number)
                assert kept is not None
                assert (kept == t.number % 256).all()
            reached.append(len(turns))
    assert reached == sorted(reached)
    assert reached[-1] > 0
