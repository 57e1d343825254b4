"""Jobs in the store, as JSON, and at a provider that fails in every place: nothing is lost and nothing sent twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest
import stim
from hypothesis import given, settings, strategies as st

from counterpoint.base import BadInput, Job, Permit, Price, Shots
from counterpoint.machine.checks import Unavailable
from counterpoint.machine.knobs import NO_KNOBS
from counterpoint.machine.queued import Looked, Patience, QueuedMachine
from counterpoint.machine.results import shots_of as shots_from
from counterpoint.machine.wire import circuit_of, job_of, job_plain, packed, shots_of, shots_plain, unpacked
from counterpoint.store import Run, Store
from counterpoint.store.database import FILE
from counterpoint.store.jobs import Jobs
from counterpoint.store.schema import MIGRATIONS, migrate, refuse_foreign, version, write_ahead

BELL = stim.Circuit("R 0 1\nTICK\nH 0\nTICK\nCX 0 1\nTICK\nM 0 1")
WATCHED = stim.Circuit("R 0 1\nM 0 1\nDETECTOR rec[-1]\nDETECTOR rec[-2]\nOBSERVABLE_INCLUDE(0) rec[-1]")
TEXT = 'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[2] q;\nbit[11] c;\nh q[0];\nc[10] = measure q[0];\n'
KNOBS = np.zeros((1, 0))


def a_job(number: int = 0, circuit: stim.Circuit | str = BELL) -> Job:
    return Job(circuit, NO_KNOBS.start[None], 10, 1, f"action {number}", (number,))


def answer(job: Job, number: int = 0) -> Shots:
    """Shots that tell the number of their job."""
    bits = np.random.default_rng(number).integers(0, 2, (1, job.shots, 2)).astype(np.bool_)
    return shots_from(job, bits, started=float(number), seconds=0.5)


def same(one: Shots, other: Shots) -> bool:
    arrays = ("detection_events", "observables", "measurements", "controls")
    equal = all(np.array_equal(getattr(one, name), getattr(other, name)) for name in arrays)
    return equal and (one.started, one.seconds) == (other.started, other.seconds)


# As JSON


floats = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def answered(draw: st.DrawFn) -> tuple[Job, Shots]:
    circuit = draw(st.sampled_from([BELL, WATCHED, TEXT, "anything at all \u20ac"]))
    candidates, shots, knobs = draw(st.integers(1, 3)), draw(st.integers(1, 9)), draw(st.integers(0, 2))
    controls = np.array(draw(st.lists(floats, min_size=candidates * knobs, max_size=candidates * knobs)))
    key = tuple(draw(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=4)))
    job = Job(circuit, controls.reshape(candidates, knobs), shots, draw(st.integers(1, 99)), draw(st.text()), key)
    width = 11 if isinstance(circuit, str) else circuit.num_measurements
    drawn = np.random.default_rng(key).integers(0, 2, (candidates, shots, width)).astype(np.bool_)
    return job, shots_from(job, drawn, started=draw(floats), seconds=draw(floats))


@settings(deadline=None)
@given(answered())
def test_a_job_and_its_answer_come_back_as_they_were(both: tuple[Job, Shots]) -> None:
    job, shots = both
    back = job_of(unpacked(packed(job_plain(job))))
    plain = ("circuit", "shots", "cycles", "action", "key")
    assert all(getattr(back, name) == getattr(job, name) for name in plain)
    assert np.array_equal(back.controls, job.controls)
    assert same(shots_of(unpacked(packed(shots_plain(shots))), back), shots)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"circuit": {"qasm": "", "stim": ""}}, "the keys qasm, stim: give one"),
        ({"circuit": {"stim": "FOO 1"}}, "none that stim can read .*FOO"),
        ({"circuit": "M 0"}, "a circuit is 'M 0': give a JSON object"),
        ({"circuit": {"qasm": 3}}, "'qasm' is 3: give a text"),
        ({"shots": 0}, "'shots' is 0: give a whole number from 1 to 1000000000000"),
        ({"shots": True}, "'shots' is True"),
        ({"cycles": 1.5}, r"'cycles' is 1\.5"),
        ({"key": []}, r"the key is \[\]: give a list of 1 to 64"),
        ({"key": [-1]}, "a word of the key' is -1"),
        ({"controls": []}, r"the controls are \[\]"),
        ({"controls": [[1.0], [1.0, 2.0]]}, r"rows of \[1, 2\] numbers"),
        ({"controls": [[float("nan")]]}, "'a control' is nan"),
        ({"controls": [[10**400]]}, "'a control' is 1000.*: give a finite number"),
        ({"circuit": {"stim": "M 0 \ud800"}}, r"'stim' has '\\ud800' at 4, half a character"),
        ({"circuit": {"qasm": "\udfff"}}, r"'qasm' has '\\udfff' at 0"),
        ({"circuit": {"stim": "REPEAT 1 {\n" * 20_000}}, "20,000 REPEAT within each other and 100 may be"),
        ({"circuit": {"stim": "REPEAT[}] 1 {\n#}\n" * 101}}, "101 REPEAT within each other"),
        ({"action": None}, "'action' is None"),
    ],
)
def test_a_job_that_is_none_is_refused(change: dict[str, Any], told: str) -> None:
    with pytest.raises(BadInput, match=told):
        job_of(job_plain(a_job()) | change)
    (name,) = change
    with pytest.raises(BadInput, match=f"'{name}' is missing among"):
        job_of({k: v for k, v in job_plain(a_job()).items() if k != name})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"measurements": "AAA"}, "'measurements' is no base64"),
        ({"measurements": "AAAA"}, "'measurements' has 3 bytes and 10 shots have 10"),
        ({"observables": "AAAAAAAAAAAAAA=="}, "'observables' has 10 bytes and 10 shots have 0"),
        ({"controls": [[], []]}, "of 2 candidates and the job has 1"),
        ({"seconds": float("inf")}, "'seconds' is inf"),
    ],
)
def test_an_answer_that_is_none_is_refused(change: dict[str, Any], told: str) -> None:
    with pytest.raises(BadInput, match=told):
        shots_of(shots_plain(answer(a_job())) | change, a_job())


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["stim", "qasm", "circuit", "shots"]), inner),
    )
)
def test_whatever_comes_is_read_or_refused_in_a_sentence(plain: Any) -> None:
    for read in (job_of, circuit_of, lambda one: shots_of(one, a_job())):
        said = ""
        try:
            read(plain)
        except BadInput as problem:
            said = str(problem)
        assert "\n" not in said


def test_what_is_no_block_is_not_counted_as_one() -> None:
    text = "REPEAT[{{] 1 { #{\n" * 100 + "H[{] 0 # {{\n" + "}\n" * 100 + "REPEAT 1 {\nH 0\n}\n" * 200
    assert circuit_of({"stim": text}) == stim.Circuit(text)


def test_a_damaged_result_is_said_to_be_damaged() -> None:
    with pytest.raises(BadInput, match=r"3 bytes of a result are damaged .*restore"):
        unpacked(b"abc")


# In the store


def test_jobs_are_kept_as_they_stand(tmp_path: Path) -> None:
    with Jobs.open(tmp_path) as jobs:
        assert jobs.all() == []
        for number in range(4):
            jobs.begin(f"t{number}", "echo", "{}", Price(10, 2, 0.25, 1.5), number, "sent")
        jobs.sent("t1", "id 1")
        jobs.settle("t1", "done", b"result")
        jobs.settle("t2", "failed", reason="it broke")
        jobs.settle("t3", "cancelled", reason="by hand")
        jobs.settle("t3", "done", b"too late")
        with pytest.raises(BadInput, match="ticket t0 of ledger entry 9 was sent before: collect it"):
            jobs.begin("t0", "echo", "{}", Price(), 9, "sent")
        with pytest.raises(BadInput, match="ticket t7 is not among the 4 jobs of store"):
            jobs.record("t7")
    with Jobs.open(tmp_path) as jobs:
        assert [one.ticket for one in jobs.pending()] == ["t0"]
        found = [(one.state, one.provider_id, one.result, one.reason, one.entry) for one in jobs.all()]
        assert found == [
            ("sent", None, None, "", 0),
            ("done", "id 1", b"result", "", 1),
            ("failed", None, None, "it broke", 2),
            ("cancelled", None, None, "by hand", 3),
        ]
        assert jobs.record("t1").price == Price(10, 2, 0.25, 1.5)
        assert all((one.settled is None) == (one.state == "sent") for one in jobs.all())


def test_a_store_of_the_first_version_keeps_what_it_holds(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    migrate(connection, MIGRATIONS[:1])
    connection.execute("INSERT INTO runs (name, charter, seed, settings, started) VALUES ('old', '', 1, '{}', '')")
    connection.close()
    Jobs.open(tmp_path).close()
    with Store.open(tmp_path, read_only=True) as store:
        assert store.runs() == [Run("old", "", 1, {}, "", 1)]


def test_a_new_store_may_be_made_by_many_at_once(tmp_path: Path) -> None:
    many, rounds = 4, 10
    with ThreadPoolExecutor(many) as threads:
        for number in range(rounds):
            path, together = tmp_path / f"{number}.sqlite", Barrier(many)

            def made(_: int, path: Path = path, together: Barrier = together) -> int:
                together.wait(20)
                with closing(sqlite3.connect(path, isolation_level=None)) as connection:
                    refuse_foreign(connection, path)
                    write_ahead(connection)
                    migrate(connection)
                    return version(connection)

            assert list(threads.map(made, range(many))) == [len(MIGRATIONS)] * many


def test_threads_and_other_processes_write_beside_each_other(tmp_path: Path) -> None:
    with Jobs.open(tmp_path) as jobs, Jobs.open(tmp_path) as others, Store.open(tmp_path) as store:
        with ThreadPoolExecutor(4) as threads:
            both = (jobs, others)
            list(threads.map(lambda i: both[i % 2].begin(f"t{i}", "echo", "{}", Price(shots=1), i, "sent"), range(80)))
        store.begin(Run("run", "", 1, {}))
        assert len(jobs.all()) == len(others.all()) == 80


def test_what_cannot_be_written_is_said_in_a_sentence(tmp_path: Path) -> None:
    with Jobs.open(tmp_path) as jobs:
        jobs._connection.execute("PRAGMA query_only = ON")
        with pytest.raises(BadInput, match=r"store .* cannot be read or written .*readonly.*--store"):
            jobs.begin("t", "echo", "{}", Price(), 0, "sent")


# At a provider


class Crash(BaseException):
    """The process ends here."""


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept = list[float]()

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float, /) -> None:
        self.now += seconds
        self.slept.append(seconds)


class Scripted:
    """A provider that does before and after each call what it is told to, and counts what it runs."""

    name = "scripted"

    def __init__(self, looks: int = 3) -> None:
        self.looks = looks  # until a job is done
        self.seen = dict[str, int]()
        self.runs = dict[str, int]()
        self.faults = dict[tuple[str, str], list[BaseException | Callable[[], None]]]()
        self.ends = Looked("done")
        self.cancelled = set[str]()

    def _meet(self, when: str, call: str) -> None:
        todo = self.faults.get((when, call), [])
        if todo:
            one = todo.pop(0)
            if isinstance(one, BaseException):
                raise one
            one()

    def price(self, job: Job) -> Price:
        return Price(job.shots, job.shots, 0.5, 2.0)

    def submit(self, job: Job, ticket: str) -> str:
        self._meet("before", "submit")
        self.runs.setdefault(f"id of {ticket}", 0)
        self._meet("after", "submit")
        return f"id of {ticket}"

    def look(self, job: Job, id: str, wait: float) -> Looked:
        self._meet("before", "look")
        self.seen[id] = self.seen.get(id, 0) + 1
        if self.seen[id] < self.looks:
            return Looked("queued" if self.seen[id] == 1 else "running")
        self.runs[id] = 1
        self._meet("after", "look")
        return Looked("done", answer(job, job.key[0])) if self.ends.state == "done" else self.ends

    def cancel(self, id: str) -> None:
        self._meet("before", "cancel")
        if self.seen.get(id, 0) >= 2:
            raise BadInput("it runs")
        self.cancelled.add(id)
        self._meet("after", "cancel")


def a_permit(job: Job, number: int) -> Permit:
    return Permit(job.action, Price(job.shots, job.shots, 0.5, 2.0), number, f"ticket{number}")


def machine(provider: Scripted, jobs: Jobs, clock: Clock | None = None) -> QueuedMachine:
    return QueuedMachine(provider, jobs, patience=Patience(), clock=clock or Clock())


def test_ticket_before_sending_and_id_before_waiting(tmp_path: Path) -> None:
    provider, job = Scripted(), a_job(5)
    with Jobs.open(tmp_path) as jobs, Jobs.open(tmp_path) as other:  # another connection sees what is on the disk
        provider.faults["before", "submit"] = [lambda: order.append(other.record("ticket5").provider_id)]
        provider.faults["before", "look"] = [lambda: order.append(other.record("ticket5").provider_id)]
        order = list[str | None]()
        on = machine(provider, jobs)
        found = on.run(job, a_permit(job, 5))
        assert order == [None, "id of ticket5"]
        assert same(found, answer(job, 5))
        assert (other.record("ticket5").state, other.record("ticket5").price) == ("done", Price(10, 10, 0.5, 2.0))
        assert on.clock == 5.5
        assert same(on.collect("ticket5"), found)  # from the store
        assert provider.seen == {"id of ticket5": 3}


@pytest.mark.parametrize(
    "where",
    [
        ("before", "submit"),
        ("after", "submit"),
        ("before", "look"),
        ("after", "look"),
        ("store", "id"),
        ("store", "result"),
    ],
)
def test_after_a_crash_anywhere_a_new_process_collects(
    where: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider, job = Scripted(), a_job(7)
    with Jobs.open(tmp_path) as jobs, monkeypatch.context() as patched:
        if where[0] == "store":

            def crash(*_: object) -> None:
                raise Crash

            patched.setattr(Jobs, "sent" if where[1] == "id" else "settle", crash)
        provider.faults[where] = [Crash()]
        with pytest.raises(Crash):
            machine(provider, jobs).run(job, a_permit(job, 7))
    with Jobs.open(tmp_path) as jobs:
        on = machine(provider, jobs)
        with pytest.raises(BadInput, match="ledger entry 7 was used before"):
            on.submit(job, a_permit(job, 7))
        assert on.pending() == ["ticket7"]
        assert same(on.collect("ticket7"), answer(job, 7))
        assert on.pending() == []
        assert provider.runs == {"id of ticket7": 1}
        assert jobs.record("ticket7").price == Price(10, 10, 0.5, 2.0)


def test_pauses_double_up_to_the_longest_and_end_in_time(tmp_path: Path) -> None:
    provider, job, clock = Scripted(), a_job(), Clock()
    provider.faults["after", "submit"] = [Unavailable("503") for _ in range(1000)]
    with Jobs.open(tmp_path) as jobs:
        on = machine(provider, jobs, clock)
        with pytest.raises(
            Unavailable, match="503; this was tried for 120 s, and ticket ticket0 is kept: collect it later"
        ):
            on.submit(job, a_permit(job, 0))
        given = Patience()
        for k, pause in enumerate(clock.slept):
            whole = min(given.first * 2**k, given.longest)
            assert whole / 2 <= pause <= whole
        assert given.unanswered - given.longest <= clock.now <= given.unanswered
        provider.faults.clear()
        assert on.pending() == ["ticket0"]
        assert same(on.collect("ticket0"), answer(job))
        assert provider.runs == {"id of ticket0": 1}


def test_a_short_silence_is_not_noticed(tmp_path: Path) -> None:
    provider, job, clock = Scripted(), a_job(), Clock()
    for where in (("before", "submit"), ("after", "submit"), ("before", "look"), ("after", "look")):
        provider.faults[where] = [Unavailable("503"), Unavailable("no answer")]
    with Jobs.open(tmp_path) as jobs:
        assert same(machine(provider, jobs, clock).run(job, a_permit(job, 0)), answer(job))
        assert provider.runs == {"id of ticket0": 1}
        assert len(clock.slept) == 8 + 2  # tries, and looks at a job that has not ended


def test_what_is_refused_is_settled_and_not_tried_again(tmp_path: Path) -> None:
    provider, job, clock = Scripted(), a_job(), Clock()
    provider.faults["before", "submit"] = [BadInput("too large")]
    with Jobs.open(tmp_path) as jobs:
        on = machine(provider, jobs, clock)
        with pytest.raises(BadInput, match="too large"):
            on.run(job, a_permit(job, 0))
        assert (on.pending(), clock.slept, jobs.record("ticket0").reason) == ([], [], "too large")
        with pytest.raises(BadInput, match=r"ticket ticket0 was refused \(too large\): ask for a new permit"):
            on.collect("ticket0")


@pytest.mark.parametrize("unavailable", [False, True])
def test_a_job_that_fails_says_who_is_at_fault(unavailable: bool, tmp_path: Path) -> None:
    provider, job = Scripted(), a_job()
    provider.ends = Looked("failed", None, "it broke", unavailable)
    with Jobs.open(tmp_path) as jobs:
        with pytest.raises(BadInput, match="it broke") as problem:
            machine(provider, jobs).run(job, a_permit(job, 0))
        assert isinstance(problem.value, Unavailable) == unavailable
        assert jobs.record("ticket0").state == "failed"


def test_only_what_has_not_begun_is_cancelled(tmp_path: Path) -> None:
    provider, job = Scripted(), a_job()
    with Jobs.open(tmp_path) as jobs:
        on = machine(provider, jobs)
        provider.faults["after", "submit"] = [Crash()]
        with pytest.raises(Crash):
            on.submit(job, a_permit(job, 0))
        provider.faults["after", "cancel"] = [Unavailable("no answer")]
        on.cancel("ticket0")  # it had arrived
        assert provider.cancelled == {"id of ticket0"}
        assert jobs.record("ticket0").state == "cancelled"
        with pytest.raises(BadInput, match="ended, it is cancelled: there is nothing to cancel"):
            on.cancel("ticket0")
        with pytest.raises(BadInput, match=r"was cancelled \(by hand, before it began\)"):
            on.collect("ticket0")
        ticket = on.submit(job, a_permit(job, 1))
        provider.seen[f"id of {ticket}"] = 2
        with pytest.raises(BadInput, match="it runs"):
            on.cancel(ticket)
        assert on.pending() == [ticket]


def test_permits_and_machines_are_not_mixed_up(tmp_path: Path) -> None:
    provider, job = Scripted(), a_job()
    with Jobs.open(tmp_path) as jobs:
        on = machine(provider, jobs)
        with pytest.raises(BadInput, match="the permit is for action action 1"):
            on.submit(job, a_permit(a_job(1), 0))
        with pytest.raises(BadInput, match="needs 2 spend and its permit allows 1"):
            on.submit(job, Permit(job.action, Price(10, 10, 0.5, 1.0), 0, "t"))
        with pytest.raises(BadInput, match="controls of shape"):
            on.submit(Job(BELL, np.zeros((1, 2)), 10, 1, job.action, (0,)), a_permit(job, 0))
        assert jobs.all() == []
        jobs.begin("other", "willow", "{}", Price(), 0, "sent")
        with pytest.raises(BadInput, match="ticket other is of machine 'willow' and this is 'scripted'"):
            on.collect("other")
        assert on.pending() == []
