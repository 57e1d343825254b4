"""How large a general circuit may be, however it travels."""

from __future__ import annotations

from counterpoint.base import BadInput

QUBITS = 10_000  # and bits
OPERATIONS = 1_000_000
STATE = 24  # qubits of a state vector: 256 MiB of amplitudes


def check_state(qubits: int) -> None:
    """Raise BadInput where a state vector of so many `qubits` is too large."""
    if qubits > STATE:
        raise BadInput(
            f"a circuit on {qubits} qubits was given and its state vector is kept up to {STATE}: use {STATE} or fewer, "
            "or Clifford gates alone, which any number of qubits can run"
        )
