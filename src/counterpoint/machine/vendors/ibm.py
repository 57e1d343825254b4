"""IBM's quantum computers as a provider of queued jobs, by the account that is saved on this computer."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar, final

import numpy as np

from counterpoint.base import BadInput, Job, Price
from counterpoint.circuits.circuit import Circuit
from counterpoint.machine.checks import Unavailable
from counterpoint.machine.programs import general
from counterpoint.machine.queued import Looked, State
from counterpoint.machine.results import shots_of
from counterpoint.machine.vendors.packages import package
from counterpoint.machine.vendors.placement import best_chain
from counterpoint.machine.vendors.qiskit_target import shot_seconds, transpile
from counterpoint.machine.vendors.snapshot import snapshot_of

T = TypeVar("T")
BETWEEN = 250e-6  # s between shots, where the backend does not say
OVERHEAD = 10.0  # s, allowed for each circuit besides its shots
STATES: Mapping[str, State] = {
    **dict.fromkeys(("INITIALIZING", "QUEUED", "VALIDATING"), "queued"),
    "RUNNING": "running",
    "DONE": "done",
    "CANCELLED": "cancelled",
    "ERROR": "failed",
}


@final
class IbmProvider:
    """Sends each job to one backend through the primitive SamplerV2, with its ticket as the job's tag.

    IBM charges for the seconds that a processor is held. A job may hold it for the seconds of its price and no longer:
    they are sent as `max_execution_time`, after which IBM ends it. They allow twice the time of the shots.
    """

    def __init__(self, service: Any, backend: Any, rate: float) -> None:
        """`service` is a QiskitRuntimeService, `backend` one of its backends, `rate` money for a second.

        Raises BadInput for a rate below 0.
        """
        if not (math.isfinite(rate) and rate >= 0):
            raise BadInput(f"a rate of {rate} a second was given: give what IBM charges you, 0 on a free plan")
        self.name = f"ibm:{backend.name}"
        self.snapshot = snapshot_of(self.name, backend)
        self._service, self._backend, self._rate = service, backend, rate

    def price(self, job: Job) -> Price:
        """Shots, as many cycles, the most seconds and what they cost. Raises BadInput as `submit`."""
        circuit = self._circuit(job)
        shots = len(job.controls) * job.shots
        pause = getattr(self._backend, "default_rep_delay", None) or BETWEEN
        each = pause + shot_seconds(self.snapshot, self._transpiled(circuit))
        seconds = float(math.ceil(len(job.controls) * OVERHEAD + 2 * shots * each))
        return Price(cycles=shots, shots=shots, seconds=seconds, spend=seconds * self._rate)

    def submit(self, job: Job, ticket: str) -> str:
        """Queue `job`, or find the one with this ticket; returns IBM's id of it.

        IBM takes tags and no keys of idempotence: a ticket that two processes send at the same moment could run twice,
        one that was sent before does not. Raises BadInput for a circuit that measures nothing, has too many qubits or
        operations that the backend does not have.
        """
        circuit = self._circuit(job)
        transpiled, seconds = self._transpiled(circuit), int(self.price(job).seconds)
        found = _answered(lambda: self._service.jobs(limit=1, job_tags=[ticket]))
        if found:
            return found[0].job_id()
        options = {"max_execution_time": seconds, "environment": {"job_tags": [ticket]}}
        with warnings.catch_warnings():
            # Later versions have it elsewhere, too; in the one that all have, the vendor warns of that.
            warnings.filterwarnings("ignore", message="The SamplerV2 class is deprecated", category=DeprecationWarning)
            sampler = package("qiskit_ibm_runtime", "qiskit").SamplerV2(mode=self._backend, options=options)
        circuits = [transpiled] * len(job.controls)
        return _answered(lambda: sampler.run(circuits, shots=job.shots)).job_id()

    def look(self, job: Job, id: str, wait: float) -> Looked:
        """How the job stands now: IBM is asked once, whatever `wait` is.

        Of what is done, `started` is in seconds of UNIX time and `seconds` are those that IBM charges.
        """
        found = _answered(lambda: self._service.job(id))
        status = _answered(found.status)
        state = STATES.get(getattr(status, "name", status), "running")
        if state == "failed":
            reason = _answered(found.error_message) or "IBM gives no reason"
            return Looked(state, reason=f"job {id} on {self.name}: {reason}")
        if state != "done":
            return Looked(state)
        results, metrics = _answered(found.result), _answered(found.metrics)
        measured = np.array([one.data.c.to_bool_array(order="little") for one in results])
        began = metrics.get("timestamps", {}).get("running")
        started = datetime.fromisoformat(began).timestamp() if began else 0.0
        seconds = float(metrics.get("usage", {}).get("qpu_charge_time_seconds") or 0.0)
        return Looked(state, shots_of(job, measured, started=started, seconds=seconds))

    def cancel(self, id: str) -> None:
        """Take the job out of the queue. Raises BadInput where it has begun: IBM would end it, and charge for it."""
        found = _answered(lambda: self._service.job(id))
        status = _answered(found.status)
        state = STATES.get(getattr(status, "name", status), "running")
        if state != "queued":
            raise BadInput(f"job {id} on {self.name} is {state} and only one that waits can be cancelled: collect it")
        _answered(found.cancel)

    def _circuit(self, job: Job) -> Circuit:
        circuit = general(job.circuit)
        if all(one.name != "measure" for one in circuit.operations):
            raise BadInput(f"the circuit has {circuit.bits} bits and measures none: measure what is to be paid for")
        return circuit

    def _transpiled(self, circuit: Circuit) -> Any:
        return transpile(self.snapshot, circuit, best_chain(self.snapshot, circuit.qubits))


def ibm(backend: str, rate: float | None) -> IbmProvider:
    """The backend of that name, such as ibm_torino, by the account that is saved here.

    `rate` is the money that IBM charges for a second of the processor. It has no default: prices differ by plan and
    change, and a price that is made up would spend a charter's money unseen.

    Raises BadInput without a rate or a saved account, for a backend that the account does not have, and where
    qiskit-ibm-runtime is not installed; Unavailable where IBM does not answer.
    """
    if rate is None:
        raise BadInput(
            f"no rate was given for {backend} and IBM charges by the second: give the money that your plan takes, 0 if "
            "it is free"
        )
    runtime = package("qiskit_ibm_runtime", "qiskit")
    try:
        service = _answered(runtime.QiskitRuntimeService)
    except BadInput as problem:
        if isinstance(problem.__cause__, package("qiskit_ibm_runtime.accounts", "qiskit").AccountNotFoundError):
            raise BadInput(
                f"{backend} needs an IBM Quantum account and none is saved here: make one at "
                "https://quantum.cloud.ibm.com and save its API key once, in Python, with "
                "qiskit_ibm_runtime.QiskitRuntimeService.save_account(token=...)"
            ) from problem
        raise
    return IbmProvider(service, _answered(lambda: service.backend(backend)), rate)


def _answered(call: Callable[[], T]) -> T:
    """What `call` returns; raises Unavailable where IBM does not answer or is at fault, BadInput where it refuses."""
    errors = (package("qiskit.exceptions", "qiskit").QiskitError, package("requests", "qiskit").RequestException)
    try:
        return call()
    except errors as problem:
        said = str(problem).strip("'\"").rstrip(".")
        if _unanswered(problem):
            raise Unavailable(f"IBM does not answer ({said}): try again later") from problem
        raise BadInput(f"IBM refuses it: {said}") from problem


def _unanswered(problem: BaseException | None) -> bool:
    """Whether anything that led to `problem` is a lost connection or an answer 429 or 5xx."""
    lost = package("requests", "qiskit").RequestException
    while problem is not None:
        response = getattr(problem, "response", None)
        code = getattr(problem, "status_code", getattr(response, "status_code", None))
        if code is None and isinstance(problem, lost):
            return True
        if code is not None and (code < 0 or code == 429 or code >= 500):
            return True
        problem = problem.__cause__ or problem.__context__
    return False
