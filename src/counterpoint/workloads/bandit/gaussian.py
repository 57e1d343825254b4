"""The published program's oracle for normal rewards, which reads the wrong qubit.

Its register's lowest bit is 1 with chance 1/2 for every mean, which is read as the centre of a domain that was centred
on the true mean: right by construction. The target itself is turned by another angle than the reward asks for.
"""

from __future__ import annotations

import math

import numpy as np

from counterpoint.base import Floats
from counterpoint.circuits.circuit import Circuit, Operation

REGISTER = 6  # qubits of the distribution
DEVIATIONS = 3.0  # of the domain, to either side


def gaussian_oracle(mean: float, variance: float) -> Circuit:
    """The published oracle for a normal reward, without measurements: qubits 0 to 5 hold the reward, 6 is the target.

    The register has the normal density on 64 points from three deviations below the mean to three above. The target
    is turned by pi / 2 * (slope * (x - low) + offset - low) / (high - low), twice that on the sphere, with slope 1 and
    offset 0 as published; what a chance of 1 stands for, `reward` says.
    """
    low, high = domain(mean, variance)
    levels = 2**REGISTER
    density = np.exp(-((np.linspace(low, high, levels) - mean) ** 2) / (2 * variance))
    operations: list[Operation] = []
    for i in range(REGISTER):  # the highest bit first, each turned as the bits above it say
        halves = density.reshape(2**i, 2, -1).sum(axis=2)
        turns = 2 * np.arctan2(np.sqrt(halves[:, 1]), np.sqrt(halves[:, 0]))
        operations += _multiplexed(turns, tuple(range(REGISTER - 1, REGISTER - 1 - i, -1)), REGISTER - 1 - i)
    step = np.pi / (levels - 1)  # of the whole turn pi over the domain
    operations.append(Operation("ry", (REGISTER,), (np.pi * (0.0 - low) / (high - low),)))
    operations += [Operation("cry", (q, REGISTER), (step * 2**q,)) for q in range(REGISTER)]
    return Circuit(REGISTER + 1, 0, tuple(operations))


def domain(mean: float, variance: float) -> tuple[float, float]:
    """Lowest and highest reward that the oracle knows."""
    reach = DEVIATIONS * math.sqrt(variance)
    return mean - reach, mean + reach


def reward(chance: float, mean: float, variance: float) -> float:
    """What the published program takes for the mean reward, from the chance of 1 of the qubit that it reads."""
    low, high = domain(mean, variance)
    return (low + high) / 2 + (chance - 0.5) * 2 / math.pi * (high - low)


def _multiplexed(turns: Floats, controls: tuple[int, ...], target: int) -> list[Operation]:
    """RY by the turn whose number the controls hold, the first the highest bit."""
    if not controls:
        return [Operation("ry", (target,), (float(turns[0]),))]
    lower, upper = np.split(turns, 2)
    cross = Operation("cx", (controls[0], target))
    mean, half = _multiplexed((lower + upper) / 2, controls[1:], target), (lower - upper) / 2
    return [*mean, cross, *_multiplexed(half, controls[1:], target), cross]
