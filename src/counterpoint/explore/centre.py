"""The centre: what an explorer of controls now believes best, and where a denial leads back to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np

from counterpoint.base import ControlSpace, Floats, TryControls


@runtime_checkable
class Adopting(Protocol):
    """An explorer that goes on from settings which were found by other means."""

    def adopt(self, state: Any, settings: Floats) -> Any:
        """The state after knobs were calibrated: `settings` (N,), NaN for those that were not."""
        ...


@dataclass(frozen=True, eq=False)
class Centre:
    """A point of a control space that moves, in units of each knob's scale from its start."""

    space: ControlSpace
    at: Floats  # (N,)
    permitted: Floats  # (N,) the last centre that was allowed

    @classmethod
    def of(cls, space: ControlSpace) -> Centre:
        zero = np.zeros_like(space.start)
        return cls(space, zero, zero)

    def mirrored(self, offsets: Floats, candidates: int) -> TryControls:
        """The action that tries each offset and its mirror image, and the centre too where `candidates` is odd.

        What is even in the offset, such as the cost of exploring, cancels between the two of a pair.
        """
        rows = [offsets, -offsets, np.zeros((candidates % 2, self.at.size))]
        return self.around(np.concatenate(rows))

    def around(self, offsets: Floats) -> TryControls:
        """The action that tries the centre plus each row of `offsets`, float64 (C, N), inside the safe range."""
        space = self.space

        def controls(scaled: Floats) -> Floats:
            return (space.start + space.scale * scaled).clip(space.low, space.high)

        return TryControls(controls(self.at), controls(self.at + offsets))

    def offsets(self, action: TryControls) -> Floats:
        """float64 (C, N): how far from the centre each candidate really was."""
        return (action.candidates - self.space.start) / self.space.scale - self.at

    def moved(self, step: Floats, reach: float) -> Centre:
        """The centre after a step of at most `reach` in each knob; the present one is now known to be allowed."""
        space = self.space
        low, high = (space.low - space.start) / space.scale, (space.high - space.start) / space.scale
        at = (self.at + step.clip(-reach, reach)).clip(low, high)  # never winds up beyond the range
        return replace(self, at=at, permitted=self.at)

    def calibrated(self, settings: Floats) -> Centre:
        """The centre with the knobs that `settings` (N,) has a number for at it."""
        scaled = (settings.clip(self.space.low, self.space.high) - self.space.start) / self.space.scale
        return replace(self, at=np.where(np.isnan(settings), self.at, scaled))

    def back(self) -> Centre:
        """The centre after a denial: the last one that was allowed."""
        return replace(self, at=self.permitted)
