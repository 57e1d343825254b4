"""Minimum-weight perfect matching, plain and correlated, by PyMatching."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np
import pymatching
import sinter
import stim

from counterpoint.base import BadInput, Bits
from counterpoint.decoders.batch import checked_batch

_SPARSE_BLOSSOM = """@article{higgott2025sparse,
  title = {Sparse {B}lossom: correcting a million errors per core second with minimum-weight matching},
  author = {Higgott, Oscar and Gidney, Craig},
  journal = {Quantum}, volume = {9}, pages = {1600}, year = {2025}, doi = {10.22331/q-2025-01-20-1600}
}
"""
_CORRELATED = """@misc{fowler2013optimal,
  title = {Optimal complexity correction of correlated errors in the surface code},
  author = {Fowler, Austin G.}, year = {2013}, eprint = {1310.0863}, archivePrefix = {arXiv}
}
"""


@final
@dataclass(frozen=True)
class Matching(sinter.Decoder):
    """The most likely set of graphlike errors that explains a shot, parts of one error counted apart.

    Weights are ln((1 - p) / p) (Higgott and Gidney 2025, section 2). With `correlated`, a first
    matching tells which errors happened, and the other parts of those get the weight that this makes
    likely before the second matching, which gives the answer (Fowler 2013). It wins from distance 5
    upwards; at distance 3 and low noise it can lose to the plain one.
    """

    correlated: bool = False

    @property
    def citation(self) -> str:
        """BibTeX of the method's sources."""
        return _SPARSE_BLOSSOM + (_CORRELATED if self.correlated else "")

    def compile_decoder_for_dem(self, *, dem: stim.DetectorErrorModel) -> CompiledMatching:
        """The matching graph of `dem`.

        Raises:
            BadInput: an error with a part of three or more detectors, or a probability that has no
                finite weight (1, or above 1/2 for correlated matching).
        """
        graph = stim.DetectorErrorModel()
        for error, fires in _errors(dem):
            self._check(error, fires)
            graph.append(error)
        # Declared, so that widths stay those of the model however many errors were left out.
        if dem.num_detectors:
            last = stim.DemTarget.relative_detector_id(dem.num_detectors - 1)
            graph.append("detector", [], [last])
        if dem.num_observables:
            last = stim.DemTarget.logical_observable_id(dem.num_observables - 1)
            graph.append("logical_observable", [], [last])
        found = pymatching.Matching.from_detector_error_model(graph, enable_correlations=self.correlated)
        return CompiledMatching(found, dem.num_detectors, dem.num_observables, self.correlated)

    def _check(self, error: stim.DemInstruction, detectors: int) -> None:
        (probability,) = error.args_copy()
        if detectors > 2:
            raise BadInput(
                f"the error '{error}' fires {detectors} detectors at once, and matching takes at most 2: "
                "make the error model with decompose_errors=True, or take a decoder for hypergraphs"
            )
        if probability == 1 or (self.correlated and probability > 0.5):
            most, which = ("0.5", "correlated") if self.correlated else ("less than 1", "plain")
            raise BadInput(
                f"the error '{error}' has probability {probability:g}, and {which} matching takes at most "
                f"{most}: move what nearly always happens out of the noise and into the circuit"
            )


@final
@dataclass(frozen=True, eq=False)
class CompiledMatching(sinter.CompiledDecoder):
    """`Matching` for one error model."""

    graph: pymatching.Matching
    detectors: int
    observables: int
    correlated: bool

    def decode_shots_bit_packed(self, *, bit_packed_detection_event_data: Bits) -> Bits:
        """(shots, ceil(detectors / 8)) uint8 -> (shots, ceil(observables / 8)) uint8, both little-endian.

        Raises:
            BadInput: shots of another width, or a shot that no set of the model's errors explains.
        """
        events = checked_batch(bit_packed_detection_event_data, self.detectors)
        if not self.observables or not len(events):
            return np.zeros((len(events), -(-self.observables // 8)), np.uint8)
        try:
            return self._decode(events)
        except ValueError as problem:
            raise BadInput(self._unexplained(events)) from problem

    def _decode(self, events: Bits) -> Bits:
        flips = self.graph.decode_batch(
            events, bit_packed_shots=True, bit_packed_predictions=True, enable_correlations=self.correlated
        )
        return np.asarray(flips, np.uint8)

    def _unexplained(self, events: Bits) -> str:
        for number in range(len(events)):
            try:
                self._decode(events[number : number + 1])
            except ValueError:
                fired = np.flatnonzero(np.unpackbits(events[number], bitorder="little"))
                return (
                    f"no set of errors of the model explains shot {number}, which fires {len(fired)} of its "
                    f"{self.detectors} detectors (the first is D{fired[0]}): give an error model that has an "
                    "error for each detector and a way to a boundary"
                )
        raise AssertionError("a batch failed whose shots all decode one by one")


def _errors(dem: stim.DetectorErrorModel) -> Iterator[tuple[stim.DemInstruction, int]]:
    """The errors that can happen and be seen, repetitions written out, and how many detectors a part fires at most.

    Parts without a detector are left out: no shot tells of them, and PyMatching's correlated mode
    refuses them where its plain mode passes them over.
    """
    for instruction in dem.flattened():
        assert isinstance(instruction, stim.DemInstruction)  # flattened: no blocks are left
        if instruction.type != "error" or not instruction.args_copy()[0]:
            continue
        groups = instruction.target_groups()
        fires = [sum([t.is_relative_detector_id() for t in part]) for part in groups]
        if not any(fires):
            continue
        if not all(fires):
            first, *others = (part for part, fired in zip(groups, fires, strict=True) if fired)
            targets = list(first)
            for part in others:
                targets += [stim.DemTarget.separator(), *part]
            instruction = stim.DemInstruction("error", instruction.args_copy(), targets)
        yield instruction, max(fires)
