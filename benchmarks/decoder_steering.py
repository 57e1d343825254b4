"""What is a decoder's prior worth that follows the gates by detection events alone?

Each machine (one seed) has every knob off by a random offset, Gaussian in units of the knob's scale. The
prior is told so many epochs of detection events and no logical label; then other shots are decoded by

    day zero   the error model of the calibration, before the knobs went off
    followed   the prior after these epochs
    true       the error rates that the gates have now

all of independent errors of gates: none knows the stray couplings of the `willow` chip. The same
shots go to all three: ratios of failures have paired intervals, and p is McNemar's exact one.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np

from counterpoint.base import fold_in
from counterpoint.codes import surface
from counterpoint.codes.gates import compile_gates
from counterpoint.decoders import DECODERS
from counterpoint.decoders.priors import prior_model
from counterpoint.machine import builds, sampling
from counterpoint.quops.paired import failure_ratio, mcnemar

NAMES = ("day zero", "followed", "true")


def fails(given: argparse.Namespace, seed: int) -> tuple[np.ndarray, float, float, float]:
    """(3, shots) which shots each prior fails; and rms errors of ln(rate) before and after, CPU seconds an epoch."""
    key = (seed, given.distance)
    small = surface.memory(given.distance, 3)
    chip = builds.willow(small, key) if given.machine == "willow" else builds.published(small, 1, key)
    circuit = surface.memory(given.distance, given.rounds)
    offset = given.off * np.random.default_rng(fold_in(key, "offset")).standard_normal(len(chip.knobs))
    settings = np.stack([chip.start, np.clip(chip.start + chip.scale * offset, chip.low, chip.high)])
    calibrated, now = (dict(zip(chip.gates, row.tolist(), strict=True)) for row in chip.rates(settings, chip.start))
    model = prior_model(circuit, {g: 0.0 if g.kind == "stray" else rate for g, rate in calibrated.items()})
    whole = compile_gates(circuit, {gate.kind for gate in chip.gates})
    truth = whole.circuit(np.array([now[gate] for gate in whole.gates]))
    state, seconds = model.init(), 0.0
    for epoch in range(given.epochs):
        events, _ = sampling.sample(truth, given.told, fold_in(key, "told", epoch))
        began = time.process_time()
        state = model.tell(state, model.parities.count(events), len(events))
        seconds += time.process_time() - began
    rates = np.array([now[gate] for gate in model.template.gates])
    models = {
        "day zero": model.error_model(model.init()),
        "followed": model.error_model(state),
        "true": model.template.circuit(rates).detector_error_model(decompose_errors=True),
    }
    events, flips = sampling.sample(truth, given.shots, fold_in(key, "held out"))
    failed = np.empty((len(NAMES), given.shots), bool)
    for i, name in enumerate(NAMES):
        decoder = DECODERS[given.decoder].compile_decoder_for_dem(dem=models[name])
        failed[i] = (decoder.decode_shots_bit_packed(bit_packed_detection_event_data=events) != flips).any(axis=1)
    seen = model.parities.uses.any(axis=0)
    misses = (np.log(found[seen] / rates[seen]) for found in (model.rates(model.init()), model.rates(state)))
    before, after = (float(np.sqrt((miss**2).mean())) for miss in misses)
    return failed, before, after, seconds / given.epochs


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--machine", choices=("willow", "published"), default="willow")
    parser.add_argument("--distance", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--off", type=float, default=1.0, help="standard deviation of the knobs' offsets, in scales")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--told", type=int, default=48_000, help="shots of an epoch, whose events the prior sees")
    parser.add_argument("--shots", type=int, default=40_000, help="other shots, decoded on each machine")
    parser.add_argument("--decoder", choices=sorted(DECODERS), default="correlated")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="one machine for each")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = [fails(given, seed) for seed in given.seeds]
    failed = np.concatenate([row[0] for row in found], axis=1)
    pairs = []
    for this, other in ((1, 0), (2, 0), (1, 2)):
        a, b = failed[this], failed[other]
        both, only_this, only_other = (int(x.sum()) for x in (a & b, a & ~b, b & ~a))
        ratio = failure_ratio(both, only_this, only_other)
        pairs.append(
            {
                "pair": f"{NAMES[this]} / {NAMES[other]}",
                "ratio": ratio.value,
                "interval": [ratio.low, ratio.high],
                "only": [only_this, only_other],
                "mcnemar": mcnemar(only_this, only_other),
            }
        )
    result = {
        "machine": given.machine,
        "distance": given.distance,
        "off": given.off,
        "shots": failed.shape[1],
        "failures": dict(zip(NAMES, failed.sum(axis=1).tolist(), strict=True)),
        "pairs": pairs,
        "rms_log_error": [sum(row[1] for row in found) / len(found), sum(row[2] for row in found) / len(found)],
        "seconds_an_epoch": sum(row[3] for row in found) / len(found),
    }
    if given.json:
        print(json.dumps(result))
        return
    print(f"{given.machine} d={given.distance}, knobs off by {given.off:g}, {given.decoder}, {failed.shape[1]:,} shots")
    print("  failures: " + ", ".join(f"{name} {k:,}" for name, k in result["failures"].items()))
    for row in pairs:
        low, high = row["interval"]
        print(f"  {row['pair']}: {row['ratio']:.4f} ({low:.4f}-{high:.4f}), p = {row['mcnemar']:.2g}")
    before, after = result["rms_log_error"]
    print(
        f"  rms error of ln(rate): {before:.2f} before, {after:.2f} after; {result['seconds_an_epoch']:.3f} s an epoch"
    )


if __name__ == "__main__":
    main()
