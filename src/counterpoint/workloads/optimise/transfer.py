"""Angles of QAOA that are chosen without running it: the regular tree's, and those moved to other problems.

For weighted and irregular problems every gamma is divided by the weights' root mean square and changes with the mean
degree d as arctan(1 / sqrt(d - 1)), the optimum at depth 1; betas stay (Shaydulin, Lotshaw, Larson, Ostrowski and
Humble, arXiv:2201.11785; Sureshbabu, Herman, Shaydulin, Basso, Chakrabarti, Sun and Pistoia, arXiv:2305.15201). A field
counts as an edge to one more spin. The sign of a weight is not looked at: on a tree it can be turned away.
"""

from __future__ import annotations

import math

import numpy as np

from counterpoint.base import BadInput, Counts, Floats
from counterpoint.workloads.optimise.angles import DEGREES, Angles, depths, of_tree
from counterpoint.workloads.optimise.ising import Ising

ALIKE = 1e-12  # relative difference of weights that count as equal

citation = (
    "@article{Wurtz2021, title={The fixed angle conjecture for {QAOA} on regular {MaxCut} graphs}, author={Wurtz,"
    " Jonathan and Lykov, Danylo}, journal={Physical Review A}, volume={104}, pages={052419}, year={2021}}\n"
    "@article{Shaydulin2023, title={Parameter transfer for quantum approximate optimization of weighted {MaxCut}},"
    " author={Shaydulin, Ruslan and Lotshaw, Phillip C. and Larson, Jeffrey and Ostrowski, James and Humble, Travis"
    " S.}, journal={ACM Transactions on Quantum Computing}, volume={4}, number={3}, pages={1--15}, year={2023}}\n"
    "@article{Sureshbabu2024, title={Parameter setting in quantum approximate optimization of weighted problems},"
    " author={Sureshbabu, Shree Hari and Herman, Dylan and Shaydulin, Ruslan and Basso, Joao and Chakrabarti, Shouvanik"
    " and Sun, Yue and Pistoia, Marco}, journal={Quantum}, volume={8}, pages={1231}, year={2024}}"
)


def fixed(problem: Ising, depth: int) -> Angles:
    """The tree's angles for a regular graph without fields whose weights are equal: gammas by the weight.

    Raises BadInput for any other problem, and a degree or depth that is not kept.
    """
    weights, degrees = _terms(problem)
    low, high = degrees.min(), degrees.max()
    if problem.fields.any() or low != high or np.ptp(weights) > ALIKE * weights.max() or weights.min() < 0:
        raise BadInput(
            f"fixed angles are those of regular graphs of equal weights, and this problem has degrees {low} to {high}, "
            f"weights {weights.min():g} to {weights.max():g} and {np.count_nonzero(problem.fields)} fields: take "
            "transferred angles (--angles transferred)"
        )
    return _divided(of_tree(int(low), depth), float(weights.mean()))


def transferred(problem: Ising, depth: int) -> Angles:
    """Angles for any problem, from those of the regular tree whose degree is nearest.

    Raises BadInput for a depth that is not kept, and a problem whose weights are all 0.
    """
    _, degrees = _terms(problem)
    mean = degrees[degrees > 0].mean()
    near = min((d for d in DEGREES if depth in depths(d)), key=lambda d: abs(d - mean), default=None)
    if near is None:
        most = max(len(depths(d)) for d in DEGREES)
        raise BadInput(f"angles of depth {depth} were asked for and {most} is the most: give --depth 1 to {most}")
    return _divided(of_tree(near, depth), scale(problem) * _first(near) / _first(mean))


def scale(problem: Ising) -> float:
    """The root mean square of the weights that are not 0. Raises BadInput where all are."""
    weights, _ = _terms(problem)
    most = float(np.abs(weights).max())
    return most * float(np.sqrt(np.mean((weights / most) ** 2)))


def _first(degree: float) -> float:
    """The gamma that is best at depth 1."""
    return math.atan2(1, math.sqrt(max(degree - 1, 0)))


def _divided(angles: Angles, by: float) -> Angles:
    return Angles(tuple(gamma / by for gamma in angles.gammas), angles.betas)


def _terms(problem: Ising) -> tuple[Floats, Counts]:
    """The weights that are not 0, in units in which an edge of Max-Cut has its own, and the degrees (n,)."""
    there = problem.couplings != 0
    with np.errstate(over="ignore"):
        weights = 2 * np.append(problem.couplings[there], problem.fields[problem.fields != 0])
    if not weights.size:
        raise BadInput(
            f"all fields and couplings of {problem.size} variables are 0 and every assignment is best: give a problem "
            "with a weight"
        )
    if not np.isfinite(weights).all():
        raise BadInput(f"a weight is {weights[~np.isfinite(weights)][0]} when it is doubled: scale the problem down")
    ends = np.bincount(problem.pairs[there].ravel(), minlength=problem.size)
    return weights, ends + (problem.fields != 0)
