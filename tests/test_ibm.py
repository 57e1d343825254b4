"""IBM's queue without IBM: the vendor's local mode, a service that remembers, and answers that do not come."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from counterpoint.base import BadInput, Job, Price
from counterpoint.circuits import qasm
from counterpoint.circuits.circuit import Circuit, Operation as Op
from counterpoint.machine.checks import Unavailable
from counterpoint.machine.results import bits_of
from counterpoint.machine.vendors.ibm import BETWEEN, OVERHEAD, IbmProvider, ibm
from counterpoint.machine.vendors.placement import best_chain
from counterpoint.machine.vendors.qiskit_target import shot_seconds, transpile
from counterpoint.machine.vendors.snapshot import Snapshot

FALSE_ALARM = 1e-6
READ = (Op("measure", (0,), bit=0), Op("measure", (1,), bit=2))
BELL = Circuit(2, 3, (Op("h", (0,)), Op("cx", (0, 1)), *READ))
TICKET = "f" * 64
RATE = 1.5


class Service:
    """What the provider uses of a QiskitRuntimeService, over the vendor's local mode; jobs are found by their tags."""

    def __init__(self) -> None:
        self.sent: list[tuple[list[str], int, Any]] = []  # tags, most seconds, job

    def jobs(self, limit: int, job_tags: list[str]) -> list[Any]:
        return [job for tags, _, job in self.sent if set(job_tags) <= set(tags)][:limit]

    def job(self, id: str) -> Any:
        return next(job for _, _, job in self.sent if job.job_id() == id)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    """Local mode has no tags and no limits of time: what is said of these is kept here and taken from the options."""
    import qiskit_ibm_runtime as runtime

    made, local = Service(), runtime.SamplerV2

    class Recording:
        def __init__(self, mode: Any, options: dict[str, Any]) -> None:
            self._options, self._local = options, local(mode=mode)

        def run(self, circuits: list[Any], shots: int) -> Any:
            job = self._local.run(circuits, shots=shots)
            made.sent.append((self._options["environment"]["job_tags"], self._options["max_execution_time"], job))
            return job

    monkeypatch.setattr(runtime, "SamplerV2", Recording)
    return made


def provider(service: Any) -> IbmProvider:
    from qiskit_ibm_runtime.fake_provider import FakeManilaV2

    return IbmProvider(service, FakeManilaV2(), RATE)


def task(circuit: Circuit = BELL, shots: int = 1000, candidates: int = 1) -> Job:
    return Job(qasm.write(circuit), np.zeros((candidates, 0)), shots, 1, "the action", (3,))


def test_a_ticket_runs_once_and_is_collected(service: Service) -> None:
    on = provider(service)
    id = on.submit(task(), TICKET)
    assert on.submit(task(), TICKET) == provider(service).submit(task(), TICKET) == id
    assert len(service.sent) == 1
    other = on.submit(task(candidates=2), "e" * 64)
    assert other != id
    service.job(id).result()
    found = on.look(task(), id, 0)
    assert (found.state, found.shots is not None) == ("done", True)
    bits = bits_of(found.shots, 3)
    assert bits.shape == (1000, 3)
    assert not bits[:, 1].any()
    assert (bits[:, 0] != bits[:, 2]).sum() <= binom.isf(FALSE_ALARM, 1000, worst(on.snapshot))
    service.job(other).result()
    assert on.look(task(candidates=2), other, 0).shots.measurements.shape == (2, 1000, 1)


def worst(snapshot: Snapshot) -> float:
    """How often a Bell pair can be read unequal at most: each readout wrong, each gate's error a flip."""
    chain = best_chain(snapshot, 2)
    reading = sum(max(p or 0.0 for p in snapshot.confusion[q]) for q in chain)
    pulses = sum(c.error or 0.0 for c in snapshot.operations["sx"] if c.qubits[0] in chain)
    # An error of 1 - F is a depolarising one of less than twice that.
    return reading + 2 * (2 * pulses + snapshot.couplers[tuple(sorted(chain))])


