"""What one client may ask of a server, and the refusal of what is more."""

from __future__ import annotations

from dataclasses import dataclass

import stim

from counterpoint.base import BadInput, Job
from counterpoint.machine.programs import general


class Refused(BadInput):
    """What a client may not have, with the HTTP status that says so."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True)
class Limits:
    """The largest that is still allowed, of one job but for `queued`."""

    shots: int = 1_000_000
    bits: int = 100_000_000  # measurements, detectors and observables of all shots
    operations: int = 1_000_000  # with repeated ones as often as they are
    bytes: int = 1_000_000  # of a request
    queued: int = 1000  # jobs of a client that wait or run
    qubits: int | None = None  # None where the machine alone says

    def check(self, job: Job) -> None:
        """Raise Refused where `job` is too large, and BadInput where its text is no OpenQASM."""
        self._most(job.shots, self.shots, "shots")
        if isinstance(job.circuit, str):
            circuit = general(job.circuit)
            qubits, bits, operations = circuit.qubits, circuit.bits, len(circuit.operations)
        else:
            given = job.circuit
            qubits, bits = given.num_qubits, given.num_measurements + given.num_detectors + given.num_observables
            operations = _operations(given)
        self._most(operations, self.operations, "operations")
        self._most(job.shots * bits, self.bits, "bits in all shots")
        if self.qubits is not None and qubits > self.qubits:
            raise BadInput(f"a circuit of {qubits} qubits was given and {self.qubits} may be: give a smaller one")

    def _most(self, given: int, most: int, what: str) -> None:
        if given > most:
            raise Refused(413, f"a job of {given:,} {what} was given and {most:,} may be: split it")


def _operations(circuit: stim.Circuit) -> int:
    """How many there are, each REPEAT counted as often as it says; nothing is unrolled."""
    return sum(
        one.repeat_count * _operations(one.body_copy()) if isinstance(one, stim.CircuitRepeatBlock) else 1
        for one in circuit
    )
