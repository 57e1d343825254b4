"""A warm start of QAOA: where each qubit begins, from a relaxed solution of the problem.

Egger, Marecek and Woerner (arXiv:2009.10095) start qubit i in sqrt(1 - c_i) |0> + sqrt(c_i) |1>, c the solution of a
continuous relaxation held between epsilon and 1 - epsilon, so that no answer is out of reach. The relaxation here is
the semidefinite one: spins as unit vectors, found by coordinate descent at a rank at which no local minimum is worse
than the global one (the mixing method: Wang, Chang and Kolter, arXiv:1706.00476).
"""

from __future__ import annotations

import math

import numpy as np

from counterpoint.base import BadInput, Floats, Key
from counterpoint.workloads.ising import Ising

SWEEPS = 1000
CLOSE = 1e-9  # change of the energy in a sweep, of the sum of weights, at which it ends
PLANES = 50  # random directions; the best one is kept

citation = (
    "@article{Egger2021, title={Warm-starting quantum optimization}, author={Egger, Daniel J. and Mare{\\v{c}}ek, Jakub"
    " and Woerner, Stefan}, journal={Quantum}, volume={5}, pages={479}, year={2021}}\n"
    "@article{Wang2017, title={The mixing method: low-rank coordinate descent for semidefinite programming with"
    " diagonal constraints}, author={Wang, Po-Wei and Chang, Wei-Cheng and Kolter, J. Zico},"
    " journal={arXiv:1706.00476}, year={2017}}"
)


def tilts(problem: Ising, epsilon: float, key: Key) -> Floats:
    """(n,) rad from |0> to where each qubit starts. Raises BadInput for an epsilon outside 0 to 1/2."""
    if not 0 < epsilon <= 0.5:
        raise BadInput(f"a warm start with epsilon {epsilon:g} was asked for: give a number above 0, and at most 0.5")
    chances = np.clip(relaxed(problem, key), epsilon, 1 - epsilon)
    return 2 * np.arcsin(np.sqrt(chances))


def relaxed(problem: Ising, key: Key) -> Floats:
    """(n,) between 0 and 1: how much each variable is 1, in the best of many directions of the relaxed solution."""
    rng = np.random.default_rng(key)
    vectors = _vectors(problem, rng)
    along = vectors @ rng.standard_normal((vectors.shape[1], PLANES))
    along = along[:-1] * np.sign(along[-1])  # the last vector is the spin that fields couple to
    best = along[:, np.argmin(problem.energies((along.T < 0).astype(np.uint8)))]
    return (1 - best / np.abs(best).max()) / 2


def _vectors(problem: Ising, rng: np.random.Generator) -> Floats:
    """(n + 1, rank) unit vectors of least energy; the last stands for the spin 1 that the fields couple to."""
    n = problem.size
    weights = np.zeros((n + 1, n + 1))
    a, b = problem.pairs.T
    np.add.at(weights, (a, b), problem.couplings)
    weights[:n, n] = problem.fields
    weights += weights.T
    weights /= max(np.abs(weights).sum(), np.finfo(float).tiny)
    vectors = rng.standard_normal((n + 1, math.isqrt(2 * (n + 1)) + 1))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    energy = np.inf
    for _ in range(SWEEPS):
        for i in range(n + 1):
            pull = weights[i] @ vectors
            if size := np.linalg.norm(pull):
                vectors[i] = -pull / size
        before, energy = energy, float((vectors * (weights @ vectors)).sum())
        if before - energy <= CLOSE:
            break
    return vectors
