"""The optimum, proved where the time suffices: the linearised problem, by HiGHS's branch and bound."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import final

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array, csr_array

from counterpoint.base import BadInput, Bits
from counterpoint.workloads.optimise.ising import Ising

citation = (
    "@article{Glover1974, title={Converting the 0-1 polynomial programming problem to a 0-1 linear program},"
    " author={Glover, Fred and Woolsey, Eugene}, journal={Operations Research}, volume={22}, pages={180--182},"
    " year={1974}}\n"
    "@article{Huangfu2018, title={Parallelizing the dual revised simplex method}, author={Huangfu, Q. and Hall, J. A."
    " J.}, journal={Mathematical Programming Computation}, volume={10}, pages={119--142}, year={2018}}"
)

GAP = 1e-6  # of the largest weight: HiGHS's own tolerance


@final
@dataclass(frozen=True, eq=False)
class Exact:
    """What HiGHS found."""

    bits: Bits | None  # (n,) the best assignment; None where it found none in time
    energy: float  # of it; inf for none
    bound: float  # no assignment's energy is lower
    proved: bool  # whether it is the optimum, to `GAP` of the largest weight
    seconds: float  # of one core


def exact(ising: Ising, seconds: float) -> Exact:
    """The best assignment in so many seconds. Raises BadInput for a time that is not above 0.

    A product x y of two variables is a variable of its own, held at 0 or above and x + y - 1 or above where its
    weight is positive, else at x or below and y or below (Glover and Woolsey 1974). Without fields an assignment and
    its opposite are equal, and the first variable is 0.
    """
    if not (math.isfinite(seconds) and seconds > 0):
        raise BadInput(f"{seconds:g} s were given to find the optimum: give a finite number above 0")
    n, m = ising.size, len(ising.pairs)
    scale = max(float(np.abs(ising.fields).max()), float(np.abs(ising.couplings).max(initial=0.0))) or 1.0
    products = 4 * ising.couplings / scale
    linear = -2 * ising.fields / scale
    for end in (0, 1):
        np.subtract.at(linear, ising.pairs[:, end], products / 2)
    constant = float(ising.fields.sum() + ising.couplings.sum()) / scale  # at all variables 0
    upper = np.ones(n + m)
    if not ising.fields.any():
        upper[0] = 0
    began = time.process_time()
    found = milp(
        np.concatenate([linear, products]),
        integrality=np.repeat([1, 0], [n, m]),
        bounds=Bounds(np.zeros(n + m), upper),  # pyright: ignore[reportArgumentType]: its stubs know numbers alone
        constraints=_products(ising) if m else (),
        options={"time_limit": seconds, "mip_rel_gap": 0.0},
    )
    took = time.process_time() - began
    dual = found.mip_dual_bound if found.mip_dual_bound is not None else -math.inf
    if found.x is None:
        return Exact(None, math.inf, _energy(ising, dual, constant, scale), False, took)
    bits = np.rint(found.x[:n]).astype(np.uint8)
    energy = float(ising.energies(bits[None])[0])
    return Exact(bits, energy, min(energy, _energy(ising, dual, constant, scale)), found.status == 0, took)


def _energy(ising: Ising, value: float, constant: float, scale: float) -> float:
    return ising.offset + scale * (value + constant)


def _products(ising: Ising) -> LinearConstraint:
    """x + y - xy <= 1 for positive weights; xy - x <= 0 and xy - y <= 0 for others."""
    n, m = ising.size, len(ising.pairs)
    products = n + np.arange(m)
    up = ising.couplings > 0
    a, b = ising.pairs.T
    k, rest = int(up.sum()), int((~up).sum())
    row = np.arange(k)
    below = k + np.arange(2 * rest)
    rows = np.concatenate([row, row, row, below, below])
    columns = np.concatenate([a[up], b[up], products[up], np.tile(products[~up], 2), a[~up], b[~up]])
    values = np.repeat([1.0, -1.0, 1.0, -1.0], [2 * k, k, 2 * rest, 2 * rest])
    matrix = csr_array(coo_array((values, (rows, columns)), shape=(k + 2 * rest, n + m)))
    most = np.repeat([1.0, 0.0], [k, 2 * rest])
    return LinearConstraint(matrix, -np.inf, most)  # pyright: ignore[reportArgumentType]: as above
