"""Logical error per error-correction cycle: from one experiment, and fitted over several lengths."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from counterpoint.base import BadInput, Floats, Key
from counterpoint.quops.estimate import COVERAGE, Estimate, check_counts, error_per_shot

FIRST_ROUND = 3  # shorter experiments are all preparation and final measurement
_RESAMPLES = 4000


def per_cycle(error: float, rounds: int) -> float:
    """eps = (1 - (1 - 2P)**(1/r)) / 2 for a logical error P after r cycles.

    Cycles flip independently, so the remainder 1 - 2P of the logical state decays by the same factor
    1 - 2 eps in each (as in Google Quantum AI, Nature 614, 676 (2023)). At P >= 1/2 nothing
    remains and no eps fits: it is then 1/2, a cycle that keeps nothing. One cycle gives P itself.
    """
    if rounds < 1:
        raise BadInput(f"an experiment of {rounds} cycles has no error per cycle: give at least 1")
    if rounds == 1:
        return error
    return 0.5 if error >= 0.5 else -math.expm1(math.log1p(-2 * error) / rounds) / 2


def error_per_cycle(failures: int, shots: int, rounds: int) -> Estimate:
    """Logical error a cycle of one experiment; `per_cycle` increases, so the interval stays exact.

    Raises:
        BadInput: impossible counts, or no cycle.
    """
    return error_per_shot(failures, shots).through(lambda error: per_cycle(error, rounds))


def fit_per_cycle(rounds: Sequence[int], failures: Sequence[int], shots: Sequence[int], key: Key = (0,)) -> Estimate:
    """Logical error a cycle from experiments of several lengths: ln(1 - 2E) = r ln(1 - 2 eps) + c.

    Unweighted least squares over the experiments of at least 3 rounds, as for the recorded Sycamore
    data (Nature 614, 676 (2023)); c takes up preparation and final measurement. The interval is a
    parametric bootstrap: 4,000 refits in which each E is drawn from Beta(k + 1/2, n - k + 1/2)
    (Jeffreys), so that a count of zero still has a width; it holds the noise of counting, not a scatter
    of the machine between the experiments.

    Raises:
        BadInput: impossible counts, fewer than two lengths of at least 3 rounds, or an E >= 1/2.
    """
    for k, n in zip(failures, shots, strict=True):
        check_counts(k, n)
    r = np.array([length for length in rounds if length >= FIRST_ROUND], np.float64)
    pairs = [(k, n) for length, k, n in zip(rounds, failures, shots, strict=True) if length >= FIRST_ROUND]
    if len(set(r)) < 2:
        raise BadInput(
            f"a fit over rounds needs 2 lengths of at least {FIRST_ROUND} rounds, and {sorted(set(rounds))} "
            f"has {len(set(r))}: add experiments of other lengths"
        )
    k, n = np.array(pairs, np.float64).T
    if (full := np.flatnonzero(2 * k >= n)).size:
        i = int(full[0])
        raise BadInput(
            f"{k[i]:.0f} of {n[i]:.0f} shots fail after {r[i]:.0f} rounds, and a fit needs fewer than half: "
            "leave the longest experiments out"
        )
    draws = np.random.default_rng(key).beta(k + 0.5, n - k + 0.5, (_RESAMPLES, len(r)))
    # A draw may pass 1/2 where the count did not; half a failure short of it still has a logarithm.
    resampled = _slope(r, np.minimum(draws, 0.5 - 0.5 / n))
    tail = 50 * (1 - COVERAGE)
    low, high = np.percentile(resampled, [tail, 100 - tail])
    return Estimate(float(_slope(r, k / n)), float(low), float(high))


def _slope(rounds: Floats, errors: Floats) -> Floats:
    """(..., points) errors a shot -> (...) error a cycle; never below zero, which no error can be."""
    centred = rounds - rounds.mean()
    slope = np.log1p(-2 * errors) @ centred / (centred @ centred)
    return np.maximum(0.0, -np.expm1(slope) / 2)
