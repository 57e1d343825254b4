"""A general circuit as a stim circuit whose tags say what stim has no gate for."""

from __future__ import annotations

from dataclasses import dataclass

import stim

from counterpoint.base import BadInput
from counterpoint.circuits import tags
from counterpoint.circuits.circuit import Circuit, Operation
from counterpoint.circuits.decompose import decomposed
from counterpoint.circuits.matrices import MATRICES, angles

# stim's own gates, with tags (`tags`) for T.
NAMES: dict[str, tuple[str, str]] = {
    "x": ("X", ""),
    "y": ("Y", ""),
    "z": ("Z", ""),
    "h": ("H", ""),
    "s": ("S", ""),
    "sdg": ("S_DAG", ""),
    "t": ("S", "T"),
    "tdg": ("S_DAG", "T"),
    "sx": ("SQRT_X", ""),
    "cx": ("CX", ""),
    "cy": ("CY", ""),
    "cz": ("CZ", ""),
    "swap": ("SWAP", ""),
}


@dataclass(frozen=True)
class Tagged:
    """A circuit for `trajectories`, and where its results go."""

    circuit: stim.Circuit
    record: tuple[int | None, ...]  # of each bit, the result that it holds in the end; None where none writes it


def tagged(circuit: Circuit) -> Tagged:
    """`circuit` in stim's gates and tags, exact up to a phase of the whole; barriers are TICK.

    Raises BadInput where a measurement or a reset depends on a result.
    """
    lines: list[str] = []
    record: list[int | None] = [None] * circuit.bits
    results = 0
    for one in decomposed(circuit).operations:
        condition = None
        if one.condition is not None:
            bit, value = one.condition
            check_condition(one)
            result = record[bit]
            if result is None and value:
                continue  # a bit that nothing has written is 0
            condition = None if result is None else tags.Condition(result, bool(value))
        lines.append(written(one, condition))
        if one.bit is not None:
            record[one.bit] = results
            results += 1
    return Tagged(stim.Circuit("\n".join(lines)), tuple(record))


def check_condition(one: Operation) -> None:
    """Raise BadInput where a measurement or reset depends on a result."""
    if one.condition is not None and one.name in ("measure", "reset"):
        raise BadInput(
            f"'{one.name}' of qubit {one.qubits[0]} depends on bit {one.condition[0]}, and gates alone may: take the "
            "condition away"
        )


def written(one: Operation, condition: tags.Condition | None) -> str:
    """The line of one decomposed operation."""
    targets = " ".join(map(str, one.qubits))
    match one.name:
        case "measure":
            return f"M {targets}"
        case "reset":
            return f"R {targets}"
        case "barrier":
            return "TICK"
        case name if name in NAMES:
            return tags.instruction(*NAMES[name], targets, condition)
        case name:
            turn = one.parameters if name == "u" else angles(MATRICES[name](*one.parameters))
            return tags.instruction("I", tags.rotation(turn[0], turn[1], turn[2]), targets, condition)
