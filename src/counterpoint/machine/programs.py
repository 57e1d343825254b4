"""A program as a general circuit, whichever way it travels."""

from __future__ import annotations

from functools import lru_cache

import stim

from counterpoint.base import Program
from counterpoint.circuits import qasm
from counterpoint.circuits.circuit import Circuit
from counterpoint.circuits.clifford import from_stim

KEPT = 256  # circuits that were read last


def general(program: Program) -> Circuit:
    """The circuit; measurement k of a stim circuit writes bit k. Raises BadInput as `read` and `from_stim`."""
    return _read(program) if isinstance(program, str) else _converted(str(program))


@lru_cache(KEPT)
def _read(text: str) -> Circuit:
    return qasm.read(text)


@lru_cache(KEPT)
def _converted(text: str) -> Circuit:
    return from_stim(stim.Circuit(text))
