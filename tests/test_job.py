"""Jobs of one person: one circuit on every machine, charged before it is sent, never lost, sealed when it ends."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from pathlib import Path
from typing import final

import numpy as np
import pytest
from typer.testing import CliRunner

from counterpoint.base import BadInput, Job, Key, Price
from counterpoint.cli.main import app
from counterpoint.govern.charter import EXPERIMENT, Charter
from counterpoint.govern.ledger import Ledger
from counterpoint.loop.audit import audit
from counterpoint.loop.jobs import JobSession, stored
from counterpoint.loop.machines import machine_named
from counterpoint.machine.checks import Unavailable
from counterpoint.machine.queued import Looked, Patience, QueuedMachine
from counterpoint.machine.results import bits_of, shots_of
from counterpoint.machine.wire import job_plain
from counterpoint.store.database import FILE

BELL = """OPENQASM 3.0;
include "stdgates.inc";
qubit[2] q;
bit[2] c;
h q[0];
cx q[0], q[1];
c = measure q;
"""
KEY: Key = (1,)
LIMITED = EXPERIMENT.model_copy(update={"limits": EXPERIMENT.limits.model_copy(update={"shots": 150, "cycles": 150})})


def kinds(folder: Path) -> Counter[str]:
    with Ledger.read(folder) as ledger:
        return Counter(entry.kind for entry in ledger.entries())


def verb(folder: Path, *words: str | Path, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["job", *map(str, words), "--store", str(folder)])
    assert done.exit_code == code, (done.output, done.exception)
    return done.stdout


@pytest.fixture
def bell(tmp_path: Path) -> Path:
    file = tmp_path / "bell.qasm"
    file.write_text(BELL)
    return file


@final
class Queue:
    """A provider that keeps what it was sent, and gives each job's shots when told to."""

    name = "planted"

    def __init__(self) -> None:
        self.sent: dict[str, Job] = {}
        self.silent = self.open = False

    def price(self, job: Job) -> Price:
        return Price(job.shots, job.shots, 0.0, 0.0)

    def submit(self, job: Job, ticket: str) -> str:
        if self.silent:
            raise Unavailable("nobody answers: wait")
        if job.shots == 13:
            raise BadInput("13 shots were asked for: give another number")
        self.sent[ticket] = job
        return f"job-{ticket[:6]}"

    def look(self, job: Job, id: str, wait: float) -> Looked:
        measured = np.full((1, job.shots, 2), job.shots % 2 == 1)
        return Looked("done", shots_of(job, measured, started=0.0, seconds=0.0)) if self.open else Looked("queued")

    def cancel(self, id: str) -> None:
        if self.open:
            raise BadInput("it has begun: wait")


# One job, unchanged


def test_one_job_on_every_machine_that_comes_with_the_product(bell: Path, tmp_path: Path) -> None:
    names = ["ideal", "willow", "logical:failures=20", "aer", "FakeTorino", "braket", "braket-dm"]
    words = [word for name in names for word in ("--machine", name)]
    found = json.loads(verb(tmp_path / "store", "run", bell, *words, "--shots", "300", "--json"))
    assert len(found) == len(names)
    for one in found.values():
        counts = Counter(one["outcomes"])
        assert counts.total() == 300
        assert counts["00"] + counts["11"] > 240  # the worst has errors of some 6 %; by chance 1e-9
        assert min(counts["00"], counts["11"]) > 90  # by chance 1e-8
    assert kinds(tmp_path / "store") == Counter({"job": 7, "job-done": 7})
    assert audit(tmp_path / "store").faults == ()
    assert audit(tmp_path / "store").jobs == 7


