"""Bayesian optimisation of a few directions, for a target that moves.

The directions are the common offsets of all knobs of a kind: "every CZ amplitude together". In so few
dimensions a Gaussian process learns the total detection rate as a function of the offsets and of time
(time-varying GP-UCB: Bogunovic, Scarlett and Cevher, AISTATS 2016, eqs. 3 to 5 and algorithm 1): what was
seen an epoch ago is believed a little less than what is seen now. Each epoch tries a batch: every setting
is chosen as if those before it had already given what the process expects of them (GP-BUCB: Desautels,
Krause and Burdick, JMLR 15, 4053 (2014)).

It can follow only what the knobs of a kind have in common, a drift of temperature, say. An error of one
knob that the others do not share is out of its sight.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.spatial.distance import cdist

from counterpoint.base import (
    Action,
    ControlSpace,
    Denial,
    Explorer,
    Floats,
    Key,
    Outcome,
    Seen,
    TryControls,
)
from counterpoint.explore.centre import Centre

POOL = 100  # settings among which each one of a batch is chosen
PAIRED = 2.0  # variance of counts of detection events over the binomial one: an error fires two of them


def kinds(space: ControlSpace) -> Floats:
    """float64 (K, N): row k is 1 for the knobs of kind k, where a kind is the name up to its gate's qubits."""
    labels = [re.split(r"\s+(?=\d)", name)[0] for name in space.names]
    return np.array([[label == kind for label in labels] for kind in dict.fromkeys(labels)], np.float64)


@dataclass(frozen=True, eq=False)
class Process:
    """A Gaussian process over place and time, kernel exp(-|x - x'|^2 / 2 l^2) * (1 - forgetting)^(|t - t'| / 2).

    Places are float64 (M, K), times and values (M,), `noise` the variance of each value.
    """

    length: float
    amplitude: float  # prior standard deviation of a value
    forgetting: float
    places: Floats
    times: Floats
    values: Floats
    noise: Floats

    def kernel(self, x: Floats, t: Floats, y: Floats, u: Floats) -> Floats:
        """float64 (len(x), len(y)): prior covariance between x at times t and y at times u."""
        apart = cdist(x, y, "sqeuclidean") / (2 * self.length**2)
        kept = np.log1p(-self.forgetting) * np.abs(t[:, None] - u[None]) / 2
        return self.amplitude**2 * np.exp(kept - apart)

    def posterior(self, x: Floats, now: float) -> tuple[Floats, Floats]:
        """Mean (P,) and covariance (P, P) at places x (P, K) at time `now`: eqs. 4 and 5 of the paper."""
        at = np.full(len(x), now)
        prior = self.kernel(x, at, x, at)
        if not len(self.places):
            return np.zeros(len(x)), prior
        seen = self.kernel(self.places, self.times, self.places, self.times) + np.diag(self.noise)
        across = self.kernel(self.places, self.times, x, at)
        gain = cho_solve(cho_factor(seen, lower=True), across)
        return gain.T @ self.values, prior - across.T @ gain


@dataclass(frozen=True, eq=False)
class Belief:
    """The state: where each kind's common offset stands, and what was seen."""

    centre: Centre
    directions: Floats  # (K, N)
    offset: Floats  # (K,) of the centre
    epoch: int
    places: Floats  # (M, K)
    times: Floats  # (M,) epochs
    rates: Floats  # (M,) detection events a detector
    noise: Floats  # (M,) variance of these


