"""Gates of OpenQASM 3 on numbered qubits, and what inverses, powers and controls make of them.

A body is a list of operations of `GATES`, and of `gphase`, which matters once it is controlled. `U` has the phase that
the language gives it (arXiv:2104.14722: U(theta, 0, 0) = exp(i theta / 2) ry(theta)); `u` and u3 differ from it by a
phase alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from counterpoint.circuits.circuit import GATES, Circuit, Operation
from counterpoint.circuits.decompose import decomposed

PHASE = "gphase"
Body = list[Operation]


@dataclass(frozen=True)
class Gate:
    """A gate that an OpenQASM 3 text can call."""

    qubits: int
    parameters: int
    body: Callable[..., Body]  # of the parameters, in rad


_SELF_INVERSE = ("id", "x", "y", "z", "h", "cx", "cy", "cz", "ch", "swap", "ccx", "cswap")
_INVERSES = {"s": "sdg", "sdg": "s", "t": "tdg", "tdg": "t"}
_ANGLES = {"s": math.pi / 2, "sdg": -math.pi / 2, "t": math.pi / 4, "tdg": -math.pi / 4}  # of p
_CONTROLLED = {
    **{name: f"c{name}" for name in ("x", "y", "z", "h", "p", "rx", "ry", "rz", "swap", "cx")},
    PHASE: "p",
}
_BY_CX = {"cy": ("sdg", "s"), "cz": ("h", "h")}  # before and after, on the target


def _standard(name: str) -> Callable[..., Body]:
    return lambda *parameters: [Operation(name, tuple(range(GATES[name][0])), parameters)]


def _u(phase: Callable[[float, float, float], float]) -> Callable[..., Body]:
    def body(theta: float, phi: float, lam: float) -> Body:
        return [Operation(PHASE, (), (phase(theta, phi, lam),)), Operation("u", (0,), (theta, phi, lam))]

    return body


BUILT_IN = {"U": Gate(1, 3, _u(lambda theta, _phi, _lam: theta / 2))}
STANDARD: dict[str, Gate] = {  # of stdgates.inc
    **{name: Gate(*shape, _standard(name)) for name, shape in GATES.items() if name != "u"},
    "CX": Gate(2, 0, _standard("cx")),
    "phase": Gate(1, 1, _standard("p")),
    "cphase": Gate(2, 1, _standard("cp")),
    "u1": Gate(1, 1, _standard("p")),
    "u2": Gate(1, 2, lambda phi, lam: _u(lambda _, p, q: -(p + q) / 2)(math.pi / 2, phi, lam)),
    "u3": Gate(1, 3, _u(lambda _theta, phi, lam: -(phi + lam) / 2)),
}


def placed(one: Operation, qubits: Sequence[int]) -> Operation:
    """The gate with its qubit k on `qubits[k]`."""
    return Operation(one.name, tuple(qubits[q] for q in one.qubits), one.parameters)


def inverse(body: Sequence[Operation]) -> Body:
    """What undoes `body`."""
    return [one for operation in reversed(body) for one in _undone(operation)]


def _undone(one: Operation) -> Body:
    if one.name in _SELF_INVERSE:
        return [one]
    if one.name in _INVERSES:
        return [Operation(_INVERSES[one.name], one.qubits)]
    if one.name == "sx":
        return [Operation(PHASE, (), (-math.pi / 4,)), Operation("rx", one.qubits, (-math.pi / 2,))]
    if one.name in ("u", "cu"):
        theta, phi, lam, *phase = one.parameters
        return [Operation(one.name, one.qubits, (-theta, -lam, -phi, *(-p for p in phase)))]
    return [Operation(one.name, one.qubits, tuple(-p for p in one.parameters))]


def controlled(body: Sequence[Operation]) -> Body:
    """`body` where a control qubit is |1>: the control is qubit 0, the qubits of `body` are counted from 1."""
    return [made for one in body for made in _controlled(one.name, tuple(q + 1 for q in one.qubits), one.parameters)]


def _controlled(name: str, qubits: tuple[int, ...], parameters: tuple[float, ...]) -> Body:
    if name in _CONTROLLED:
        return [Operation(_CONTROLLED[name], (0, *qubits), parameters)]
    if name == "id":
        return [Operation("id", qubits)]
    if name in _ANGLES:
        return [Operation("cp", (0, *qubits), (_ANGLES[name],))]
    if name == "sx":
        return [Operation("cu", (0, *qubits), (math.pi / 2, -math.pi / 2, math.pi / 2, math.pi / 4))]
    if name == "u":
        return [Operation("cu", (0, *qubits), (*parameters, 0.0))]
    simpler = _simpler(Operation(name, qubits, parameters))
    return [made for one in simpler for made in _controlled(one.name, one.qubits, one.parameters)]


def _simpler(one: Operation) -> Sequence[Operation]:
    """A gate of several qubits as gates of one qubit and cx, its phase kept."""
    if one.name in _BY_CX:
        before, after = _BY_CX[one.name]
        target = one.qubits[1:]
        return Operation(before, target), Operation("cx", one.qubits), Operation(after, target)
    return decomposed(Circuit(max(one.qubits) + 1, 0, (one,))).operations
