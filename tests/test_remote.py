"""A machine over HTTP on this computer: what it answers, what it refuses, and that nothing is lost or done twice when
requests fail, the client is killed, or the server is."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest
import stim
from echo import RUNS, SECONDS, Echo, circuit, number
from hypothesis import HealthCheck, given, settings, strategies as st
from scipy.stats import binom
from typer.testing import CliRunner

from counterpoint.base import BadInput, Job, Permit, Price, Program, Shots
from counterpoint.cli.main import app
from counterpoint.govern.charter import EXPERIMENT, Charter
from counterpoint.govern.judge import Used
from counterpoint.govern.ledger import Ledger
from counterpoint.govern.permits import Governor
from counterpoint.machine.checks import Unavailable
from counterpoint.machine.queued import QueuedMachine
from counterpoint.machine.remote import connect
from counterpoint.machine.runner import Runner, charged
from counterpoint.machine.server.faulty import KINDS
from counterpoint.machine.server.limits import Limits
from counterpoint.machine.server.queue import _CHANGES, FILE, Queue, Status
from counterpoint.machine.server.server import Server
from counterpoint.machine.server.worker import Worker
from counterpoint.store.jobs import Jobs

FALSE_ALARM = 1e-6
ROOT = Path(__file__).parent
PROGRAM = Path(sys.executable).parent / "counterpoint"
PLAIN = {"circuit": {"stim": "M 0"}, "shots": 5}
WIDE = f"M {'0 ' * 100}\nOBSERVABLE_INCLUDE(0) rec[-1]"
HUGE = "R 0\nREPEAT 1000000000 {\nREPEAT 1000000 {\nH 0\n}\n}"
QASM = 'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[2] q;\nbit[2] c;\nh q[0];\ncx q[0], q[1];\nc = measure q;\n'


class Served:
    """A server in a thread of this process, and what its clients need."""

    def __init__(self, folder: Path, quotas: Mapping[str, int], **about: object) -> None:
        self.folder, self.runs = folder, folder / "runs"
        with Queue.open(folder) as queue:
            self.tokens = {name: queue.admit(name, quota) or "" for name, quota in quotas.items()}
        seconds = float(str(about.pop("seconds", 0.0)))
        given: dict[str, object] = {"port": 0, "limits": Limits(), "faults": 0.0, "key": (1,)}
        charter = about.pop("charter", EXPERIMENT)
        self.machine = Echo(self.runs, seconds)
        self.http = httpx.Client(trust_env=False, timeout=60)
        self.server = Server(self.machine, folder, charter, **(given | about))  # pyright: ignore

    @property
    def url(self) -> str:
        return self.server.url

    def ask(self, method: str, path: str, client: str = "alice", **about: object) -> httpx.Response:
        """A request as a plain client sends it."""
        head = {"Authorization": f"Bearer {self.tokens[client]}"}
        return self.http.request(method, self.url + path, headers=head, **about)  # pyright: ignore

    def used(self, client: str = "alice") -> int:
        return self.ask("GET", "/machine", client).json()["client"]["used"]

    def ran(self) -> Counter[str]:
        """How often each action was run."""
        return ran(self.runs)


def ran(file: Path) -> Counter[str]:
    return Counter(file.read_text().splitlines()) if file.exists() else Counter()


@contextmanager
def served(folder: Path, quotas: Mapping[str, int] | None = None, **about: object) -> Iterator[Served]:
    one = Served(folder, quotas or {"alice": 10**9}, **about)
    thread = threading.Thread(target=one.server.run)
    thread.start()
    try:
        while not one.server._uvicorn.started:
            time.sleep(0.005)
        yield one
    finally:
        one.machine.go.set()
        one.server.stop()
        thread.join(20)
        one.http.close()
        assert not thread.is_alive()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server of which no test needs to know the whole state."""
    folder = tmp_path_factory.mktemp("server")
    limits = Limits(shots=1000, bits=100_000, bytes=20_000, qubits=30)
    with served(folder, {"alice": 10**9, "bob": 10**9}, limits=limits) as one:
        yield one


