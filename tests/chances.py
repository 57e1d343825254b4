"""General circuits drawn at random, and whether outcomes follow exact chances: for several tests."""

from __future__ import annotations

from math import pi

import numpy as np
from scipy.stats import chi2

from counterpoint.circuits.circuit import GATES, Circuit, Operation

FALSE_ALARM = 1e-6
ALL = tuple(GATES)
CLIFFORD = ("x", "y", "z", "h", "s", "sdg", "sx", "cx", "cy", "cz", "swap")


def random_circuit(n: int, length: int, seed: int, names: tuple[str, ...] = ALL) -> Circuit:
    """So many gates on n qubits, which are all measured in the end."""
    rng = np.random.default_rng(seed)
    made: list[Operation] = []
    for name in rng.choice(names, length):
        qubits, parameters = GATES[name]
        turn = tuple(rng.uniform(-pi, pi, parameters).tolist())
        made.append(Operation(name, tuple(rng.permutation(n)[:qubits].tolist()), turn))
    return Circuit(n, n, (*made, *(Operation("measure", (q,), bit=q) for q in range(n))))


def alike(found: np.ndarray, expected: np.ndarray) -> bool:
    """Whether outcomes (shots, bits) follow the chances (2^bits,), by Pearson's test; none that cannot happen."""
    counts = np.bincount(found @ (1 << np.arange(found.shape[1])), minlength=expected.size)
    mean = len(found) * expected
    can = expected > 1e-12
    statistic = ((counts - mean)[can] ** 2 / mean[can]).sum()
    return not counts[~can].any() and (can.sum() == 1 or statistic <= chi2.isf(FALSE_ALARM, can.sum() - 1))
