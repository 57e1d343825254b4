"""What one client may ask of a server, and the refusal of what is more."""

from __future__ import annotations

import re
from dataclasses import dataclass

import stim

from counterpoint.base import BadInput, Job
from counterpoint.circuits.limits import QUBITS
from counterpoint.machine.programs import general
from counterpoint.machine.wire import DEEPEST, depth

_UNREAD = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)  # comments of an OpenQASM text
_STATEMENTS, _OPERATORS = re.compile("[;{}]"), re.compile(r"[-+*/%<>=!~&|^]")
OPERATORS = 500  # of one OpenQASM statement: the parser's time grows with their square


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
    characters: int = 200_000  # of OpenQASM, which takes 20 microseconds each to read, 55 where it is meant to be slow
    queued: int = 1000  # jobs of a client that wait or run
    qubits: int | None = None  # None is QUBITS: simulators take memory, or end the process, for what is much more

    def check(self, job: Job) -> None:
        """Raise Refused where `job` is too large, and BadInput where its text is no OpenQASM or nested too deep."""
        self._most(job.shots, self.shots, "shots")
        if isinstance(job.circuit, str):
            self._most(len(job.circuit), self.characters, "characters of OpenQASM")
            _check_nesting(job.circuit)
            circuit = general(job.circuit)
            qubits, bits, operations = circuit.qubits, circuit.bits, len(circuit.operations)
        else:
            given = job.circuit
            qubits, bits = given.num_qubits, given.num_measurements + given.num_detectors + given.num_observables
            operations = _operations(given)
        self._most(operations, self.operations, "operations")
        self._most(job.shots * bits, self.bits, "bits in all shots")
        if qubits > self.most_qubits:
            raise BadInput(
                f"a circuit of {qubits:,} qubits was given and {self.most_qubits:,} may be: give a smaller one"
            )

    @property
    def most_qubits(self) -> int:
        """Qubits that a job may have."""
        return QUBITS if self.qubits is None else self.qubits

    def _most(self, given: int, most: int, what: str) -> None:
        if given > most:
            raise Refused(413, f"a job of {given:,} {what} was given and {most:,} may be: split it")


def _check_nesting(text: str) -> None:
    """Raise BadInput where an OpenQASM text is nested so that its parser, which looks ahead, takes minutes."""
    read = _UNREAD.sub(" ", text)
    if (deep := depth(read, "([{", ")]}")) > DEEPEST:
        raise BadInput(f"the text has {deep:,} brackets within each other and {DEEPEST} may be: take some away")
    if (most := max(len(_OPERATORS.findall(one)) for one in _STATEMENTS.split(read))) > OPERATORS:
        raise BadInput(f"a statement has {most:,} operators and {OPERATORS} may be: give its numbers by their values")


def _operations(circuit: stim.Circuit) -> int:
    """How many there are, each REPEAT counted as often as it says; nothing is unrolled."""
    count, blocks = 0, [(1, circuit)]  # not by recursion: it would keep a copy of every block at once
    while blocks:
        times, block = blocks.pop()
        for one in block:
            if isinstance(one, stim.CircuitRepeatBlock):
                blocks.append((times * one.repeat_count, one.body_copy()))
            else:
                count += times
    return count