@contextmanager
def client(folder: Path, url: str, token: str) -> Iterator[tuple[Runner, QueuedMachine, Jobs]]:
    with Jobs.open(folder) as jobs, Ledger.open(folder) as ledger:
        on = connect(url, token, jobs)
        used = sum(charged(ledger.entries()).values(), Price())
        yield Runner(Governor(EXPERIMENT, ledger, on.space), Used(used)), on, jobs


# Answers


def test_a_remote_machine_gives_what_the_machine_itself_gives(shared: Served, tmp_path: Path) -> None:
    with client(tmp_path, shared.url, shared.tokens["alice"]) as (runner, on, jobs):
        found = runner.run(on, circuit(1_234_567), 7, (1,))
        assert number(found) == 1_234_567
        assert found.measurements.shape == (1, 7, 3)
        assert found.controls.shape == (1, 0)
        assert on.name == f"echo at {shared.url}"
        assert jobs.all()[0].price == runner.used.price == Price(7, 7, 7 * 1e-6)
        watched = stim.Circuit("R 0 1\nX 1\nM 0 1\nDETECTOR rec[-2]\nOBSERVABLE_INCLUDE(0) rec[-1]")
        found = runner.run(on, watched, 9, (1,))
        assert (found.detection_events.shape, found.observables.shape) == ((1, 9, 1), (1, 9, 1))
        assert not found.observables.any()  # flips against the circuit's own reference


def test_the_same_again_changes_nothing_and_other_content_is_refused(shared: Served) -> None:
    job = {"circuit": {"stim": str(circuit(5))}, "shots": 3, "key": [7]}
    before = shared.used()
    assert [shared.ask("PUT", "/jobs/twice", json=job).status_code for _ in range(3)] == [201, 200, 200]
    other = shared.ask("PUT", "/jobs/twice", json=job | {"shots": 4})
    assert (other.status_code, "another job has the id twice" in other.json()["detail"]) == (409, True)
    assert shared.used() == before + 3
    assert shared.ask("PUT", "/jobs/twice", "bob", json=job | {"shots": 4}).status_code == 201  # bob's own
    found = shared.ask("GET", "/jobs/twice?wait=10").json()
    assert (found["id"], found["state"], found["reason"]) == ("twice", "done", "")


def test_each_client_sees_its_own_jobs_only(shared: Served) -> None:
    shared.ask("PUT", "/jobs/mine", json=PLAIN)
    for method in ("GET", "DELETE"):
        found = shared.ask(method, "/jobs/mine", "bob")
        assert (found.status_code, "'bob' has no job with the id mine" in found.json()["detail"]) == (404, True)


def test_openapi_describes_every_answer(shared: Served) -> None:
    page = shared.http.get(shared.url + "/openapi.json").json()
    kinds = {path: set(methods) for path, methods in page["paths"].items()}
    assert kinds == {"/jobs/{id}": {"put", "get", "delete"}, "/machine": {"get"}, "/price": {"post"}}
    for methods in page["paths"].values():
        for about in methods.values():
            assert about["security"] == [{"HTTPBearer": []}]
            for answer in about["responses"].values():
                assert answer["content"]["application/json"]["schema"]["$ref"].startswith("#/components/schemas/")
    assert {"JobIn", "JobOut", "ShotsOut", "MachineOut", "ErrorOut"} <= set(page["components"]["schemas"])
    for path in ("/docs", "/redoc"):
        assert shared.ask("GET", path).status_code == 404
        assert shared.http.get(shared.url + path).status_code == 401


# Refusals


