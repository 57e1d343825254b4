"""Amazon Braket's cloud devices as a provider of queued jobs, by the credentials that are saved on this computer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, final

import numpy as np

from counterpoint.base import BadInput, Job, Price
from counterpoint.circuits.circuit import Circuit
from counterpoint.machine.checks import Unavailable
from counterpoint.machine.programs import general
from counterpoint.machine.queued import Looked, State
from counterpoint.machine.results import shots_of
from counterpoint.machine.vendors.braket_programs import program_text
from counterpoint.machine.vendors.packages import package

T = TypeVar("T")
STATES: Mapping[str, State] = {
    **dict.fromkeys(("CREATED", "QUEUED"), "queued"),
    **dict.fromkeys(("RUNNING", "CANCELLING"), "running"),
    "COMPLETED": "done",
    "CANCELLED": "cancelled",
    "FAILED": "failed",
}
BUSY = ("Throttling", "ThrottlingException", "TooManyRequestsException", "DeviceOfflineException")


@final
class AwsProvider:
    """Sends each job to one device as a quantum task, with its ticket as the task's client token.

    AWS makes one task of all requests with the same token, for as long as it remembers the token.
    """

    def __init__(self, session: Any, arn: str, *, per_task: float, per_shot: float) -> None:
        """`session` is a `braket.aws.AwsSession`, `arn` the device's, the prices money.

        Raises BadInput for prices below 0.
        """
        for name, price in (("task", per_task), ("shot", per_shot)):
            if not (math.isfinite(price) and price >= 0):
                raise BadInput(f"a price of {price} a {name} was given: give what AWS charges you for {arn}")
        self.name = f"aws:{arn}"
        self._session, self._arn = session, arn
        self._per_task, self._per_shot = per_task, per_shot

    def price(self, job: Job) -> Price:
        """Shots, as many cycles and their money; AWS does not say seconds. Raises BadInput as `submit`."""
        self._circuit(job)
        spend = self._per_task + job.shots * self._per_shot
        return Price(cycles=job.shots, shots=job.shots, spend=spend)

    def submit(self, job: Job, ticket: str) -> str:
        """Queue `job`; returns the ARN of its task. Results go to the account's own bucket for Braket.

        Raises BadInput for a circuit that measures nothing or depends on what it measures, and for a job of more than
        one candidate, which would be more than one task.
        """
        program = package("braket.ir.openqasm", "braket").Program(source=program_text(self._circuit(job)))
        return _answered(
            lambda: self._session.create_quantum_task(
                deviceArn=self._arn,
                shots=job.shots,
                action=program.json(),
                outputS3Bucket=self._session.default_bucket(),
                outputS3KeyPrefix="tasks",
                clientToken=ticket,
            )
        )

    def look(self, job: Job, id: str, wait: float) -> Looked:
        """How the task stands now: AWS is asked once, whatever `wait` is. Times of what is done are not told, 0."""
        told = _answered(lambda: self._session.get_quantum_task(id))
        state = STATES.get(told["status"], "running")
        if state == "failed":
            return Looked(state, reason=f"task {id}: {told.get('failureReason', 'AWS gives no reason')}")
        if state != "done":
            return Looked(state)
        where = f"{told['outputS3Directory']}/results.json"
        text = _answered(lambda: self._session.retrieve_s3_object_body(told["outputS3Bucket"], where))
        found = package("braket.tasks", "braket").GateModelQuantumTaskResult.from_string(text)
        column = {qubit: i for i, qubit in enumerate(found.measured_qubits)}
        circuit = general(job.circuit)
        measured = np.zeros((1, len(found.measurements), circuit.bits), np.bool_)
        for one in circuit.operations:
            if one.bit is not None:
                measured[0, :, one.bit] = found.measurements[:, column[one.qubits[0]]]
        return Looked(state, shots_of(job, measured, started=0.0, seconds=0.0))

    def cancel(self, id: str) -> None:
        """Take the task out of the queue. Raises BadInput where it has begun: AWS would end it, and charge for it."""
        state = STATES.get(_answered(lambda: self._session.get_quantum_task(id))["status"], "running")
        if state != "queued":
            raise BadInput(f"task {id} is {state} and only one that waits can be cancelled: collect it")
        _answered(lambda: self._session.cancel_quantum_task(id))

    def _circuit(self, job: Job) -> Circuit:
        circuit = general(job.circuit)
        if len(job.controls) != 1:
            raise BadInput(
                f"a job of {len(job.controls)} candidates was given and a task of AWS is one circuit: give 1"
            )
        if all(one.name != "measure" for one in circuit.operations):
            raise BadInput(f"the circuit has {circuit.bits} bits and measures none: measure what is to be paid for")
        if circuit.depends_on_results:
            raise BadInput(
                f"the circuit of {circuit.qubits} qubits depends on what it measures and {self.name} runs no such: "
                "measure at the end alone, or take another machine"
            )
        return circuit


def aws(arn: str, *, per_task: float | None, per_shot: float | None) -> AwsProvider:
    """The device with that ARN, by the credentials that are saved here.

    The prices are money for a task and for each of its shots. They have no default: they differ by device and change,
    and a price that is made up would spend a charter's money unseen.

    Raises BadInput without prices or credentials, for what is no ARN of a device, and where amazon-braket-sdk is not
    installed.
    """
    if per_task is None or per_shot is None:
        raise BadInput(f"no prices were given for {arn} and AWS charges by task and shot: give per_task and per_shot")
    parts = arn.split(":")
    if len(parts) != 6 or parts[2] != "braket" or not parts[5].startswith("device/"):
        raise BadInput(
            f"'{arn}' is no ARN of a Braket device: give one such as "
            "arn:aws:braket:::device/quantum-simulator/amazon/sv1"
        )
    boto = package("boto3", "braket").Session(region_name=parts[3] or None)
    if boto.get_credentials() is None or boto.region_name is None:
        lacks = "credentials" if boto.get_credentials() is None else "a region"
        raise BadInput(
            f"{arn} needs an AWS account and {lacks} cannot be found here: make one at https://aws.amazon.com/braket "
            "and save its keys and region once with 'aws configure', or set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY "
            "and AWS_DEFAULT_REGION"
        )
    session = _answered(lambda: package("braket.aws", "braket").AwsSession(boto_session=boto))
    return AwsProvider(session, arn, per_task=per_task, per_shot=per_shot)


def _answered(call: Callable[[], T]) -> T:
    """What `call` returns; raises Unavailable where AWS does not answer or is at fault, BadInput where it refuses."""
    errors = package("botocore.exceptions", "braket")
    try:
        return call()
    except errors.ClientError as problem:
        said = problem.response.get("Error", {})
        status = problem.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if status >= 500 or status == 429 or said.get("Code") in BUSY:
            raise Unavailable(f"AWS does not answer ({problem}): try again later") from problem
        raise BadInput(f"AWS refuses it: {said.get('Message', problem)}") from problem
    except (errors.HTTPClientError, errors.ConnectionError) as problem:
        raise Unavailable(f"AWS does not answer ({problem}): try again later") from problem
    except errors.BotoCoreError as problem:
        raise BadInput(f"AWS cannot be asked: {problem}") from problem
