"""Live control beyond the drift suite's merits: logical errors, the step, convergence, recovery, suppression.

    python benchmarks/live_control.py {logical,step,convergence,recovery,suppression}
        [--explorer NAME] [--seeds N] [--workers 2] [--out live-control.jsonl]

What is measured, with which budgets and margins, was fixed beforehand: docs/decisions/0006. Each row is one
run of the loop; rows that the file holds already are not run again, and the table is made of all of them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from counterpoint.cli.options import parts_of
from counterpoint.govern.charter import EXPERIMENT
from counterpoint.loop.session import Session
from counterpoint.loop.settings import Settings
from counterpoint.loop.steered import DAY_ZERO
from counterpoint.quops.cycle import error_per_cycle, per_cycle
from counterpoint.quops.estimate import Estimate
from counterpoint.quops.suppression import Tally, fit_suppression

AMPLITUDES = (0.34, 0.60, 0.92)  # the oracle lowers the mean logical error by 10, 26 and 50 %
WINDOWS = 30  # of the standard deviations
PLAYERS = ("fixed", "oracle", DAY_ZERO, "steered")
DISTANCES = (3, 5, 7, 9, 11, 13, 15)
DRAWS = 4000


def logical(explorer: str, seed: int, amplitude: float, distance: int = 5, cycles: int = 100_000) -> Settings:
    return Settings(
        machine="willow", explorer=explorer, decoder="correlated", prior="followed", distance=distance,
        drift=f"sine:f={1 / 300:.6g},amplitude={amplitude:g}", candidates=40, cycles=cycles, turns=300, seed=seed,
    )  # fmt: skip


def small(explorer: str, seed: int, drift: str, **more: Any) -> Settings:
    return Settings(
        machine="published", explorer=explorer, decoder="none",
        **{"distance": 3, "candidates": 50, "cycles": 36_000, "turns": 300, "drift": drift, "seed": seed} | more,
    )  # fmt: skip


def rows(name: str, explorer: str, seeds: int) -> list[Settings]:
    """The runs of one table."""
    several = range(seeds)
    if name == "logical":
        few = range(min(3, seeds))
        main = [logical(explorer, s, 0.60) for s in several]
        return main + [logical(explorer, s, a) for a in (0.34, 0.92) for s in few]
    if name == "suppression":
        return [logical(explorer, s, 0.60, d) for d in (3, 5, 7) for s in range(min(3, seeds))]
    if name == "step":
        return [small(explorer, s, "step:at=50") for s in several]
    if name == "recovery":
        return [small(explorer, s, "spoiled", turns=100) for s in several]
    return [
        small(explorer, s, "spoiled:reach=1", distance=d, rounds=10, cycles=3_600, turns=80)
        for d in DISTANCES
        for s in several
    ]


def play(settings: Settings) -> dict[str, Any]:
    """One run: of each epoch the counts of each player, how far the centre has gone, and the rate at it."""
    parts = parts_of(settings)
    space, twin = parts.machine.space, parts.machine.twin
    assert twin is not None
    sites = parts.sites.detectors / parts.sites.detectors.sum()
    epochs: list[dict[str, Any]] = []
    with TemporaryDirectory() as folder, Session.begin(Path(folder), EXPERIMENT, settings, parts) as session:
        for turn in session:
            counts = {p: [t.events, t.opportunities, t.failures, t.decoded] for p, t in session.rows[-1].items()}
            moved = float(((turn.centre - space.start) / space.scale).mean())
            at_centre = float(twin.expected(parts.circuit, turn.centre[None])[0] @ sites)
            epochs.append({"moved": moved, "centre": at_centre} | {p: counts[p] for p in PLAYERS if p in counts})
        events = [f"{n}: {e.kind}: {e.why}" for n, e in session.events]
    return {"settings": settings.to_json(), "epochs": epochs, "guard": events}


def played(todo: list[Settings], out: Path, workers: int) -> list[dict[str, Any]]:
    """The rows of `todo`, from the file where it has them."""
    done: dict[str, dict[str, Any]] = {}
    for line in out.read_text().splitlines() if out.exists() else []:
        try:
            row = json.loads(line)
            done[json.dumps(row["settings"])] = row
        except (ValueError, KeyError):
            continue  # cut off by a kill: run again
    missing = [s for s in todo if json.dumps(s.to_json()) not in done]
    with ProcessPoolExecutor(workers) as pool, out.open("a") as file:
        for future in as_completed([pool.submit(play, s) for s in missing]):
            row = future.result()
            print(json.dumps(row), file=file, flush=True)
            done[json.dumps(row["settings"])] = row
    return [done[json.dumps(s.to_json())] for s in todo]


def counts(row: dict[str, Any], player: str) -> np.ndarray:
    """(epochs, 4): events, opportunities, failures, decoded."""
    return np.array([e[player] for e in row["epochs"]])


def error(row: dict[str, Any], player: str) -> float:
    """Logical error a cycle over all epochs."""
    failures, decoded = counts(row, player)[:, 2:].sum(axis=0)
    return per_cycle(failures / decoded, row["settings"]["rounds"])


def deviation(row: dict[str, Any], player: str) -> float:
    """Variance of the logical error a cycle over windows, less that of counting."""
    windows = np.array([part.sum(axis=0) for part in np.array_split(counts(row, player), WINDOWS)])
    p = windows[:, 2] / windows[:, 3]
    rounds = row["settings"]["rounds"]
    errors = np.array([per_cycle(x, rounds) for x in p])
    stretch = (1 - 2 * p) ** (1 / rounds - 1) / rounds  # d(error a cycle) / d(error a shot)
    return float(errors.var(ddof=1) - (stretch**2 * p * (1 - p) / windows[:, 3]).mean())


def interval(values: np.ndarray, figure: Any = None) -> Estimate:
    """A figure of rows, by default their mean, with a 95 % interval that resamples the rows (axis 0)."""
    of = figure or (lambda v: v.mean(axis=0))
    rng = np.random.default_rng((0,))
    draws = [of(values[rng.integers(len(values), size=len(values))]) for _ in range(DRAWS)]
    low, high = np.nanpercentile(draws, [2.5, 97.5])
    return Estimate(float(of(values)), float(low), float(high))


def said(e: Estimate, form: str = ".3f") -> str:
    return f"{e.value:{form}} ({e.low:{form}} to {e.high:{form}})"


def ratio(values: np.ndarray) -> float:
    """Of standard deviations from summed variances; infinite where nothing but counting noise is left."""
    fixed, steered = values.sum(axis=0)
    return float(np.sqrt(fixed / steered)) if steered > 0 else float("inf")


def share(values: np.ndarray) -> float:
    """Of the oracle's reduction, from mean errors of fixed, oracle and steered."""
    fixed, oracle, steered = values.mean(axis=0)
    return float((fixed - steered) / (fixed - oracle))