@pytest.mark.parametrize("head", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic YTpi"}])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_nobody_passes_without_a_token(shared: Served, head: dict[str, str], method: str) -> None:
    for path in ("/jobs/mine", "/machine", "/nothing"):
        found = shared.http.request(method, shared.url + path, headers=head)
        assert (found.status_code, "token" in found.json()["detail"]) == (401, True)


def test_tokens_are_not_written_down(shared: Served) -> None:
    for file in shared.folder.glob(f"{FILE}*"):
        held = file.read_bytes()
        assert all(token.encode() not in held for token in shared.tokens.values())


@pytest.mark.parametrize(
    ("sent", "status", "told"),
    [
        ({"content": b"{"}, 422, "the body is no JSON"),
        ({"content": b"\xff\xfe\xff"}, 422, "cannot be read as JSON"),
        ({"json": [1]}, 422, "'body' is [1]"),
        ({"json": {"shots": 5}}, 422, "'body.circuit' is"),
        ({"json": PLAIN | {"colour": 1}}, 422, "'body.colour' is 1"),
        ({"json": PLAIN | {"shots": "5"}}, 422, "'body.shots' is '5'"),
        ({"json": PLAIN | {"shots": 0}}, 422, "'body.shots' is 0"),
        ({"json": PLAIN | {"key": [-1]}}, 422, "a word of the key"),
        ({"json": PLAIN | {"circuit": {"stim": "H 0"}}}, 422, "0 measurements was given"),
        ({"json": PLAIN | {"circuit": {}}}, 422, "the keys none: give one, 'stim' or 'qasm'"),
        ({"json": PLAIN | {"circuit": {"stim": "FOO 0"}}}, 422, "none that stim can read"),
        ({"json": PLAIN | {"circuit": {"stim": "M 30"}}}, 422, "of 31 qubits was given and 30 may be"),
        ({"json": PLAIN | {"circuit": {"qasm": "OPENQASM 3.0; foo"}}}, 422, "OpenQASM 3"),
        ({"json": PLAIN | {"circuit": {"qasm": QASM.replace("h q", "zap q")}}}, 422, "zap"),
        ({"json": PLAIN | {"circuit": {"qasm": QASM.replace("[2]", "[31]")}}}, 422, "31 qubits"),
        ({"json": PLAIN | {"shots": 1001}}, 413, "1,001 shots was given and 1,000 may be"),
        ({"json": PLAIN | {"circuit": {"stim": WIDE}, "shots": 1000}}, 413, "101,000 bits in all shots"),
        (
            {"json": PLAIN | {"circuit": {"stim": HUGE}}},
            413,
            "1,000,000,000,000,001 operations was given",
        ),
        ({"content": b"x" * 300_000}, 413, "300,000 bytes was sent and 20,000 may be"),
        ({"content": iter([b"{}"])}, 411, "unknown length"),
    ],
)
def test_what_cannot_be_run_is_refused_and_costs_nothing(
    shared: Served, sent: dict[str, object], status: int, told: str
) -> None:
    before = shared.used()
    head = {"Authorization": f"Bearer {shared.tokens['alice']}", "Content-Type": "application/json"}
    found = shared.http.put(shared.url + "/jobs/refused", headers=head, **sent)  # pyright: ignore
    assert (found.status_code, set(found.json())) == (status, {"detail"})
    assert told in found.json()["detail"]
    assert "\n" not in found.json()["detail"]
    assert shared.used() == before
    assert shared.ask("GET", "/jobs/refused").status_code == 404


def bracketed(deep: int, between: str = "") -> str:
    return f"OPENQASM 3.0;\nqubit q;\nU({'(' * deep}{between}0{')' * deep}, 0, 0) q;\n"


@pytest.mark.parametrize(
    ("circuit", "told"),
    [
        (stim.Circuit("H 16000000\nM 16000000"), "16,000,001 qubits was given and 10,000 may be"),
        ("OPENQASM 3.0;\nqubit[10001] q;\n", "10001 qubits .* at most 10,000"),
        (bracketed(100), "101 brackets within each other and 100 may be"),  # those of the gate's angles are another
        (bracketed(30, "(/*)*/" * 50 + "(//)\n" * 50), "131 brackets"),  # a comment closes nothing
        (bracketed(1, "0-" * 250 + "0*/* - */sin(0)+" * 126), "a statement has 502 operators and 500 may be"),
        (f"OPENQASM 3.0;\n{' ' * 200_000}", "200,014 characters of OpenQASM was given and 200,000 may be"),
    ],
)
def test_what_would_end_or_hold_a_server_is_refused_before_anybody_tries(circuit: Program, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        Limits().check(Job(circuit, np.zeros((1, 0)), 1, 1, "", (0,)))


def test_what_is_as_large_as_it_may_be_is_read() -> None:
    nested = "REPEAT 1 {\n" * 100 + "H 9999\n" + "}\n" * 100
    for program in (stim.Circuit(nested), bracketed(90, "- " * 90), f"{bracketed(1)}//{'(' * 9000}"):
        Limits().check(Job(program, np.zeros((1, 0)), 1, 1, "", (0,)))
    with pytest.raises(BadInput, match="10,000 qubits was given and 9,999 may be"):
        Limits(qubits=9999).check(Job(stim.Circuit(nested), np.zeros((1, 0)), 1, 1, "", (0,)))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, len(QASM) - 1), cut=st.integers(0, 20), put=st.text(max_size=8))
