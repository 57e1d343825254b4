"""A parameterised circuit as a record: gates whose angles are constants, parameters or data.

It is a plain list, so that it can be printed, hashed and stored. `stages` finds its layers, `prepared` compiles it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from math import isfinite, pi

import numpy as np
from numpy.typing import ArrayLike

from counterpoint.base import BadInput, Floats
from counterpoint.circuits.circuit import GATES, Circuit, Operation
from counterpoint.circuits.limits import check_state

KNOWN = {**GATES, "rzz": (2, 1)}  # exp(-i angle Z Z / 2), which stdgates.inc has not


@dataclass(frozen=True)
class Angle:
    """constant + scale * value in rad; the value is one of the parameters, one of the data, or nothing."""

    constant: float = 0.0
    parameter: int | None = None
    datum: int | None = None
    scale: float = 1.0

    def times(self, factor: float) -> Angle:
        return replace(self, constant=factor * self.constant, scale=factor * self.scale)

    def at(self, parameters: Floats, data: Floats) -> float:
        """The angle for parameters (P,) and data (D,)."""
        if self.parameter is not None:
            return self.constant + self.scale * float(parameters[self.parameter])
        return self.constant + (0.0 if self.datum is None else self.scale * float(data[self.datum]))


@dataclass(frozen=True)
class Gate:
    """A gate of OpenQASM's standard library, or rzz."""

    name: str
    qubits: tuple[int, ...]
    angles: tuple[Angle, ...] = ()


@dataclass(frozen=True)
class Ansatz:
    """Gates in order on qubits that start in |0>.

    Raises BadInput for a gate that is not known, a wrong number of qubits or angles, qubits that the circuit has not
    or that one gate has twice, an angle of a parameter and a datum or of a negative number of one, an angle that is not
    finite, and more qubits than a state vector is kept of.
    """

    qubits: int
    gates: tuple[Gate, ...]

    def __post_init__(self) -> None:
        check_state(self.qubits)
        if self.qubits < 1:
            raise BadInput(f"a parameterised circuit of {self.qubits} qubits was given: give 1 or more")
        for gate in self.gates:
            self._check(gate)

    @property
    def parameters(self) -> int:
        """How many it takes: one more than the largest number in it."""
        return 1 + max((a.parameter for g in self.gates for a in g.angles if a.parameter is not None), default=-1)

    @property
    def data(self) -> int:
        """How many numbers of one datum it takes."""
        return 1 + max((a.datum for g in self.gates for a in g.angles if a.datum is not None), default=-1)

    def circuit(self, parameters: ArrayLike, data: ArrayLike = ()) -> Circuit:
        """The general circuit for parameters (P,) and one datum (D,), every qubit measured into its own bit.

        Raises BadInput for another number of parameters or data, and for numbers that are not finite.
        """
        values = tuple(np.asarray(given, np.float64) for given in (parameters, data))
        for given, wanted, what in zip(values, (self.parameters, self.data), ("parameters", "data"), strict=True):
            if given.shape != (wanted,):
                raise BadInput(f"{what} of shape {given.shape} were given and the circuit takes {wanted}: give these")
        operations = [
            Operation(one.name, one.qubits, tuple(a.at(*values) for a in one.angles))
            for gate in self.gates
            for one in (_as_cx(gate) if gate.name == "rzz" else (gate,))
        ]
        operations += [Operation("measure", (q,), bit=q) for q in range(self.qubits)]
        return Circuit(self.qubits, self.qubits, tuple(operations))

    def _check(self, gate: Gate) -> None:
        if gate.name not in KNOWN:
            raise BadInput(f"gate '{gate.name}' is not known: give one of {', '.join(KNOWN)}")
        if (len(gate.qubits), len(gate.angles)) != KNOWN[gate.name]:
            raise BadInput(
                f"'{gate.name}' was given {len(gate.qubits)} qubits and {len(gate.angles)} angles and takes "
                f"{KNOWN[gate.name][0]} and {KNOWN[gate.name][1]}: give these"
            )
        if len(set(gate.qubits)) < len(gate.qubits) or not all(0 <= q < self.qubits for q in gate.qubits):
            raise BadInput(
                f"'{gate.name}' is on qubits {', '.join(map(str, gate.qubits))} of {self.qubits}: name each once, "
                "counted from 0"
            )
        for angle in gate.angles:
            if angle.parameter is not None and angle.datum is not None:
                raise BadInput(
                    f"an angle of '{gate.name}' has parameter {angle.parameter} and datum {angle.datum}: give it one"
                )
            if min(angle.parameter or 0, angle.datum or 0) < 0 or not (isfinite(angle.constant + angle.scale)):
                raise BadInput(f"'{gate.name}' has the angle {angle}: give finite numbers, and count from 0")


