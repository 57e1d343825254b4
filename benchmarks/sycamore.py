"""Recorded Sycamore shots: error a cycle of our decoders beside the recorded ones, on shots that nothing was fitted to.

    python benchmarks/sycamore.py 5 [--decoder correlated --decoder coset --decoder sycamore-5.model]
    python benchmarks/sycamore.py 5 --decoder benchmarks/sycamore.py:QUICK_5

Error models are those fitted to even shots, the network of a .model was trained on even shots, and odd shots are
judged: r = 3, 5, 7, 9, 13, 25,000 shots each. Error a cycle is fitted over rounds; its ratio to that of belief matching
(recorded with the shots) is bootstrapped over shots, the same draw for both. Times are of one thread.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np

from counterpoint.cli.options import decoder_named
from counterpoint.decoders.neural import Neural
from counterpoint.machine.releases import find_experiments, read_experiment

RIVALS = ("belief_matching", "tensor_network_contraction")
DRAWS = 1000
QUICK_3, QUICK_5 = Neural("sycamore-3", more=0), Neural("sycamore-5", more=0)  # no shot is heard again


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("distance", type=int)
    parser.add_argument("--decoder", action="append")
    parser.add_argument("--shots", type=int, default=25_000)
    given = parser.parse_args()
    names = given.decoder or ["correlated", "coset", f"sycamore-{given.distance}.model"]
    failed: dict[str, list[np.ndarray]] = {}
    times: dict[str, list[float]] = {}
    rounds = []
    for folder in find_experiments(Path(os.environ["COUNTERPOINT_DATA"]) / "sycamore"):
        recording = read_experiment(folder)
        if recording.distance != given.distance or recording.basis != "Z" or (recording.rounds or 0) < 3:
            continue
        assert recording.rounds is not None
        rounds.append(recording.rounds)
        odd = recording.take("odd", given.shots)
        model = odd.error_models("pij")[1]
        for name in names:
            compiled = decoder_named(name).compile_decoder_for_dem(dem=model)
            compiled.decode_shots_bit_packed(bit_packed_detection_event_data=odd.detection_events[:64])
            begin = time.process_time()
            answer = compiled.decode_shots_bit_packed(bit_packed_detection_event_data=odd.detection_events)
            times.setdefault(name, []).append(1e3 * (time.process_time() - begin) / odd.shots)
            failed.setdefault(name, []).append((answer != odd.flips).any(axis=1))
        for name in RIVALS:
            failed.setdefault(name, []).append((odd.predictions[name] != odd.flips).any(axis=1))
    print("rounds", rounds)
    draw = np.random.default_rng((0,))
    fits = {name: _fit(rounds, [f.mean() for f in per]) for name, per in failed.items()}
    boot: dict[str, list[float]] = {name: [] for name in failed}
    for _ in range(DRAWS):
        rows = [draw.integers(0, len(f), len(f)) for f in failed[names[0]]]
        for name, per in failed.items():
            boot[name].append(_fit(rounds, [f[r].mean() for f, r in zip(per, rows, strict=True)]))
    for name, per in failed.items():
        low, high = 100 * np.quantile(boot[name], (0.025, 0.975))
        ratios = []
        for rival in RIVALS:
            a, b = np.quantile(np.array(boot[name]) / np.array(boot[rival]), (0.025, 0.975))
            ratios.append(f"{fits[name] / fits[rival]:.3f} ({a:.3f} to {b:.3f})")
        shots = ", ".join(f"{100 * f.mean():.2f}" for f in per)
        price = ", ".join(f"{t:.2f}" for t in times[name]) if name in times else "recorded"
        print(
            f"{name:28} {100 * fits[name]:.3f} % a cycle ({low:.2f} to {high:.2f}); over {RIVALS[0]}, {RIVALS[1]}: "
            f"{', '.join(ratios)}; % of shots {shots}; ms a shot {price}",
            flush=True,
        )


def _fit(rounds: list[int], errors: list[float]) -> float:
    """Error a cycle from ln(1 - 2 E) = r ln(1 - 2 e) + c."""
    slope = np.polyfit(rounds, np.log(1 - 2 * np.array(errors)), 1)[0]
    return float((1 - np.exp(slope)) / 2)


if __name__ == "__main__":
    main()
