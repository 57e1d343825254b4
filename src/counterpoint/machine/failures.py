"""Logical failures of a noisy circuit under a decoder, counted by which observables came out wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import sinter
import stim

from counterpoint.base import BadInput, Counts, Key, fold_in
from counterpoint.machine.sampling import sample

BATCH = 16_384  # shots decoded at once
MOST = 16  # observables whose sets are counted


@dataclass(frozen=True, eq=False)
class Failures:
    """Counts of shots; those of separate batches add."""

    patterns: Counts  # (2^O,) shots by the set of wrong observables, observable i being bit i; [0] is none

    @property
    def shots(self) -> int:
        return int(self.patterns.sum())

    @property
    def any(self) -> int:
        """Shots with any observable wrong."""
        return self.shots - int(self.patterns[0])

    def of(self, observable: int) -> int:
        """Shots with this observable wrong."""
        return int(self.patterns[np.arange(self.patterns.size) >> observable & 1 == 1].sum())


def count_failures(
    circuit: stim.Circuit,
    decoder: sinter.Decoder,
    shots: int,
    key: Key,
    failures: int | None = None,
    model: stim.DetectorErrorModel | None = None,
) -> Failures:
    """Sample and decode in batches: `shots`, or fewer where `failures` shots with an observable wrong came first.

    The decoder is told of `model`, or of the circuit's own error model.

    Raises:
        BadInput: no shot, no observable or more than 16, or an error model that the decoder cannot take.
    """
    if shots < 1:
        raise BadInput(f"{shots} shots were asked for: give 1 or more")
    if not 1 <= circuit.num_observables <= MOST:
        raise BadInput(f"the circuit has {circuit.num_observables} observables: give one with 1 to {MOST}")
    model = circuit.detector_error_model(decompose_errors=True) if model is None else model
    compiled = decoder.compile_decoder_for_dem(dem=model)
    patterns = np.zeros(1 << circuit.num_observables, np.int64)
    done = 0
    while done < shots and (failures is None or patterns[1:].sum() < failures):
        now = min(BATCH, shots - done)
        events, flips = sample(circuit, now, fold_in(key, "batch", done))
        guess = compiled.decode_shots_bit_packed(bit_packed_detection_event_data=events)
        wrong = (guess ^ flips).astype(np.int64)
        number = wrong @ (1 << 8 * np.arange(wrong.shape[1]))
        patterns += np.bincount(number, minlength=patterns.size)
        done += now
    return Failures(patterns)
