"""A general circuit: gates of OpenQASM's standard library, measurements, resets, and what depends on a result."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from counterpoint.base import BadInput

# Qubits and parameters (rad) of each gate; names and meanings are those of stdgates.inc (arXiv:2104.14722), and `u`
# is the built-in U(theta, phi, lambda).
GATES: dict[str, tuple[int, int]] = {
    **dict.fromkeys(("id", "x", "y", "z", "h", "s", "sdg", "t", "tdg", "sx"), (1, 0)),
    **dict.fromkeys(("rx", "ry", "rz", "p"), (1, 1)),
    "u": (1, 3),
    **dict.fromkeys(("cx", "cy", "cz", "ch", "swap"), (2, 0)),
    **dict.fromkeys(("cp", "crx", "cry", "crz"), (2, 1)),
    "cu": (2, 4),
    **dict.fromkeys(("ccx", "cswap"), (3, 0)),
}


@dataclass(frozen=True)
class Operation:
    """One thing that is done to qubits."""

    name: str  # of GATES, or "measure", "reset", "barrier"
    qubits: tuple[int, ...]
    parameters: tuple[float, ...] = ()  # rad
    bit: int | None = None  # that a measurement writes
    condition: tuple[int, int] | None = None  # (bit, value): done only where the bit has the value


@dataclass(frozen=True)
class Circuit:
    """Operations in order on qubits that start in |0> and bits that start as 0.

    Raises BadInput for a gate that is not known, a wrong number of qubits or parameters, a qubit or bit out of range,
    a qubit twice in one operation, a parameter that is not finite, and a condition on another value than 0 or 1.
    """

    qubits: int
    bits: int
    operations: tuple[Operation, ...]

    def __post_init__(self) -> None:
        for one in self.operations:
            self._check(one)

    @property
    def used(self) -> tuple[int, ...]:
        """The qubits that gates and measurements are on, ascending."""
        return tuple(sorted({q for one in self.operations if one.name not in ("barrier", "reset") for q in one.qubits}))

    @property
    def depends_on_results(self) -> bool:
        """Whether a qubit is used after its measurement, reset after a gate, or used only where a bit says so."""
        touched: set[int] = set()
        measured: set[int] = set()
        for one in self.operations:
            if one.condition is not None or (measured & set(one.qubits) and one.name != "barrier"):
                return True
            if one.name == "reset" and touched & set(one.qubits):
                return True
            if one.name == "measure":
                measured.update(one.qubits)
            elif one.name not in ("barrier", "reset"):
                touched.update(one.qubits)
        return False

    def _check(self, one: Operation) -> None:
        if one.name in GATES:
            wanted = GATES[one.name]
        elif one.name in ("measure", "reset"):
            wanted = (1, 0)
        elif one.name == "barrier":
            wanted = (len(one.qubits), 0)
        else:
            raise BadInput(f"gate '{one.name}' is not known: give one of {', '.join(GATES)}")
        if (len(one.qubits), len(one.parameters)) != wanted:
            raise BadInput(
                f"'{one.name}' was given {len(one.qubits)} qubits and {len(one.parameters)} parameters and takes "
                f"{wanted[0]} and {wanted[1]}: give these"
            )
        for q in one.qubits:
            if not 0 <= q < self.qubits:
                raise BadInput(f"'{one.name}' is on qubit {q} and the circuit has {self.qubits}: count them from 0")
        if len(set(one.qubits)) < len(one.qubits):
            raise BadInput(
                f"'{one.name}' is on qubits {', '.join(map(str, one.qubits))}, one of them twice: name each once"
            )
        if (one.name == "measure") != (one.bit is not None):
            raise BadInput(f"'{one.name}' writes bit {one.bit}: measurements write one bit each and nothing else does")
        for bit in (b for b in (one.bit, one.condition and one.condition[0]) if b is not None):
            if not 0 <= bit < self.bits:
                raise BadInput(f"'{one.name}' names bit {bit} and the circuit has {self.bits}: count them from 0")
        if one.condition is not None and one.condition[1] not in (0, 1):
            raise BadInput(f"'{one.name}' waits for bit {one.condition[0]} to be {one.condition[1]}: give 0 or 1")
        for value in one.parameters:
            if not math.isfinite(value):
                raise BadInput(f"'{one.name}' has the parameter {value}: give a finite number of radians")


def settled(circuit: Circuit) -> Circuit:
    """The same circuit without conditions on bits that no measurement before has written: these are 0."""
    written: set[int] = set()
    kept: list[Operation] = []
    for one in circuit.operations:
        if one.condition is not None and one.condition[0] not in written:
            if one.condition[1] == 1:
                continue
            one = replace(one, condition=None)
        if one.bit is not None:
            written.add(one.bit)
        kept.append(one)
    return replace(circuit, operations=tuple(kept))


def compact(circuit: Circuit) -> Circuit:
    """The same circuit on its `used` qubits alone, counted anew from 0."""
    number = {q: i for i, q in enumerate(circuit.used)}
    kept = [(one, tuple(number[q] for q in one.qubits if q in number)) for one in circuit.operations]
    return Circuit(len(number), circuit.bits, tuple(replace(one, qubits=qubits) for one, qubits in kept if qubits))
