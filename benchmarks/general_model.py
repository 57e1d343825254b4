"""Train the model that ships with the package, on many circuits at once, so that it fits none in particular.

    python benchmarks/general_model.py --minutes 9 --out src/counterpoint/decoders/models/general.model

Close shots of surface codes under SI1000 and uniform noise, from what a good chip shows to what a bad one does. The
time it was given and the cores beside it decide how many shots it saw: the numbers are in the model's manifest.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from counterpoint.base import fold_in
from counterpoint.codes.noise import SI1000, NoiseModel, UniformDepolarizing
from counterpoint.codes.surface import memory
from counterpoint.decoders.training import Sampled, Source, fresh_model, train

CIRCUITS: tuple[tuple[int, int, NoiseModel], ...] = (  # distance, rounds, noise
    (3, 3, SI1000(0.003)),
    (3, 9, SI1000(0.01)),
    (5, 5, SI1000(0.002)),
    (5, 5, SI1000(0.005)),
    (5, 9, SI1000(0.008)),
    (5, 5, UniformDepolarizing(0.004)),
    (7, 7, SI1000(0.002)),
    (7, 7, UniformDepolarizing(0.004)),
    (9, 9, SI1000(0.002)),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=9)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    start, sources = fresh_model(given.seed), []
    for i, (distance, rounds, noise) in enumerate(CIRCUITS):
        model = noise.noisy(memory(distance, rounds)).detector_error_model(decompose_errors=True)
        sources.append(Source.of(model, Sampled(model, fold_in((given.seed,), i)), start))
    trained = [f"surface code, d={d}, r={r}, {type(noise).__name__}({noise.p})" for d, r, noise in CIRCUITS]
    for told in train(sources, start, 60 * given.minutes, given.seed):
        print(
            f"{told.seconds:4.0f} s  {told.close:,} close of {told.looked:,}; of {told.held:,} held out "
            f"{told.wrong:,} wrong, correlated {told.correlated:,}, matching {told.plain:,}; "
            f"loss {told.loss:.4f}; {told.us:.0f} us each",
            flush=True,
        )
        replace(told.model, manifest={**told.model.manifest, "fits": [], "trained": trained}).save(given.out)


if __name__ == "__main__":
    main()
