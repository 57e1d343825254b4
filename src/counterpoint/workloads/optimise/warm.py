"""A warm start of QAOA: where each qubit begins, from a relaxed solution of the problem.

Egger, Marecek and Woerner (arXiv:2009.10095) start qubit i in sqrt(1 - c_i) |0> + sqrt(c_i) |1>, c the solution of a
continuous relaxation held between epsilon and 1 - epsilon, so that no answer is out of reach. The relaxation here is
the semidefinite one, of spins as unit vectors (`goemans`), and c_i how far a vector leans to one side of a plane.
"""

from __future__ import annotations

import numpy as np

from counterpoint.base import BadInput, Floats, Key, fold_in
from counterpoint.workloads.optimise import goemans
from counterpoint.workloads.optimise.ising import Ising

PLANES = 50  # random directions; the best one is kept

citation = (
    "@article{Egger2021, title={Warm-starting quantum optimization}, author={Egger, Daniel J. and Mare{\\v{c}}ek, Jakub"
    " and Woerner, Stefan}, journal={Quantum}, volume={5}, pages={479}, year={2021}}"
)


def tilts(problem: Ising, epsilon: float, key: Key) -> Floats:
    """(n,) rad from |0> to where each qubit starts. Raises BadInput for an epsilon outside 0 to 1/2."""
    if not 0 < epsilon <= 0.5:
        raise BadInput(f"a warm start with epsilon {epsilon:g} was asked for: give a number above 0, and at most 0.5")
    chances = np.clip(relaxed(problem, key), epsilon, 1 - epsilon)
    return 2 * np.arcsin(np.sqrt(chances))


def relaxed(problem: Ising, key: Key) -> Floats:
    """(n,) between 0 and 1: how much each variable is 1, in the best of many directions of the relaxed solution."""
    _, vectors = goemans.relaxed(problem, fold_in(key, "vectors"))
    along = vectors @ np.random.default_rng(fold_in(key, "planes")).standard_normal((vectors.shape[1], PLANES))
    along = along[:-1] * np.sign(along[-1])  # the last vector is the spin that fields couple to
    best = along[:, np.argmin(problem.energies((along.T < 0).astype(np.uint8)))]
    return (1 - best / np.abs(best).max()) / 2
