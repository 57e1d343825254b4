"""Our colour-code circuits beside the published ones (COUNTERPOINT_DATA/colour): superdense, SI1000, d rounds.

    python benchmarks/colour.py [--distance D ...] [--decoder tesseract] [--failures 400] [--minutes 2]
        [--batch 200] [--seed 0]

For p = 0.001 and 0.002, Z and X: shots are sampled from either circuit in turn, and each is decoded twice, with our
circuit's error model and with the published one's. For that its detectors are numbered anew, as the models are equal up
to the numbers of the detectors (tests/test_colour.py): what is left to differ is what the decoder makes of their order.
`tesseract` is the library's long beam; `chromobius` needs the package of that name. A row ends when both have failed so
often, or after so many minutes of the processor. Intervals are 95 %, the ratio is paired. At the end of a row is the
error that Tesseract's authors give for their long beam.
"""

from __future__ import annotations

import argparse
import os
import time
from importlib import import_module
from itertools import product
from pathlib import Path

import numpy as np
import sinter
import stim
from numpy.typing import NDArray

from counterpoint.codes import colour
from counterpoint.codes.noise import SI1000
from counterpoint.decoders import DECODERS
from counterpoint.quops.estimate import error_per_shot
from counterpoint.quops.paired import failure_ratio

TOLD = {(5, 0.001): 1.8e-3, (5, 0.002): 1.45e-2, (7, 0.001): 3.6e-4, (7, 0.002): 6.9e-3}
Bools = NDArray[np.bool_]


def published(distance: int, p: float, basis: str) -> stim.Circuit:
    folder = os.environ.get("COUNTERPOINT_DATA")
    if folder is None:
        raise SystemExit("COUNTERPOINT_DATA is not set: the published circuits are found by it")
    name = f"r={distance},d={distance},p={p},noise=si1000,c=superdense_color_code_{basis},*.stim"
    (path,) = (Path(folder) / "colour").glob(name)
    return stim.Circuit.from_file(path)


def decoder_of(name: str) -> sinter.Decoder:
    if name != "chromobius":
        return DECODERS[name]
    return import_module(name).sinter_decoders()[name]


class Side:
    """A circuit, its decoder, and its detectors in an order that both circuits have."""

    def __init__(self, circuit: stim.Circuit, ours: bool, decoder: sinter.Decoder, seed: int) -> None:
        self.sampler = circuit.compile_detector_sampler(seed=seed)
        self.decoder = decoder.compile_decoder_for_dem(dem=circuit.detector_error_model())
        placed = []
        for d, c in circuit.get_detector_coordinates().items():
            # Published are (x, y, t, c), and in the last round the detector that the data qubits close comes first.
            placed.append((c[0], c[1], c[4], d, d) if ours else (c[0] - c[1], c[0] + c[1], c[2], -d, d))
        self.order = [detector for *_, detector in sorted(placed)]

    def sample(self, shots: int) -> tuple[Bools, Bools]:
        """(shots, D) events in the common order, (shots, 1) flips."""
        events, flips = self.sampler.sample(shots, separate_observables=True)
        return events[:, self.order], flips

    def wrong(self, events: Bools, flips: Bools) -> Bools:
        own = np.empty(events.shape, np.bool_)  # in C order, which Chromobius asks for
        own[:, self.order] = events
        answer = self.decoder.decode_shots_bit_packed(
            bit_packed_detection_event_data=np.packbits(own, axis=1, bitorder="little")
        )
        return (answer[:, :1] & 1).astype(np.bool_)[:, 0] != flips[:, 0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--distance", type=int, action="append", help="3, 5 or 7; repeat for more; all three")
    parser.add_argument("--decoder", choices=sorted([*DECODERS, "chromobius"]), default="tesseract")
    parser.add_argument("--failures", type=int, default=400)
    parser.add_argument("--minutes", type=float, default=2, help="for each row, the most")
    parser.add_argument("--batch", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    decoder = decoder_of(given.decoder)
    print("| d | p | basis | shots | failures: ours, theirs, both | error a shot: ours | theirs | ", end="")
    print("ours over theirs | ms a shot | told |\n|---|---|---|---|---|---|---|---|---|---|")
    for row, (distance, p, basis) in enumerate(product(given.distance or [3, 5, 7], (0.001, 0.002), ("Z", "X"))):
        seed = 1000 * given.seed + 2 * row
        circuit = SI1000(p).noisy(colour.memory(distance, distance, basis))
        sides = (
            Side(circuit, True, decoder, seed),
            Side(published(distance, p, basis), False, decoder, seed + 1),
        )
        shots, counts = 0, np.zeros((2, 2), np.int64)  # [ours wrong, theirs wrong]
        began, spent = time.process_time(), 0.0
        while min(counts[1].sum(), counts[:, 1].sum()) < given.failures and spent < 60 * given.minutes:
            for source in sides:
                sample = source.sample(given.batch)
                ours, theirs = (side.wrong(*sample).astype(int) for side in sides)
                np.add.at(counts, (ours, theirs), 1)
                shots += given.batch
            spent = time.process_time() - began
        both, only_ours, only_theirs = int(counts[1, 1]), int(counts[1, 0]), int(counts[0, 1])
        rates = [error_per_shot(both + only, shots) for only in (only_ours, only_theirs)]
        ratio = "too few failures"
        if both:
            r = failure_ratio(both, only_ours, only_theirs)
            ratio = f"{r.value:.3f} ({r.low:.3f} to {r.high:.3f})"
        texts = " | ".join(f"{e.value:.3g} ({e.low:.3g} to {e.high:.3g})" for e in rates)
        told = f"{TOLD[distance, p]:.3g}" if (distance, p) in TOLD else ""
        print(
            f"| {distance} | {p} | {basis} | {shots:,} | {both + only_ours:,}, {both + only_theirs:,}, {both:,} "
            f"| {texts} | {ratio} | {spent / (2 * shots) * 1e3:.3f} | {told} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
