"""A general circuit as a stim circuit whose tags say what stim has no gate for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import stim

from counterpoint.base import BadInput
from counterpoint.circuits import tags
from counterpoint.circuits.circuit import Circuit, Operation
from counterpoint.circuits.decompose import TWO, decomposed
from counterpoint.circuits.matrices import MATRICES

PAULIS = ("X", "Y", "Z")


@dataclass(frozen=True)
class Tagged:
    """A circuit for `trajectories`, and where its results go."""

    circuit: stim.Circuit
    record: tuple[int | None, ...]  # of each bit, the result that it holds in the end; None where none writes it


def tagged(circuit: Circuit) -> Tagged:
    """`circuit` in stim's gates and tags, exact up to a phase of the whole; barriers are TICK.

    stim itself can run it where it has no tags: where all gates are Clifford gates, and only Paulis have conditions.
    Raises BadInput where a measurement or a reset depends on a result.
    """
    lines: list[str] = []
    record: list[int | None] = [None] * circuit.bits
    results = 0
    parts = decomposed(circuit)
    check_conditions(parts)
    for one in parts.operations:
        condition = None
        if one.condition is not None:
            result = record[one.condition[0]]
            assert result is not None  # as the circuit is settled
            condition = tags.Condition(result, bool(one.condition[1]))
        lines += _lines(one, condition, results)
        if one.bit is not None:
            record[one.bit] = results
            results += 1
    return Tagged(stim.Circuit("\n".join(lines)), tuple(record))


def check_conditions(parts: Circuit) -> None:
    """Raise BadInput where a measurement or reset of a decomposed circuit depends on a result."""
    for one in parts.operations:
        if one.condition is not None and one.name in ("measure", "reset"):
            raise BadInput(
                f"'{one.name}' of qubit {one.qubits[0]} depends on bit {one.condition[0]}, and gates alone may: take "
                "the condition away"
            )


def _lines(one: Operation, condition: tags.Condition | None, results: int) -> list[str]:
    """One decomposed operation, after so many results."""
    targets = " ".join(map(str, one.qubits))
    if one.name == "measure":
        return [f"M {targets}"]
    if one.name == "reset":
        return [f"R {targets}"]
    if one.name == "barrier":
        return ["TICK"]
    name, tag = (one.name.upper(), "") if one.name in TWO else _gate(one.name, one.parameters)
    if condition is None or name not in PAULIS:
        return [tags.instruction(name, tag, targets, condition)]
    always = [] if condition.value else [f"{name} {targets}"]
    return [*always, f"C{name} rec[{condition.result - results}] {targets}"]


@lru_cache(4096)
def _gate(name: str, parameters: tuple[float, ...]) -> tuple[str, str]:
    return tags.gate(MATRICES[name](*parameters))
