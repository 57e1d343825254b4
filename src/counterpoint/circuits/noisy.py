"""Noise of a parameterised circuit by trajectories: Pauli errors after its layers, sampled in advance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from counterpoint.base import BadInput, Key
from counterpoint.circuits.ansatz import Ansatz
from counterpoint.circuits.stages import stages

Paulis = NDArray[np.int8]  # (B, L, n) 0 to 3 for I, X, Z, Y of each qubit after each layer
_NUMBERS = (1, 3, 2)  # of X, Y, Z


@final
@dataclass(frozen=True)
class PauliNoise:
    """Errors after the layers that `stages.stages` finds.

    Attributes:
        turn: chances of X, Y and Z of each qubit that a layer turns.
        pair: chance of one of the 15 Paulis, all alike, of each pair of qubits that a gate of a layer joins.

    Raises BadInput for chances below 0, or above 1 together.
    """

    turn: tuple[float, float, float] = (0.0, 0.0, 0.0)
    pair: float = 0.0

    def __post_init__(self) -> None:
        for chances in (self.turn, (self.pair,)):
            if not (min(chances) >= 0 and sum(chances) <= 1):
                raise BadInput(f"chances of errors of {chances} were given: give numbers from 0, at most 1 together")


def depolarising(p: float) -> tuple[float, float, float]:
    """X, Y and Z, all alike, with the chance `p` together."""
    return p / 3, p / 3, p / 3


def bit_flip(p: float) -> tuple[float, float, float]:
    return p, 0.0, 0.0


def phase_flip(p: float) -> tuple[float, float, float]:
    return 0.0, 0.0, p


def sampled_paulis(ansatz: Ansatz, noise: PauliNoise, count: int, key: Key) -> Paulis:
    """(count, L, n) errors, for `prepared`: the mean of any quantity over the trajectories estimates the noisy one.

    The errors do not depend on the parameters, so that for a fixed key gradients are those of the mean. Raises BadInput
    for a gate of three qubits, where pairs err.
    """
    rng = np.random.default_rng(key)
    layers = stages(ansatz)
    found = np.zeros((count, len(layers), ansatz.qubits), np.int8)
    for number, layer in enumerate(layers):
        if layer.kind == "turns":
            qubits = sorted({q for gate in layer.gates for q in gate.qubits})
            found[:, number, qubits] = _sampled(rng, noise.turn, _NUMBERS, (count, len(qubits)))
        for gate in layer.gates:
            if len(gate.qubits) == 3 and noise.pair:
                raise BadInput(f"'{gate.name}' joins 3 qubits and noise is given of pairs: give it as gates of two")
            if len(gate.qubits) == 2:
                both = _sampled(rng, (noise.pair / 15,) * 15, range(1, 16), (count,))
                found[:, number, gate.qubits[0]] ^= both & 3
                found[:, number, gate.qubits[1]] ^= both >> 2
    return found


def _sampled(
    rng: np.random.Generator, chances: Sequence[float], numbers: Sequence[int], shape: tuple[int, ...]
) -> Paulis:
    """Numbers with their chances, else 0."""
    which = np.searchsorted(np.cumsum(chances), rng.random(shape), side="right")
    return np.array([*numbers, 0], np.int8)[which]
