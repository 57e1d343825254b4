"""What the tag of a stim instruction says where stim has no gate for it: a rotation, and a condition.

    S[T]  S_DAG[T]                 T and its inverse
    I[U(theta,phi,lambda)] q       U of stdgates.inc, angles in rad, each written so that the same float is read
    ...[... if k]  [... if !k]     only where result k of the circuit, counted from 0, is 1, or 0

stim keeps tags and does not read them: it would take `I[U(...)]` for the identity, and do what has a condition always.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import pi

import numpy as np
import stim

from counterpoint.base import BadInput
from counterpoint.circuits.matrices import Matrix, angles, of_stim, u

_CONDITION = re.compile(r"(?:^| )if (!?)(\d+)$")
_NUMBER = r"(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)"
_U = re.compile(rf"U\({_NUMBER},{_NUMBER},{_NUMBER}\)")
_T = {"S": pi / 4, "S_DAG": -pi / 4}
CLOSE = 1e-12  # of each entry to that of the gate that it is taken for
_CLIFFORDS = {n: of_stim(n) for n, gate in stim.gate_data().items() if gate.is_unitary and gate.is_single_qubit_gate}


@dataclass(frozen=True)
class Condition:
    """On a result of the circuit."""

    result: int  # from 0
    value: bool

    @property
    def text(self) -> str:
        return f"if {'' if self.value else '!'}{self.result}"


def gate(matrix: Matrix) -> tuple[str, str]:
    """Name and tag of a gate (2, 2) of one qubit: stim's own where it has one, up to a phase; I is the identity's."""
    for name, clifford in _CLIFFORDS.items():
        share = np.vdot(clifford, matrix) / 2  # the phase, where they are alike
        if abs(share) > 0.9 and np.abs(matrix - share * clifford).max() <= CLOSE:  # overlaps alone see no small angle
            return name, ""
    return "I", rotation(*angles(matrix))


def rotation(theta: float, phi: float, lam: float) -> str:
    """The tag of U(theta, phi, lambda), in rad."""
    return f"U({theta!r},{phi!r},{lam!r})"


def instruction(name: str, tag: str, targets: str, condition: Condition | None = None) -> str:
    """A line of stim's."""
    whole = " ".join(part for part in (tag, condition.text if condition else "") if part)
    return f"{name}[{whole}] {targets}" if whole else f"{name} {targets}"


def plain(circuit: stim.Circuit) -> bool:
    """Whether no gate of the circuit is another one by its tag, so that stim itself can run it."""
    return not any(
        not plain(one.body_copy()) if isinstance(one, stim.CircuitRepeatBlock) else _says(one) for one in circuit
    )


def _says(one: stim.CircuitInstruction) -> bool:
    return bool(one.tag) and (
        (one.name == "I" and one.tag.startswith("U("))
        or (one.name in _T and one.tag.split(" ")[0] == "T")
        or _CONDITION.search(one.tag) is not None
    )


def read(one: stim.CircuitInstruction) -> tuple[Matrix, Condition | None]:
    """The matrix (2^k, 2^k) of a unitary gate, its first target the lowest bit of the index, and its condition.

    Raises BadInput for a tag that says nothing of this kind.
    """
    found = _CONDITION.search(one.tag)
    condition = Condition(int(found[2]), not found[1]) if found else None
    tag = one.tag[: found.start()] if found else one.tag
    if not tag:
        return of_stim(one.name), condition
    if tag == "T" and one.name in _T:
        return np.diag([1, np.exp(1j * _T[one.name])]), condition
    angles = _U.fullmatch(tag) if one.name == "I" else None
    if angles is not None:
        return u(float(angles[1]), float(angles[2]), float(angles[3])), condition
    raise BadInput(f"the gate '{one}' is not known by its tag: give S[T], S_DAG[T] or I[U(theta,phi,lambda)]")