def test_torn_openqasm_never_breaks_the_server(shared: Served, at: int, cut: int, put: str) -> None:
    text = QASM[:at] + put + QASM[at + cut :]
    found = shared.ask("PUT", f"/jobs/torn{abs(hash(text))}", json=PLAIN | {"circuit": {"qasm": text}})
    assert found.status_code in (200, 201, 422), found.text
    assert found.status_code != 422 or "\n" not in found.json()["detail"]


def test_the_servers_own_sentence_reaches_the_person(shared: Served, tmp_path: Path) -> None:
    with Jobs.open(tmp_path) as jobs:
        for token, told in (("wrong", "a token that is not known was given"), ("", "no token was given")):
            with pytest.raises(BadInput, match=told) as problem:
                connect(shared.url, token, jobs)
            assert not isinstance(problem.value, Unavailable)
        with pytest.raises(BadInput, match="'ftp://x' is no address of a machine"):
            connect("ftp://x", "", jobs)
        with pytest.raises(
            Unavailable, match=r"no machine answers at http://127\.0\.0\.1:1 .*counterpoint serve-machine"
        ):
            connect("http://127.0.0.1:1", "", jobs)
    with client(tmp_path, shared.url, shared.tokens["alice"]) as (runner, on, jobs):
        with pytest.raises(
            BadInput, match=r"says: a job of 1,001 shots was given and 1,000 may be: split it"
        ) as problem:
            runner.run(on, circuit(1), 1001, (1,))
        assert not isinstance(problem.value, Unavailable)
        assert jobs.all() == []  # nothing was sent, and nothing charged
        assert runner.used.price.shots == 0
        with pytest.raises(BadInput, match="zap"):
            runner.run(on, QASM.replace("h q", "zap q"), 5, (1,))


def test_quota_and_queue_are_bounded_and_cancelled_shots_come_back(tmp_path: Path) -> None:
    with served(tmp_path, {"alice": 50}, limits=Limits(queued=3)) as one:
        one.machine.go.clear()
        put = [one.ask("PUT", f"/jobs/{i}", json=PLAIN | {"shots": 10}).status_code for i in range(4)]
        assert put == [201, 201, 201, 429]
        assert one.ask("DELETE", "/jobs/2").json()["state"] == "cancelled"
        assert one.ask("DELETE", "/jobs/2").json()["state"] == "cancelled"  # again: nothing more comes back
        assert one.used() == 20
        spent = one.ask("PUT", "/jobs/5", json=PLAIN | {"shots": 31})
        assert spent.status_code == 403
        assert "31 shots and client 'alice' has 30 left of a quota of 50" in spent.json()["detail"]
        one.machine.go.set()
        assert one.ask("GET", "/jobs/0?wait=10").json()["state"] == "done"
        late = one.ask("DELETE", "/jobs/0")
        assert (late.status_code, "job 0 is done" in late.json()["detail"]) == (409, True)
        assert one.ask("GET", "/jobs/1?wait=10").json()["state"] == "done"
        assert sum(one.ran().values()) == 2  # the cancelled one never ran


