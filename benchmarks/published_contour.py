"""At which drift does the published agent still pay? Its merit over frequency, and what moves the break-even.

Every optimum of the distance-3 `published` chip (41 knobs) follows the same sine of amplitude 1; 50 candidates x
36,000 cycles an epoch. The merit is (N_fixed - N_agent) / (N_fixed - N_oracle) in detection events, exploration
charged. The break-even frequency is where it first falls below 0, by interpolation over the logarithm of the
frequency, of the mean over seeds (another machine each); its interval comes from resampling the seeds.

Without --fast each run is a session of the loop, with charter, permits and sampled shots. With --fast the counts
of the sites are drawn instead: exact means, with Gaussian noise whose size beside the binomial's, and whose
correlations between sites, are those of 20,000 shots at the start (events of one shot come in pairs).
--sensitivity (always fast) changes one unpublished setting at a time and finds the break-even by bisection over
the same frequencies.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from scipy.special import stdtrit

from counterpoint.base import Counts, Floats, Job, Outcome, Seen, TryControls, fold_in
from counterpoint.explore.published import Published
from counterpoint.govern.charter import EXPERIMENT
from counterpoint.loop.build import build
from counterpoint.loop.session import Session
from counterpoint.loop.settings import Settings
from counterpoint.loop.summary import merit
from counterpoint.loop.turn import Parts
from counterpoint.machine import MACHINES

PERIODS = (1000, 600, 300, 200, 150, 100, 75, 50, 30, 15)  # epochs
ENTROPIES = (0.001, 0.01, 0.1)  # the published weights
SHOTS = 20_000  # from which the noise of --fast is known
RESAMPLES = 10_000
SENSITIVITY: dict[str, tuple[float, ...]] = {
    "rate_mu": (0.00025, 0.0005, 0.001, 0.002, 0.004, 0.016, 0.032),
    "rate_sigma": (0.005, 0.02),
    "sigma": (0.15, 0.2),
    "cap": (0.25, 0.5),
    "clip": (0.1, 0.2, 0.4),
    "replay": (1, 4),
    "steps": (10, 40),
    "baseline_weight": (0.1, 10.0),
    "rate_baseline": (0.003, 0.3),
    "longest": (0.01, 1.0),
    "unit": (3.0, 10.0, 100.0),
}


@dataclass(frozen=True)
class Cell:
    """One run: an agent, a period and a machine."""

    agent: Published
    period: int
    seed: int
    epochs: int
    fast: bool

    @property
    def settings(self) -> Settings:
        return Settings(
            machine="published",
            explorer="published",
            decoder="none",
            distance=3,
            drift=f"sine:f={1 / self.period:.9g}",
            candidates=50,
            cycles=36_000,
            turns=self.epochs,
            seed=self.seed,
        )


def play(cell: Cell) -> float:
    """The merit of one run; NaN where there was nothing to win."""
    return approximate(cell) if cell.fast else sampled(cell)


def sampled(cell: Cell) -> float:
    """By the loop itself, under the charter for experiments."""
    parts = build(cell.settings, MACHINES["published"], cell.agent, None)
    with TemporaryDirectory() as folder, Session.begin(Path(folder), EXPERIMENT, cell.settings, parts) as session:
        for _ in session:
            pass
    found = merit(session.rows)
    return math.nan if found is None else found


def approximate(cell: Cell) -> float:
    """By exact means and Gaussian noise."""
    settings = cell.settings
    parts = build(settings, MACHINES["published"], cell.agent, None)
    machine, twin = parts.machine, parts.machine.twin
    assert twin is not None
    state = cell.agent.init(machine.space, fold_in(parts.key, "init"))
    weight = parts.sites.detectors / parts.sites.detectors.sum()
    each = parts.sites.detectors * parts.shots
    noise = scatter(parts)
    sums = np.zeros(3)  # detection fractions of the agent, fixed and oracle
    for epoch in range(cell.epochs):
        machine.resume(epoch * settings.epoch_seconds)
        action = cell.agent.ask(
            fold_in(parts.key, "ask", epoch), state, Seen(epoch, machine.clock, settings.candidates)
        )
        assert isinstance(action, TryControls)
        players = np.stack([machine.space.start, twin.optimum()])
        means = twin.expected(parts.circuit, np.concatenate([action.candidates, players]))
        tried = means[: len(action.candidates)]
        sums += [(tried @ weight).mean(), *(means[len(tried) :] @ weight)]
        rng = np.random.default_rng(fold_in(parts.key, "counts", epoch))
        state = cell.agent.tell(state, action, drawn(rng, tried, each, noise, settings))
    return (sums[1] - sums[0]) / (sums[1] - sums[2])


def scatter(parts: Parts) -> Floats:
    """float64 (S, S): what makes independent normal numbers into the noise of site counts, in binomial deviations."""
    twin, start = parts.machine.twin, parts.machine.space.start[None]
    assert twin is not None
    job = Job(parts.circuit, start, SHOTS, parts.rounds, "scatter", fold_in(parts.key, "scatter"))
    packed = twin.run(job).detection_events[0]
    bits = np.unpackbits(packed, axis=1, count=parts.circuit.num_detectors, bitorder="little")
    mean = twin.expected(parts.circuit, start)[0]
    binomial = np.sqrt(mean * (1 - mean) * parts.sites.detectors)
    return np.linalg.cholesky(np.cov((bits @ parts.sites.member).T) / np.outer(binomial, binomial)).astype(np.float64)


def drawn(rng: np.random.Generator, means: Floats, each: Counts, noise: Floats, settings: Settings) -> Outcome:
    """Counts with these means, float64 (C, S) events a detector, of `each` detectors of a site."""
    deviations = rng.standard_normal(means.shape) @ noise.T
    events = means * each + np.sqrt(means * (1 - means) * each) * deviations
    many, zeros = np.full(len(means), settings.shots), np.zeros(len(means), np.int64)
    return Outcome(
        events=np.rint(events.clip(0, each)).astype(np.int64),
        opportunities=np.broadcast_to(each, means.shape),
        shots=many,
        cycles=many * settings.rounds,
        decoded=zeros,
        failures=zeros,
        seconds=0.0,
    )


def break_even(periods: Sequence[int], merits: Sequence[float]) -> float:
    """The frequency at which the merit, linear in its logarithm, first falls through 0; NaN where it never does."""
    for (p, m), (q, n) in pairwise(zip(periods, merits, strict=True)):
        if m > 0 >= n:
            return math.exp(-(math.log(p) + (math.log(q) - math.log(p)) * m / (m - n)))
    return math.nan


def bisected(merit_at: Callable[[int], float], periods: Sequence[int]) -> float:
    """As `break_even` for a merit that falls through 0 once, from few runs; NaN where it is outside."""
    low, high = 0, len(periods) - 1
    at = {low: merit_at(periods[low]), high: merit_at(periods[high])}
    while high - low > 1:
        middle = (low + high) // 2
        at[middle] = merit_at(periods[middle])
        low, high = (middle, high) if at[middle] > 0 else (low, middle)
    return break_even((periods[low], periods[high]), (at[low], at[high]))


def resampled(periods: Sequence[int], table: Floats) -> tuple[float, float, float]:
    """Break-even of the mean of merits, float64 (seeds, periods), and its 95 % interval by resampling seeds."""
    chosen = np.random.default_rng(0).integers(len(table), size=(RESAMPLES, len(table)))
    found = [break_even(periods, m) for m in table[chosen].mean(axis=1).tolist()]
    low, high = np.quantile(found, (0.025, 0.975))
    return break_even(periods, table.mean(axis=0).tolist()), float(low), float(high)


def student(values: Floats) -> tuple[float, float, float]:
    """Mean and Student's 95 % interval; its ends are NaN for one value."""
    mean = float(values.mean())
    if values.size < 2:
        return mean, math.nan, math.nan
    half = float(stdtrit(values.size - 1, 0.975) * values.std(ddof=1) / math.sqrt(values.size))
    return mean, mean - half, mean + half


