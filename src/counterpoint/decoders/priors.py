"""Decoder steering: each gate's error rate, followed through drift by detection events alone.

No logical label is used. An epoch's odd parities (`parities.py`) are a noisy sight of the rates; a
Kalman filter keeps the rates' mean and covariance. The state is theta = ln(x / x at day zero) of each
gate, so that no rate is negative, and theta follows an Ornstein-Uhlenbeck process about the day-zero
calibration:

    theta' = a theta + noise of variance (1 - a^2) spread^2,   a = exp(-1 / memory).

How many past epochs count is then not chosen but follows, for each direction of rates by itself, from
the gain of the filter: where an epoch measures with variance r and the drift adds q, the window is
about sqrt(r / q) epochs, the bias-variance optimum (Bhardwaj et al., arXiv:2511.09491, find the
optimal sliding window of a drift of known frequency). What no parity tells apart stays where the
calibration had it.

The filter's step is the maximum of the posterior (Gauss-Newton; the iterated extended Kalman filter of
Bell and Cathey, IEEE Trans. Autom. Control 38, 294 (1993)).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import stim
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from counterpoint.base import BadInput, Counts, Floats
from counterpoint.codes.faults import MIXING, Gate
from counterpoint.codes.gates import Template, compile_gates
from counterpoint.decoders.parities import Parities, parities_of

_SOURCES = """@article{bell1993iterated,
  title = {The iterated {K}alman filter update as a {G}auss-{N}ewton method},
  author = {Bell, Bradley M. and Cathey, Frederick W.},
  journal = {IEEE Trans. Autom. Control}, volume = {38}, pages = {294}, year = {1993}, doi = {10.1109/9.250476}
}
@misc{blumekohout2025estimating,
  title = {Estimating detector error models from syndrome data},
  author = {Blume-Kohout, Robin and Young, Kevin}, year = {2025}, eprint = {2504.14643}, archivePrefix = {arXiv}
}
"""
_SAMPLES = 8192  # shots of the day-zero model, of which the parities' correlations are taken
_FEW = 50  # events expected of a site below which its silence means nothing
_STEPS = 10  # of Gauss-Newton; a few suffice
_CLOSE = 1e-3  # of theta
_LEAP = 1.0  # the most that theta moves in one of them


@dataclass(frozen=True, eq=False)
class PriorState:
    """What is believed of the rates after the epochs told so far."""

    theta: Floats  # (G,) ln(x / x at day zero)
    covariance: Floats  # (G, G)


@dataclass(frozen=True, eq=False)
class PriorModel:
    """What is fixed while rates are followed: the circuit's parities, the calibration and the drift's law."""

    template: Template  # G gates
    day_zero: Floats  # (G,) x of each gate at day zero
    parities: Parities  # K classes
    correlation: Floats  # (K, K) of the classes' mean signs between shots
    excess: Floats  # (K,) their variance over that of one parity
    spread: float  # standard deviation of theta
    memory: float  # epochs in which theta forgets

    @property
    def citation(self) -> str:
        """BibTeX of the method's sources."""
        return _SOURCES

    def init(self) -> PriorState:
        """Day zero, before any event."""
        gates = len(self.day_zero)
        return PriorState(np.zeros(gates), self.spread**2 * np.eye(gates))

    def tell(self, state: PriorState, odd: Counts, shots: int) -> PriorState:
        """The state after an epoch with `odd` (K,) odd parities in `shots` shots (`Parities.count`).

        Sites that never fire, or in half of all rounds or more, are dead and count for nothing. No
        shots give the drift's law alone.

        Raises BadInput where the counts cannot be of so many shots.
        """
        members = self.parities.members
        if odd.shape != members.shape:
            raise BadInput(
                f"{odd.size} counts of parities were given and the circuit has {members.size} classes: count "
                "them with the model's own parities"
            )
        if shots < 0 or (odd < 0).any() or (odd > members * shots).any():
            worst = int(np.argmax(np.where(odd < 0, np.inf, odd - members * shots)))
            raise BadInput(
                f"{odd[worst]} odd parities were counted where {shots} shots have {members[worst] * shots}: "
                "give the counts and the number of the same shots"
            )
        keep = np.exp(-1 / self.memory)
        theta = keep * state.theta
        covariance = keep**2 * state.covariance + (1 - keep**2) * self.spread**2 * np.eye(len(theta))
        alive = self._alive(odd, shots, np.exp(-2 * self.parities.uses @ (self.day_zero * np.exp(theta))))
        if not shots or not alive.any():
            return PriorState(theta, covariance)
        return self._sight(theta, covariance, 1 - 2 * odd[alive] / (members[alive] * shots), shots, alive)

    def _alive(self, odd: Counts, shots: int, signs: Floats) -> NDArray[np.bool_]:
        """(K,) bool: classes without a dead site; `signs` (K,) are the mean ones expected."""
        looks = self.parities.members * shots
        silent = (odd == 0) & ((1 - signs) / 2 * looks >= _FEW)
        dead = set(self.parities.sites[self.parities.single & (silent | (2 * odd >= looks)), 0].tolist())
        return np.array([not set(pair) & dead for pair in self.parities.sites.tolist()])

    def _sight(
        self, theta: Floats, covariance: Floats, signs: Floats, shots: int, alive: NDArray[np.bool_]
    ) -> PriorState:
        """The posterior of theta after mean signs (A,) of the classes `alive`."""
        uses = self.parities.uses[alive]
        expected = np.exp(-2 * uses @ (self.day_zero * np.exp(theta)))
        deviation = np.sqrt(self.excess[alive] * (1 - expected**2) / shots)
        noise = cho_factor(deviation[:, None] * self.correlation[np.ix_(alive, alive)] * deviation)
        before = cho_solve(cho_factor(covariance), np.eye(len(theta)))
        now, precision = theta, before
        for _ in range(_STEPS):
            x = self.day_zero * np.exp(now)
            expected = np.exp(-2 * uses @ x)
            slope = -2 * expected[:, None] * uses * x
            weighed = cho_solve(noise, slope)
            precision = before + slope.T @ weighed
            step = cho_solve(cho_factor(precision), before @ (theta - now) + weighed.T @ (signs - expected))
            longest = float(np.abs(step).max())
            now = now + step * min(1.0, _LEAP / max(longest, _CLOSE))
            if longest < _CLOSE:
                break
        return PriorState(now, cho_solve(cho_factor(precision), np.eye(len(theta))))

    def rates(self, state: PriorState) -> Floats:
        """(G,) each gate's error rate, in the order of `template.gates`."""
        mixing = np.array([MIXING[gate.kind] for gate in self.template.gates])
        return -mixing * np.expm1(-2 * self.day_zero * np.exp(state.theta))

    def error_model(self, state: PriorState) -> stim.DetectorErrorModel:
        """The decomposed error model under these rates: what a decoder is compiled from."""
        return self.template.circuit(self.rates(state)).detector_error_model(decompose_errors=True)


