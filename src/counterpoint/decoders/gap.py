"""The complementary gap: how much weight the best answer of another class would add to matching's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pymatching
import stim

from counterpoint.base import Bits, Floats
from counterpoint.decoders.classes import Classes, matched, matching_of
from counterpoint.decoders.mechanisms import mechanisms_of

MOST = 50.0  # log-odds beyond which nothing is told from certainty


@dataclass(frozen=True, eq=False)
class Gap:
    """The gap of plain matching for each observable (Gidney, Newman, Brooks and Jones, arXiv:2312.04522)."""

    classes: Classes
    free: pymatching.Matching
    forced: pymatching.Matching

    @classmethod
    def of(cls, dem: stim.DetectorErrorModel) -> Gap:
        """Raises BadInput where an error model has no gap: see `mechanisms_of`."""
        mechanisms = mechanisms_of(dem)
        free, forced = matching_of(mechanisms, correlated=False), matching_of(mechanisms, correlated=False, forced=True)
        return cls(Classes.of(mechanisms), free, forced)

    def of_shots(self, events: Bits) -> tuple[Bits, Floats]:
        """Matching's answer (shots, ceil(O / 8)), and (shots, O) the weight that the other one would add."""
        turns, weight = self.classes.chosen(self.free, events)
        mechanisms = self.classes.mechanisms
        gap = np.full((len(events), mechanisms.observables), MOST)
        for end, mask in enumerate(mechanisms.ends.tolist()):
            more = matched(self.forced, self.classes.forced(events, turns ^ (1 << end)), weights=True)[1] - weight
            for o in range(mechanisms.observables):
                if mask >> o & 1:
                    gap[:, o] = np.minimum(gap[:, o], more)
        return self.classes.packed(events, turns), gap
