"""The published experiment over many functions, and where amplitude estimation wins: gaps, horizons, errors.

    python benchmarks/bandit.py [published | horizons | errors] [--seed N] [--instances N]

What is measured is regret in uses of simulated oracles; seconds are not compared. Each line of `horizons` and `errors`
is a comparison as `counterpoint bandit` makes it, with a seed of its own.
"""

from __future__ import annotations

import argparse

import numpy as np

from counterpoint.base import fold_in
from counterpoint.workloads.bandit.arms import Near
from counterpoint.workloads.bandit.published import table
from counterpoint.workloads.bandit.task import Bandit
from counterpoint.workloads.rivals import weigh
from counterpoint.workloads.workload import Budget

FUNCTIONS = 20
HORIZONS = (10_000, 100_000, 1_000_000)
ERRORS = (1e-3, 1e-2, 1e-1)


def published(seed: int) -> None:
    print("line | published | ours before | one function | alike | median | range over functions")
    for row in table(FUNCTIONS, fold_in((seed,), "published")):
        one = f"{row.means[row.one]:.1f} +- {row.errors[row.one]:.1f}"
        over = f"{np.median(row.means):.1f} | {row.means.min():.1f}-{row.means.max():.1f}"
        print(f"{row.line.name} | {row.line.published} | {row.line.earlier} | {one} | {row.alike} | {over}")


def compared(gap: float, horizon: int, error: float, instances: int, seed: int) -> None:
    workload = Bandit.of(Near(2, gap), horizon, error)
    key = fold_in((seed,), "compared", horizon)  # the same games at every error: only the quantum side differs
    found = weigh(workload, Budget(horizon, "calls"), instances=instances, key=key)
    sides = found.sides
    regrets = (sides["quantum"], sides[found.rival], sides["nothing"])
    shown = " | ".join(f"{-s.mean:.1f} +- {s.scores.std(ddof=1) / np.sqrt(s.scores.size):.1f}" for s in regrets)
    verdict = found.verdict
    said = (
        f"{verdict.value:.1f} ({verdict.low:.1f} to {verdict.high:.1f}), margin {verdict.margin:.1f}: {verdict.status}"
    )
    print(
        f"T {horizon:,} gap {gap:.2g} error {error:g} {workload.regime} | {shown} | {found.rival} | {said}", flush=True
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("part", nargs="?", choices=("published", "horizons", "errors"))
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument("--instances", type=int, default=200)
    given = parser.parse_args()
    if given.part in (None, "published"):
        published(given.seed)
    print("T, gap, error, regime | quantum | best rival | nothing | rival | saved")
    if given.part in (None, "horizons"):
        for horizon in HORIZONS:
            compared(3 / np.sqrt(horizon), horizon, 0.0, given.instances, given.seed)
    if given.part in (None, "errors"):
        for error in ERRORS:
            compared(0.003, 1_000_000, error, given.instances, given.seed)


if __name__ == "__main__":
    main()
