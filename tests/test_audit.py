"""The audit: an honest run agrees with its ledger wherever it was cut off, and every change is found."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from typer.testing import CliRunner

from counterpoint.base import BadInput, Price, TryControls
from counterpoint.cli.ledger import app
from counterpoint.decoders import DECODERS
from counterpoint.explore import EXPLORERS
from counterpoint.govern.charter import FIRST_RUN, Charter
from counterpoint.govern.judge import Used
from counterpoint.govern.ledger import FILE as LEDGER, Ledger
from counterpoint.identity import identity
from counterpoint.loop.audit import Audit, audit
from counterpoint.loop.build import build
from counterpoint.loop.session import PATIENCE, Session
from counterpoint.loop.settings import Settings
from counterpoint.machine import MACHINES
from counterpoint.store import Store
from counterpoint.store.blobs import pack_counts, unpack_counts
from counterpoint.store.database import FILE

SMALL = Settings(machine="published", distance=3, rounds=5, candidates=4, cycles=100, decoded=20, turns=4, seed=3)
EPOCH = SMALL.shots * SMALL.candidates * SMALL.rounds
ALLOWED = 3  # turns that LIMITED leaves room for
LIMITED = FIRST_RUN.model_copy(
    update={"name": "limited", "limits": FIRST_RUN.limits.model_copy(update={"cycles": ALLOWED * EPOCH})}
)
TURNS = ALLOWED + PATIENCE  # of run 1, the last of them denied; run 2 has SMALL.turns, all of them allowed


def begin(folder: Path, settings: Settings = SMALL, charter: Charter = FIRST_RUN) -> Session:
    decoder = DECODERS["matching"]
    return Session.begin(
        folder, charter, settings, build(settings, MACHINES["published"], EXPLORERS["gradient"], decoder)
    )


def take(session: Session, turns: int) -> None:
    """Take some turns of a run."""
    for turn in session:
        if turn.number == turns - 1:
            break


def killed(folder: Path, turns: int) -> None:
    """A run that stops dead, as under SIGKILL, after some turns."""
    session = begin(folder, replace(SMALL, turns=100))
    take(session, turns)
    session.close()


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs: one ended by its charter, one complete. Not to be changed."""
    folder = tmp_path_factory.mktemp("ended")
    for settings, charter in ((replace(SMALL, turns=50), LIMITED), (SMALL, FIRST_RUN)):
        with begin(folder, settings, charter) as session:
            take(session, 50)
    return folder


@pytest.fixture
def folder(ended: Path, tmp_path: Path) -> Path:
    """A copy of `ended` that may be changed."""
    return shutil.copytree(ended, tmp_path / "copy")


def changed(folder: Path, *statements: str) -> None:
    """Change the store behind its back."""
    connection = sqlite3.connect(folder / FILE)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def sentences(folder: Path) -> list[str]:
    return [fault.sentence for fault in audit(folder).faults]


def entries(folder: Path) -> list[tuple[str, dict[str, object]]]:
    with Ledger.read(folder) as ledger:
        return [(entry.kind, json.loads(entry.content)) for entry in ledger.entries()]


def test_honest_runs_agree_with_their_ledger(ended: Path) -> None:
    with Ledger.read(ended) as ledger, Store.open(ended, read_only=True) as store:
        verdicts = [turn.verdict for turn in store.turns(1)]
        assert audit(ended) == Audit(ledger.head, ledger.head, 2, TURNS + SMALL.turns, 0, (), ())
    assert verdicts == ["allow"] * ALLOWED + ["deny"] * PATIENCE
    done = CliRunner().invoke(app, ["verify", "--store", str(ended)])
    count = len(entries(ended))
    assert done.stdout == f"{count} entries chained, {TURNS + SMALL.turns} turns of 2 runs agree with them\n"


def seal(folder: Path, run: int, number: int) -> str:
    with Store.open(folder, read_only=True) as store:
        return next(turn.seal for turn in store.turns(run) if turn.number == number)


