"""Curvature: how strongly detection rates answer to each knob, learned from the candidates' events.

a_n = common * exp(log_share_n). The common factor comes from what is even in the candidates' offsets,
summed over all knobs, which no error of the centre can imitate. A knob's own share is too faint for
that; it is learned as a parameter beside the error, by an iterated extended Kalman filter (Bell and
Cathey, IEEE Transactions on Automatic Control 38, 294 (1993)): a centre that was moved by a known
step and finds the error changed by more or less tells the share.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from counterpoint.base import Floats
from counterpoint.explore.offsets import Design, Epoch, Reading, Touches

RESPONSE = 0.35  # first guess of the part of l that all knobs together add when all are one scale off
SAFETY = 1.2  # too low a curvature takes too long steps, too high a one only slow steps
SPREAD = 0.06  # variance of a log share before anything is known
WANDER = 1e-4  # variance by which a log share may change in an epoch
SURPRISING = 9.0  # squared standard deviations
CORRELATED = 0.9  # the largest correlation of error and log share
MOST = 1.5  # the largest departure of a log share
NOISE_MEMORY = 0.9  # of the running variance of changes


@dataclass(frozen=True, eq=False)
class Curvature:
    """What has been learned of it, and of the noise beside it."""

    known: float  # precision of the common factor
    heard: float  # precision times the factor
    log_share: Floats  # (N,)
    variance: Floats  # (N,) of it
    covariance: Floats  # (N,) of it with the knob's error
    noise: float  # variance of changes beside that of independent events: events come in pairs

    @classmethod
    def of(cls, knobs: int) -> Curvature:
        zero = np.zeros(knobs)
        return cls(0.0, 0.0, zero, np.full(knobs, SPREAD), zero, 2.0)

    @property
    def common(self) -> float:
        """The common factor; never below what the data would still let pass by chance."""
        return max(self.heard / self.known, 0.3 / self.known**0.5)

    @property
    def each(self) -> Floats:
        """(N,) a, on the safe side."""
        return SAFETY * self.common * np.exp(self.log_share)

    def ready(self, touches: Touches, epoch: Epoch) -> Curvature:
        """With a first guess, once one epoch shows how high the detection rates are."""
        if self.known:
            return self
        alive = epoch.precision > 0
        sums = touches.to_sites(np.ones_like(self.log_share))[alive]
        if not sums.any():
            return self
        guess = RESPONSE * epoch.level[alive].sum() / sums.sum()
        return replace(self, known=1 / guess**2, heard=1 / guess)

    def regress(self, touches: Touches, epoch: Epoch, design: Design, reading: Reading) -> Curvature:
        """Common factor and noise after an epoch, by least squares on what is even in the offsets."""
        even = touches.to_sites(design.square * np.exp(self.log_share))
        # The part of the squares was taken out at the curvature in use: put it back.
        change = reading.residual + SAFETY * self.common * even
        weight = epoch.precision / self.noise
        memory = NOISE_MEMORY + (1 - NOISE_MEMORY) * min(max(reading.excess, 0.2), 5.0)
        return replace(
            self,
            known=self.known + float((even**2 * weight).sum()),
            heard=self.heard + float((even * change * weight).sum()),
            noise=min(max(self.noise * memory, 0.1), 1e3),
        )

    def share(self, reading: Reading, mean: Floats, variance: Floats) -> tuple[Curvature, Floats, Floats]:
        """The log shares after a reading; (N,) the errors e read with the new shares, and their variance.

        Args:
            mean, variance: (N,) of e before the reading.
        """
        # What an error of the expected size cannot explain is a jump, and says nothing of the share.
        usual = (reading.error - mean) ** 2 < SURPRISING * (variance + reading.variance)
        own = self.variance + WANDER
        # The bank of filters changes the variance of the error on its own: keep the pair a covariance.
        most = CORRELATED * np.sqrt(variance * own)
        covariance = self.covariance.clip(-most, most)
        error, factor = mean, np.ones_like(mean)
        for _ in range(2):  # linearise again where the first pass led
            total, to_error, to_factor = _gains(error, factor, variance, own, covariance, reading.variance)
            surprise = reading.error - factor * mean - error * (1 - factor)
            error = mean + to_error * surprise
            factor = np.where(usual, 1 + to_factor * surprise, 1).clip(0.6, 1.6)
        total, to_error, to_factor = _gains(error, factor, variance, own, covariance, reading.variance)
        log_share = (self.log_share + np.log(factor)).clip(-MOST, MOST)
        log_share = log_share - np.average(log_share, weights=1 / own)  # what is common is not a share
        learned = replace(
            self,
            log_share=log_share,
            variance=np.where(usual, own - to_factor**2 * total, own),
            covariance=np.where(usual, covariance - to_error * to_factor * total, 0),
        )
        return learned, reading.error / factor, reading.variance / factor**2

    def after(self, correlation: Floats) -> Curvature:
        """One epoch later, when (N,) `correlation` of an error is left of it."""
        return replace(self, covariance=self.covariance * correlation)


def _gains(
    error: Floats, factor: Floats, variance: Floats, own: Floats, covariance: Floats, noise: Floats
) -> tuple[Floats, Floats, Floats]:
    """Innovation variance of factor * error, and the Kalman gains of error and factor."""
    to_error = factor * variance + error * covariance
    to_factor = factor * covariance + error * own
    total = factor * to_error + error * to_factor + noise
    return total, to_error / total, to_factor / total
