"""Memory experiments of the repetition code, as hardware runs them."""

from __future__ import annotations

from typing import Literal

import stim

from counterpoint.base import BadInput
from counterpoint.codes.rounds import check_memory, in_rounds


def memory(distance: int, rounds: int, basis: Literal["Z", "X"] = "Z") -> stim.Circuit:
    """Noiseless memory experiment on a line of 2 d - 1 qubits, data at even places, checks between.

    In basis Z the checks are ZZ and bit flips are corrected, in basis X they are XX and phase flips
    are: there the data qubits wait in superposition while the checks are measured. Nothing but R, H,
    CZ and M is used, each layer ends with TICK; detectors have coordinates (x, t), observable 0 is the
    first data qubit's Pauli of `basis`; 2 (d - 1) CZ gates in a round; the bulk rounds are one REPEAT
    block. Raises BadInput for an even or small distance, rounds < 1 or another basis.
    """
    if distance < 3 or distance % 2 == 0:
        raise BadInput(f"a repetition code of distance {distance} was asked for: give an odd distance, 3 or more")
    check_memory(rounds, basis)
    data = range(0, 2 * distance - 1, 2)
    checks = range(1, 2 * distance - 1, 2)
    turned = [*data] if basis == "X" else []  # in superposition between the rounds
    begin = [f"QUBIT_COORDS({q}) {q}" for q in range(2 * distance - 1)]
    # The H that prepare and read |+> cancel against those of the XX checks beside them.
    begin += [_on("R", range(2 * distance - 1)), "TICK", _on("H", checks), "TICK"]
    again = ["TICK", _on("R", checks), "TICK", _on("H", sorted([*checks, *turned])), "TICK"]
    gates = [
        "CZ " + " ".join(f"{q - 1} {q}" for q in checks),
        "TICK",
        "CZ " + " ".join(f"{q} {q + 1}" for q in checks),
        "TICK",
    ]
    read = [_on("H", sorted([*checks, *turned])), "TICK", _on("M", checks)]
    end = [_on("H", checks), "TICK", _on("M", checks), _on("M", data)]
    later = distance  # the data qubits' results, which stand behind the last round's

    def write(first: bool, last: bool) -> list[str]:
        told = _compare(checks, later if last else 0, first) + (_close(checks) if last else [])
        return [*([] if first else again), *gates, *(end if last else read), *told]

    return in_rounds(begin, write, rounds)


def _on(gate: str, qubits: range | list[int]) -> str:
    return gate + " " + " ".join(map(str, qubits))


def _compare(checks: range, later: int, first: bool) -> list[str]:
    """Compare each check with the round before (in the first round, with its known value)."""
    n = len(checks)
    out = []
    for i, q in enumerate(checks):
        before = "" if first else f" rec[{i - 2 * n - later}]"
        out.append(f"DETECTOR({q}, 0) rec[{i - n - later}]{before}")
    return [*out, "SHIFT_COORDS(0, 1)"]


def _close(checks: range) -> list[str]:
    """The detectors that the data qubits' results close, and the observable."""
    n = len(checks)
    d = n + 1
    out = [f"DETECTOR({q}, 0) rec[{i - d}] rec[{i + 1 - d}] rec[{i - n - d}]" for i, q in enumerate(checks)]
    return [*out, f"OBSERVABLE_INCLUDE(0) rec[{-d}]"]