def print_logical(found: list[dict[str, Any]]) -> None:
    for amplitude in AMPLITUDES:
        rows = [r for r in found if f"amplitude={amplitude:g}" in r["settings"]["drift"]]
        errors = np.array([[error(r, p) for p in PLAYERS] for r in rows])
        deviations = np.array([[deviation(r, p) for p in PLAYERS] for r in rows])
        fixed, oracle, control, both = errors.mean(axis=0)
        less = {"oracle": 1 - oracle / fixed, "control": 1 - control / fixed, "with decoder": 1 - both / fixed}
        decoded = {p: int(sum(counts(r, p)[:, 3].sum() for r in rows)) for p in ("fixed", "steered")}
        print(f"\namplitude {amplitude}: {len(rows)} seeds, {decoded} shots decoded")
        print(
            f"  error a cycle: fixed {fixed:.3%}, oracle {oracle:.3%}, control {control:.3%}, with decoder {both:.3%}"
        )
        print("  lower by: " + ", ".join(f"{name} {part:.1%}" for name, part in less.items()))
        for label, column in (("control", 2), ("with decoder", 3)):
            print(f"  share of the oracle's reduction, {label}: {said(interval(errors[:, [0, 1, column]], share))}")
            print(
                f"  ratio of standard deviations, {label}: {said(interval(deviations[:, [0, column]], ratio), '.2f')}"
            )