def parameter(number: int, scale: float = 1.0) -> Angle:
    """An angle that is `scale` times a parameter."""
    return Angle(parameter=number, scale=scale)


def datum(number: int, scale: float = 1.0) -> Angle:
    """An angle that is `scale` times a number of the datum."""
    return Angle(datum=number, scale=scale)


def of_circuit(circuit: Circuit, chosen: Collection[int] | None = None) -> tuple[Ansatz, Floats]:
    """A general circuit whose `chosen` operations, by number (all, where None), have parameters for angles.

    Also the (P,) parameters at which it is `circuit`, in the order of its operations. Measurements are left out, as
    are barriers and resets, which come first. Raises BadInput where something depends on a result, and for the number
    of an operation that is not there or has no angles.
    """
    if circuit.depends_on_results:
        raise BadInput("the circuit depends on its results, and a parameterised circuit has none: give gates alone")
    for k in chosen or ():
        if not 0 <= k < len(circuit.operations) or not circuit.operations[k].parameters:
            raise BadInput(
                f"operation {k} was chosen of {len(circuit.operations)} and has no angle there: choose one that has"
            )
    gates: list[Gate] = []
    values: list[float] = []
    for k, one in enumerate(circuit.operations):
        if one.name not in GATES:
            continue
        free = chosen is None or k in chosen
        angles = tuple(parameter(len(values) + i) if free else Angle(a) for i, a in enumerate(one.parameters))
        values += one.parameters if free else ()
        gates.append(Gate(one.name, one.qubits, angles))
    return Ansatz(circuit.qubits, tuple(gates)), np.array(values)


def parts(gate: Gate) -> Iterator[Gate]:
    """A gate as gates of one qubit with one angle or none, permutations and diagonal ones; exact, phase included."""
    q, a = gate.qubits, gate.angles
    match gate.name:
        case "u":  # as its definition says
            yield from _run(q[0], ("p", a[2]), ("ry", a[0]), ("p", a[1]))
        case "cy":
            yield from (Gate("sdg", q[1:]), Gate("cx", q), Gate("s", q[1:]))
        case "ch":  # H is Z turned by a quarter of pi
            yield from (Gate("ry", q[1:], (Angle(-pi / 4),)), Gate("cz", q), Gate("ry", q[1:], (Angle(pi / 4),)))
        case "crx":
            yield from (Gate("h", q[1:]), Gate("crz", q, a), Gate("h", q[1:]))
        case "cry":
            yield from (Gate("ry", q[1:], (a[0].times(0.5),)), Gate("cx", q))
            yield from (Gate("ry", q[1:], (a[0].times(-0.5),)), Gate("cx", q))
        case "cu":
            yield from (Gate("p", q[:1], a[3:]), Gate("cp", q, a[2:3]))
            yield from parts(Gate("cry", q, a[:1]))
            yield Gate("cp", q, a[1:2])
        case "id":
            return
        case _:
            yield gate


def _run(qubit: int, *named: tuple[str, Angle]) -> Iterator[Gate]:
    for name, angle in named:
        yield Gate(name, (qubit,), (angle,))


def _as_cx(gate: Gate) -> Sequence[Gate]:
    return Gate("cx", gate.qubits), Gate("rz", gate.qubits[1:], gate.angles), Gate("cx", gate.qubits)
