"""How like Willow is the simulated `willow` chip, perfectly tuned? Detection fractions, logical error, Lambda.

Published figures of the chip (Nature 638, 920): detection fractions 7.7, 8.5 and 8.7 % at distance
3, 5 and 7; Lambda with correlated matching 1.97 +- 0.02 (72-qubit chip); with a neural decoder
0.143 % a cycle at distance 7 and Lambda 2.14, and so 0.655 % and 0.306 % at distance 3 and 5.

Each chip (one key) runs memory-Z experiments of 25 rounds at its optimum. The detection fraction is the
average over all detectors, the first and last round's too; its interval comes from the scatter between
shots, in which events cluster. Decoders have the chip's error model, which knows no stray couplings.
"""

from __future__ import annotations

import argparse
import json
import math

import numpy as np

from counterpoint.base import Job, fold_in
from counterpoint.codes import surface
from counterpoint.decoders.matching import Matching
from counterpoint.machine import MACHINES
from counterpoint.quops.cycle import error_per_cycle
from counterpoint.quops.suppression import Tally, fit_suppression

ROUNDS = 25
DISTANCES = (3, 5, 7)
PUBLISHED_FRACTION = {3: 0.077, 5: 0.085, 7: 0.087}
PUBLISHED_NEURAL = {3: 6.55e-3, 5: 3.06e-3, 7: 1.43e-3}
PUBLISHED_LAMBDA = 1.97
Z95 = 1.959964


def measure(distance: int, shots: int, seeds: list[int]) -> dict:
    """One row of the table: `shots` shots on each of the chips of `seeds`."""
    circuit = surface.memory(distance, ROUNDS)
    failures = {"matching": 0, "correlated": 0}
    fraction: list[np.ndarray] = []
    for seed in seeds:
        key = (seed, distance)
        chip = MACHINES["willow"](distance, key=key, drift="none", epoch_seconds=1.0)
        job = Job(circuit, chip.optimum()[None], shots, ROUNDS, "match", fold_in(key, "match"))
        out = chip.twin.run(job)
        events, truth = out.detection_events[0], out.observables[0]
        bits = np.unpackbits(events, axis=1, count=circuit.num_detectors, bitorder="little")
        fraction.append(bits.mean(axis=1))
        model = chip.error_model(circuit)
        for name in failures:
            decoder = Matching(correlated=name == "correlated").compile_decoder_for_dem(dem=model)
            guess = decoder.decode_shots_bit_packed(bit_packed_detection_event_data=events)
            failures[name] += int((guess != truth).any(axis=1).sum())
    per_shot = np.concatenate(fraction)
    mean = float(per_shot.mean())
    half = Z95 * float(per_shot.std(ddof=1)) / math.sqrt(per_shot.size)
    n = shots * len(seeds)
    errors = {name: error_per_cycle(k, n, ROUNDS) for name, k in failures.items()}
    return {
        "distance": distance,
        "shots": n,
        "detection_fraction": mean,
        "detection_fraction_interval": [mean - half, mean + half],
        "published_detection_fraction": PUBLISHED_FRACTION[distance],
        "failures": failures,
        "ler_cycle": {name: e.value for name, e in errors.items()},
        "ler_cycle_interval": {name: [e.low, e.high] for name, e in errors.items()},
        "published_neural_ler_cycle": PUBLISHED_NEURAL[distance],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shots", type=int, default=20_000, help="of each chip at each distance")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2], help="one chip for each")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    rows = [measure(d, given.shots, given.seeds) for d in DISTANCES]
    lambdas = {
        name: fit_suppression([Tally(r["distance"], ROUNDS, r["failures"][name], r["shots"]) for r in rows])
        for name in ("matching", "correlated")
    }
    if given.json:
        values = {name: {"value": e.factor, "interval": [e.low, e.high], "p": e.p} for name, e in lambdas.items()}
        print(json.dumps({"rows": rows, "lambda": values, "published_lambda_correlated": PUBLISHED_LAMBDA}))
        return
    print(" d   shots   detection fraction %  (Willow)   error a cycle %: matching   correlated   (neural)")
    for r in rows:
        low, high = r["detection_fraction_interval"]
        cells = "  ".join(
            f"{100 * r['ler_cycle'][n]:.3f} ({100 * r['ler_cycle_interval'][n][0]:.3f}-"
            f"{100 * r['ler_cycle_interval'][n][1]:.3f})"
            for n in ("matching", "correlated")
        )
        print(
            f"{r['distance']:2d}  {r['shots']:6d}   {100 * r['detection_fraction']:.2f} "
            f"({100 * low:.2f}-{100 * high:.2f})   ({100 * r['published_detection_fraction']:.1f})   {cells}   "
            f"({100 * r['published_neural_ler_cycle']:.3f})"
        )
    for name, e in lambdas.items():
        beside = f"   (Willow {PUBLISHED_LAMBDA})" if name == "correlated" else ""
        print(f"Lambda, {name}: {e.factor:.3f} ({e.low:.3f}-{e.high:.3f}), constant with p = {e.p:.2g}{beside}")


if __name__ == "__main__":
    main()
