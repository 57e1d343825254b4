"""Noise models with one rate for each kind of operation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import numpy as np
import stim

from counterpoint.base import BadInput
from counterpoint.codes.faults import MIXING, Kind
from counterpoint.codes.gates import compile_gates


class NoiseModel(ABC):
    """What turns a noiseless circuit, its layers ended by TICK, into a noisy one."""

    @abstractmethod
    def noisy(self, circuit: stim.Circuit) -> stim.Circuit:
        """The circuit with noise. Raises BadInput where it has noise already."""


def _with_rates(circuit: stim.Circuit, rates: dict[Kind, float]) -> stim.Circuit:
    template = compile_gates(circuit, rates)
    return template.circuit(np.array([rates[gate.kind] for gate in template.gates], float))


def _check(p: float, most: float, name: str) -> None:
    if not 0 <= p <= most:
        raise BadInput(f"{name} noise of strength {p:.6g} was asked for: give a number from 0 to {most:.6g}")


@final
@dataclass(frozen=True)
class UniformDepolarizing(NoiseModel):
    """Every operation fails with probability p: gates and idle qubits depolarise, results and resets flip."""

    p: float

    def __post_init__(self) -> None:
        _check(self.p, 1 / 2, "uniform depolarising")

    def noisy(self, circuit: stim.Circuit) -> stim.Circuit:
        p = self.p
        return _with_rates(circuit, {"1Q": p, "2Q": p, "M": p, "R": p, "idle": p, "wait": p})


@final
@dataclass(frozen=True)
class SI1000(NoiseModel):
    """Superconducting-inspired noise with a 1000 ns cycle (Gidney et al., arXiv:2108.10457, table 2).

    Two-qubit gates depolarise with p, one-qubit gates and idle qubits with p/10; resets flip with 2p,
    results with 5p. A qubit that waits while others are measured or reset depolarises with 2p on top
    of the p/10 of any idle qubit.
    """

    p: float

    def __post_init__(self) -> None:
        _check(self.p, MIXING["M"] / 5, "SI1000")

    def noisy(self, circuit: stim.Circuit) -> stim.Circuit:
        p = self.p
        idle, resonator = p / 10, 2 * p
        wait = idle + resonator - idle * resonator * 4 / 3  # two depolarising channels in a row are one
        return _with_rates(circuit, {"1Q": p / 10, "2Q": p, "M": 5 * p, "R": 2 * p, "idle": idle, "wait": wait})
