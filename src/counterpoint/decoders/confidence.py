"""How sure a decoder is: for every decoder a probability that its answer is right, on one calibrated scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, final, runtime_checkable

import numpy as np
import sinter
import stim
from scipy.optimize import isotonic_regression

from counterpoint.base import BadInput, Bits, Floats
from counterpoint.decoders.batch import checked_answer, checked_batch, checked_compiled
from counterpoint.decoders.gap import MOST, Gap


@runtime_checkable
class Chances(Protocol):
    """A compiled decoder that gives probabilities of its own."""

    def chances(self, events: Bits) -> Floats: ...  # (shots, O) that each observable flipped


@final
@dataclass(frozen=True)
class Sure(sinter.Decoder):
    """Any decoder, with the probability that each of its answers is right; unsure shots are discarded.

    The raw score of an answer is its own log-odds where the decoder has them, and otherwise the complementary gap of
    plain matching (Gidney, Newman, Brooks and Jones, arXiv:2312.04522), negative where matching disagrees. Shots
    sampled from the error model say how often an answer of each score is right; a monotone fit (isotonic regression)
    of that is the scale, so that 0.99 means the same under every decoder.

    Attributes:
        inner: the decoder that answers.
        least: shots with an observable less sure than this are discarded, by sinter's extra byte; 0 discards none.
        shots: sampled to calibrate.
    """

    inner: sinter.Decoder
    least: float = 0.0
    shots: int = 100_000

    @property
    def citation(self) -> str:
        """BibTeX of the method's sources."""
        return str(getattr(self.inner, "citation", ""))

    def compile_decoder_for_dem(self, *, dem: stim.DetectorErrorModel) -> CompiledSure:
        """The decoder and its scale for one decomposed error model.

        Raises:
            BadInput: the inner decoder cannot take it, or (without log-odds of its own) there is no gap to take.
        """
        if not (0 <= self.least < 1 and self.shots >= 1):
            raise BadInput(
                f"a least probability of {self.least} and {self.shots} shots were given: 0 <= least < 1 and at least 1 "
                "shot are needed"
            )
        inner = checked_compiled("the inner decoder", self.inner.compile_decoder_for_dem(dem=dem))
        gap = None if isinstance(inner, Chances) else Gap.of(dem)
        events, sampled, _ = dem.compile_sampler(seed=0).sample(self.shots, bit_packed=True)
        flips = np.asarray(sampled, np.uint8)
        plain = CompiledSure(inner, gap, dem.num_detectors, dem.num_observables, self.least, np.zeros(0), np.zeros(0))
        answer, score = plain.scored(np.asarray(events, np.uint8))
        wrong = np.unpackbits(answer ^ flips, axis=1, count=dem.num_observables, bitorder="little")
        order = np.argsort(score, axis=None)
        right = 1.0 - np.asarray(wrong, np.float64).ravel()
        scores, first = np.unique(np.sort(score, axis=None), return_index=True)
        fit = np.asarray(isotonic_regression(right[order]).x, np.float64)[first]
        return CompiledSure(inner, gap, dem.num_detectors, dem.num_observables, self.least, scores, fit)


@final
@dataclass(frozen=True, eq=False)
class CompiledSure(sinter.CompiledDecoder):
    """`Sure` for one error model."""

    inner: sinter.CompiledDecoder
    gap: Gap | None
    detectors: int
    observables: int
    least: float
    scores: Floats  # ascending
    right: Floats  # how often answers of each score are right

    def decode_shots_bit_packed(self, *, bit_packed_detection_event_data: Bits) -> Bits:
        """(shots, ceil(D / 8)) uint8 -> (shots, ceil(O / 8) + 1) uint8: the last byte is 1 where a shot is discarded.

        Without a least probability there is no such byte.
        """
        answer, sure = self.sure(bit_packed_detection_event_data)
        if not self.least:
            return answer
        unsure = np.any(sure < self.least, axis=1, keepdims=True).astype(np.uint8)
        return np.concatenate([answer, unsure], axis=1)

    def sure(self, events: Bits) -> tuple[Bits, Floats]:
        """The answer, and float64 (shots, O) the probability that each of its observables is right."""
        answer, score = self.scored(events)
        return answer, np.interp(score, self.scores, self.right)

    def scored(self, events: Bits) -> tuple[Bits, Floats]:
        """The answer, and float64 (shots, O) the raw score of each of its observables."""
        events = checked_batch(events, self.detectors)
        if self.gap is None and isinstance(self.inner, Chances):
            chance = self.inner.chances(events)
            answer = np.packbits(chance > 0.5, axis=1, bitorder="little")
            with np.errstate(divide="ignore"):
                return answer, np.abs(np.log(chance) - np.log1p(-chance)).clip(0, MOST)
        given = self.inner.decode_shots_bit_packed(bit_packed_detection_event_data=events)
        answer = checked_answer("the inner decoder", given, len(events), self.observables)
        assert self.gap is not None
        matching, gap = self.gap.of_shots(events)
        other = np.unpackbits(answer ^ matching, axis=1, count=self.observables, bitorder="little")
        return answer, np.where(other, -gap, gap)
