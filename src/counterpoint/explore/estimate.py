"""An estimate that is asked for: the value of one setting to a precision, by whatever oracle answers.

A classical oracle answers with the mean of so many samples, a quantum one by amplitude estimation (`amplitude`). An
explorer asks and is told, so that it never holds a machine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from counterpoint.base import Action, BadInput, ControlSpace, Floats

HALF = 0.98  # half width at 95 % of one sample of a probability near 1/2, by the normal law: 1.96 / 2


@dataclass(frozen=True, eq=False)
class Estimate(Action):
    """Estimate the value of one setting (an arm), which lies in [0, 1]."""

    setting: Floats  # (N,)
    error: float  # half width at 95 %, above 0; what is at least 1/2 asks for next to nothing

    @classmethod
    def of_samples(cls, setting: Floats, samples: int) -> Estimate:
        """To the precision that the mean of so many samples has near 1/2."""
        return cls(setting, HALF / math.sqrt(samples))

    @property
    def samples(self) -> int:
        """How many samples of a value near 1/2 have this precision, at least 1."""
        return max(1, math.ceil((HALF / self.error) ** 2 - 1e-6))  # of_samples and back gives the same number

    @property
    def summary(self) -> str:
        at = ", ".join(f"{v:.4g}" for v in self.setting)
        return f"estimate the value at ({at}) to {self.error:.2g}"


@dataclass(frozen=True)
class Estimated:
    """What came of it, and what was used."""

    value: float
    error: float  # half width at 95 %
    calls: int  # of the oracle and its inverse, each: a Grover power k takes 2 k + 1
    shots: int


def grid(space: ControlSpace, arms: int) -> Floats:
    """(arms, 1) settings from one end of the space's only knob to the other.

    Raises BadInput for more knobs than one, and fewer arms than two.
    """
    if space.low.size != 1:
        raise BadInput(f"arms on {space.low.size} knobs were asked for and they are a grid on one: give a space with 1")
    if arms < 2:
        raise BadInput(f"the number of arms is {arms}, and nothing can be chosen: give at least 2")
    return np.linspace(space.low, space.high, arms)


def nearest(points: Floats, setting: Floats) -> int:
    """The arm that a setting is."""
    return int(np.abs(points - setting).sum(axis=1).argmin())
