"""Offsets: how far every knob is from its best setting, from one epoch's detection events.

On the scale l = -1/2 ln(1 - 2p) independent errors add, so that a site's l is a sum of squared errors

    l_s = l0_s + sum over touching knobs of a_n e_n^2,    e_n = (setting - optimum) / scale.

Around a centre with error e, candidate c at offset u_cn differs from the mean candidate by
a_n (D_cn e_n + Q_cn) with D = 2 (u - mean u) and Q = u^2 - mean u^2: linear in e. All candidates move
all knobs at once, so each knob is seen through the others' signals. Solving for all e together takes
them out as far as there are more numbers than knobs; how much is left for a knob follows from the
effective interference of linear multi-user receivers (Tse and Hanly, IEEE Transactions on
Information Theory 45, 641 (1999), Theorem 3.1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from counterpoint.base import Counts, Floats, Outcome

INTERFERENCE = 4  # rounds of the fixed point
SOLVE, TOLERANCE = 60, 1e-6  # most steps of conjugate gradients, and the residual at which they end
SATURATED = 0.45  # a site that fires as often as this tells nothing on the scale l


@dataclass(frozen=True, eq=False)
class Touches:
    """Sums over the sites of a knob and over the knobs of a site, N x S with few distinct rows.

    Knobs of one gate touch the same sites: sums run over the G distinct rows of the mask.
    """

    order: Counts  # (N,) knobs, those with equal rows together
    first: Counts  # (G,) where each row begins in `order`
    row: Counts  # (N,) the distinct row of each knob
    rows: Floats  # (G, S) of 0 and 1

    @classmethod
    def of(cls, touches: NDArray[np.bool_]) -> Touches:
        _, one, row = np.unique(np.packbits(touches, axis=1), axis=0, return_index=True, return_inverse=True)
        row = row.ravel()
        order = np.argsort(row, kind="stable")
        first = np.searchsorted(row[order], np.arange(len(one)))
        return cls(order, first, row, touches[one].astype(np.float64))

    def to_sites(self, knobs: Floats) -> Floats:
        """(..., S) sums over the knobs that touch a site of (..., N)."""
        return np.add.reduceat(knobs[..., self.order], self.first, axis=-1) @ self.rows

    def to_knobs(self, sites: Floats) -> Floats:
        """(..., N) sums over the sites that a knob touches of (..., S)."""
        return (sites @ self.rows.T)[..., self.row]


@dataclass(frozen=True, eq=False)
class Epoch:
    """What one epoch showed at each site, on the scale l."""

    level: Floats  # (S,) mean over candidates
    change: Floats  # (C, S) of each candidate from the mean
    precision: Floats  # (S,) 1 / variance of a change if events were independent; 0 for a site that tells nothing

    @classmethod
    def of(cls, outcome: Outcome) -> Epoch:
        n = np.maximum(1, outcome.opportunities)
        # Half an event more keeps a site with none finite.
        rate = ((outcome.events + 0.5) / (n + 1)).clip(0, SATURATED)
        log = -0.5 * np.log1p(-2 * rate)
        p = rate.mean(axis=0)
        variance = p * (1 - p) / n.mean(axis=0) / (1 - 2 * p) ** 2
        dead = (outcome.events.sum(axis=0) == 0) | (rate.max(axis=0) >= SATURATED)
        return cls(log.mean(axis=0), log - log.mean(axis=0), np.where(dead, 0.0, 1 / variance))


@dataclass(frozen=True, eq=False)
class Design:
    """How the candidates differ, (C, N) each, in units of scale."""

    linear: Floats  # D
    square: Floats  # Q

    @classmethod
    def of(cls, offsets: Floats) -> Design:
        squares = offsets**2
        return cls(2 * (offsets - offsets.mean(axis=0)), squares - squares.mean(axis=0))


@dataclass(frozen=True, eq=False)
class Reading:
    """What one epoch alone says of the errors e, beside a prior with this mean and variance."""

    error: Floats  # (N,) e, unbiased: the prior of the knob itself is taken out again
    variance: Floats  # (N,) of it; 1e12 where the epoch says nothing
    residual: Floats  # (C, S) changes left unexplained by the posterior errors
    posterior: Floats  # (N,) mean of e with the prior
    excess: float  # mean square of the residual beside what is expected of it; 1 when the noise is as assumed


def read(
    touches: Touches, epoch: Epoch, design: Design, curvature: Floats, noise: float, mean: Floats, variance: Floats
) -> Reading:
    """The errors of all knobs from one epoch.

    Args:
        curvature: (N,) a, the change of l at each touched site for one squared scale.
        noise: variance of the changes beside that of independent events.
        mean, variance: (N,) of e before the epoch.
    """
    weight = epoch.precision / noise  # (S,)
    square = (design.linear**2).sum(axis=0)
    candidates = len(design.linear)
    energy = curvature**2 * square
    seen = weight  # precision of a change at a site, interference counted as noise
    for _ in range(INTERFERENCE):
        left = 1 / (1 / variance + energy * touches.to_knobs(seen))
        seen = weight / (1 + weight * touches.to_sites(energy * left) / candidates)
    information = energy * touches.to_knobs(seen)

    start = epoch.change - touches.to_sites((design.square + design.linear * mean) * curvature)
    step = _solve(touches, design.linear * curvature, weight, variance, start)
    residual = start - touches.to_sites(design.linear * curvature * step)
    alive = weight > 0
    ratio = (residual[:, alive] ** 2 * weight[alive] ** 2 / seen[alive]).mean() if alive.any() else 1.0
    known = np.maximum(information, 1e-12)
    return Reading(mean + step * (1 + 1 / (variance * known)), 1 / known, residual, mean + step, float(ratio))


def _solve(touches: Touches, signal: Floats, weight: Floats, variance: Floats, change: Floats) -> Floats:
    """(N,) most probable departure from the prior mean, by preconditioned conjugate gradients.

    Solves (1/variance + H' W H) x = H' W change, where H x is the sum over touching knobs of signal * x.
    """

    def back(sites: Floats) -> Floats:
        return np.einsum("cn,cn->n", signal, touches.to_knobs(sites * weight))

    inverse = 1 / (1 / variance + (signal**2).sum(axis=0) * touches.to_knobs(weight))
    x = np.zeros_like(variance)
    left = back(change)
    end = TOLERANCE**2 * float(left @ (inverse * left))
    towards = inverse * left
    gain = float(left @ towards)
    for _ in range(SOLVE):
        if gain <= end:
            break
        image = towards / variance + back(touches.to_sites(signal * towards))
        length = gain / float(towards @ image)
        x = x + length * towards
        left = left - length * image
        before, gain = gain, float(left @ (inverse * left))
        towards = inverse * left + gain / before * towards
    return x
