"""Decoder steering in the loop: the decoder of an epoch knows the events of the epochs before it, never its own.

An epoch is decoded first and its parities are told after, so that no shot is decoded by a prior that
has seen it. What an epoch leaves behind is a `Sight`, a few hundred counts: stored with the turn, it is
all that a resumed run needs to have the same decoder in force again, its raw events being gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import sinter

from counterpoint.base import BadInput, Bits, Counts, Outcome
from counterpoint.decoders.batch import checked_compiled
from counterpoint.decoders.priors import PriorModel, PriorState

PARITIES = "parities"  # what the prior is told of an epoch, kept beside its outcome
DAY_ZERO = "day-zero decoder"  # the same shots decoded with the prior of day zero


@dataclass(frozen=True, eq=False)
class Sight:
    """What the prior is told of one epoch, in counts."""

    odd: Counts  # (K,) odd parities of each class, as in `Parities.count`
    shots: int  # of all candidates

    def kept(self) -> Outcome:
        """As an outcome, which a turn stores and the ledger seals."""
        none = np.zeros(1, np.int64)
        looked = np.full_like(self.odd, self.shots)
        return Outcome(self.odd[None], looked[None], none + self.shots, none, none, none, 0.0)

    @classmethod
    def of(cls, kept: Outcome) -> Sight:
        """What `kept` was made of."""
        return cls(kept.events[0], int(kept.shots.sum()))


@dataclass(frozen=True, eq=False)
class Following:
    """What changes from epoch to epoch."""

    prior: PriorState
    compiled: sinter.CompiledDecoder  # in force for the next epoch
    told: int  # epochs


@final
@dataclass(frozen=True, eq=False)
class SteeredDecoder:
    """A decoder that is compiled anew from what detection events have told, every `every` epochs.

    Candidates of an epoch are taken together: the prior is their mean error model, which is what their
    shots are decoded by.
    """

    model: PriorModel
    decoder: sinter.Decoder
    every: int = 5  # compiling costs as much as decoding thousands of shots

    def __post_init__(self) -> None:
        if self.every < 1:
            raise BadInput(f"a decoder was to be compiled anew every {self.every} epochs: give 1 or more")

    def begin(self) -> Following:
        """Day zero: the decoder has the calibration's error model."""
        prior = self.model.init()
        return Following(prior, self._compile(prior), 0)

    def sight(self, detection_events: Bits) -> Sight:
        """What an epoch's events, bit-packed (C, shots, ceil(D / 8)), tell. Raises BadInput where they do not fit."""
        flat = detection_events.reshape(-1, detection_events.shape[-1])
        return Sight(self.model.parities.count(flat), len(flat))

    def tell(self, state: Following, sight: Sight) -> Following:
        """The state for the next epoch, after one with this sight. Raises BadInput for impossible counts."""
        return self.take_up(state, [sight])

    def take_up(self, state: Following, sights: Sequence[Sight]) -> Following:
        """The state after all of `sights`, compiled once: the same as telling one by one."""
        prior, told, due = state.prior, state.told, None
        for sight in sights:
            prior, told = self.model.tell(prior, sight.odd, sight.shots), told + 1
            due = prior if told % self.every == 0 else due
        return Following(prior, state.compiled if due is None else self._compile(due), told)

    def _compile(self, prior: PriorState) -> sinter.CompiledDecoder:
        compiled = self.decoder.compile_decoder_for_dem(dem=self.model.error_model(prior))
        return checked_compiled(f"the decoder {type(self.decoder).__name__}", compiled)
