"""Triage: a quick answer for every shot, and a strong second opinion for the few that are close to call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np
import pymatching
import sinter
import stim
from numpy.typing import NDArray

from counterpoint.base import BadInput, Bits
from counterpoint.decoders.batch import checked_batch, checked_compiled
from counterpoint.decoders.classes import Classes, matched, matching_of
from counterpoint.decoders.coset import Coset
from counterpoint.decoders.gap import MOST, Gap
from counterpoint.decoders.mechanisms import Ints

_SAMPLES = 20_000  # shots from which the gap is chosen
_JUST = 0.999  # weights are rounded


@final
@dataclass(frozen=True)
class Triage(sinter.Decoder):
    """Plain matching answers; where its complementary gap is smallest, the second opinion does.

    The gap is the weight that the best answer of another class would have added (Gidney, Newman, Brooks and Jones,
    arXiv:2312.04522): about the log-odds that matching is right. Most of what matching fails lies in the few shots of
    a hundred with the smallest gap, and which these are is cheap to see: a matching that may leave the class for
    the price of the gap asked for looks no farther than that.

    Attributes:
        share: of shots that get a second opinion. The gap below which they do is the quantile of shots sampled
            from the error model; 0 asks for none and 1 for all.
        second: the decoder that gives it.
    """

    share: float = 0.05
    second: sinter.Decoder = field(default_factory=Coset)

    @property
    def citation(self) -> str:
        """BibTeX of the method's sources."""
        return _GAP + str(getattr(self.second, "citation", ""))

    def compile_decoder_for_dem(self, *, dem: stim.DetectorErrorModel) -> CompiledTriage:
        """Both decoders for one decomposed error model.

        Raises:
            BadInput: a share outside 0 to 1, or an error model that either cannot take.
        """
        return self.at_shares(dem, (self.share,))[0]

    def at_shares(self, dem: stim.DetectorErrorModel, shares: Sequence[float]) -> list[CompiledTriage]:
        """As `compile_decoder_for_dem`, once for each share instead of the decoder's own."""
        for share in shares:
            if not 0 <= share <= 1:
                raise BadInput(f"a share of {share} of the shots was given: give a number from 0 to 1")
        whole = Gap.of(dem)
        limits = np.where(np.asarray(shares) > 0, np.inf, 0.0)
        between = [i for i, share in enumerate(shares) if 0 < share < 1]
        if between:
            events = np.asarray(dem.compile_sampler(seed=0).sample(_SAMPLES, bit_packed=True)[0], np.uint8)
            gaps = whole.of_shots(events)[1].min(axis=1, initial=MOST)
            limits[between] = np.quantile(gaps, [shares[i] for i in between])
        second = checked_compiled("the second opinion", self.second.compile_decoder_for_dem(dem=dem))
        compiled: list[CompiledTriage] = []
        for limit in limits.tolist():
            forced = matching_of(whole.classes.mechanisms, correlated=False, forced=True, shortcut=limit)
            compiled.append(CompiledTriage(whole.classes, whole.free, forced, limit, second))
        return compiled


@final
@dataclass(frozen=True, eq=False)
class CompiledTriage(sinter.CompiledDecoder):
    """`Triage` for one error model."""

    classes: Classes
    free: pymatching.Matching  # the ends are its observables
    forced: pymatching.Matching  # the ends are its detectors
    limit: float  # shots with a smaller gap get a second opinion
    second: sinter.CompiledDecoder

    def decode_shots_bit_packed(self, *, bit_packed_detection_event_data: Bits) -> Bits:
        """(shots, ceil(D / 8)) uint8 -> (shots, ceil(O / 8)) uint8, both little-endian.

        Raises:
            BadInput: shots of another width, or a shot that no set of the model's errors explains.
        """
        events = checked_batch(bit_packed_detection_event_data, self.classes.mechanisms.detectors)
        turns, hard = self.sorted(events)
        flips = self.classes.packed(events, turns)
        again = np.flatnonzero(hard)
        if again.size:
            flips[again] = self.second.decode_shots_bit_packed(bit_packed_detection_event_data=events[again])
        return flips

    def sorted(self, events: Bits) -> tuple[Ints, NDArray[np.bool_]]:
        """(shots,) the class that matching chooses, as ends, and (shots,) whether a shot gets a second opinion."""
        turns, weight = self.classes.chosen(self.free, events)
        hard = np.full(len(events), self.limit == np.inf)
        for end in range(len(self.classes.mechanisms.ends) if 0 < self.limit < np.inf else 0):
            other = self.classes.forced(events, turns ^ (1 << end))
            hard |= matched(self.forced, other, weights=True)[1] - weight < self.limit * _JUST
        return turns, hard


_GAP = """@article{gidney2025yoked,
  title = {Yoked surface codes},
  author = {Gidney, Craig and Newman, Michael and Brooks, Peter and Jones, Cody},
  journal = {Nature Communications}, year = {2025}, eprint = {2312.04522}, archivePrefix = {arXiv}
}
"""