def test_a_memory_experiment_runs_on_general_machines_and_has_no_events_without_noise(tmp_path: Path) -> None:
    file = tmp_path / "memory.stim"
    file.write_text(
        "R 0 1 2 3 4\nTICK\nCX 0 1 2 3\nTICK\nCX 2 1 4 3\nTICK\nM 1 3\nDETECTOR rec[-2]\nDETECTOR rec[-1]\n"
        "TICK\nM 0 2 4\nDETECTOR rec[-3] rec[-2] rec[-5]\nDETECTOR rec[-2] rec[-1] rec[-4]\n"
        "OBSERVABLE_INCLUDE(0) rec[-1]\n"
    )
    words = ("--machine", "ideal", "--machine", "aer", "--machine", "FakeTorino", "--json")
    found = json.loads(verb(tmp_path / "store", "run", file, *words))
    fractions = [one["detection fraction"] for one in found.values()]
    assert fractions[:2] == [0.0, 0.0]
    assert 0 < fractions[2] < 0.25
    assert found["ideal"]["outcomes"] == {"0": 1000}


# Charged, permitted, stored, sealed


def test_what_earlier_sessions_used_is_charged_to_the_charter(tmp_path: Path) -> None:
    on = machine_named("ideal", KEY)
    for _ in range(2):
        with JobSession.open(tmp_path, LIMITED) as session:
            session.run(on, BELL, 70, KEY)
    with (
        JobSession.open(tmp_path, LIMITED) as session,
        pytest.raises(BadInput, match=r"charter says 'deny': limits\.cycles is 150, of which 140 is used"),
    ):
        session.run(on, BELL, 70, KEY)
    assert kinds(tmp_path) == Counter({"job": 3, "job-done": 2})


def test_a_machine_that_fails_is_written_down(tmp_path: Path) -> None:
    with JobSession.open(tmp_path, EXPERIMENT) as session:
        with pytest.raises(BadInput, match="unknown"):
            session.run(machine_named("ideal", KEY), "OPENQASM 3.0;\nqubit q;\nunknown q;\n", 10, KEY)
        states = [one.state for one in session.jobs.all()]
    assert states in ([], ["failed"])
    assert audit(tmp_path).faults == ()


def test_a_job_is_collected_by_another_session_and_sealed_once(tmp_path: Path) -> None:
    provider = Queue()
    with JobSession.open(tmp_path, EXPERIMENT) as session:
        ticket = session.submit(QueuedMachine(provider, session.jobs), BELL, 21, KEY)
        assert [one.ticket for one in session.jobs.pending()] == [ticket]
    provider.open = True
    for _ in range(2):
        with JobSession.open(tmp_path, EXPERIMENT) as session:
            found = session.collect(QueuedMachine(provider, session.jobs), ticket)
            assert bits_of(found, 2).all()
    assert kinds(tmp_path) == Counter({"job": 1, "job-done": 1})
    assert audit(tmp_path).faults == ()
    assert [*provider.sent] == [ticket]


def test_a_job_that_nobody_answered_for_is_kept_and_sent_when_collected(tmp_path: Path) -> None:
    provider = Queue()
    provider.silent, provider.open = True, True
    hasty = Patience(first=0.001, longest=0.002, unanswered=0.01, look=0.0)
    with JobSession.open(tmp_path, EXPERIMENT) as session:
        with pytest.raises(Unavailable, match="collect it later"):
            session.run(QueuedMachine(provider, session.jobs, patience=hasty), BELL, 21, KEY)
        (record,) = session.jobs.pending()
    provider.silent = False
    with JobSession.open(tmp_path, EXPERIMENT) as session:
        session.collect(QueuedMachine(provider, session.jobs), session.record(record.ticket[:10]).ticket)
    assert kinds(tmp_path) == Counter({"job": 1, "job-done": 1})


def test_what_a_queue_refuses_or_gives_up_is_in_the_ledger(tmp_path: Path) -> None:
    provider = Queue()
    with JobSession.open(tmp_path, EXPERIMENT) as session:
        on = QueuedMachine(provider, session.jobs)
        with pytest.raises(BadInput, match="13 shots were asked for"):
            session.run(on, BELL, 13, KEY)
        before = session.used()
        session.cancel(on, session.submit(on, BELL, 20, KEY))
        assert session.used() == before == Price()
    assert kinds(tmp_path) == Counter({"job": 2, "job-not-run": 2})


