"""Logical failures of a noisy circuit under a decoder, counted by which observables came out wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import sinter
import stim

from counterpoint.base import BadInput, Counts, Key, fold_in
from counterpoint.decoders.batch import checked_answer, checked_compiled
from counterpoint.machine.sampling import sample

BATCH = 16_384  # shots decoded at once
MOST = 16  # observables whose sets are counted


@dataclass(frozen=True, eq=False)
class Failures:
    """Counts of shots; those of separate batches add."""

    patterns: Counts  # (2^O,) shots by the set of wrong observables, observable i being bit i; [0] is none

    def __add__(self, other: Failures) -> Failures:
        return Failures(self.patterns + other.patterns)

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


@dataclass(frozen=True, eq=False)
class Trial:
    """A noisy circuit with a decoder compiled for it, to be run as often as one likes."""

    circuit: stim.Circuit
    decoder: sinter.CompiledDecoder
    who: str  # the decoder's name, for what goes wrong with it

    @classmethod
    def of(
        cls, circuit: stim.Circuit, model: stim.DetectorErrorModel, decoder: sinter.Decoder, who: str = "the decoder"
    ) -> Trial:
        """The decoder is told of `model`. Raises BadInput where it cannot take it, or for 0 or over 16 observables."""
        if not 1 <= circuit.num_observables <= MOST:
            raise BadInput(f"the circuit has {circuit.num_observables} observables: give one with 1 to {MOST}")
        return cls(circuit, checked_compiled(who, decoder.compile_decoder_for_dem(dem=model)), who)

    def run(self, shots: int, key: Key) -> Failures:
        """Sample and decode `shots`. Raises BadInput where the decoder gives no answer."""
        events, flips = sample(self.circuit, shots, key)
        answer = self.decoder.decode_shots_bit_packed(bit_packed_detection_event_data=events)
        wrong = checked_answer(self.who, answer, shots, self.circuit.num_observables) ^ flips
        number = wrong.astype(np.int64) @ (1 << 8 * np.arange(wrong.shape[1]))
        return Failures(np.bincount(number, minlength=1 << self.circuit.num_observables))


def count_failures(trial: Trial, shots: int, key: Key) -> Failures:
    """The failures of `shots`, in batches that stay in the cache. Raises BadInput for no shot."""
    if shots < 1:
        raise BadInput(f"{shots} shots were asked for: give 1 or more")
    found = trial.run(min(BATCH, shots), fold_in(key, "batch", 0))
    while found.shots < shots:
        found += trial.run(min(BATCH, shots - found.shots), fold_in(key, "batch", found.shots))
    return found
