"""Do stated probabilities come true? Of the answers of each stated probability, how many are right on fresh shots.

    python benchmarks/reliability.py [--shots 400000] [--plot reliability.png]

Distance 5, five rounds, uniform noise of 0.005. `Sure` calibrates each decoder on 200,000 shots that it samples from
the error model; what is shown is measured on others, with exact 95 % intervals.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import sinter
import stim

from counterpoint.decoders.confidence import Sure
from counterpoint.decoders.coset import Coset
from counterpoint.decoders.matching import Matching
from counterpoint.quops.estimate import binomial_interval

NOISE = 0.005
EDGES = (0.45, 0.6, 0.75, 0.85, 0.92, 0.96, 0.98, 0.99, 0.997, 0.999, 1.0 + 1e-9)
DECODERS: dict[str, sinter.Decoder] = {
    "matching, by its gap": Matching(),
    "correlated, by matching's gap": Matching(correlated=True),
    "coset, by its own odds": Coset(),
}


def circuit() -> stim.Circuit:
    return stim.Circuit.generated(
        "surface_code:rotated_memory_z",
        distance=5,
        rounds=5,
        after_clifford_depolarization=NOISE,
        before_measure_flip_probability=NOISE,
        after_reset_flip_probability=NOISE,
        before_round_data_depolarization=NOISE,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shots", type=int, default=400_000)
    parser.add_argument("--plot", type=Path)
    given = parser.parse_args()
    memory = circuit()
    dem = memory.detector_error_model(decompose_errors=True)
    sampler = memory.compile_detector_sampler(seed=7)
    events, flips = sampler.sample(given.shots, separate_observables=True, bit_packed=True)
    figure, axes = plt.subplots(figsize=(6, 5))
    axes.plot([1e-4, 0.6], [1e-4, 0.6], color="0.7", linewidth=1, zorder=0)
    for name, decoder in DECODERS.items():
        answer, sure = Sure(decoder, shots=200_000).compile_decoder_for_dem(dem=dem).sure(events)
        right, stated = (answer == flips)[:, 0], sure[:, 0]
        kept = np.sort(1 - stated)
        print(
            f"{name}: {1 - right.mean():.3%} wrong; of the surest 95 % of shots "
            f"{kept[: int(0.95 * len(kept))].mean():.4%} are said to be"
        )
        points = []
        for low, high in itertools.pairwise(EDGES):
            here = (stated >= low) & (stated < high)
            if here.sum() < 100:
                continue
            wrong, shots = int((~right[here]).sum()), int(here.sum())
            interval = binomial_interval(wrong, shots)
            points.append((float(1 - stated[here].mean()), wrong / shots, *interval))
            told = f"{points[-1][0]:.4f}, seen {wrong / shots:.4f} ({interval[0]:.4f} to {interval[1]:.4f})"
            print(f"  {shots:7d} shots: stated error {told}")
        x, y, lower, upper = np.array(points).T
        axes.errorbar(x, y, [y - lower, upper - y], fmt="o-", markersize=4, linewidth=1, capsize=2, label=name)
    axes.set(xscale="log", yscale="log", xlabel="stated probability of a wrong answer", ylabel="seen on fresh shots")
    axes.set_title("Distance 5, uniform noise 0.005: reliability", fontsize=11)
    axes.legend(frameon=False)
    if given.plot is not None:
        figure.tight_layout()
        figure.savefig(given.plot, dpi=130)


if __name__ == "__main__":
    main()