def contour(given: argparse.Namespace, pool: ProcessPoolExecutor) -> Iterator[dict[str, object]]:
    """One row for each entropy weight."""
    for entropy in given.entropy:
        agent = replace(Published(), entropy=entropy)
        cells = [Cell(agent, p, s, given.epochs, given.fast) for s in given.seeds for p in given.periods]
        table = np.array(list(pool.map(play, cells))).reshape(len(given.seeds), -1)
        merits = {f"1/{p}": student(table[:, i]) for i, p in enumerate(given.periods)}
        yield {"entropy": entropy, "merit": merits, "break_even": resampled(given.periods, table)}


def variants() -> dict[str, Published]:
    """The frozen agent, and each with one unpublished setting changed."""
    frozen = Published()
    changed = {"frozen": frozen}
    for name, values in SENSITIVITY.items():
        for value in values:
            changed[f"{name} {value:g}"] = replace(frozen, **{name: value})
    return changed


def sensitivity(given: argparse.Namespace, pool: ProcessPoolExecutor) -> Iterator[dict[str, object]]:
    """One row for each changed setting."""
    for name, agent in variants().items():

        def merit_at(period: int, agent: Published = agent) -> float:
            return float(
                np.mean(list(pool.map(play, [Cell(agent, period, s, given.epochs, True) for s in given.seeds])))
            )

        yield {"setting": name, "break_even": [bisected(merit_at, given.periods)]}


def shown(row: dict[str, Any]) -> str:
    """A row for a person."""
    told = [f"{k} {row[k]}" for k in ("entropy", "setting") if k in row]
    told += [f"  {f}: {m:.3f} ({low:.3f} to {high:.3f})" for f, (m, low, high) in row.get("merit", {}).items()]
    found, *ends = (f"1/{1 / f:.0f}" if f > 0 else "outside the range" for f in row["break_even"])
    return "\n".join([*told, f"  break-even at {found}" + (f" ({' to '.join(ends)})" if ends else "")])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(10)), help="one machine for each")
    parser.add_argument("--epochs", type=int, default=1000)
    parser.add_argument("--periods", type=int, nargs="+", default=list(PERIODS), help="of the sine, longest first")
    parser.add_argument("--entropy", type=float, nargs="+", default=list(ENTROPIES))
    parser.add_argument("--fast", action="store_true", help="exact means and Gaussian noise, no sampled shots")
    parser.add_argument("--sensitivity", action="store_true", help="one unpublished setting at a time; always fast")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with ProcessPoolExecutor(given.workers) as pool:
        for row in (sensitivity if given.sensitivity else contour)(given, pool):
            print(json.dumps(row) if given.json else shown(row), flush=True)


if __name__ == "__main__":
    main()
