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
    return tuple((*first, *tail) for tail in _tails() for first in _locals())


def tableau(word: tuple[Gate, ...]) -> stim.Tableau:
    """What a word does."""
    lines = [" ".join(map(str, (gate[0].upper(), *gate[1:]))) for gate in word]
    return stim.Circuit("\n".join(["I 0 1", *lines])).to_tableau()


def word_of(clifford: stim.Tableau) -> tuple[Gate, ...]:
    """The word for a Clifford of two qubits: the one tail without which it joins nothing, after what is left."""
    found = ((_locals_by_bytes().get(_bytes(clifford.then(undone))), tail) for tail, undone in _undone())
    return next((*first, *tail) for first, tail in found if first is not None)


@cache
def _locals() -> tuple[tuple[Gate, ...], ...]:
    return tuple((*on(0, a), *on(1, b)) for a, b in product(_LOCAL, repeat=2))


@cache
def _tails() -> tuple[tuple[Gate, ...], ...]:
    """What may follow a local word: nothing, one or two cx and axes turned, three cx."""
    thirds = [(*on(0, a), *on(1, b)) for a, b in product(_THIRDS, repeat=2)]
    return ((), *((*core, *last) for core in (_ONE, _TWO) for last in thirds), _THREE)


@cache
def _locals_by_bytes() -> dict[bytes, tuple[Gate, ...]]:
    return {_bytes(tableau(word)): word for word in _locals()}


@cache
def _undone() -> tuple[tuple[tuple[Gate, ...], stim.Tableau], ...]:
    return tuple((tail, tableau(tail).inverse()) for tail in _tails())


def _bytes(clifford: stim.Tableau) -> bytes:
    return np.concatenate([part.ravel() for part in clifford.to_numpy()]).tobytes()
