"""Rounds: the detectors of one time, and their events as a whole number of bytes.

A round's events fill bytes of their own, so that rounds are pushed, windows are read and defects are handed on as
bytes, with no bit moved. The spare bits of a round's last byte are detectors that never fire.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import stim
from numpy.typing import NDArray

from counterpoint.base import BadInput, Bits
from counterpoint.decoders.batch import checked_batch

Ints = NDArray[np.int64]
_BLOCK = 1 << 25  # detection events in memory at once, one a byte


@dataclass(frozen=True, eq=False)
class Rounds:
    """The T rounds of an error model with D detectors, earliest first."""

    of_detector: Ints  # (D,) the round of each detector
    place: Ints  # (D,) its place among the detectors of its round, in the order of their indices
    counts: Ints  # (T,) detectors of each round
    starts: Ints  # (T + 1,) first byte of each round, and the number of bytes

    def __len__(self) -> int:
        return len(self.counts)

    @property
    def bits(self) -> Ints:
        """(D,) the bit of each detector where rounds are bytes: 8 * first byte + place."""
        return 8 * self.starts[self.of_detector] + self.place

    def packed(self, events: Bits) -> Bits:
        """(shots, ceil(D / 8)) events as in ``.b8`` -> (shots, bytes), each round in bytes of its own.

        Raises BadInput where the shots are of another circuit.
        """
        events = checked_batch(events, len(self.of_detector))
        width, bits = int(self.starts[-1]), self.bits
        packed = np.empty((len(events), width), np.uint8)
        block = max(1, _BLOCK // max(1, 8 * width))
        for i in range(0, len(events), block):
            narrow = np.unpackbits(events[i : i + block], axis=1, count=len(bits), bitorder="little")
            wide = np.zeros((len(narrow), 8 * width), np.uint8)
            wide[:, bits] = narrow
            packed[i : i + block] = np.packbits(wide, axis=1, bitorder="little")
        return packed

    def split(self, events: Bits) -> list[Bits]:
        """(shots, ceil(D / 8)) events as in ``.b8`` -> T arrays (shots, ceil(detectors of the round / 8)).

        Raises BadInput where the shots are of another circuit.
        """
        packed = self.packed(events)
        return [packed[:, a:b] for a, b in zip(self.starts[:-1], self.starts[1:], strict=True)]


def rounds_of(dem: stim.DetectorErrorModel, time: int = -1) -> Rounds:
    """Detectors grouped by coordinate number `time`, the last unless told otherwise.

    Raises BadInput where a detector has no such coordinate.
    """
    times = np.zeros(dem.num_detectors)
    for detector, where in dem.get_detector_coordinates().items():
        if not -len(where) <= time < len(where):
            has = f"{len(where)} coordinates, of which number {time} was to tell" if where else "no coordinates to tell"
            raise BadInput(
                f"D{detector} of {dem.num_detectors} detectors has {has} its round: give each detector its place and "
                "time, as in DETECTOR(2, 4, 0)"
            )
        times[detector] = where[time]
    _, of_detector, counts = np.unique(times, return_inverse=True, return_counts=True)
    order = np.argsort(of_detector, kind="stable")
    place = np.empty(len(times), np.int64)
    place[order] = np.arange(len(times)) - np.repeat(np.cumsum(counts) - counts, counts)
    starts = np.concatenate([[0], np.cumsum(-(-counts // 8))])
    return Rounds(of_detector.astype(np.int64), place, counts.astype(np.int64), starts.astype(np.int64))
