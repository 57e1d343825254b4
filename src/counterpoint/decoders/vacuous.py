"""The do-nothing player: it predicts that no observable ever flips, and bounds comparisons from below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import sinter
import stim

from counterpoint.base import Bits
from counterpoint.decoders.batch import checked_batch


@final
@dataclass(frozen=True)
class Vacuous(sinter.Decoder):
    """Predicts no flip, whatever it sees. A decoder that does not beat it has learned nothing."""

    def compile_decoder_for_dem(self, *, dem: stim.DetectorErrorModel) -> CompiledVacuous:
        return CompiledVacuous(dem.num_detectors, dem.num_observables)


@final
@dataclass(frozen=True)
class CompiledVacuous(sinter.CompiledDecoder):
    """`Vacuous` for one error model."""

    detectors: int
    observables: int

    def decode_shots_bit_packed(self, *, bit_packed_detection_event_data: Bits) -> Bits:
        """(shots, ceil(detectors / 8)) uint8 -> (shots, ceil(observables / 8)) uint8, all zero."""
        shots = len(checked_batch(bit_packed_detection_event_data, self.detectors))
        return np.zeros((shots, -(-self.observables // 8)), np.uint8)
