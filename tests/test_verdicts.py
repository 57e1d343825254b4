"""Verdicts that stand by themselves: sealed, kept, shown, and held against the ledger."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from counterpoint.base import BadInput
from counterpoint.cli.main import app
from counterpoint.govern.charter import EXPERIMENT
from counterpoint.govern.ledger import Ledger
from counterpoint.identity import identity
from counterpoint.loop.audit import audit
from counterpoint.loop.jobs import JobSession
from counterpoint.loop.verdicts import keep, told_of
from counterpoint.store.database import FILE
from counterpoint.store.verdicts import Told, keep_verdict, verdicts
from counterpoint.workloads import Bill, Budget, Workload, weigh


@dataclass(frozen=True)
class Skilled:
    skill: float
    calls: int = 3

    def __call__(self, instance, budget, key):
        return self.skill, Bill(calls=self.calls)


@dataclass(frozen=True)
class Fixed(Workload):
    quantum: float
    rival: float = 1.0
    name: str = "fixed"
    hypothesis: str = "the quantum skill is larger"
    margin: float = 0.1

    def instance(self, key):
        return None

    def solvers(self):
        return {"quantum": [Skilled(self.quantum)], "a": [Skilled(self.rival)], "nothing": [Skilled(0.0, 0)]}


def told(quantum: float, rival: float = 1.0) -> Told:
    found = weigh(Fixed(quantum, rival), Budget(5, "calls"), instances=20, key=(1,))
    return told_of(found, f"fixed {quantum:g}", "never: both scale alike", "counterpoint bandit --seed 1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with JobSession.open(tmp_path, EXPERIMENT) as session:
        for one in (told(2.0), told(1.0), told(2.0, rival=-1.0)):
            keep(session, tmp_path, one)
    return tmp_path


def test_verdicts_are_kept_exactly_and_agree_with_the_ledger(folder: Path) -> None:
    kept = verdicts(folder)
    assert [one.told.status for one in kept] == ["holds", "does not hold", "not shown"]
    assert [one.told.figure for one in kept] == [(1.0, 1.0, 1.0), (0.0, 0.0, 0.0), None]
    assert kept[0].told.sides["quantum"].bill["calls"] == 60  # tuning and judging
    assert not audit(folder).faults


def test_a_changed_or_removed_verdict_is_found(folder: Path) -> None:
    with sqlite3.connect(folder / FILE) as connection:
        connection.execute("UPDATE verdicts SET content = replace(content, 'does not hold', 'holds') WHERE id = 2")
        connection.execute("DELETE FROM verdicts WHERE id = 1")
    connection.close()
    sentences = [fault.sentence for fault in audit(folder).faults]
    assert any("verdict 2 in the store is not what entry" in one for one in sentences)
    assert any("is sealed and not in the store" in one for one in sentences)


def test_a_kill_between_seal_and_store_is_no_lasting_fault(folder: Path) -> None:
    with JobSession.open(folder, EXPERIMENT) as session:
        session.runner.governor.note("verdict", {"verdict": identity(told(3.0))})
    found = audit(folder)
    assert not found.faults
    assert [sentence for sentence in found.unsealed if "was sealed right before a kill" in sentence]
    with JobSession.open(folder, EXPERIMENT) as session:
        keep(session, folder, told(4.0))
    found = audit(folder)
    assert not found.faults
    assert not found.unsealed
    with Ledger.read(folder) as ledger:
        kinds = [(e.number, e.kind, json.loads(e.content)) for e in ledger.entries()][-3:]
    assert [kind for _, kind, _ in kinds] == ["verdict", "verdict-not-kept", "verdict"]
    assert kinds[1][2] == {"entry": kinds[0][0]}


def test_removed_verdicts_are_found_where_none_is_left_and_are_not_excused_later(folder: Path) -> None:
    with sqlite3.connect(folder / FILE) as connection:
        connection.execute("DELETE FROM verdicts")
    connection.close()
    lost = [fault.sentence for fault in audit(folder).faults]
    assert len(lost) == 2  # of the last one none can say that it was there
    with JobSession.open(folder, EXPERIMENT) as session:
        keep(session, folder, told(4.0))
    assert [fault.sentence for fault in audit(folder).faults] == lost


def test_an_entry_has_one_row_and_its_time_is_sealed(folder: Path) -> None:
    one = verdicts(folder)[0]
    with pytest.raises(BadInput, match="UNIQUE"):
        keep_verdict(folder, one.told, one.entry)
    with sqlite3.connect(folder / FILE) as connection:
        connection.execute("UPDATE verdicts SET content = replace(content, ?, '2020-')", (one.told.made[:5],))
    connection.close()
    assert len(audit(folder).faults) == 3


def test_the_verb_shows_the_last_with_both_bills_and_lists_those_before(folder: Path) -> None:
    run = CliRunner()
    shown = run.invoke(app, ["verdict", "--store", str(folder)])
    assert shown.exit_code == 0
    assert "void: 'a' does not beat the player that does nothing" in shown.output
    assert "fixed 1" in shown.output
    one = run.invoke(app, ["verdict", "1", "--store", str(folder)]).output
    assert "holds (difference +1, 95 % interval +1 to +1, margin 0.1)" in one
    assert "calls of the oracle" in one
    assert "break-even  never: both scale alike" in one
    plain = json.loads(run.invoke(app, ["verdict", "--store", str(folder), "--json"]).output)
    assert [each["told"]["status"] for each in plain] == ["holds", "does not hold", "not shown"]
    assert json.loads(run.invoke(app, ["verdict", "2", "--store", str(folder), "--json"]).output)["id"] == 2


def test_bad_input(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    run = CliRunner()
    missing = run.invoke(app, ["verdict", "7", "--store", str(folder)]).exception
    assert str(missing).startswith("verdict 7 was asked for and the store")
    zero = run.invoke(app, ["verdict", "0", "--store", str(folder)]).exception
    assert str(zero).startswith("verdict 0 was asked for and the store")
    empty = tmp_path_factory.mktemp("empty")
    with JobSession.open(empty, EXPERIMENT):
        pass
    none = run.invoke(app, ["verdict", "--store", str(empty)]).exception
    assert "holds 0 verdicts: run counterpoint optimise or counterpoint bandit" in str(none)
    with sqlite3.connect(folder / FILE) as connection:
        connection.execute("UPDATE verdicts SET content = '[]' WHERE id = 2")
    connection.close()
    with pytest.raises(BadInput, match="verdict 2 cannot be read"):
        verdicts(folder)
    assert any("verdict 2 cannot be read" in fault.sentence for fault in audit(folder).faults)


@pytest.mark.parametrize("wrong", ["NaN", "Infinity", "-1e999"])
def test_numbers_that_are_none_are_said(folder: Path, wrong: str) -> None:
    with sqlite3.connect(folder / FILE) as connection:
        connection.execute("UPDATE verdicts SET content = replace(content, '[1.0,', ?) WHERE id = 1", (f"[{wrong},",))
    connection.close()
    with pytest.raises(BadInput, match=f"verdict 1 cannot be read .it holds {wrong}, and numbers must be finite"):
        verdicts(folder)
    assert any(f"it holds {wrong}" in fault.sentence for fault in audit(folder).faults)
