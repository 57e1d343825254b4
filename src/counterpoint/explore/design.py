"""Designs of experiments: directions in which many knobs are moved at once without getting in each other's way.

Where every knob moves by plus or minus its unit and the columns of signs are orthogonal, the effect of
one knob drops out of the estimate of another's exactly (Plackett and Burman, Biometrika 33, 305 (1946)).
Random signs only make it small on average. As many knobs as there are rows can be told apart; knobs that share
no site need not be, so that a few columns do for a chip of any size.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from counterpoint.base import Floats


def hadamard(most: int) -> Floats:
    """(n, n) signs with orthogonal columns, n the largest order up to `most` that is known here.

    Orders are q + 1 for a prime q = 3 mod 4 (Paley, J. Math. Phys. 12, 311 (1933), lemma 2), 1, 2, and
    twice any of these (Sylvester's doubling): 1, 2, 4, 8, 12, 16, 20, 24, 32, 40, 44, 48, ...
    """
    order = next(n for n in range(most, 0, -1) if _known(n))
    if order <= 2:
        return np.array([[1.0, 1.0], [1.0, -1.0]])[:order, :order]
    if _paley(order - 1):
        return _from_squares(order - 1)
    half = hadamard(order // 2)
    return np.block([[half, half], [half, -half]])


def _known(n: int) -> bool:
    return n <= 2 or _paley(n - 1) or (n % 2 == 0 and _known(n // 2))


def _paley(q: int) -> bool:
    return q % 4 == 3 and all(q % k for k in range(3, int(q**0.5) + 1))


def _from_squares(q: int) -> Floats:
    """Paley's matrix of order q + 1: I + S, S skew, made of the quadratic residues modulo q."""
    residue = np.full(q, -1.0)
    residue[np.arange(1, q) ** 2 % q] = 1.0
    residue[0] = 0.0
    signs = np.eye(q + 1)
    signs[0, 1:] += 1
    signs[1:, 0] -= 1
    signs[1:, 1:] += residue[(np.arange(q)[:, None] - np.arange(q)) % q]
    return signs


def colours(touches: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(N,) a number for each knob, none shared by two knobs that touch the same site.

    Greedy colouring, knobs that touch most sites first, each with the least number that is free. A site's
    knobs get numbers close together, so that these modulo n divide them evenly among n columns.

    Args:
        touches: bool (N, S), as in `ControlSpace`.
    """
    neighbours = int((touches.sum(axis=0)[None] * touches).sum(axis=1).max(initial=0))  # at most so many, itself too
    taken = np.zeros((touches.shape[1], neighbours + 1), bool)  # numbers in use at each site
    chosen = np.zeros(len(touches), np.int64)
    for knob in np.argsort(-touches.sum(axis=1), kind="stable"):
        sites = np.flatnonzero(touches[knob])
        chosen[knob] = int(np.argmin(taken[sites].any(axis=0)))
        taken[sites, chosen[knob]] = True
    return chosen