@pytest.mark.parametrize("table", ["events", "opportunities", "shots", "cycles", "decoded", "failures"])
@pytest.mark.parametrize(
    ("run", "turn", "player"),
    [(1, 0, "explorer"), (1, ALLOWED - 1, "fixed"), (2, 1, "oracle"), (2, SMALL.turns - 1, "explorer")],
)
def test_one_count_more_in_any_outcome_is_found(folder: Path, table: str, run: int, turn: int, player: str) -> None:
    before = seal(folder, run, turn)
    connection = sqlite3.connect(folder / FILE)
    where = f"WHERE run = {run} AND turn = {turn} AND player = '{player}'"
    outcome = unpack_counts(*connection.execute(f"SELECT counts, sites, seconds FROM outcomes {where}").fetchone())
    getattr(outcome, table).reshape(-1)[-1] += 1
    connection.execute(f"UPDATE outcomes SET counts = ? {where}", (pack_counts(outcome),))
    connection.commit()
    connection.close()
    (found,) = sentences(folder)
    assert f"the outcome of turn {turn} of run {run}" in found
    assert f"{seal(folder, run, turn):.12} in the store and {before:.12} in entry" in found
    done = CliRunner().invoke(app, ["verify", "--store", str(folder)])
    assert (done.exit_code, done.stdout) == (1, found + "\n")