@dataclass(frozen=True)
class Bayes(Explorer):
    """TV-GP-UCB over the common offset of each kind of knob.

    Attributes:
        batch: settings in an epoch, which share its shots evenly.
        bonus: sqrt(beta) of the paper: how many standard deviations an unknown setting is given in advance.
        length: how far a rate carries over, in units of the knobs' scale.
        amplitude: prior standard deviation of the rate over places and times, in events a detector.
        forgetting: epsilon of the paper, an epoch.
        window: epochs that are remembered.
        reach: how far from the centre settings are tried, in units of the knobs' scale.
    """

    batch: int = 5
    bonus: float = 0.5
    length: float = 2.0
    amplitude: float = 0.03
    forgetting: float = 0.03
    window: int = 20
    reach: float = 0.5
    citation: str = (
        "@inproceedings{Bogunovic2016, title={Time-varying {Gaussian} process bandit optimization},"
        " author={Bogunovic, Ilija and Scarlett, Jonathan and Cevher, Volkan}, booktitle={Artificial"
        " Intelligence and Statistics (AISTATS)}, pages={314--323}, year={2016}}\n"
        "@article{Desautels2014, title={Parallelizing exploration-exploitation tradeoffs in {Gaussian} process"
        " bandit optimization}, author={Desautels, Thomas and Krause, Andreas and Burdick, Joel W.},"
        " journal={Journal of Machine Learning Research}, volume={15}, pages={4053--4103}, year={2014}}"
    )

    def init(self, space: ControlSpace, key: Key) -> Belief:
        directions = kinds(space)
        zero, none = np.zeros(len(directions)), np.zeros(0)
        return Belief(Centre.of(space), directions, zero, 0, np.zeros((0, zero.size)), none, none, none)

    def ask(self, key: Key, state: Belief, seen: Seen) -> Action:
        rng = np.random.default_rng(key)
        near = state.offset + self.reach * rng.uniform(-1, 1, (POOL - 1, state.offset.size))
        pool = np.vstack([state.offset, near])
        mean, covariance = self._process(state).posterior(pool, state.epoch)
        each = self._typical_noise(state)
        chosen: list[int] = []
        for _ in range(min(self.batch, seen.candidates)):
            deviation = np.sqrt(np.maximum(covariance.diagonal(), 0))
            best = int(np.argmin(mean - self.bonus * deviation))
            chosen.append(best)
            column = covariance[:, best]
            covariance = covariance - np.outer(column, column) / (column[best] + each)
        return state.centre.around((pool[chosen] - state.offset) @ state.directions)

    def tell(self, state: Belief, action: Action, outcome: Outcome | Denial) -> Belief:
        if isinstance(outcome, Denial):
            centre = state.centre.back()
            return replace(
                state, centre=centre, offset=self._offset(state.directions, centre.at), epoch=state.epoch + 1
            )
        assert isinstance(action, TryControls)
        tried = state.centre.at + state.centre.offsets(action)
        looked = outcome.opportunities.sum(axis=1)
        rates = outcome.events.sum(axis=1) / looked
        keep = state.times > state.epoch - self.window
        told = replace(
            state,
            epoch=state.epoch + 1,
            places=np.vstack([state.places[keep], self._offset(state.directions, tried)]),
            times=np.append(state.times[keep], np.full(len(rates), state.epoch)),
            rates=np.append(state.rates[keep], rates),
            noise=np.append(state.noise[keep], PAIRED * np.maximum(rates * (1 - rates), 1 / looked) / looked),
        )
        # The best of what was tried lately, by the posterior mean at the next epoch: no new sampling of places.
        mean, _ = self._process(told).posterior(told.places, told.epoch)
        best = told.places[int(np.argmin(mean))]
        centre = state.centre.moved((best - state.offset) @ state.directions, self.reach)
        return replace(told, centre=centre, offset=self._offset(state.directions, centre.at))

    def _process(self, state: Belief) -> Process:
        """The process given what was seen, around the mean rate seen."""
        middle = state.rates.mean() if state.rates.size else 0.0
        values = state.rates - middle
        return Process(self.length, self.amplitude, self.forgetting, state.places, state.times, values, state.noise)

    @staticmethod
    def _typical_noise(state: Belief) -> float:
        return float(state.noise.mean()) if state.noise.size else 1e-6

    @staticmethod
    def _offset(directions: Floats, scaled: Floats) -> Floats:
        """float64 (..., K): the mean offset of each kind's knobs."""
        return scaled @ directions.T / directions.sum(axis=1)
