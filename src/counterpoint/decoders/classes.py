"""Matching with the class of the answer forced, and with the errors of the answer told.

Each end (see mechanisms.py) becomes a detector of its own: whether it fires decides how often errors end there.
Each part of an error becomes an observable of its own, so that PyMatching says which parts it chose, for a whole
batch at once and in its correlated mode too. The difference in weight between two classes is the complementary gap
(Gidney, Newman, Brooks and Jones, arXiv:2312.04522).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pymatching
import stim
from scipy.special import expit

from counterpoint.base import BadInput, Bits, Floats
from counterpoint.decoders.mechanisms import Ints, Mechanisms

_MOST = 0.45  # probability of an error under drawn rates


def matching_of(
    mechanisms: Mechanisms,
    *,
    correlated: bool,
    forced: bool = False,
    told: bool = False,
    shortcut: float | None = None,
    factors: Floats | None = None,
) -> pymatching.Matching:
    """The matching graph of all errors.

    Args:
        forced: ends are E further detectors; otherwise they are observables.
        told: parts are observables, in the order of `mechanisms.parts`; the ends must then be forced.
        shortcut: weight for which a forced end may be used once more, or once less, than it is forced to be. A
            matching then looks no farther than that for another class, which is what makes it quick.
        factors: (errors,) what the probability of each error is multiplied by.
    """
    graph, first_end = stim.DetectorErrorModel(), mechanisms.detectors
    detector, observable = stim.DemTarget.relative_detector_id, stim.DemTarget.logical_observable_id
    for i, (probability, parts) in enumerate(mechanisms.errors):
        targets: list[object] = []  # of stim.DemTarget
        for part in parts:
            detectors, end = mechanisms.parts[part]
            targets += [stim.DemTarget.separator()] if targets else []
            targets += [detector(d) for d in detectors]
            if end >= 0:
                targets.append(detector(first_end + end) if forced else observable(end))
            if told:
                targets.append(observable(part))
        likely = probability if factors is None else min(_MOST, probability * float(factors[i]))
        graph.append("error", [likely], targets)
    likely = 0.0 if shortcut is None else float(expit(-shortcut))
    for end in range(len(mechanisms.ends) if likely else 0):
        graph.append("error", [likely], [detector(first_end + end)])
    # Declared, so that widths stay those of the model whatever its errors touch.
    ends = len(mechanisms.ends)
    width, flips = (first_end + ends, 0) if forced else (first_end, ends)
    if width:
        graph.append("detector", [], [detector(width - 1)])
    if flips:
        graph.append("logical_observable", [], [observable(flips - 1)])
    return pymatching.Matching.from_detector_error_model(graph, enable_correlations=correlated)


def matched(
    graph: pymatching.Matching, events: Bits, *, correlated: bool = False, weights: bool = False
) -> tuple[Bits, Floats]:
    """Bit-packed observables of `graph`, and the weights where they are asked for.

    Raises BadInput where no set of errors explains a shot.
    """
    try:
        found = graph.decode_batch(
            events,
            bit_packed_shots=True,
            bit_packed_predictions=True,
            return_weights=weights,
            enable_correlations=correlated,
        )
    except ValueError as problem:
        raise BadInput(
            f"no set of errors of the model explains one of {len(events)} shots: give an error model that has an "
            "error for each detector and a way to a boundary"
        ) from problem
    return found if isinstance(found, tuple) else (np.asarray(found, np.uint8), np.zeros(0))


@dataclass(frozen=True, eq=False)
class Classes:
    """The classes of E ends that are told apart, and how shots are made to choose one."""

    mechanisms: Mechanisms
    turns: Ints  # (K,) each class: ends used an odd number of times, as bits

    @classmethod
    def of(cls, mechanisms: Mechanisms) -> Classes:
        """All classes where there are at most two ends; else none and each end alone, to be turned from an answer."""
        ends = len(mechanisms.ends)
        turns = range(1 << ends) if ends <= 2 else [0, *(1 << e for e in range(ends))]
        return cls(mechanisms, np.array(turns, np.int64))

    @property
    def whole(self) -> bool:
        """Are these all classes that there are?"""
        return len(self.mechanisms.ends) <= 2

    def forced(self, events: Bits, turns: Ints) -> Bits:
        """(shots, ceil(D / 8)) bit-packed events and (shots,) ends -> (shots, ceil((D + E) / 8)) with the ends set."""
        first, ends = self.mechanisms.detectors, len(self.mechanisms.ends)
        wide = np.zeros((len(events), -(-(first + ends) // 8)), np.uint8)
        wide[:, : events.shape[1]] = events
        for end in range(ends):
            at = first + end
            wide[:, at // 8] |= ((turns >> end & 1) << at % 8).astype(np.uint8)
        return wide

    def base(self, events: Bits) -> Ints:
        """(shots,) observables, as bits, that flip where no end is used an odd number of times."""
        flips = np.zeros(len(events), np.int64)
        for bit in range(self.mechanisms.observables):
            rows = (self.mechanisms.moved >> bit & 1).astype(np.uint8)
            mask = np.packbits(rows, bitorder="little")
            odd = np.bitwise_count(events & mask).sum(axis=1, dtype=np.int64) & 1
            flips |= odd << bit
        return flips

    def chosen(self, free: pymatching.Matching, events: Bits) -> tuple[Ints, Floats]:
        """(shots,) the class that plain matching chooses, as ends, and (shots,) the weight of its answer."""
        answer, weight = matched(free, events, weights=True)
        ends = np.arange(len(self.mechanisms.ends))
        bits = np.unpackbits(answer, axis=1, bitorder="little", count=len(ends)).astype(np.int64)
        return (bits << ends).sum(axis=1), weight

    def packed(self, events: Bits, turns: Ints) -> Bits:
        """(shots, ceil(O / 8)) bit-packed observables that these classes (shots,) flip."""
        observables = np.arange(self.mechanisms.observables)
        flips = self.base(events) ^ self.flips(turns)
        return np.packbits((flips[:, None] >> observables & 1).astype(np.uint8), axis=1, bitorder="little")

    def flips(self, turns: Ints) -> Ints:
        """Observables, as bits, that these ends flip; any shape."""
        flips = np.zeros_like(turns)
        for end, mask in enumerate(self.mechanisms.ends.tolist()):
            flips ^= np.where(turns >> end & 1, mask, 0)
        return flips
