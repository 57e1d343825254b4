"""Our colour-code circuits beside the published ones (COUNTERPOINT_DATA/colour): superdense, SI1000, d rounds.

    python benchmarks/colour.py [--distance D ...] [--decoder tesseract] [--failures 400] [--minutes 2]
        [--batch 200] [--seed 0]

For p = 0.001 and 0.002, Z and X: both circuits get shots of their own in turn and the same decoder (`tesseract` is the
library's long beam), until each has failed so often or both together took so many minutes of the processor. Intervals
are 95 %: exact ones of the rates; that of their ratio follows from the exact one of the share of all failures that are
ours, as both have as many shots. Beside them is the figure that Tesseract's authors give for its long beam.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from pathlib import Path

import stim

from counterpoint.codes import colour
from counterpoint.codes.noise import SI1000
from counterpoint.decoders import DECODERS
from counterpoint.quops.estimate import Estimate, error_per_shot

TOLD = {(5, 0.001): 1.8e-3, (5, 0.002): 1.45e-2, (7, 0.001): 3.6e-4, (7, 0.002): 6.9e-3}


def published(distance: int, p: float, basis: str) -> stim.Circuit:
    folder = os.environ.get("COUNTERPOINT_DATA")
    if folder is None:
        raise SystemExit("COUNTERPOINT_DATA is not set: the published circuits are found by it")
    name = f"r={distance},d={distance},p={p},noise=si1000,c=superdense_color_code_{basis},*.stim"
    (path,) = (Path(folder) / "colour").glob(name)
    return stim.Circuit.from_file(path)


class Counted:
    """One circuit, its decoder, and what was counted so far."""

    def __init__(self, circuit: stim.Circuit, decoder: str, seed: int) -> None:
        self.sampler = circuit.compile_detector_sampler(seed=seed)
        self.decoder = DECODERS[decoder].compile_decoder_for_dem(dem=circuit.detector_error_model())
        self.failures = self.shots = 0

    def more(self, batch: int) -> None:
        events, flips = self.sampler.sample(batch, separate_observables=True, bit_packed=True)
        answer = self.decoder.decode_shots_bit_packed(bit_packed_detection_event_data=events)
        self.failures += int((answer != flips).any(axis=1).sum())
        self.shots += batch

    def text(self) -> str:
        e = error_per_shot(self.failures, self.shots)
        return f"{self.failures:,} of {self.shots:,} | {e.value:.3g} ({e.low:.3g} to {e.high:.3g})"


def ratio(ours: int, theirs: int) -> Estimate:
    """Of two rates with as many shots, from the share of the failures; for rare failures its interval is exact."""
    return error_per_shot(ours, ours + theirs).through(lambda share: share / (1 - share) if share < 1 else math.inf)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--distance", type=int, action="append", help="3, 5 or 7; repeat for more; all three")
    parser.add_argument("--decoder", choices=sorted(DECODERS), default="tesseract")
    parser.add_argument("--failures", type=int, default=400, help="of each circuit")
    parser.add_argument("--minutes", type=float, default=2, help="for each row, the most")
    parser.add_argument("--batch", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print("| d | p | basis | ours: failures | error a shot | published circuit: failures | error a shot | ", end="")
    print("ours over published | ms a shot | theirs, long beam |\n|---|---|---|---|---|---|---|---|---|---|")
    for distance in given.distance or [3, 5, 7]:
        for p in (0.001, 0.002):
            for basis in ("Z", "X"):
                circuit = SI1000(p).noisy(colour.memory(distance, distance, basis))
                ours = Counted(circuit, given.decoder, 2 * given.seed)
                theirs = Counted(published(distance, p, basis), given.decoder, 2 * given.seed + 1)
                began, spent = time.process_time(), 0.0
                while min(ours.failures, theirs.failures) < given.failures and spent < 60 * given.minutes:
                    ours.more(given.batch)
                    theirs.more(given.batch)
                    spent = time.process_time() - began
                both = "none failed"
                if ours.failures + theirs.failures:
                    r = ratio(ours.failures, theirs.failures)
                    both = f"{r.value:.3f} ({r.low:.3f} to {r.high:.3f})"
                price = spent / (ours.shots + theirs.shots) * 1e3
                told = f"{TOLD[distance, p]:.3g}" if (distance, p) in TOLD else ""
                print(
                    f"| {distance} | {p} | {basis} | {ours.text()} | {theirs.text()} | {both} | {price:.2f} | {told} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
