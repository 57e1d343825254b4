"""Detector sites: detectors of the same place at all times, and counts of their events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import stim
from numpy.typing import NDArray

from counterpoint.base import BadInput, Bits, Counts, Floats


@dataclass(frozen=True, eq=False)
class Sites:
    """The S sites of a circuit with D detectors."""

    names: tuple[str, ...]  # their coordinates, such as "2,4"
    of_detector: NDArray[np.int64]  # (D,) the site of each detector

    @property
    def detectors(self) -> Counts:
        """(S,) detectors of each site in one shot."""
        return np.bincount(self.of_detector, minlength=len(self.names)).astype(np.int64)

    @property
    def member(self) -> Floats:
        """(D, S) 1 where the detector is of the site, else 0."""
        member = np.zeros((self.of_detector.size, len(self.names)))
        member[np.arange(self.of_detector.size), self.of_detector] = 1
        return member

    def count(self, detection_events: Bits) -> Counts:
        """(C, S) events of each candidate at each site, from bit-packed (C, shots, ceil(D / 8)) ones.

        Raises BadInput where the bytes of a shot do not fit the number of detectors.
        """
        width = detection_events.shape[2]
        detectors = self.of_detector.size
        if width != (detectors + 7) // 8:
            raise BadInput(
                f"shots of {width} bytes were given for {detectors} detectors, which fill "
                f"{(detectors + 7) // 8}: count them with the sites of the circuit that was run"
            )
        totals = _count_bits(detection_events)[:, :detectors]
        return np.rint(totals @ self.member).astype(np.int64)


def _count_bits(packed: Bits) -> Floats:
    """(C, 8 W) how often each bit is set among the rows of `packed` (C, rows, W).

    Full adders work on all bits of a byte at once: three rows become one of sums and one of carries
    of twice the weight, which touches each byte a few times and never unpacks the shots.
    """
    candidates, _, width = packed.shape
    totals = np.zeros((candidates, 8 * width))
    rows, weight = packed, 1
    while rows.shape[1]:
        carries = [rows[:, :0]]
        while rows.shape[1] > 2:
            n = rows.shape[1] // 3
            a, b, c = rows[:, :n], rows[:, n : 2 * n], rows[:, 2 * n : 3 * n]
            differ = a ^ b
            carries.append((a & b) | (differ & c))
            rows = np.concatenate([differ ^ c, rows[:, 3 * n :]], axis=1)
        totals += weight * np.unpackbits(rows, axis=2, bitorder="little").sum(axis=1)
        rows, weight = np.concatenate(carries, axis=1), 2 * weight
    return totals


def sites_of(circuit: stim.Circuit) -> Sites:
    """Group detectors whose coordinates agree but for the last, which is time; sites in ascending order.

    Raises BadInput where a detector has no coordinates.
    """
    coordinates = circuit.get_detector_coordinates()
    bare = [i for i, c in coordinates.items() if not c]
    if bare:
        raise BadInput(
            f"detector {bare[0]} of {circuit.num_detectors} has no coordinates: give each DETECTOR its place "
            "and time, as in DETECTOR(2, 4, 0)"
        )
    places = [tuple(coordinates[i][:-1]) for i in range(circuit.num_detectors)]
    ordered = sorted(set(places))
    number = {place: i for i, place in enumerate(ordered)}
    names = tuple(",".join(f"{x:g}" for x in place) for place in ordered)
    return Sites(names, np.array([number[place] for place in places], np.int64))


def detection_fractions(model: stim.DetectorErrorModel) -> Floats:
    """(D,) probability that each detector fires, exact for the model's independent errors.

    A detector fires when an odd number of its errors happen: (1 - prod(1 - 2 p)) / 2.
    """
    keep = np.ones(model.num_detectors)
    for instruction in model.flattened():
        assert isinstance(instruction, stim.DemInstruction)  # flattened: no blocks are left
        if instruction.type == "error":
            fired: set[int] = set()
            for parts in instruction.target_groups():
                fired ^= {t.val for t in parts if t.is_relative_detector_id()}  # named twice, it does not fire
            keep[list(fired)] *= 1 - 2 * instruction.args_copy()[0]
    return (1 - keep) / 2
