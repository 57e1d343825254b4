"""Accuracy and price of decoders on the published SI1000 circuits, p = 0.002 (COUNTERPOINT_DATA/surface).

    python benchmarks/decoders.py [--distances 3 5 7 9] [--decoder triage ...] [--failures 300] [--seed 0] [--own]

--own takes our own circuits of the same noise instead of the published ones.

Fresh shots are sampled until correlated matching has failed at least so often. Each decoder has the same shots; its
ratio to correlated matching is paired, with a 95 % interval. Times are those of the processor, of decoding alone, on
one thread, in batches of 50,000 shots; their ratio within one run is what counts.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np
import sinter
import stim

from counterpoint.codes.noise import SI1000
from counterpoint.codes.surface import memory
from counterpoint.decoders import DECODERS
from counterpoint.quops.estimate import error_per_shot
from counterpoint.quops.paired import failure_ratio

BATCH = 50_000
DEFAULT = {3: ("matching", "lookup"), 5: ("matching", "triage"), 7: ("matching", "triage"), 9: ("matching", "triage")}
TESSERACT = {3: 0.0113, 5: 0.00465, 7: 0.00155, 9: 0.000484}  # long beam, published by its project


def circuit_of(distance: int) -> stim.Circuit:
    folder = os.environ.get("COUNTERPOINT_DATA")
    if folder is None:
        raise SystemExit("COUNTERPOINT_DATA is not set: the published circuits are found by it")
    (path,) = (Path(folder) / "surface").glob(f"r={distance},d={distance},p=0.002,*.stim")
    return stim.Circuit.from_file(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--distances", type=int, nargs="+", default=sorted(DEFAULT))
    parser.add_argument("--decoder", action="append", help="instead of the default ones; repeat to compare")
    parser.add_argument("--failures", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--own", action="store_true", help="our own circuits instead of the published ones")
    given = parser.parse_args()
    for distance in given.distances:
        circuit = SI1000(0.002).noisy(memory(distance, distance)) if given.own else circuit_of(distance)
        dem = circuit.detector_error_model(decompose_errors=True)
        names = ("correlated", *(given.decoder or DEFAULT[distance]))
        began, compiled = time.perf_counter(), {}
        for name in names:
            compiled[name] = DECODERS[name].compile_decoder_for_dem(dem=dem)
        sampler = circuit.compile_detector_sampler(seed=given.seed)
        warm = sampler.sample(2_000, bit_packed=True)
        for decoder in compiled.values():
            decoder.decode_shots_bit_packed(bit_packed_detection_event_data=warm)
        print(f"distance {distance}: compiled and warmed up in {time.perf_counter() - began:.1f} s")
        failed: dict[str, list[np.ndarray]] = {name: [] for name in names}
        seconds = dict.fromkeys(names, 0.0)
        while sum(int(f.sum()) for f in failed["correlated"]) < given.failures:
            events, flips = sampler.sample(BATCH, separate_observables=True, bit_packed=True)
            for name, decoder in compiled.items():
                answer, used = timed(decoder, events)
                seconds[name] += used
                failed[name].append((answer != flips).any(axis=1))
        shots = BATCH * len(failed["correlated"])
        wrong = {name: np.concatenate(f) for name, f in failed.items()}
        other = wrong["correlated"]
        print(f"  {shots:,} shots; tesseract's long beam is published at {TESSERACT[distance]:.3g} a shot")
        for name in names:
            f = wrong[name]
            e = error_per_shot(int(f.sum()), shots)
            r = failure_ratio(int((f & other).sum()), int((f & ~other).sum()), int((other & ~f).sum()))
            price = seconds[name] / shots * 1e6
            print(
                f"  {name:12s} {f.sum():6d} failures {e.value:.3e} ({e.low:.3e} to {e.high:.3e})  ratio {r.value:.3f} "
                f"({r.low:.3f} to {r.high:.3f})  {price:8.3f} us a shot, {seconds[name] / seconds['correlated']:.3f} x"
            )


def timed(decoder: sinter.CompiledDecoder, events: np.ndarray) -> tuple[np.ndarray, float]:
    began = time.process_time()
    answer = decoder.decode_shots_bit_packed(bit_packed_detection_event_data=events)
    return answer, time.process_time() - began


if __name__ == "__main__":
    main()
