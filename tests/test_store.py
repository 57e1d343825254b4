"""The store: exact round trips, all or nothing, migrations, and what it says of files that are no store."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import stim
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as stn

from counterpoint.base import BadInput, Outcome, Price
from counterpoint.store import Run, Store, Turn
from counterpoint.store.blobs import pack_counts, unpack_counts
from counterpoint.store.database import FILE, KEPT
from counterpoint.store.events import FOLDER
from counterpoint.store.schema import MIGRATIONS, migrate, version

KNOWN = len(MIGRATIONS)
RUN = Run("lab", 'name = "lab"', 7, {"distance": 5, "drift": "sine:f=0.001", "decoder": None})


def an_outcome(candidates: int = 4, sites: int = 3, start: int = 0) -> Outcome:
    table = np.arange(start, start + candidates * sites).reshape(candidates, sites)
    each = np.arange(candidates)
    return Outcome(table, table * 9, each, each * 25, each, each // 2, 0.25)


def a_turn(number: int, **changes: object) -> Turn:
    values: dict[str, object] = {
        "number": number,
        "action": "ab" * 32,
        "summary": "try 4 settings of 3 knobs",
        "verdict": "allow",
        "reason": "within every limit",
        "price": Price(100, 4, 0.125, 0.0),
        "clock": 0.1 * number,
        "centre": np.array([0.1, -2.0, np.pi]),
        "outcome": an_outcome(start=number),
        "bounds": {"fixed": an_outcome(start=number + 1), "oracle": an_outcome(start=number + 2)},
        "stages": {"simulate": 0.1, "decode": 0.2, "learn": 1e-9, "bounds": 0.0, "run": 7.5},
    }
    return Turn(**(values | changes))  # pyright: ignore[reportArgumentType]


def head(number: int) -> tuple[int, str]:
    return number + 1, f"{number:064x}"


def same_outcome(one: Outcome | None, other: Outcome | None) -> bool:
    if one is None or other is None:
        return one is other
    pairs = [(getattr(one, f.name), getattr(other, f.name)) for f in fields(Outcome)]
    return all(np.array_equal(a, b) and np.asarray(a).dtype == np.asarray(b).dtype for a, b in pairs)


def same_turn(one: Turn, other: Turn) -> bool:
    plain = ("number", "action", "summary", "verdict", "reason", "price", "clock", "stages")
    return (
        all(getattr(one, name) == getattr(other, name) for name in plain)
        and one.centre.tobytes() == other.centre.tobytes()
        and same_outcome(one.outcome, other.outcome)
        and set(one.bounds) == set(other.bounds)
        and all(same_outcome(one.bounds[player], other.bounds[player]) for player in one.bounds)
    )


numbers = st.integers(-(2**63), 2**63 - 1)
finite = st.floats(allow_nan=False)


@st.composite
def outcomes(draw: st.DrawFn) -> Outcome:
    candidates, sites = draw(st.integers(0, 5)), draw(st.integers(0, 4))
    table = stn.arrays(np.int64, (candidates, sites), elements=numbers)
    single = stn.arrays(np.int64, candidates, elements=numbers)
    return Outcome(draw(table), draw(table), draw(single), draw(single), draw(single), draw(single), draw(finite))


@st.composite
def turns(draw: st.DrawFn) -> Turn:
    whole = st.integers(0, 2**63 - 1)
    return Turn(
        number=draw(whole),
        action=draw(st.text()),
        summary=draw(st.text()),
        verdict=draw(st.sampled_from(["allow", "deny", "ask"])),
        reason=draw(st.text()),
        price=Price(draw(whole), draw(whole), draw(finite), draw(finite)),
        clock=draw(finite),
        centre=draw(stn.arrays(np.float64, st.integers(0, 9))),
        outcome=draw(st.none() | outcomes()),
        bounds=draw(st.dictionaries(st.sampled_from(["fixed", "oracle"]), outcomes())),
        stages=draw(st.dictionaries(st.text(), st.floats(allow_nan=False, allow_infinity=False))),
    )


@settings(max_examples=60, deadline=None)
@given(turn=turns())
def test_a_turn_comes_back_as_it_was(turn: Turn, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("store")
    with Store.open(folder) as store:
        run = store.begin(RUN)
        store.record(run, turn, head(0), None)
        (back,) = store.turns(run)
    assert same_turn(turn, back)


@given(outcomes())
def test_counts_come_back_as_they_were(outcome: Outcome) -> None:
    back = unpack_counts(pack_counts(outcome), outcome.events.shape[1], outcome.seconds)
    assert same_outcome(outcome, back)


def test_counts_take_less_than_half_of_their_bytes() -> None:
    # 50 candidates, 24 sites, 8 % of 18,000 detectors each: the entropy of a count is about 7.2 bits.
    rng = np.random.default_rng((4, 1))
    looked = np.full((50, 24), 18_000)
    each = np.full(50, 1440)
    outcome = Outcome(rng.binomial(looked, 0.08), looked, each, each * 25, each, rng.binomial(each, 0.03), 1.0)
    assert len(pack_counts(outcome)) < 2 * looked.size


def test_damaged_counts_are_said_to_be_damaged() -> None:
    blob = bytearray(pack_counts(an_outcome()))
    blob[len(blob) // 2] ^= 1
    with pytest.raises(BadInput, match=r"bytes of counts at 3 sites are damaged .*restore"):
        unpack_counts(bytes(blob), 3, 0.25)


def test_runs_turns_and_head_are_kept_apart_by_run(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        assert store.latest() is None
        assert store.head() is None
        first, second = store.begin(RUN), store.begin(Run("night", "", 2**62, {}))
        assert (first, second) == (1, 2)
        for number in range(3):
            store.record(first, a_turn(number), head(2 * number), None)
            store.record(second, a_turn(number, outcome=None, verdict="deny", bounds={}), head(2 * number + 1), None)
        assert store.head() == head(5)
        assert [same_turn(a_turn(n), back) for n, back in enumerate(store.turns(first))] == [True] * 3
        assert [t.verdict for t in store.turns(second)] == ["deny"] * 3
        assert list(store.turns(99)) == []
    with Store.open(tmp_path) as store:
        runs = store.runs()
        assert [(run.name, run.charter, run.seed, run.settings) for run in runs] == [
            ("lab", RUN.charter, 7, RUN.settings),
            ("night", "", 2**62, {}),
        ]
        assert runs[0].started == RUN.started
        latest = store.latest()
        assert latest is not None
        assert (latest.id, latest.how, latest.ended) == (2, None, None)


def test_a_run_ends_and_a_turn_more_reopens_it(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        run = store.begin(RUN)
        store.record(run, a_turn(0), head(0), None)
        store.finish(run, "stopped by a person", head(1))
        ended = store.runs()[0]
        assert ended.how == "stopped by a person"
        assert ended.ended is not None
        assert ended.ended >= ended.started
        assert store.head() == head(1)
        store.record(run, a_turn(1), head(2), None)
        assert (store.runs()[0].how, store.runs()[0].ended) == (None, None)


def test_a_run_goes_on_under_an_amended_charter_and_settings(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        first, second = store.begin(RUN), store.begin(RUN)
        store.record(first, a_turn(0), head(0), None)
        store.amend(first, 'name = "longer"', {"distance": 5, "turns": 900})
        with pytest.raises(BadInput, match=r"run 7 is not among the 2 runs of store .*begin it first"):
            store.amend(7, "", {})
        with pytest.raises(ValueError, match="JSON compliant"):
            store.amend(second, "", {"drift": float("nan")})
    with Store.open(tmp_path, read_only=True) as store:
        one, other = store.runs()
        assert (one.charter, one.settings) == ('name = "longer"', {"distance": 5, "turns": 900})
        assert (one.name, one.seed, one.started) == (RUN.name, RUN.seed, RUN.started)
        assert (other.charter, other.settings) == (RUN.charter, RUN.settings)
        assert len(list(store.turns(first))) == 1
        with pytest.raises(BadInput, match=r"cannot be written .*readonly"):
            store.amend(first, "", {})


def test_every_head_is_kept(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        assert store.heads() == {}
        run = store.begin(RUN)
        for number in range(3):
            store.record(run, a_turn(number), head(2 * number), None)
        store.finish(run, "complete", head(9))
        assert store.heads() == dict([head(0), head(2), head(4), head(9)])


def test_a_snapshot_is_of_one_moment(tmp_path: Path) -> None:
    with Store.open(tmp_path) as writer:
        run = writer.begin(RUN)
        writer.record(run, a_turn(0), head(0), None)
        with Store.open(tmp_path, read_only=True) as reader:
            with reader.snapshot():
                writer.record(run, a_turn(1), head(1), None)
                writer.begin(RUN)
                assert len(reader.runs()) == 1
                assert reader.head() == head(0)
                assert [t.number for t in reader.turns(run)] == [0]
            assert len(reader.runs()) == 2
            assert [t.number for t in reader.turns(run)] == [0, 1]


def everything(store: Store) -> list[tuple[Run, list[Turn]]]:
    return [(run, list(store.turns(run.id))) for run in store.runs()]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            "outcomes SET counts = x'789c' WHERE turn = 1",
            r"turn 1 of run 1 cannot be read: 2 bytes of counts .*restore",
        ),
        ("outcomes SET sites = 9 WHERE turn = 1", r"turn 1 of run 1 cannot be read: .* at 9 sites are damaged"),
        ("outcomes SET sites = -3 WHERE turn = 1", r"turn 1 of run 1 cannot be read: .* at -3 sites are damaged"),
        ("turns SET centre = x'00' WHERE number = 1", r"turn 1 of run 1 cannot be read: .*buffer"),
        ("turns SET stages = '{' WHERE number = 1", r"turn 1 of run 1 cannot be read: .*line 1"),
        ("runs SET settings = '[1, 2]'", r"the settings of run 1 are '\[1, 2\]' and must be a JSON object: restore"),
        ("runs SET settings = '{'", r"the settings of run 1 are '\{' and must be a JSON object: restore"),
    ],
)
def test_what_was_damaged_is_named(tmp_path: Path, change: str, sentence: str) -> None:
    with Store.open(tmp_path) as store:
        run = store.begin(RUN)
        for number in range(2):
            store.record(run, a_turn(number), head(number), None)
        store._connection.execute(f"UPDATE {change}")
        with pytest.raises(BadInput, match=sentence):
            everything(store)


def test_nothing_is_counted_twice(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        run = store.begin(RUN)
        for number in range(3):
            store.record(run, a_turn(number), head(number), None)
        with pytest.raises(BadInput, match=r"turn 1 of run 1 is recorded already and the last is turn 2: .* turn 3"):
            store.record(run, a_turn(1, summary="again"), head(9), np.zeros((1, 1, 1), dtype=np.uint8))
        with pytest.raises(BadInput, match=r"turn 3 is of run 5, which store .* does not hold"):
            store.record(5, a_turn(3), head(9), None)
        assert [same_turn(a_turn(n), back) for n, back in enumerate(store.turns(run))] == [True] * 3
        assert store.head() == head(2)
        assert store.events(run, 1) is None


def test_the_first_digest_seen_at_a_count_stays(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        run = store.begin(RUN)
        store.record(run, a_turn(0), (4, "aa" * 32), None)
        store.record(run, a_turn(1), (4, "bb" * 32), None)
        assert store.head() == (4, "aa" * 32)


def test_raw_events_of_the_last_epochs_are_kept_in_stims_own_format(tmp_path: Path) -> None:
    rng = np.random.default_rng((4, 2))
    bits = rng.integers(0, 2, (KEPT + 5, 3, 16, 19)).astype(np.uint8)
    packed = np.packbits(bits, axis=-1, bitorder="little")
    with Store.open(tmp_path) as store:
        run, other = store.begin(RUN), store.begin(RUN)
        store.record(other, a_turn(0), head(0), packed[0])
        for number in range(KEPT + 5):
            store.record(run, a_turn(number), head(number + 1), packed[number] if number != 7 else None)
        kept = [store.events(run, number) for number in range(KEPT + 5)]
        assert store.events(other, 0) is None
    first = 5 - 1  # epoch 7 gave none, so that one more is kept
    assert [events is not None for events in kept] == [n >= first and n != 7 for n in range(KEPT + 5)]
    assert all(np.array_equal(events, packed[n]) for n, events in enumerate(kept) if events is not None)
    files = sorted((tmp_path / FOLDER).iterdir())
    assert len(files) == KEPT
    rows = stim.read_shot_data_file(path=tmp_path / FOLDER / "run1-turn9.b8", format="b8", num_detectors=19)
    assert np.array_equal(rows.reshape(3, 16, 19), bits[9])


def test_raw_events_that_are_missing_or_truncated_are_said_to_be_so(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        run = store.begin(RUN)
        store.record(run, a_turn(0), head(0), np.zeros((2, 3, 4), dtype=np.uint8))
        path = tmp_path / FOLDER / "run1-turn0.b8"
        path.write_bytes(path.read_bytes()[:-4])
        with pytest.raises(BadInput, match="has 20 bytes and 24 were written"):
            store.events(run, 0)
        path.unlink()
        with pytest.raises(BadInput, match=r"run1-turn0\.b8 cannot be read"):
            store.events(run, 0)


def test_a_reader_sees_whole_turns_while_the_writer_writes(tmp_path: Path) -> None:
    with Store.open(tmp_path) as writer:
        run = writer.begin(RUN)
        writer.record(run, a_turn(0), head(0), None)
        with Store.open(tmp_path, read_only=True) as reader:
            seen = reader.turns(run)
            assert same_turn(next(seen), a_turn(0))
            writer.record(run, a_turn(1), head(1), None)
            assert list(seen) == []  # it goes on with what it began to read
            assert [t.number for t in reader.turns(run)] == [0, 1]
            assert reader.head() == head(1)
            assert reader.disk() == writer.disk()
            with pytest.raises(BadInput, match="cannot be written"):
                reader.begin(RUN)
            with pytest.raises(BadInput, match=r"cannot be written .*readonly"):
                reader.finish(run, "by a reader", head(1))


def test_a_full_disk_stores_nothing_of_a_turn(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        run = store.begin(RUN)
        store.record(run, a_turn(0), head(0), None)
        (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
        store._connection.execute(f"PRAGMA max_page_count = {pages}")
        big = a_turn(1, centre=np.random.default_rng((4, 3)).normal(size=50_000))
        with pytest.raises(BadInput, match=r"disk is full: .* bytes and .* are free.*make room.*--resume"):
            store.record(run, big, head(1), np.zeros((1, 1, 1), dtype=np.uint8))
        assert [t.number for t in store.turns(run)] == [0]
        assert store.head() == head(0)
        assert store.events(run, 1) is None
        store._connection.execute("PRAGMA max_page_count = 1000000")
        store.record(run, big, head(1), None)
        assert [t.number for t in store.turns(run)] == [0, 1]


def test_raw_events_that_cannot_be_written_store_nothing_of_a_turn(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        run = store.begin(RUN)
        (tmp_path / FOLDER).write_text("in the way")
        with pytest.raises(BadInput, match=r"24 bytes of detection events cannot be written to .*make room"):
            store.record(run, a_turn(0), head(0), np.zeros((2, 3, 4), dtype=np.uint8))
        assert list(store.turns(run)) == []


def test_disk_counts_every_file_of_the_folder(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        before = store.disk()
        (tmp_path / "ledger.sqlite").write_bytes(b"x" * 1000)
        (tmp_path / FOLDER).mkdir()
        (tmp_path / FOLDER / "run1-turn0.b8").write_bytes(b"x" * 234)
        assert store.disk() == before + 1234


def read_only(folder: Path) -> Store:
    return Store.open(folder, read_only=True)


@pytest.mark.parametrize("opener", [Store.open, read_only])
def test_what_is_no_store_is_said_to_be_none(tmp_path: Path, opener: Callable[[Path], Store]) -> None:
    path = tmp_path / FILE
    path.write_text("a shopping list, long enough to be no SQLite file whatever " * 20)
    with pytest.raises(BadInput, match=r"store\.sqlite cannot be opened .*not a database.*--store"):
        opener(tmp_path)
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()
    with pytest.raises(BadInput, match=r"is an SQLite file of something else.*application number is 0"):
        opener(tmp_path)
    path.unlink()
    with Store.open(tmp_path) as store:
        run = store.begin(RUN)
        for number in range(50):
            store.record(run, a_turn(number), head(number), None)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInput, match=r"store\.sqlite cannot be opened .*malformed.*whole store"):
        opener(tmp_path)


def test_a_missing_store_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"there is no store .*nowhere.*--store"):
        read_only(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"folder .*file cannot be made"):
        Store.open(tmp_path / "file")


def test_a_store_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    connection = sqlite3.connect(tmp_path / FILE)
    connection.execute("INSERT INTO migrations VALUES (99, 'of_tomorrow', '2031-01-01')")
    connection.commit()
    connection.close()
    for opener in (Store.open, read_only):
        with pytest.raises(BadInput, match=rf"version {KNOWN + 1} and this counterpoint reads up to {KNOWN}: update"):
            opener(tmp_path)


def test_an_empty_store_is_too_old_to_read_and_new_to_write(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"")
    with pytest.raises(BadInput, match=rf"version 0 and {KNOWN} is needed"):
        read_only(tmp_path)
    Store.open(tmp_path).close()
    read_only(tmp_path).close()


def colours(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE runs ADD COLUMN colour TEXT")


def breaks_halfway(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE runs ADD COLUMN shape TEXT")
    connection.execute("INSERT INTO no_such_table VALUES (1)")


def test_each_migration_runs_once_and_wholly_or_not_at_all() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    migrate(connection)
    assert version(connection) == len(MIGRATIONS)
    with pytest.raises(sqlite3.OperationalError, match="no_such_table"):
        migrate(connection, (*MIGRATIONS, colours, breaks_halfway))
    columns = [row[1] for row in connection.execute("PRAGMA table_info(runs)")]
    assert "colour" in columns
    assert "shape" not in columns
    names = [row[0] for row in connection.execute("SELECT name FROM migrations ORDER BY number")]
    assert names == [*(step.__name__ for step in MIGRATIONS), "colours"]
    migrate(connection, (*MIGRATIONS, colours))
    connection.close()
