"""Coset: every class of errors weighed under the whole error model, from what matchings propose for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, final

import numpy as np
import pymatching
import sinter
import stim

from counterpoint.base import Bits, Floats
from counterpoint.decoders.batch import checked_batch
from counterpoint.decoders.classes import Classes, matched, matching_of
from counterpoint.decoders.evidence import NEAR, WEIGHT, Numbers, evidence
from counterpoint.decoders.exchange import Exchanges, exchanges_of
from counterpoint.decoders.mechanisms import Ints, Mechanisms, mechanisms_of
from counterpoint.decoders.posteriors import posteriors

PLAIN, BASE = 1, 2  # place of plain matching among the graphs; how many of them propose for every shot
_BLOCK = 4096  # shots whose proposals are in memory at once


@final
@dataclass(frozen=True)
class Coset(sinter.Decoder):
    """Which class of errors is likeliest, its degeneracy counted: near to maximum likelihood.

    Correlated and plain matching propose a set of errors for each class. Exchanges of three errors make each
    lighter under the whole error model, in which an error of four detectors has one weight and not two; loops are
    taken from wherever they are lightest (see lightest.py). Where the classes are then still within `doubt` of each
    other, `more` correlated matchings under error rates drawn at random propose again.

    Attributes:
        more: further proposals for each class of a doubtful shot.
        doubt: log-odds below which a shot is doubtful.
        spread: standard deviation of ln(rate) under which the further proposals are made.
    """

    more: int = 6
    doubt: float = 4.0
    spread: float = 0.8

    @property
    def citation(self) -> str:
        """BibTeX of the method's sources."""
        return _SYNTHESIS

    def compile_decoder_for_dem(self, *, dem: stim.DetectorErrorModel) -> CompiledCoset:
        """All that is fixed for one decomposed error model.

        Raises:
            BadInput: a part of three or more detectors, a probability above 1/2, or an observable that is not
                decided at a boundary.
        """
        return compiled_coset(mechanisms_of(dem), Sum(), self.more, self.doubt, self.spread)


class Judge(Protocol):
    """Who weighs the evidence."""

    @property
    def rounds(self) -> int: ...  # of belief propagation that it wants to hear; 0 is none

    def scores(self, found: Floats, apart: Numbers, *, thorough: bool) -> Floats: ...  # evidence -> (shots, K)


@final
@dataclass(frozen=True)
class Sum:
    """The lightest set of a class and what is near it; beliefs are not heard."""

    rounds: int = 0

    def scores(self, found: Floats, apart: Numbers, *, thorough: bool) -> Floats:
        return found[:, :, WEIGHT] + found[:, :, NEAR]


@final
@dataclass(frozen=True, eq=False)
class CompiledCoset(sinter.CompiledDecoder):
    """`Coset` for one error model."""

    mechanisms: Mechanisms
    classes: Classes
    exchanges: Exchanges
    graphs: tuple[pymatching.Matching, ...]  # correlated, plain, and the further ones
    free: pymatching.Matching  # which class plain matching would choose: the ends are its observables
    doubt: float
    judge: Judge

    def decode_shots_bit_packed(self, *, bit_packed_detection_event_data: Bits) -> Bits:
        """(shots, ceil(D / 8)) uint8 -> (shots, ceil(O / 8)) uint8, both little-endian.

        Raises:
            BadInput: shots of another width, or a shot that no set of the model's errors explains.
        """
        chance = self.chances(bit_packed_detection_event_data)
        return np.packbits(chance > 0.5, axis=1, bitorder="little")

    def chances(self, events: Bits) -> Floats:
        """float64 (shots, O): the probability that each observable flipped."""
        events = checked_batch(events, self.mechanisms.detectors)
        found = np.zeros((len(events), self.mechanisms.observables))
        for i in range(0, len(events), _BLOCK):
            found[i : i + _BLOCK] = self._chances(events[i : i + _BLOCK])
        return found

    def _chances(self, events: Bits) -> Floats:
        observables = np.arange(self.mechanisms.observables)
        base = self.classes.base(events)
        if not len(self.mechanisms.ends) or not len(events):
            return (base[:, None] >> observables & 1).astype(np.float64)
        turns = self.turns(events)
        weighed = self.judge.scores(*self.evidence(events, turns, thorough=False), thorough=False)
        if len(self.graphs) > BASE:
            first, second = np.sort(weighed, axis=1)[:, [-1, -2]].T
            again = np.flatnonzero(first - second < self.doubt)
            if again.size:
                heard = self.evidence(events[again], turns[again], thorough=True)
                weighed[again] = self.judge.scores(*heard, thorough=True)
        likely = np.exp(weighed - weighed.max(axis=1, keepdims=True))
        likely /= likely.sum(axis=1, keepdims=True)
        flips = base[:, None] ^ self.classes.flips(turns)
        return (likely[:, :, None] * (flips[:, :, None] >> observables & 1)).sum(axis=1)

    def turns(self, events: Bits) -> Ints:
        """(shots, K) the classes of each shot that are weighed, as ends."""
        if self.classes.whole:
            return np.broadcast_to(self.classes.turns, (len(events), len(self.classes.turns)))
        return self.classes.chosen(self.free, events)[0][:, None] ^ self.classes.turns

    def evidence(self, events: Bits, turns: Ints, *, thorough: bool) -> tuple[Floats, Numbers]:
        """What speaks for each of the classes `turns` (shots, K), and what each has for itself; see evidence.py.

        Args:
            thorough: hear the further proposals, too.
        """
        forced = [self.classes.forced(events, turns[:, k]) for k in range(turns.shape[1])]
        graphs = self.graphs if thorough else self.graphs[:BASE]
        proposals = np.array(
            [[matched(graph, shots, correlated=i != PLAIN)[0] for shots in forced] for i, graph in enumerate(graphs)]
        )
        x, heard = self.exchanges, events if self.judge.rounds else events[:0]
        beliefs = posteriors(x.weight, x.first, x.fires, self.mechanisms.detectors, heard, self.judge.rounds)
        return evidence(x, self.mechanisms.detectors, proposals, beliefs)


def compiled_coset(mechanisms: Mechanisms, judge: Judge, more: int, doubt: float, spread: float) -> CompiledCoset:
    """All that is fixed for one error model; the settings are those of `Coset`."""
    graphs = [matching_of(mechanisms, correlated=c, forced=True, told=True) for c in (True, False)]
    for i in range(more):
        draw = np.random.default_rng((i,)).standard_normal(len(mechanisms.errors))
        factors = np.exp(spread * draw)
        graphs.append(matching_of(mechanisms, correlated=True, forced=True, told=True, factors=factors))
    free = matching_of(mechanisms, correlated=False)
    return CompiledCoset(
        mechanisms, Classes.of(mechanisms), exchanges_of(mechanisms), tuple(graphs), free, doubt, judge
    )


_SYNTHESIS = """@misc{jones2024improved,
  title = {Improved accuracy for decoding surface codes with matching synthesis},
  author = {Jones, Cody}, year = {2024}, eprint = {2408.12135}, archivePrefix = {arXiv}
}
"""
