"""A Gaussian-process bandit on single pulses: what is done where nobody lets the errors add up.

Each shot is one pulse after the quarter turn, whose result tells, a little, whether the pulse turns too far: its mean
is c sin(3 delta / 2). A Gaussian process over the settings learns that mean, and GP-UCB (Srinivas et al., ICML 2010,
algorithm 1) asks where it might, within `beta` standard deviations, be nearest to 0: there the reward -|mean| has the
highest bound. It is the strongest single-pulse bandit that we know of: rewarding the fidelity itself, which is flat at
the optimum, tells far less. Shots of one place are asked for together, in scans.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from counterpoint.base import Floats
from counterpoint.workloads.calibrate.trains import Finder, Search

PLACES = 33  # over the safe range
AMPLITUDE = 0.3  # prior standard deviation of the mean, about that of sin(3 delta / 2) over the safe range
FINE = 1025  # places among which the answer is chosen


@final
@dataclass(frozen=True)
class SinglePulses(Finder):
    """GP-UCB over settings, one pulse a shot.

    Attributes:
        beta: how many standard deviations an unknown setting is given in advance.
        length: of the squared-exponential kernel, in units of the knob's scale.
        scans: into which the uses are split; with fewer the bandit hears of its shots later.
    """

    beta: float = 1.0
    length: float = 4.0
    scans: int = 100
    citation: str = (
        "@inproceedings{Srinivas2010, title={Gaussian process optimization in the bandit setting: no regret and"
        " experimental design}, author={Srinivas, Niranjan and Krause, Andreas and Kakade, Sham and Seeger, Matthias},"
        " booktitle={International Conference on Machine Learning (ICML)}, pages={1015--1022}, year={2010}}"
    )

    def __str__(self) -> str:
        return f"beta {self.beta:g}, length {self.length:g}, {self.scans} scans"

    def search(self, search: Search) -> tuple[float, float]:
        places = np.linspace(*search.dial.ends, PLACES)
        prior = self._kernel(places, places)
        shots, signal = np.zeros(PLACES), np.zeros(PLACES)
        each = max(1, search.shots(1, 1, search.left / self.scans))
        while batch := min(each, search.shots(1, 1, search.left)):
            mean, deviation = self._posterior(prior, prior, shots, signal)
            place = int(np.argmin(np.abs(mean) - self.beta * deviation))
            search.take(places[[place]], 1, batch)
            shots[place] += batch
            signal[place] += search.rows[-1].signal
        fine = np.linspace(*search.dial.ends, FINE)
        mean, deviation = self._posterior(prior, self._kernel(places, fine), shots, signal)
        best = int(np.argmin(np.abs(mean)))
        slope = abs(float(np.gradient(mean, fine)[best]))
        width = fine[-1] - fine[0]
        return float(fine[best]), min(width, 1.96 * float(deviation[best]) / max(slope, 1e-9))

    def _kernel(self, x: Floats, y: Floats) -> Floats:
        return AMPLITUDE**2 * np.exp(-(((x[:, None] - y) / self.length) ** 2) / 2)

    @staticmethod
    def _posterior(prior: Floats, across: Floats, shots: Floats, signal: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation at the places of `across` (PLACES, P); a shot's variance is at most 1."""
        seen = np.flatnonzero(shots)
        if not seen.size:
            return np.zeros(across.shape[1]), np.full(across.shape[1], AMPLITUDE)
        covariance = prior[np.ix_(seen, seen)] + np.diag(1 / shots[seen])
        gain = np.linalg.solve(covariance, across[seen])
        variance = AMPLITUDE**2 - (across[seen] * gain).sum(axis=0)
        return gain.T @ (signal[seen] / shots[seen]), np.sqrt(np.maximum(variance, 0))