def print_step(found: list[dict[str, Any]]) -> None:
    reached, excess = [], []
    for r in found:
        moved = np.array([e["moved"] for e in r["epochs"]])
        reached.append(int(np.argmax(moved[50:] >= 0.63)) if (moved[50:] >= 0.63).any() else 10**6)
        n, f, o = (counts(r, p)[100:, 0].sum() for p in ("steered", "fixed", "oracle"))
        excess.append((n - o) / (f - o))
    print(f"epochs after the step to 63 % of the way: each seed {reached}")
    print(f"steady excess, of the step's: {said(interval(np.array(excess)), '.4f')}")


def print_recovery(found: list[dict[str, Any]]) -> None:
    within = []
    for r in found:
        s, o = (counts(r, p)[:, 0] / counts(r, p)[:, 1] for p in ("steered", "oracle"))
        close = s <= 1.05 * o
        within.append(int(np.argmax(close)) if close.any() else 10**6)
    first, best = (counts(found[0], p)[0] for p in ("steered", "oracle"))
    print(f"detection rate at first {first[0] / first[1]:.1%} (seed 0), tuned {best[0] / best[1]:.1%}")
    print(f"epochs to within 5 % of the oracle's rate, exploration included: each seed {within}")


def rate_of(row: dict[str, Any], part: float) -> float:
    """gamma: slope of -ln(1 - Lambda / Lambda*) until it has fallen to `part` of its first value, least squares."""
    oracle = counts(row, "oracle")
    left = np.array([1 - o[0] / o[1] / e["centre"] for e, o in zip(row["epochs"], oracle, strict=True)])
    below = left <= part * left[0]
    end = int(np.argmax(below)) if below.any() else len(left) - 1
    return float(-np.polyfit(np.arange(end + 1), np.log(left[: end + 1]), 1)[0])


def print_convergence(found: list[dict[str, Any]]) -> None:
    for part in (1 / 10, 1 / 4):
        print(f"until 1 - Lambda / Lambda* has fallen to {part:g} of its first value:")
        have = [d for d in DISTANCES if any(r["settings"]["distance"] == d for r in found)]
        gammas = {d: np.array([rate_of(r, part) for r in found if r["settings"]["distance"] == d]) for d in have}
        mean = float(np.mean([g.mean() for g in gammas.values()]))
        for d, g in gammas.items():
            print(f"  d={d:2d}  gamma {said(interval(g))} an epoch, {g.mean() / mean - 1:+.1%} of the mean {mean:.3f}")


def print_suppression(found: list[dict[str, Any]]) -> None:
    for player in PLAYERS:
        tallies: list[Tally] = []
        for d in (3, 5, 7):
            rows = [counts(r, player)[:, 2:].sum(axis=0) for r in found if r["settings"]["distance"] == d]
            failures, decoded = np.sum(rows, axis=0)
            tallies.append(Tally(d, 25, int(failures), int(decoded)))
        each = ", ".join(f"{error_per_cycle(t.failures, t.shots, t.rounds).value:.3%}" for t in tallies)
        fit = fit_suppression(tallies)
        name = {"steered": "steered, decoder too", DAY_ZERO: "steered"}.get(player, player)
        print(f"{name:22s} error a cycle at d=3, 5, 7: {each}; Lambda {fit.factor:.3f} ({fit.low:.3f}-{fit.high:.3f})")


def guarded(found: Iterable[dict[str, Any]]) -> None:
    for r in found:
        for words in r["guard"]:
            print(f"  guard, seed {r['settings']['seed']}, d={r['settings']['distance']}: {words}")


TABLES = {
    "logical": print_logical,
    "step": print_step,
    "convergence": print_convergence,
    "recovery": print_recovery,
    "suppression": print_suppression,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--explorer", default="kalman")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("live-control.jsonl"))
    given = parser.parse_args()
    found = played(rows(given.table, given.explorer, given.seeds), given.out, given.workers)
    print(f"{given.table}, explorer {given.explorer}")
    TABLES[given.table](found)
    guarded(found)


if __name__ == "__main__":
    main()
