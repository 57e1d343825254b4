"""A program as a general circuit, whichever way it travels."""

from __future__ import annotations

from functools import lru_cache

import stim

from counterpoint.base import BadInput, Program
from counterpoint.circuits import qasm
from counterpoint.circuits.circuit import Circuit, settled
from counterpoint.circuits.clifford import from_stim

KEPT = 256  # circuits that were read last
RESULTS = 2 * 10**9  # measured bits of one job, each a byte while they are made


def general(program: Program) -> Circuit:
    """The circuit, `settled`; measurement k of a stim circuit writes bit k. Raises BadInput as `read`, `from_stim`."""
    return _read(program) if isinstance(program, str) else _converted(str(program))


@lru_cache(KEPT)
def _read(text: str) -> Circuit:
    return settled(qasm.read(text))


@lru_cache(KEPT)
def _converted(text: str) -> Circuit:
    return settled(from_stim(stim.Circuit(text)))


def check_results(program: Program, shots: int) -> None:
    """Raise BadInput for a circuit that gives nothing back, and for more results than can be held."""
    annotated = isinstance(program, stim.Circuit) and program.num_detectors + program.num_observables
    measured = general(program).bits if isinstance(program, str) else program.num_measurements
    if not annotated and not measured:
        raise BadInput("a circuit with 0 measurements was given, and has nothing to return: measure a qubit")
    if shots * measured > RESULTS:
        raise BadInput(
            f"{shots:,} shots of {measured:,} results were asked for and {RESULTS:,} results may be in one job: ask "
            "for fewer shots, in several jobs"
        )
