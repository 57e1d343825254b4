"""Gates of a general circuit made of one-qubit gates and a few of two qubits, exact up to a phase of the whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from math import pi

from counterpoint.circuits.circuit import Circuit, Operation, settled

TWO = ("cx", "cy", "cz", "swap")  # kept as they are

# Of each controlled gate, what cu would have the same effect.
CONTROLLED: dict[str, Callable[..., tuple[float, float, float, float]]] = {
    "ch": lambda: (pi / 2, 0.0, pi, 0.0),
    "cp": lambda theta: (0.0, 0.0, theta, 0.0),
    "crx": lambda theta: (theta, -pi / 2, pi / 2, 0.0),
    "cry": lambda theta: (theta, 0.0, 0.0, 0.0),
    "crz": lambda theta: (0.0, 0.0, theta, -theta / 2),
    "cu": lambda theta, phi, lam, gamma: (theta, phi, lam, gamma),
}


def decomposed(circuit: Circuit) -> Circuit:
    """The same circuit with gates of one qubit and those in `TWO`; a condition is that of every part.

    It is `settled`, and resets of qubits to which nothing has been done are left out: these are in |0>.
    """
    touched: set[int] = set()
    parts: list[Operation] = []
    for one in settled(circuit).operations:
        if one.name == "reset" and one.qubits[0] not in touched:
            continue
        made = [replace(part, condition=one.condition) for part in _parts(one)]
        if made and one.name != "barrier":
            touched.update(one.qubits)
        parts += made
    return replace(circuit, operations=tuple(parts))


def in_cz(one: Operation) -> tuple[Operation, ...]:
    """A gate of `TWO` as CZ and gates of one qubit; anything else as it is."""
    if one.name not in TWO:
        return (one,)
    a, b = one.qubits[0], one.qubits[-1]
    cx = (Operation("h", (b,)), Operation("cz", (a, b)), Operation("h", (b,)))
    back = (Operation("h", (a,)), Operation("cz", (a, b)), Operation("h", (a,)))
    made = {
        "cx": cx,
        "cy": (Operation("sdg", (b,)), *cx, Operation("s", (b,))),
        "swap": (*cx, *back, *cx),
    }.get(one.name, (one,))
    return tuple(replace(part, condition=one.condition) for part in made)


def _parts(one: Operation) -> Iterator[Operation]:
    if one.name in CONTROLLED:
        yield from _controlled(one.qubits[0], one.qubits[1], *CONTROLLED[one.name](*one.parameters))
    elif one.name == "ccx":
        yield from _toffoli(*one.qubits)
    elif one.name == "cswap":
        a, b, c = one.qubits
        yield Operation("cx", (c, b))
        yield from _toffoli(a, b, c)
        yield Operation("cx", (c, b))
    elif one.name != "id":
        yield one


def _controlled(control: int, target: int, theta: float, phi: float, lam: float, gamma: float) -> Iterator[Operation]:
    """cu, by lemma 4.3 and 5.2 of Barenco et al. (arXiv:quant-ph/9503016): U is A X B X C with A B C the identity."""
    yield from _phase(control, gamma + (lam + phi) / 2)
    yield from _phase(target, (lam - phi) / 2)
    yield Operation("cx", (control, target))
    yield Operation("u", (target,), (-theta / 2, 0.0, -(phi + lam) / 2))
    yield Operation("cx", (control, target))
    if theta or phi:
        yield Operation("u", (target,), (theta / 2, phi, 0.0))


def _phase(qubit: int, theta: float) -> Iterator[Operation]:
    if theta:
        yield Operation("p", (qubit,), (theta,))


def _toffoli(a: int, b: int, c: int) -> Iterator[Operation]:
    """ccx as six CX and seven T (Nielsen and Chuang, figure 4.9)."""
    steps = (
        *(("h", c), ("cx", b, c), ("tdg", c), ("cx", a, c), ("t", c), ("cx", b, c), ("tdg", c), ("cx", a, c)),
        *(("t", b), ("t", c), ("h", c), ("cx", a, b), ("t", a), ("tdg", b), ("cx", a, b)),
    )
    for name, *qubits in steps:
        yield Operation(name, tuple(qubits))
