"""Braket's cloud without AWS: a session that remembers, results as the local simulator writes them, no answers."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from counterpoint.base import BadInput, Job, Permit, Price
from counterpoint.circuits import qasm
from counterpoint.circuits.circuit import Circuit, Operation as Op
from counterpoint.machine.checks import Unavailable
from counterpoint.machine.queued import QueuedMachine
from counterpoint.machine.results import bits_of
from counterpoint.machine.vendors.aws import AwsProvider, aws
from counterpoint.store.jobs import Jobs

ARN = "arn:aws:braket:::device/quantum-simulator/amazon/sv1"
TICKET = "f" * 64
PLACES = Circuit(3, 5, (Op("x", (2,)), Op("measure", (2,), bit=4), Op("measure", (0,), bit=1)))


class Session:
    """What the provider uses of an AwsSession; tasks run on Braket's local state vector at once."""

    def __init__(self, status: str = "COMPLETED") -> None:
        self.tasks: dict[str, dict[str, Any]] = {}
        self.status = status

    def default_bucket(self) -> str:
        return "a-bucket"

    def create_quantum_task(self, clientToken: str, **rest: Any) -> str:
        self.tasks.setdefault(clientToken, rest)
        return f"arn:task/{clientToken}"

    def get_quantum_task(self, arn: str) -> dict[str, Any]:
        assert arn.removeprefix("arn:task/") in self.tasks
        told = {"status": self.status, "outputS3Bucket": "a-bucket", "outputS3Directory": f"tasks/{arn}"}
        return told | ({"failureReason": "the device was lost"} if self.status == "FAILED" else {})

    def retrieve_s3_object_body(self, bucket: str, key: str) -> str:
        from braket.default_simulator import StateVectorSimulator
        from braket.ir.openqasm import Program

        assert (bucket, key.rsplit("/", 1)[1]) == ("a-bucket", "results.json")
        task = self.tasks[key.split("/")[-2]]
        program = Program.parse_raw(task["action"])
        return StateVectorSimulator().run(program, shots=task["shots"]).json()


def provider(session: Any) -> AwsProvider:
    return AwsProvider(session, ARN, per_task=0.3, per_shot=0.01)


def task(circuit: Circuit = PLACES, shots: int = 50, candidates: int = 1) -> Job:
    return Job(qasm.write(circuit), np.zeros((candidates, 0)), shots, 1, "the action", (3,))


def test_a_ticket_runs_once_and_is_collected() -> None:
    session = Session()
    on = provider(session)
    id = on.submit(task(), TICKET)
    assert on.submit(task(), TICKET) == id
    assert list(session.tasks) == [TICKET]
    sent = session.tasks[TICKET]
    assert (sent["deviceArn"], sent["shots"], sent["outputS3Bucket"]) == (ARN, 50, "a-bucket")
    assert "c[4] = measure q[2];" in json.loads(sent["action"])["source"]
    found = on.look(task(), id, 0)
    assert found.state == "done"
    assert bits_of(found.shots, 5).tolist() == [[False, False, False, False, True]] * 50


def test_a_queued_machine_collects_after_a_crash(tmp_path: Path) -> None:
    """The first process ends while the task runs; the second finds the same ticket and the same task."""
    session = Session("RUNNING")
    with Jobs.open(tmp_path) as jobs:
        first = QueuedMachine(provider(session), jobs)
        ticket = first.submit(task(), Permit("the action", first.price(task()), 1, TICKET))
    session.status = "COMPLETED"
    with Jobs.open(tmp_path) as jobs:
        second = QueuedMachine(provider(session), jobs)
        assert second.pending() == [ticket]
        assert bits_of(second.collect(ticket), 5).sum() == 50
    assert list(session.tasks) == [TICKET]


def test_the_price_is_by_task_and_shot() -> None:
    assert provider(None).price(task()) == Price(cycles=50, shots=50, spend=0.3 + 50 * 0.01)


def test_states_are_ours() -> None:
    said = {"CREATED": "queued", "QUEUED": "queued", "RUNNING": "running", "CANCELLING": "running"}
    for theirs, ours in (said | {"CANCELLED": "cancelled"}).items():
        session = Session(theirs)
        assert provider(session).look(task(), provider(session).submit(task(), TICKET), 0).state == ours
        if ours != "queued":  # one that runs would be ended, and charged for
            with pytest.raises(BadInput, match=f"is {ours} and only one that waits can be cancelled: collect it"):
                provider(session).cancel(provider(session).submit(task(), TICKET))
    session = Session("FAILED")
    failed = provider(session).look(task(), provider(session).submit(task(), TICKET), 0)
    assert (failed.state, failed.reason) == ("failed", f"task arn:task/{TICKET}: the device was lost")


class Silent:
    """A session whose every answer is an error."""

    def __init__(self, problem: Exception) -> None:
        self.problem = problem

    def __getattr__(self, name: str) -> Any:
        def answer(*_: Any, **__: Any) -> Any:
            raise self.problem

        return answer


def test_silence_is_told_from_refusal() -> None:
    from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ReadTimeoutError

    def client(code: str, status: int) -> Exception:
        said = {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
        return ClientError(said, "CreateQuantumTask")

    silent = (EndpointConnectionError(endpoint_url="x"), ReadTimeoutError(endpoint_url="x"))
    for problem in (*silent, client("InternalServiceException", 500), client("ThrottlingException", 400)):
        for call in calls(provider(Silent(problem))):
            with pytest.raises(Unavailable, match="AWS does not answer"):
                call()
    for problem in (client("ValidationException", 400), client("AccessDeniedException", 403), NoCredentialsError()):
        for call in calls(provider(Silent(problem))):
            with pytest.raises(BadInput, match=r"AWS (refuses it|cannot be asked)") as found:
                call()
            assert not isinstance(found.value, Unavailable)


def calls(on: AwsProvider) -> list[Any]:
    return [lambda: on.submit(task(), TICKET), lambda: on.look(task(), "an id", 0), lambda: on.cancel("an id")]


def test_bad_input(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    again = Circuit(1, 2, (Op("measure", (0,), bit=0), Op("measure", (0,), bit=1)))
    with pytest.raises(BadInput, match="depends on what it measures"):
        provider(None).price(task(again))
    with pytest.raises(BadInput, match="3 bits and measures none"):
        provider(None).submit(task(Circuit(2, 3, ())), TICKET)
    with pytest.raises(BadInput, match="2 candidates"):
        provider(None).price(task(candidates=2))
    with pytest.raises(BadInput, match=r"price of -1\.0 a shot"):
        AwsProvider(None, ARN, per_task=0, per_shot=-1.0)
    with pytest.raises(BadInput, match="no prices were given for arn"):
        aws(ARN, per_task=None, per_shot=0.1)
    with pytest.raises(BadInput, match="'arn:aws:s3:::bucket' is no ARN of a Braket device"):
        aws("arn:aws:s3:::bucket", per_task=0, per_shot=0)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    with pytest.raises(BadInput, match="credentials cannot be found here: make one"):
        aws(ARN, per_task=0, per_shot=0)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with pytest.raises(BadInput, match="a region cannot be found here"):
        aws(ARN, per_task=0, per_shot=0)
    assert aws(ARN.replace(":::", ":us-east-1::"), per_task=0, per_shot=0).name == "aws:" + ARN.replace(
        ":::", ":us-east-1::"
    )
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(BadInput, match=r"pip install amazon-braket-sdk"):
        aws(ARN, per_task=0, per_shot=0)
