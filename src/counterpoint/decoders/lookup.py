"""Lookup: the exact maximum-likelihood answer of every syndrome, worked out once, for small circuits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import sinter
import stim
from numpy.typing import NDArray

from counterpoint.base import BadInput, Bits, Floats
from counterpoint.decoders.batch import checked_batch
from counterpoint.decoders.compiled import compiled
from counterpoint.decoders.errors import errors_of

LARGEST = 25  # detectors and observables together: 256 MiB while the table is made
_FULL = 0.5 - 1e-12  # an error of probability 1/2 mixes fully, and its logarithm would be infinite


@final
@dataclass(frozen=True)
class Lookup(sinter.Decoder):
    """Maximum likelihood by a table of all syndromes: for each the likeliest observables, all errors summed.

    The distribution of (syndrome, observables) is the convolution of those of the M independent errors. Its
    Walsh-Hadamard transform is a product over the errors that a character is odd on,

        P^(k) = prod over errors j with k . h_j odd of (1 - 2 p_j),

    so that two transforms of size 2^(D + O) give it exactly, hyperedges and degeneracy included.
    """

    @property
    def citation(self) -> str:
        """BibTeX of the method's source."""
        return ""

    def compile_decoder_for_dem(self, *, dem: stim.DetectorErrorModel) -> CompiledLookup:
        """The table of `dem`.

        Raises:
            BadInput: more than 25 detectors and observables together, or a probability above 1/2.
        """
        size = dem.num_detectors + dem.num_observables
        if size > LARGEST:
            raise BadInput(
                f"the error model has {dem.num_detectors} detectors and {dem.num_observables} observables, and a table "
                f"holds at most {LARGEST} of both together: take coset or triage"
            )
        chances = joint(dem).reshape(1 << dem.num_observables, 1 << dem.num_detectors)
        answer = chances.argmax(axis=0)
        packed = np.packbits(
            (answer[:, None] >> np.arange(dem.num_observables) & 1).astype(np.uint8), axis=1, bitorder="little"
        )
        return CompiledLookup(packed, chances, dem.num_detectors)


@final
@dataclass(frozen=True, eq=False)
class CompiledLookup(sinter.CompiledDecoder):
    """`Lookup` for one error model."""

    answers: Bits  # (2^D, ceil(O / 8)) bit-packed, by syndrome
    joint: Floats  # (2^O, 2^D) probability of observables and syndrome together
    detectors: int

    def decode_shots_bit_packed(self, *, bit_packed_detection_event_data: Bits) -> Bits:
        """(shots, ceil(D / 8)) uint8 -> (shots, ceil(O / 8)) uint8, both little-endian."""
        return self.answers[self._number(bit_packed_detection_event_data)]

    def chances(self, events: Bits) -> Floats:
        """float64 (shots, O): the exact probability that each observable flipped; 0 where a syndrome is impossible."""
        seen = self.joint[:, self._number(events)]
        outcomes = np.arange(len(seen))
        flipped = [seen[(outcomes >> o & 1) == 1].sum(axis=0) for o in range(len(seen).bit_length() - 1)]
        total = np.maximum(seen.sum(axis=0), np.finfo(np.float64).tiny)
        return np.array(flipped).reshape(-1, seen.shape[1]).T / total[:, None]

    def _number(self, events: Bits) -> NDArray[np.int64]:
        """(shots,) the syndrome as a number whose bits are the detectors."""
        events = checked_batch(events, self.detectors)
        number = np.zeros(len(events), np.int64)
        for byte in range(events.shape[1]):
            number |= events[:, byte].astype(np.int64) << 8 * byte
        return number


def joint(dem: stim.DetectorErrorModel) -> Floats:
    """(2^(D + O),) the probability of each outcome, a number whose bits are the detectors, then the observables.

    Raises BadInput where an error has a probability above 1/2.
    """
    table = np.zeros(1 << (dem.num_detectors + dem.num_observables))
    for probability, error in errors_of(dem):
        outcome = 0
        for target in error.targets_copy():
            if isinstance(target, int):  # never of an error
                continue
            if target.is_relative_detector_id():
                outcome ^= 1 << target.val
            elif target.is_logical_observable_id():
                outcome ^= 1 << dem.num_detectors + target.val
        table[outcome] += np.log1p(-2 * min(probability, _FULL))
    _transform(table)
    table -= table[0]
    table /= -2
    np.exp(table, out=table)
    _transform(table)
    table /= len(table)
    return np.maximum(table, 0, out=table)


@compiled
def _transform(values: Floats) -> None:
    """The Walsh-Hadamard transform, in place."""
    step = 1
    while step < len(values):
        for begin in range(0, len(values), 2 * step):
            for i in range(begin, begin + step):
                a, b = values[i], values[i + step]
                values[i], values[i + step] = a + b, a - b
        step *= 2