def test_what_the_charter_or_the_machine_refuses_fails_with_the_reason(tmp_path: Path) -> None:
    limits = EXPERIMENT.limits.model_copy(update={"shots": 26})
    charter = Charter.model_validate(EXPERIMENT.model_copy(update={"limits": limits}).model_dump())
    with (
        served(tmp_path / "server", charter=charter) as one,
        client(tmp_path / "client", one.url, one.tokens["alice"]) as (runner, on, _),
    ):
        runner.run(on, circuit(1), 20, (1,))
        with pytest.raises(BadInput, match=r"the charter says 'deny': limits\.shots is 26, of which 20 is used"):
            runner.run(on, circuit(2), 20, (1,))
        assert one.used() == 20  # it came back
        with pytest.raises(Unavailable, match=r"the machine broke \(AssertionError"):
            runner.run(on, QASM, 5, (1,))
        assert one.used() == 20
        assert number(runner.run(on, circuit(3), 1, (1,))) == 3  # the worker lives


def test_the_servers_own_trouble_is_no_refusal_of_the_job(tmp_path: Path) -> None:
    def warm(job: Job) -> Price:
        raise Unavailable("the chip is warm: wait an hour")

    with served(tmp_path) as one, closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as other:
        one.server._queue._connection.execute("PRAGMA busy_timeout = 20")
        said = []
        other.execute("BEGIN IMMEDIATE")
        said.append(one.ask("PUT", "/jobs/a", json=PLAIN))
        other.execute("ROLLBACK")
        other.execute("ALTER TABLE clients RENAME TO gone")
        said.append(one.ask("GET", "/machine"))  # at the gate
        other.execute("ALTER TABLE gone RENAME TO clients")
        for answer in said:
            assert answer.status_code == 503
            assert answer.json()["detail"] == (
                "the server cannot use its queue at this moment: ask again later, or tell who runs it"
            )
        price, one.machine.price = one.machine.price, warm
        answer = one.ask("PUT", "/jobs/a", json=PLAIN)
        assert (answer.status_code, answer.json()["detail"]) == (503, "the chip is warm: wait an hour")
        one.machine.price = price
        assert one.ask("PUT", "/jobs/a", json=PLAIN).status_code == 201
        assert one.ask("GET", "/jobs/a?wait=10").json()["state"] == "done"


def test_a_result_that_cannot_be_sent_is_the_machines_fault(tmp_path: Path) -> None:
    with served(tmp_path) as one:
        run = one.machine.run

        def broken(job: Job, permit: Permit) -> Shots:
            return replace(run(job, permit), seconds=float("nan"))

        one.machine.run = broken
        one.ask("PUT", "/jobs/a", json=PLAIN)
        found = one.ask("GET", "/jobs/a?wait=10").json()
        assert (found["state"], found["unavailable"]) == ("failed", True)
        assert "the machine broke (ValueError" in found["reason"]
        one.machine.run = run
        one.ask("PUT", "/jobs/b", json=PLAIN)
        assert one.ask("GET", "/jobs/b?wait=10").json()["state"] == "done"
    with Ledger.read(tmp_path) as ledger:
        assert [e.kind for e in ledger.entries() if e.kind.startswith("job")] == [
            "job",
            "job-failed",
            "job",
            "job-done",
        ]


