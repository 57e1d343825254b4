"""What bandits that know of no kernel remember: how often each arm was sampled, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from counterpoint.base import Action, Denial, Floats, Outcome
from counterpoint.explore.estimate import Estimate, Estimated, nearest


@dataclass(frozen=True, eq=False)
class Counted:
    """Samples of K arms."""

    points: Floats  # (K, 1)
    ones: Floats  # (K,) sum of what was sampled
    samples: Floats  # (K,)

    @classmethod
    def of(cls, points: Floats) -> Counted:
        """Nothing was sampled yet."""
        return cls(points, np.zeros(len(points)), np.zeros(len(points)))

    def after(self, action: Action, outcome: Estimated) -> Counted:
        """With the mean of some more samples."""
        assert isinstance(action, Estimate)
        ones, samples = self.ones.copy(), self.samples.copy()
        arm = nearest(self.points, action.setting)
        ones[arm] += outcome.value * outcome.shots
        samples[arm] += outcome.shots
        return replace(self, ones=ones, samples=samples)

    def more(self, arm: int, samples: float) -> Estimate:
        """So many more samples of an arm, at least 1."""
        return Estimate.of_samples(self.points[arm], max(1, int(samples)))

    def told(self, action: Action, outcome: Outcome | Denial | Estimated) -> Counted:
        """After the outcome of an action, or the same where it was denied."""
        if isinstance(outcome, Denial):
            return self
        assert isinstance(outcome, Estimated)
        return self.after(action, outcome)