def prior_model(
    circuit: stim.Circuit, rates: Mapping[Gate, float], *, spread: float = 0.4, memory: float = 10.0
) -> PriorModel:
    """What follows the rates of a noiseless `circuit` from a calibration.

    Args:
        rates: error rate of each gate at day zero; a gate with rate 0 stays without error.
        spread: standard deviation of the drift of each gate's ln(rate).
        memory: epochs in which the drift forgets.

    Raises:
        BadInput: a gate of the circuit without a rate, a rate outside 0 to fully mixing, or a spread
            or memory that is not above 0.
    """
    for name, value in (("spread", spread), ("memory", memory)):
        if not (np.isfinite(value) and value > 0):
            raise BadInput(f"a {name} of {value} was given: give a number above 0")
    for gate, rate in rates.items():
        if not 0 <= rate < MIXING[gate.kind]:
            raise BadInput(
                f"gate '{gate.name}' has an error rate of {rate:g} and {MIXING[gate.kind]:g} mixes fully: give a "
                "calibrated rate from 0 to below that"
            )
    still = {gate: 0.0 for gate, rate in rates.items() if rate == 0}
    template = compile_gates(circuit, {gate.kind for gate in rates}, still)
    missing = [gate.name for gate in template.gates if gate not in rates]
    if missing:
        raise BadInput(
            f"the circuit needs '{missing[0]}' and the calibration of {len(rates)} gates does not have it: give a "
            "rate of each gate"
        )
    known = np.array([rates[gate] for gate in template.gates])
    mixing = np.array([MIXING[gate.kind] for gate in template.gates])
    day_zero = -np.log1p(-known / mixing) / 2
    parities = parities_of(circuit, {gate: i for i, gate in enumerate(template.gates)})
    sampler = template.circuit(known).compile_detector_sampler(seed=0)
    events = np.asarray(sampler.sample(_SAMPLES, bit_packed=True), np.uint8)
    sampled = parities.covariance(events)
    single = 1 - np.exp(-4 * parities.uses @ day_zero)  # variance of one parity's sign
    # As if one more shot had been seen whose parities are independent: no variance is 0.
    smooth = (_SAMPLES * sampled + np.diag(single / parities.members)) / (_SAMPLES + 1)
    deviation = np.sqrt(np.diag(smooth))
    return PriorModel(
        template=template,
        day_zero=day_zero,
        parities=parities,
        correlation=smooth / np.outer(deviation, deviation),
        excess=np.diag(smooth) / single,
        spread=spread,
        memory=memory,
    )
