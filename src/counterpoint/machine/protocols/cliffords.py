"""The 11,520 Cliffords of a pair of qubits, as words of h, s, x, y, z and cx."""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
import stim

from counterpoint.machine.protocols.protocol import Gate, on

_AXES = ((), ("h",), ("s",), ("h", "s"), ("s", "h"), ("s", "h", "s"))  # permute X, Y, Z in all six ways
_LOCAL = tuple((*axes, *pauli) for axes in _AXES for pauli in ((), ("x",), ("y",), ("z",)))  # 24, of one qubit
_THIRDS = ((), ("h", "s"), ("s", "h"))  # the axes in cyclic order
_ONE: tuple[Gate, ...] = (("cx", 0, 1),)
_TWO: tuple[Gate, ...] = (*_ONE, ("cx", 1, 0))
_THREE: tuple[Gate, ...] = (*_TWO, ("cx", 0, 1))


@cache
def words() -> tuple[tuple[Gate, ...], ...]:
    """One word for each Clifford, up to a phase of the whole.

    The four classes (no entangling gate, CNOT, iSWAP, SWAP) of Corcoles et al., Phys. Rev. A 87, 030301 (2013): 576,
    5,184, 5,184 and 576 words with 0 to 3 cx, on average 1.5.
    """
    local = [(*on(0, a), *on(1, b)) for a, b in product(_LOCAL, repeat=2)]
    thirds = [(*on(0, a), *on(1, b)) for a, b in product(_THIRDS, repeat=2)]
    entangling = [(*first, *core, *last) for core in (_ONE, _TWO) for first in local for last in thirds]
    return (*local, *entangling, *((*first, *_THREE) for first in local))


def tableau(word: tuple[Gate, ...]) -> stim.Tableau:
    """What a word does."""
    circuit = stim.Circuit("I 0 1")
    for name, *qubits in word:
        circuit.append(name.upper(), qubits)
    return circuit.to_tableau()


def word_of(clifford: stim.Tableau) -> tuple[Gate, ...]:
    """The word for a Clifford of two qubits."""
    return words()[_numbers()[_bytes(clifford)]]


@cache
def _numbers() -> dict[bytes, int]:
    return {_bytes(tableau(word)): number for number, word in enumerate(words())}


def _bytes(clifford: stim.Tableau) -> bytes:
    return np.concatenate([part.ravel() for part in clifford.to_numpy()]).tobytes()