# What was changed shows


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("UPDATE jobs SET shots = 1", "the price of the job of entry 0 is not what that entry holds"),
        ("UPDATE jobs SET machine = 'better'", "the machine of the job of entry 0"),
        ("UPDATE jobs SET entry = 5", "a job of entry 5 is in the store, and no such entry permitted a job"),
        ("UPDATE jobs SET job = replace(job, 'cx q', 'cz q')", "the circuit or its shots of the job of entry 0"),
        ("UPDATE jobs SET result = NULL", "the outcome of the job of entry 0 is not in the store"),
        ("UPDATE jobs SET result = x'00'", "1 bytes of a result are damaged"),
        ("UPDATE jobs SET job = 'x'", "is damaged"),
        ("DELETE FROM jobs", "the outcome of the job of entry 0 is sealed, and the store has no such job"),
    ],
)
def test_a_changed_job_is_found(change: str, sentence: str, tmp_path: Path) -> None:
    with JobSession.open(tmp_path, EXPERIMENT) as session:
        session.run(machine_named("ideal", KEY), BELL, 30, KEY)
    with sqlite3.connect(tmp_path / FILE) as connection:
        assert connection.execute(change).rowcount == 1
    connection.close()
    assert any(sentence in one.sentence for one in audit(tmp_path).faults)


@pytest.mark.parametrize("state", ["failed", "cancelled", "sent"])
def test_a_sealed_job_cannot_be_said_to_have_cost_nothing(state: str, tmp_path: Path) -> None:
    with JobSession.open(tmp_path, EXPERIMENT) as session:
        session.run(machine_named("ideal", KEY), BELL, 30, KEY)
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute("UPDATE jobs SET state = ?", (state,))
    connection.close()
    assert "the outcome of the job of entry 0 is not in the store" in audit(tmp_path).faults[0].sentence
    with JobSession.open(tmp_path, EXPERIMENT) as session:
        assert session.used().shots == 30


def test_a_lost_store_does_not_give_the_charter_back(tmp_path: Path) -> None:
    with JobSession.open(tmp_path, LIMITED) as session:
        session.run(machine_named("ideal", KEY), BELL, 100, KEY)
    for file in tmp_path.glob(f"{FILE}*"):
        file.unlink()
    with (
        JobSession.open(tmp_path, LIMITED) as session,
        pytest.raises(BadInput, match=r"limits\.cycles is 150, of which 100 is used"),
    ):
        session.run(machine_named("ideal", KEY), BELL, 100, KEY)
    assert "the outcome of the job of entry 0 is sealed, and the store has no such job" in str(audit(tmp_path).faults)


def test_a_job_that_was_killed_while_it_ran_is_settled_by_the_next_session(tmp_path: Path) -> None:
    with JobSession.open(tmp_path, EXPERIMENT) as session:
        runner = session.runner
        task = runner.job(machine_named("ideal", KEY), BELL, 10, KEY)
        permit = runner.permit(machine_named("ideal", KEY), task)
        session.jobs.begin(permit.digest, "ideal", json.dumps(job_plain(task)), permit.price, permit.entry, "running")
    with JobSession.open(tmp_path, EXPERIMENT) as session:
        assert session.jobs.pending() == []
        assert session.jobs.all()[0].reason == "its program was killed while it ran"
        assert session.used().shots == 10
    assert kinds(tmp_path) == Counter({"job": 1, "job-failed": 1})
    assert audit(tmp_path).faults == ()