LAST = SMALL.turns - 1
OUTCOME = "run = 2 AND turn = 1 AND player = 'explorer'"
ACTION = "UPDATE turns SET action = printf('%064d', 0) WHERE run = 2 AND number = 0"
# name: (what is done to the store, how the first fault reads). Run 1 begins in entry 0, run 2 in entry 8.
CHANGES = {
    "a charter": (
        "UPDATE runs SET charter = charter || '# ' WHERE id = 1",
        r"the charter of run 1 is \w{12} in the store and \w{12} in entry 0 of the ledger",
    ),
    "a setting": (
        "UPDATE runs SET settings = json_set(settings, '$.cycles', 200) WHERE id = 2",
        "the setting 'cycles' of run 2 is 200 in the store and 100 in entry 8 of the ledger",
    ),
    "a setting more": (
        "UPDATE runs SET settings = json_set(settings, '$.colour', 'red') WHERE id = 2",
        "the setting 'colour' of run 2 is 'red' in the store and none in entry 8 of the ledger",
    ),
    "settings that are none": (
        "UPDATE runs SET settings = '[5' WHERE id = 2",
        r"the settings of run 2 are '\[5' and must be",
    ),
    "an ending": (
        "UPDATE runs SET how = 'complete' WHERE id = 1",
        "the ending of run 1 is 'complete' in the store and 'ended by the charter: .*' in entry 7 of the ledger",
    ),
    "a verdict": (
        f"UPDATE turns SET verdict = 'ask' WHERE run = 1 AND number = {TURNS - 1}",
        f"the verdict of turn {TURNS - 1} of run 1 is 'ask' in the store and 'deny' in entry {TURNS} of the ledger",
    ),
    "a reason": (
        "UPDATE turns SET reason = 'why not' WHERE run = 1 AND number = 4",
        "the reason of turn 4 of run 1 is 'why not' in the store and 'limits.cycles is .*' in entry 5 of the ledger",
    ),
    "an action": (
        ACTION,
        r"the action of turn 0 of run 2 is 000000000000 in the store and \w{12} in entry 9 of the ledger",
    ),
    "a price": (
        f"UPDATE turns SET cycles = 1 WHERE run = 2 AND number = {LAST}",
        rf'the price of turn {LAST} of run 2 is .*"cycles": 1,.* and .*"cycles": {EPOCH},.* in entry 12 of the ledger',
    ),
    "a price of what was denied": (
        "UPDATE turns SET spend = -1 WHERE run = 1 AND number = 5",
        r'the price of turn 5 of run 1 is .*"spend": -1.0. in the store and .*"spend": 0.0. in entry 6 of the ledger',
    ),
    "machine time": (f"UPDATE outcomes SET seconds = 9 WHERE {OUTCOME}", "the outcome of turn 1 of run 2 is "),
    "the first turn gone": (
        "DELETE FROM turns WHERE run = 2 AND number = 0",
        "turn 0 of run 2 has 'allow' in entry 9 of the ledger and is not in the store",
    ),
    "a turn gone": (
        "DELETE FROM turns WHERE run = 1 AND number = 2",
        "turn 2 of run 1 has 'allow' in entry 3 of the ledger and is not in the store",
    ),
    "a denied turn gone": (
        "DELETE FROM turns WHERE run = 1 AND number = 4",
        "turn 4 of run 1 has 'deny' in entry 5 of the ledger and is not in the store",
    ),
    "the last turn gone": (
        f"DELETE FROM turns WHERE run = 2 AND number = {LAST}",
        f"turn {LAST} of run 2 has 'allow' in entry 12 of the ledger and is not in the store",
    ),
    "the last turn and its trace gone": (
        f"DELETE FROM turns WHERE run = 2 AND number = {LAST}; DELETE FROM heads WHERE entries >= 13",
        f"turn {LAST} of run 2 has 'allow' in entry 12 of the ledger and is not in the store",
    ),
    "an outcome gone": (
        f"DELETE FROM outcomes WHERE {OUTCOME}",
        "turn 1 of run 2 has no outcome in the store and 'allow' in entry 10 of the ledger",
    ),
    "an outcome of what was denied": (
        "UPDATE outcomes SET run = 1, turn = 4 WHERE run = 2 AND turn = 3 AND player = 'explorer'",
        "turn 4 of run 1 has an outcome in the store and 'deny' in entry 5 of the ledger",
    ),
    "a turn put in": (
        f"UPDATE turns SET run = 1, number = {TURNS} WHERE run = 2 AND number = {LAST}",
        f"turn {TURNS} of run 1 is in the store as 'allow' and has no decision in the ledger",
    ),
    "a run put in": (
        "INSERT INTO runs SELECT 3, name, charter, seed, settings, started, ended, how FROM runs WHERE id = 2; "
        "INSERT INTO turns SELECT 3, number, action, summary, verdict, reason, cycles, shots, seconds, spend, clock, "
        "stages, centre FROM turns WHERE run = 2",
        "run 3 has 4 turns in the store and no entry in the ledger",
    ),
    "a run gone": ("DELETE FROM runs WHERE id = 1", "run 1 has entry 0 in the ledger and is not in the store"),
    "a run and its turns gone": (
        "DELETE FROM runs WHERE id = 1; DELETE FROM turns WHERE run = 1; DELETE FROM outcomes WHERE run = 1",
        "run 1 has entry 0 in the ledger and is not in the store",
    ),
    "counts that are damaged": (
        f"UPDATE outcomes SET counts = x'00' WHERE {OUTCOME}",
        "turn 1 of run 2 cannot be read: 1 bytes of counts at 8 sites are damaged",
    ),
    "counts of other sites": (
        f"UPDATE outcomes SET sites = 7 WHERE {OUTCOME}",
        "turn 1 of run 2 cannot be read: .* bytes of counts at 7 sites are damaged",
    ),
    "a centre that is damaged": (
        "UPDATE turns SET centre = x'00' WHERE run = 2 AND number = 2",
        "turn 2 of run 2 cannot be read",
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_every_change_in_the_store_is_found(case: str, folder: Path) -> None:
    assert sentences(folder) == []
    statements, pattern = CHANGES[case]
    changed(folder, *statements.split("; "))
    found = sentences(folder)
    assert re.search(pattern, found[0]), found
    done = CliRunner().invoke(app, ["verify", "--store", str(folder), "--json"])
    assert done.exit_code == 1
    assert [fault["fault"] for fault in json.loads(done.stdout)["faults"]] == found


SEVERAL = {"an outcome of what was denied", "a turn put in", "a run and its turns gone"}  # touch several turns


@pytest.mark.parametrize("case", [case for case in CHANGES if case not in SEVERAL])
def test_one_change_is_one_fault(case: str, folder: Path) -> None:
    changed(folder, *CHANGES[case][0].split("; "))
    assert len(sentences(folder)) == 1


def test_outcomes_that_change_places_are_found(folder: Path) -> None:
    moves = [(1, 99), (2, 1), (99, 2)]
    changed(
        folder,
        *(f"UPDATE outcomes SET turn = {b} WHERE run = 2 AND turn = {a} AND player = 'explorer'" for a, b in moves),
    )
    found = sentences(folder)
    assert len(found) == 2
    assert "the outcome of turn 1" in found[0]
    assert "the outcome of turn 2" in found[1]


def test_a_broken_chain_is_no_witness(folder: Path) -> None:
    changed(folder, ACTION)
    connection = sqlite3.connect(folder / LEDGER)
    connection.execute("DROP TRIGGER entries_never_change")
    connection.execute("UPDATE entries SET content = '{}' WHERE number = 3")
    connection.commit()
    connection.close()
    found = audit(folder)
    assert found.head is None
    assert [str(fault) for fault in found.faults] == ["entry 3 was changed: its digest does not fit its content"]


@pytest.mark.parametrize("turns", [1, 3])
def test_a_killed_run_is_no_fault_and_its_last_outcome_is_named(tmp_path: Path, turns: int) -> None:
    killed(tmp_path, turns)
    found = audit(tmp_path)
    assert (found.faults, found.turns) == ((), turns)
    (said,) = found.unsealed
    assert f"the outcome of turn {turns - 1} of run 1" in said
    assert said in CliRunner().invoke(app, ["verify", "--store", str(tmp_path)]).stdout
    # The store's own trace of what it held still shows that its last turn was taken away.
    changed(tmp_path, f"DELETE FROM turns WHERE number = {turns - 1}")
    (fault,) = sentences(tmp_path)
    assert f"turn {turns - 1} of run 1 has 'allow' in entry {turns} of the ledger and is not in the store" in fault


def test_a_run_that_was_killed_before_its_first_entry_is_no_fault(tmp_path: Path) -> None:
    killed(tmp_path, 1)
    with Store.open(tmp_path) as store:
        store.begin(replace(store.runs()[0], name="never begun"))
    assert audit(tmp_path).faults == ()


def decided(folder: Path, turn: int, how: Literal["killed", "stopped", "broken"]) -> None:
    """A run that breaks off between a decision and the record of its turn."""
    session = begin(folder, replace(SMALL, turns=100))
    if turn:
        take(session, turn)
    centre = session.state.centre
    action = TryControls(centre, centre[None] + (np.nan if how == "broken" else 0.0))
    about = {"turn": turn, "previous_outcome": session.state.outcome}
    with nullcontext() if how != "broken" else pytest.raises(BadInput, match="nan"):
        session.governor.decide(action, Price(1, 1), Used(), centre, about)
    if how == "stopped":
        session.__exit__(KeyboardInterrupt, None, None)
    else:
        session.close()


@pytest.mark.parametrize("turn", [0, 2])
@pytest.mark.parametrize("how", ["killed", "stopped", "broken"])
def test_a_decision_without_its_turn_is_no_fault_before_and_after_resuming(
    tmp_path: Path, turn: int, how: Literal["killed", "stopped", "broken"]
) -> None:
    decided(tmp_path, turn, how)
    found = audit(tmp_path)
    assert (found.faults, found.unsealed, found.turns) == ((), (), turn)
    settings = replace(SMALL, turns=100)
    made = build(settings, MACHINES["published"], EXPLORERS["gradient"], DECODERS["matching"])
    with Session.resume(tmp_path, FIRST_RUN, settings, made, 1) as session:
        take(session, turn + 2)
    assert ("not-run" in [kind for kind, _ in entries(tmp_path)]) == (how != "broken")
    found = audit(tmp_path)
    assert (found.faults, found.unsealed, found.turns) == ((), (), turn + 2)
    # What is said never to have run cannot have been stored.
    changed(tmp_path, f"INSERT INTO heads VALUES ({turn + 2}, '')")
    (fault,) = sentences(tmp_path)
    assert f"turn {turn} of run 1 was stored on entry {turn + 1} of the ledger and a later entry says" in fault


def test_turns_that_were_lost_with_the_power_are_no_fault(tmp_path: Path) -> None:
    """The ledger waits for the disk at every turn and the store does not: it may come back several turns older."""
    killed(tmp_path, 3)
    with Store.open(tmp_path, read_only=True) as store:
        heads = sorted(store.heads())
    for lost in (2, 1, 0):
        changed(
            tmp_path,
            f"DELETE FROM outcomes WHERE turn >= {lost}",
            f"DELETE FROM turns WHERE number >= {lost}",
            f"DELETE FROM heads WHERE entries >= {heads[lost]}",
        )
        found = audit(tmp_path)
        assert (found.faults, found.turns) == ((), lost)
    with Ledger.open(tmp_path) as ledger:
        ledger.append("resumed", {"run": 1, "turns": 0})
    assert audit(tmp_path).faults == ()


def amended(folder: Path) -> Callable[[], None]:
    """The ledger of a killed run holds new rules; returns what brings the store after it."""
    killed(folder, 2)
    settings = replace(SMALL, turns=200).to_json()
    with Ledger.open(folder) as ledger:
        about = {"charter": identity(LIMITED.to_toml()), "settings": settings}
        ledger.append("resumed", {"run": 1, "turns": 2} | about)

    def follow() -> None:
        with Store.open(folder) as store:
            store.amend(1, LIMITED.to_toml(), settings)

    return follow


def test_amended_rules_are_those_of_the_latest_entry(tmp_path: Path) -> None:
    follow = amended(tmp_path)
    assert sentences(tmp_path) == [], "a kill between the entry and the store leaves the old rules"
    follow()
    assert sentences(tmp_path) == []
    with Store.open(tmp_path) as store:
        store.amend(1, FIRST_RUN.to_toml().replace("230", "999"), SMALL.to_json() | {"turns": 300})
    charter, setting = sentences(tmp_path)
    assert charter.startswith("the charter of run 1 is ")
    assert f"{identity(LIMITED.to_toml()):.12} in entry 3 of" in charter
    assert setting == "the setting 'turns' of run 1 is 300 in the store and 200 in entry 3 of the ledger"


def test_rules_that_went_back_after_a_turn_under_the_new_ones_are_found(tmp_path: Path) -> None:
    amended(tmp_path)
    with Ledger.read(tmp_path) as ledger, Store.open(tmp_path) as store:
        store.finish(1, "interrupted", ledger.head)  # the store has seen the new rules, and lacks them
    charter, setting = sentences(tmp_path)
    assert charter.startswith("the charter of run 1 is ")
    assert "the setting 'turns' of run 1 is 100 in the store and 200" in setting


def test_without_a_store_the_chain_alone_is_looked_at(folder: Path) -> None:
    (folder / FILE).unlink()
    found = audit(folder)
    assert (found.expected, found.runs, found.turns, found.faults) == (None, 0, 0, ())
    assert found.head is not None


@pytest.mark.parametrize(
    ("kind", "content", "lacks"),
    [
        ("decision", {"verdict": "allow"}, "turn"),
        ("decision", {"turn": [1]}, "turn"),
        ("resumed", {"turns": 4}, "run"),
        ("begin", {"run": "one"}, "run"),
        ("end", {"run": 2}, "turns"),
    ],
)
def test_an_entry_that_says_nothing_is_a_fault(folder: Path, kind: str, content: dict[str, object], lacks: str) -> None:
    with Ledger.open(folder) as ledger:
        number = ledger.head.count
        ledger.append(kind, content)
    assert f"entry {number} is of the kind '{kind}' and has no number under '{lacks}'" in sentences(folder)


def test_a_run_that_goes_on_is_never_at_fault(tmp_path: Path) -> None:
    """Store and ledger are read at different moments while a run writes both."""
    begun, problems = threading.Event(), []

    def loop() -> None:
        try:
            for _ in range(3):
                with begin(tmp_path, replace(SMALL, turns=25)) as session:
                    for _ in session:
                        begun.set()
        except Exception as error:
            problems.append(error)
            begun.set()

    thread = threading.Thread(target=loop)
    thread.start()
    begun.wait()
    seen = []
    while thread.is_alive():
        found = audit(tmp_path)
        assert found.faults == ()
        seen.append(found.turns)
    thread.join()
    assert problems == []
    assert seen == sorted(seen)
    assert audit(tmp_path).turns == 75