def test_the_price_is_the_limit_that_is_sent(service: Service) -> None:
    on = provider(service)
    each = BETWEEN + shot_seconds(on.snapshot, transpile(on.snapshot, BELL, best_chain(on.snapshot, 2)))
    for candidates in (1, 2):
        shots = 1000 * candidates
        seconds = math.ceil(candidates * OVERHEAD + 2 * shots * each)
        found = on.price(task(candidates=candidates))
        assert found == Price(cycles=shots, shots=shots, seconds=seconds, spend=seconds * RATE)
        on.submit(task(candidates=candidates), f"ticket {candidates}")
        assert service.sent[-1][:2] == ([f"ticket {candidates}"], seconds)


class Silent:
    """A service whose every answer is an error."""

    def __init__(self, problem: Exception) -> None:
        self.problem = problem

    def jobs(self, **_: Any) -> Any:
        raise self.problem

    def job(self, _: str) -> Any:
        raise self.problem


def test_silence_is_told_from_refusal() -> None:
    import requests
    from qiskit_ibm_runtime.api.exceptions import RequestsApiError
    from qiskit_ibm_runtime.exceptions import IBMRuntimeError

    def wrapped(inner: Exception) -> Exception:
        try:
            try:
                raise inner
            except Exception as ex:
                raise IBMRuntimeError(f"Failed to run program: {ex}") from None
        except IBMRuntimeError as outer:
            return outer

    refused = requests.HTTPError("no")
    refused.response = requests.Response()
    refused.response.status_code = 403
    silent = (requests.ConnectionError("lost"), RequestsApiError("busy", 503), wrapped(RequestsApiError("lost")))
    for problem in (*silent, wrapped(RequestsApiError("slow down", 429))):
        for call in calls(provider(Silent(problem))):
            with pytest.raises(Unavailable, match="IBM does not answer"):
                call()
    for problem in (wrapped(RequestsApiError("too long", 400)), refused):
        for call in calls(provider(Silent(problem))):
            with pytest.raises(BadInput, match="IBM refuses it") as found:
                call()
            assert not isinstance(found.value, Unavailable)


def calls(on: IbmProvider) -> list[Any]:
    return [lambda: on.submit(task(), TICKET), lambda: on.look(task(), "an id", 0), lambda: on.cancel("an id")]


class Standing:
    """A job that stands as it is told."""

    def __init__(self, status: str) -> None:
        self._status = status

    def status(self) -> str:
        return self._status

    def error_message(self) -> str:
        return "a qubit was lost"


def test_states_are_ours() -> None:
    class One:
        def __init__(self, status: str) -> None:
            self._job = Standing(status)

        def job(self, _: str) -> Standing:
            return self._job

    said = {"INITIALIZING": "queued", "QUEUED": "queued", "RUNNING": "running", "CANCELLED": "cancelled"}
    for theirs, ours in said.items():
        assert provider(One(theirs)).look(task(), "an id", 0).state == ours
        if ours != "queued":  # one that runs would be ended, and charged for
            with pytest.raises(BadInput, match=f"is {ours} and only one that waits can be cancelled: collect it"):
                provider(One(theirs)).cancel("an id")
    failed = provider(One("ERROR")).look(task(), "an id", 0)
    assert (failed.state, failed.reason) == ("failed", "job an id on ibm:fake_manila: a qubit was lost")


def test_bad_input(service: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    on = provider(service)
    with pytest.raises(BadInput, match="3 bits and measures none"):
        on.price(task(Circuit(2, 3, (Op("h", (0,)),))))
    with pytest.raises(BadInput, match="6 coupled qubits were asked for and ibm:fake_manila"):
        on.submit(task(Circuit(6, 1, (Op("measure", (0,), bit=0),))), TICKET)
    with pytest.raises(BadInput, match=r"rate of -1\.0 a second"):
        IbmProvider(service, None, -1.0)
    with pytest.raises(BadInput, match="no rate was given for ibm_torino"):
        ibm("ibm_torino", None)
    for name in ("QISKIT_IBM_TOKEN", "QISKIT_IBM_CHANNEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(
        "qiskit_ibm_runtime.accounts.management._DEFAULT_ACCOUNT_CONFIG_JSON_FILE", str(tmp_path / "no")
    )
    with pytest.raises(BadInput, match=r"needs an IBM Quantum account .*save_account"):
        ibm("ibm_torino", 0.0)


def test_the_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "qiskit_ibm_runtime", None)
    with pytest.raises(BadInput, match=r"pip install qiskit qiskit-aer qiskit-ibm-runtime"):
        ibm("ibm_torino", 0.0)