@pytest.mark.parametrize("where", ["again", "take"])
def test_a_worker_that_breaks_ends_the_server(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(queue: Queue) -> None:
        raise KeyError("gone")

    monkeypatch.setattr(Queue, where, breaks)
    server = Server(Echo(tmp_path / "runs"), tmp_path, EXPERIMENT, port=0, limits=Limits(), faults=0.0, key=(1,))
    found = list[Exception]()

    def run() -> None:
        try:
            server.run()
        except KeyError as problem:
            found.append(problem)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    assert len(found) == 1


def test_a_stop_is_never_overheard(tmp_path: Path) -> None:
    class Stopped(threading.Event):
        """The stop comes at the last moment before the event is cleared."""

        def clear(self) -> None:
            worker._stopping = True
            self.set()
            super().clear()

    with Queue.open(tmp_path) as queue:
        worker = Worker(Echo(tmp_path / "runs"), EXPERIMENT, tmp_path, queue, lambda *_: None, lambda: None)
        worker._more = Stopped()
        worker.start()
        worker._thread.join(10)
        assert not worker._thread.is_alive()


def test_a_look_waits_for_the_end_of_a_job_and_no_longer(tmp_path: Path) -> None:
    with served(tmp_path) as one, ThreadPoolExecutor(1) as threads:
        one.machine.go.clear()
        one.ask("PUT", "/jobs/a", json=PLAIN)
        assert one.ask("GET", "/jobs/a").json()["state"] in ("queued", "running")
        assert one.ask("GET", "/jobs/a?wait=0.1").json()["state"] in ("queued", "running")
        looked = threads.submit(one.ask, "GET", "/jobs/a?wait=50")
        one.machine.go.set()
        assert looked.result(20).json()["state"] == "done"
        one.machine.go.clear()
        one.ask("PUT", "/jobs/b", json=PLAIN)
        looked = threads.submit(one.ask, "GET", "/jobs/b?wait=50")
        while not one.server._looking:
            time.sleep(0.005)
        one.server.stop()
        assert looked.result(20).json()["state"] in ("queued", "running")


def test_a_folder_has_one_server_and_a_port_one_listener(tmp_path: Path) -> None:
    with served(tmp_path) as one:
        other = Server(Echo(tmp_path / "runs"), tmp_path, EXPERIMENT, port=0, limits=Limits(), faults=0.0, key=(1,))
        with pytest.raises(BadInput, match="another run writes the store"):
            other.run()
        port = int(one.url.rpartition(":")[2])
        with pytest.raises(BadInput, match=f"port {port} of 127.0.0.1 cannot be used"):
            Server(Echo(tmp_path / "runs"), tmp_path, EXPERIMENT, port=port, limits=Limits(), faults=0.0, key=(1,))
    with pytest.raises(BadInput, match=r"faults were asked for with probability 1\.5"):
        Server(Echo(tmp_path / "runs"), tmp_path, EXPERIMENT, port=0, limits=Limits(), faults=1.5, key=(1,))


# The queue


def test_a_job_that_ran_when_the_server_ended_twice_is_not_run_a_third_time(tmp_path: Path) -> None:
    with Queue.open(tmp_path) as queue:
        queue.admit("alice", 100)
        for id, shots in (("crashes", 10), ("fine", 20)):
            queue.put("alice", id, "{}", shots, 9)
        for _ in range(2):
            one = queue.take()
            assert one is not None
            assert one.id == "crashes"
            queue.again()
        found = queue.status("alice", "crashes")
        assert found.state == "failed"
        assert "the server ended 2 times while it ran: " in found.reason
        assert queue.clients()["alice"].used == 20
        one = queue.take()
        assert one is not None
        assert one.id == "fine"
        queue.again()
        assert queue.take() == one
        queue.settle(one, Status("done", "{}"))
        queue.again()
        assert queue.status("alice", "fine").state == "done"
        assert queue.clients()["alice"].used == 20


def test_a_queue_of_the_first_version_keeps_what_it_holds(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as old:
        for statement in (*_CHANGES[0], "PRAGMA user_version = 1"):
            old.execute(statement)
        old.execute("INSERT INTO clients VALUES ('alice', x'00', 100, 10)")
        old.execute("INSERT INTO jobs VALUES (1, 'alice', 'a', '{}', 10, 'running', NULL, '', 0)")
    for _ in range(2):
        with Queue.open(tmp_path) as queue:
            queue.again()
            one = queue.take()
            if one is not None:
                assert (one.number, one.client, one.id) == (1, "alice", "a")
    with Queue.open(tmp_path) as queue:
        assert queue.status("alice", "a").state == "failed"
        assert queue.clients()["alice"].used == 0


@pytest.mark.parametrize("version", [0, len(_CHANGES) + 1])
def test_a_queue_of_another_version_is_refused(version: int, tmp_path: Path) -> None:
    Queue.open(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / FILE)) as other:
        other.execute(f"PRAGMA user_version = {version}")
    with pytest.raises(
        BadInput, match=rf"and {version}, a queue's \d+ and 1 to {len(_CHANGES)}\): name another folder"
    ):
        Queue.open(tmp_path)


def test_a_new_queue_may_be_opened_by_many_at_once(tmp_path: Path) -> None:
    many, rounds = 4, 10
    with ThreadPoolExecutor(many) as threads:
        for number in range(rounds):
            folder, together = tmp_path / str(number), threading.Barrier(many)

            def opened(_: int, folder: Path = folder, together: threading.Barrier = together) -> None:
                together.wait(20)
                Queue.open(folder).close()

            list(threads.map(opened, range(many)))
            with Queue.open(folder) as queue:
                assert queue.clients() == {}


# Faults, kills, restarts


def permitted(folder: Path) -> dict[str, int]:
    """Tickets of the jobs that the ledger in a folder permits, with their entries; its chain is whole."""
    with Ledger.read(folder) as ledger:
        assert ledger.verify(None) == []
        entries = [(e, json.loads(e.content)) for e in ledger.entries()]
    return {e.digest: e.number for e, about in entries if e.kind == "job" and about["verdict"] == "allow"}


def test_a_thousand_jobs_at_a_server_that_fails_at_every_fifth_request(tmp_path: Path) -> None:
    """None is lost, none runs twice, each answer is that of its job, and the books of both sides agree."""
    jobs_in_all, probability = 1000, 0.2
    with served(tmp_path / "server", faults=probability) as one:
        with client(tmp_path / "client", one.url, one.tokens["alice"]) as (runner, on, jobs):
            asked = [runner.job(on, circuit(i), 3, (i,)) for i in range(jobs_in_all)]
            permits = [runner.permit(on, job) for job in asked]
            with ThreadPoolExecutor(8) as threads:
                found = list(threads.map(on.run, asked, permits))
            assert [number(shots) for shots in found] == list(range(jobs_in_all))
            for permit, shots in zip(permits, found, strict=True):
                runner.collected(permit.entry, shots)
            assert one.ran() == Counter(job.action for job in asked)
            kept = jobs.all()
            assert {one.ticket: one.entry for one in kept} == permitted(tmp_path / "client")
            assert {one.state for one in kept} == {"done"}
            assert sum((one.price for one in kept), Price()) == runner.used.price
            assert (on.pending(), runner.used.price.shots) == ([], 3 * jobs_in_all)
        met = one.server.faulty.met
        requests = 2 * jobs_in_all  # at least
        for kind in KINDS:
            assert met[kind] >= binom.ppf(FALSE_ALARM, requests, probability / len(KINDS))
    assert len(permitted(tmp_path / "server")) == jobs_in_all
    with Queue.open(tmp_path / "server") as queue:
        assert queue.clients()["alice"].used == 3 * jobs_in_all


CLIENT = """
import sys
from pathlib import Path
from echo import circuit
from test_remote import client
folder, url, token = sys.argv[1:]
with client(Path(folder), url, token) as (runner, on, jobs):
    for i in range(10_000):
        job = runner.job(on, circuit(i), 2, (i,))
        on.submit(job, runner.permit(on, job))
        print(i, flush=True)
"""


def test_a_killed_client_is_collected_by_a_new_one(tmp_path: Path) -> None:
    with served(tmp_path / "server", seconds=0.01) as one:
        words = [sys.executable, "-c", CLIENT, str(tmp_path / "client"), one.url, one.tokens["alice"]]
        with subprocess.Popen(
            words, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}
        ) as dies:
            assert dies.stdout is not None
            while dies.stdout.readline() != "30\n":
                assert dies.poll() is None
            dies.send_signal(signal.SIGKILL)
        with client(tmp_path / "client", one.url, one.tokens["alice"]) as (_, on, jobs):
            tickets = [kept.ticket for kept in jobs.all()]
            assert len(tickets) > 30
            assert set(on.pending()) == set(tickets)
            assert [number(on.collect(ticket)) for ticket in tickets] == list(range(len(tickets)))
            # A permit that no ticket was written for counts as not run: it is the last, if any.
            granted = permitted(tmp_path / "client")
            assert set(tickets) <= set(granted)
            assert len(granted) - len(tickets) <= 1
        ran = one.ran()
        assert (len(ran), sum(ran.values())) == (len(tickets), len(tickets))


