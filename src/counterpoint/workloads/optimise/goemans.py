"""Goemans and Williamson's rounding of the semidefinite relaxation.

Spins become unit vectors v_i, and sum_k couplings_k v_a . v_b is minimised; of more than sqrt(2 n) dimensions no
optimum is lost (Burer and Monteiro, Math. Program. 95, 329 (2003)). One vector at a time is set to its best place, the
others held (Wang, Chang and Kolter, arXiv:1706.00476: the mixing method). A random plane through the origin then
parts the vectors. On weights of Max-Cut that are not negative the mean cut of a plane is 0.878 of the relaxation's or
more (Goemans and Williamson, J. ACM 42, 1115 (1995), theorem 3.3).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import isqrt
from typing import final

import numpy as np

from counterpoint.base import Bits, Floats, Key, fold_in
from counterpoint.workloads.optimise.ising import Ising
from counterpoint.workloads.optimise.local import square
from counterpoint.workloads.optimise.runs import Runs, filled

citation = (
    "@article{Goemans1995, title={Improved approximation algorithms for maximum cut and satisfiability problems using"
    " semidefinite programming}, author={Goemans, Michel X. and Williamson, David P.}, journal={Journal of the ACM},"
    " volume={42}, pages={1115--1145}, year={1995}}\n"
    "@article{Wang2017, title={The mixing method: low-rank coordinate descent for semidefinite programming with"
    " diagonal constraints}, author={Wang, Po-Wei and Chang, Wei-Cheng and Kolter, J. Zico},"
    " journal={arXiv:1706.00476}, year={2017}}"
)

TOLERANCE = 1e-7  # of all weights: the gain of a sweep below which the vectors are at rest
SWEEPS = 2_000  # at most
SHARE = 0.5  # of the seconds, for the vectors at most


@final
@dataclass(frozen=True)
class Goemans:
    """One run is one plane; the vectors are found once, within the seconds. Fields couple to one vector more."""

    def __str__(self) -> str:
        return "Goemans and Williamson's relaxation"

    def runs(self, ising: Ising, seconds: float, key: Key) -> Runs:
        """As `Method.runs`."""
        return filled(ising, seconds, key, str(self), lambda: _start(ising, fold_in(key, "vectors"), SHARE * seconds))


def relaxed(ising: Ising, key: Key, seconds: float = math.inf) -> tuple[float, Floats]:
    """The relaxation's energy, and its unit vectors (n + 1, d), the last one standing for the fields.

    No assignment's energy is lower, up to what the sweeps leave to gain; they end after so many seconds at the latest.
    """
    end = time.process_time() + seconds
    n = ising.size
    couplings = np.zeros((n + 1, n + 1))
    couplings[:n, :n] = square(ising)
    couplings[n, :n] = couplings[:n, n] = ising.fields
    vectors = np.random.default_rng(key).normal(size=(n + 1, isqrt(2 * (n + 1)) + 1))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    least = TOLERANCE * np.abs(couplings).sum() / 2
    for _ in range(SWEEPS):
        gained = 0.0
        for i in range(n):  # the last one may stay: only angles between vectors matter
            pull = couplings[i] @ vectors
            length = float(np.sqrt(pull @ pull))
            if length > 0:
                gained += length + float(pull @ vectors[i])
                vectors[i] = -pull / length
        if gained <= least or time.process_time() > end:
            break
    return ising.offset + float(np.sum(couplings * (vectors @ vectors.T))) / 2, vectors


def rounded(vectors: Floats, count: int, key: Key) -> Bits:
    """(count, n) assignments, each by the side of a random plane on which a vector lies; the last one's is 0."""
    planes = np.random.default_rng(key).normal(size=(vectors.shape[1], count))
    sides = vectors @ planes > 0
    return (sides[:-1] != sides[-1]).T.astype(np.uint8)


def _start(ising: Ising, key: Key, seconds: float) -> Callable[[int, Key], Bits]:
    _, vectors = relaxed(ising, key, seconds)
    return lambda count, own: rounded(vectors, count, own)