def test_a_refusal_after_a_lost_answer_keeps_the_ticket(tmp_path: Path) -> None:
    """It may have arrived: collected later it is, and only then is it known."""
    provider = Queue()
    provider.silent = True
    hasty = Patience(first=0.001, longest=0.002, unanswered=60.0, look=0.0)

    def submit(job: Job, ticket: str) -> str:
        provider.sent[ticket] = job
        if len(asked) < 2:
            asked.append(ticket)
            raise Unavailable("the answer was lost: wait")
        raise BadInput("the credentials are no longer good: renew them")

    asked: list[str] = []
    original, provider.submit = provider.submit, submit  # type: ignore[method-assign]
    with JobSession.open(tmp_path, EXPERIMENT) as session:
        on = QueuedMachine(provider, session.jobs, patience=hasty)
        with pytest.raises(BadInput, match="no longer good"):
            session.run(on, BELL, 21, KEY)
        (record,) = session.jobs.pending()
        assert session.used().shots == 21
        with pytest.raises(BadInput, match="no longer good"):
            session.collect(on, record.ticket)
        assert len(session.jobs.pending()) == 1
        provider.submit, provider.silent, provider.open = original, False, True  # type: ignore[method-assign]
        assert bits_of(session.collect(on, record.ticket), 2).all()
    assert audit(tmp_path).faults == ()


def test_a_price_that_falls_before_the_job_is_sent_is_no_fault(tmp_path: Path) -> None:
    provider = Queue()
    prices = iter([Price(21, 21, 0.0, 0.0), Price(21, 20, 0.0, 0.0)])
    provider.price = lambda job: next(prices)  # type: ignore[method-assign]
    with JobSession.open(tmp_path, EXPERIMENT) as session:
        session.submit(QueuedMachine(provider, session.jobs), BELL, 21, KEY)
    assert audit(tmp_path).faults == ()


def test_an_exchanged_outcome_is_found(tmp_path: Path) -> None:
    with JobSession.open(tmp_path, EXPERIMENT) as session:
        for key in ((1,), (2,)):
            session.run(machine_named("ideal", KEY), BELL, 30, key)
        first, second = session.jobs.all()
        assert (stored(first).measurements != stored(second).measurements).any()
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute("UPDATE jobs SET result = ? WHERE ticket = ?", (second.result, first.ticket))
    connection.close()
    assert [one.sentence for one in audit(tmp_path).faults] == [
        "the outcome of the job of entry 0 is not what the ledger sealed"
    ]


# The verb