@contextmanager
def program(folder: Path, port: int, *words: str, seconds: float = 0.0) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`counterpoint serve-machine` in a process of its own, once it serves, and what it printed."""
    about = os.environ | {RUNS: str(folder / "runs"), SECONDS: str(seconds)}
    given = ["serve-machine", f"{ROOT / 'echo.py'}:echo", "--port", str(port), "--store", str(folder), *words]
    with subprocess.Popen([PROGRAM, *given], stdout=subprocess.PIPE, text=True, env=about) as process:
        assert process.stdout is not None
        shown = ""
        while "serving" not in shown:
            line = process.stdout.readline()
            assert line, shown
            shown += line
        try:
            yield process, shown
        finally:
            if process.poll() is None:
                process.kill()


def test_a_killed_server_goes_on_where_it_was(tmp_path: Path) -> None:
    jobs_in_all, folder = 40, tmp_path / "server"
    with program(folder, 0, "--client", "alice", "--quota", "1e4", seconds=0.02) as (dies, shown):
        (token,), (url,) = re.findall(r"token +(\S+)", shown), re.findall(r"at (http\S+)", shown)
        with client(tmp_path / "client", url, token) as (runner, on, _):
            tickets = []
            for i in range(jobs_in_all):
                job = runner.job(on, circuit(i), 2, (i,))
                tickets.append(on.submit(job, runner.permit(on, job)))
            while sum(ran(folder / "runs").values()) < 5:
                time.sleep(0.01)
            dies.send_signal(signal.SIGKILL)
            dies.wait()
            before = ran(folder / "runs")
            assert 5 <= sum(before.values()) < jobs_in_all
            with program(folder, int(url.rpartition(":")[2]), "--client", "alice", "--quota", "2e4") as (server, shown):
                assert "token" not in shown  # it stays
                assert "80 of 20,000 shots used" in shown
                assert [number(on.collect(ticket)) for ticket in tickets] == list(range(jobs_in_all))
                server.send_signal(signal.SIGTERM)
                assert server.stdout is not None
                assert "stopped: what is queued runs" in server.stdout.read()
                assert server.wait(20) == 0
    runs = ran(folder / "runs")
    assert len(runs) == jobs_in_all
    # One may have run while its outcome was not yet written down when the server was killed: it counts as not run.
    assert sum(runs.values()) - jobs_in_all <= 1
    with Ledger.read(folder) as ledger:
        entries = [(entry.kind, json.loads(entry.content)) for entry in ledger.entries()]
    kinds = Counter(kind for kind, _ in entries)
    assert kinds["job"] == kinds["job-done"] + kinds["job-not-run"]
    assert kinds["job-done"] in (jobs_in_all, jobs_in_all + 1)
    assert kinds["job-not-run"] <= 1


# The verb


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("", "has 0 clients: make one with --client NAME --quota SHOTS"),
        ("--quota 5", "--quota was given and no client: name one with --client"),
        ("--new-token", "--new-token was given and no client"),
        ("--client bob", "client 'bob' is not among 0 clients: give it --quota SHOTS"),
    ],
)
def test_clients_that_cannot_be_made(words: str, told: str, tmp_path: Path) -> None:
    found = CliRunner().invoke(app, ["serve-machine", "--store", str(tmp_path), *words.split()])
    assert isinstance(found.exception, BadInput)
    assert told in str(found.exception)


def test_clients_are_made_changed_and_given_new_tokens(tmp_path: Path) -> None:
    def said(words: str) -> str:
        found = CliRunner().invoke(app, ["serve-machine", "--store", str(tmp_path), *words.split()])
        assert found.exit_code == 0, found.output
        return found.stdout

    first = re.findall(r"token +(\S+)", said("--client alice --quota 1e3"))[0]
    assert "0 of 2,000 shots used" in (changed := said("--client alice --quota 2e3"))
    assert "token" not in changed
    with Queue.open(tmp_path) as queue:
        assert queue.who(first) == "alice"
        assert queue.who(first[:-1]) is None
    second = re.findall(r"token +(\S+)", said("--client alice --new-token"))[0]
    with Queue.open(tmp_path) as queue:
        assert (queue.who(first), queue.who(second)) == (None, "alice")
