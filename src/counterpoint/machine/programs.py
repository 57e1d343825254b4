"""A job's circuit as a general one, whichever way it travels."""

from __future__ import annotations

from functools import lru_cache

import stim

from counterpoint.base import Job
from counterpoint.circuits import qasm
from counterpoint.circuits.circuit import Circuit
from counterpoint.circuits.clifford import from_stim

KEPT = 256  # circuits that were read last


def general(job: Job) -> Circuit:
    """The circuit of `job`; measurement k of a stim circuit writes bit k. Raises BadInput as `read` and `from_stim`."""
    return _read(job.circuit) if isinstance(job.circuit, str) else _converted(str(job.circuit))


@lru_cache(KEPT)
def _read(text: str) -> Circuit:
    return qasm.read(text)


@lru_cache(KEPT)
def _converted(text: str) -> Circuit:
    return from_stim(stim.Circuit(text))