def test_the_verb_lists_and_shows_again(bell: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    shown = verb(store, "run", bell, "--machine", "ideal")
    assert "ideal, %" in shown
    (row,) = json.loads(verb(store, "list", "--json"))
    assert (row["machine"], row["shots"], row["state"]) == ("ideal", 1000, "done")
    again = json.loads(verb(store, "collect", row["ticket"], "--json"))
    assert sum(next(iter(again.values()))["outcomes"].values()) == 1000
    assert "no job waits" in verb(store, "collect")
    assert "done" in verb(store, "list")


def test_machines_are_made_before_any_is_charged_and_one_that_fails_leaves_the_others(tmp_path: Path) -> None:
    wide, store = tmp_path / "wide.qasm", tmp_path / "s"
    wide.write_text('OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[30] q;\nbit c;\nh q;\nc = measure q[0];\n')
    words = ["job", "run", str(wide), "--store", str(store), "--json", "--machine", "ideal"]
    done = CliRunner().invoke(app, [*words, "--machine", "nosuch"])
    assert "machine 'nosuch' is not known" in str(done.exception)
    assert kinds(store) == Counter()
    done = CliRunner().invoke(app, [*words, "--machine", "FakeManilaV2"])
    assert "FakeManilaV2: a circuit of 30 qubits was given" in str(done.exception)
    assert sum(json.loads(done.stdout)["ideal"]["outcomes"].values()) == 1000
    done = CliRunner().invoke(app, [*words, "--machine", "ideal"])
    assert "machine 'ideal' was named 2 times" in str(done.exception)


@pytest.mark.parametrize(
    ("name", "text", "shots", "sentence"),
    [
        ("c.stim", "H 0\nCX 0 1", "10", "0 measurements was given, and has nothing to return"),
        ("c.stim", "", "10", "0 measurements"),
        ("c.qasm", "OPENQASM 3.0;\nqubit q;\n", "10", "0 measurements"),
        ("c.qasm", BELL, "1e11", "100,000,000,000 shots of 2 results were asked for and 2,000,000,000 results may be"),
    ],
)
def test_what_gives_nothing_back_or_too_much_is_not_charged(
    name: str, text: str, shots: str, sentence: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    words = ["job", "run", str(tmp_path / name), "--machine", "ideal", "--shots", shots, "--store", str(tmp_path / "s")]
    done = CliRunner().invoke(app, words)
    assert sentence in str(done.exception)
    assert kinds(tmp_path / "s") == Counter()


def test_machines_of_one_kind_are_told_apart(bell: Path, tmp_path: Path) -> None:
    words = ("--machine", "willow", "--machine", "willow:distance=5", "--json")
    assert json.loads(verb(tmp_path, "run", bell, *words)).keys() == {"willow", "willow:distance=5"}
    assert [row["machine"] for row in json.loads(verb(tmp_path, "list", "--json"))] == ["willow", "willow:distance=5"]


def test_a_folder_without_jobs_is_not_made_by_asking_for_them(tmp_path: Path) -> None:
    for words in (["list"], ["collect"], ["cancel", "abc"]):
        done = CliRunner().invoke(app, ["job", *words, "--store", str(tmp_path / "none")])
        assert "there is no store" in str(done.exception)
    assert not (tmp_path / "none").exists()


def test_one_ticket_that_cannot_be_collected_does_not_stop_the_others(tmp_path: Path) -> None:
    with JobSession.open(tmp_path, EXPERIMENT) as session:
        for _ in range(2):
            session.run(machine_named("ideal", KEY), BELL, 10, KEY)
        tickets = [one.ticket for one in session.jobs.all()]
    done = CliRunner().invoke(app, ["job", "collect", tickets[0], "zz", tickets[1], "--json", "--store", str(tmp_path)])
    assert "'zz' begins 0 of the 2 tickets" in str(done.exception)
    assert json.loads(done.stdout).keys() == set(tickets)


def test_a_charter_of_ones_own_rules(bell: Path, tmp_path: Path) -> None:
    rules = tmp_path / "lab.toml"
    rules.write_text(LIMITED.to_toml())
    assert Charter.load(rules) == LIMITED
    done = CliRunner().invoke(
        app,
        ["job", "run", str(bell), "--machine", "ideal", "--charter", str(rules), "--store", str(tmp_path / "s")],
    )
    assert isinstance(done.exception, BadInput)
    assert "limits.cycles is 150" in str(done.exception)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("c.txt", BELL, "is of the kind '.txt': give a .qasm"),
        ("c.qasm", BELL.replace("h q[0]", "h q[5]"), "5"),
        ("c.qasm", "h q[0]", ""),
        ("c.stim", "H 0\nNOPE 1", "is not a circuit that stim reads"),
    ],
)
def test_a_circuit_that_cannot_be_read_is_refused_before_anything_is_charged(
    name: str, text: str, sentence: str, tmp_path: Path
) -> None:
    file = tmp_path / name
    file.write_text(text)
    done = CliRunner().invoke(app, ["job", "run", str(file), "--machine", "ideal", "--store", str(tmp_path / "s")])
    assert isinstance(done.exception, BadInput)
    assert sentence in str(done.exception)
    assert not (tmp_path / "s").exists()


def test_a_ticket_that_is_none_or_of_a_machine_that_answers_at_once(tmp_path: Path) -> None:
    with JobSession.open(tmp_path, EXPERIMENT) as session:
        with pytest.raises(BadInput, match="'abc' begins 0 of the 0 tickets"):
            session.record("abc")
        session.run(machine_named("ideal", KEY), BELL, 10, KEY)
        ticket = session.jobs.all()[0].ticket
    done = CliRunner().invoke(app, ["job", "cancel", ticket, "--store", str(tmp_path)])
    assert "which answers at once, and it is 'done': run the circuit again" in str(done.exception)
