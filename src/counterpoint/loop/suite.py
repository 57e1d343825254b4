"""The drift suite: named drifts on the published test chip, the same for every explorer.

Each row is one run of the loop (charter, permits and ledger included) of one explorer on one drift with
one seed; its score is the merit, exploration charged. Frequencies and rates are per epoch. *Blind* drifts
draw their processes and parameters from the row's seed, so that no agent can be tuned to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scipy.special import stdtrit

from counterpoint.explore import EXPLORERS
from counterpoint.govern.charter import EXPERIMENT
from counterpoint.identity import Key, fold_in
from counterpoint.loop.build import build
from counterpoint.loop.session import Session
from counterpoint.loop.settings import Settings
from counterpoint.loop.summary import merit
from counterpoint.machine import MACHINES
from counterpoint.quops.estimate import COVERAGE, Estimate

PERIODS = (1000, 300, 150, 75, 30, 15, 10)  # epochs; the published break-even is near 150
NAMED: dict[str, str] = {
    **{f"sine 1/{p}": f"sine:f={1 / p:.6g}" for p in PERIODS},
    **{f"sine 1/{p}, independent": f"sine:f={1 / p:.6g},phases=independent" for p in PERIODS},
    "step": "step:at=50",
    "linear": "linear:rate=0.005",
    "ou": "ou:rate=0.01",
    "telegraph": "telegraph:rate=0.01",
    "pink": "pink:amplitude=1",
    "burst": "step:at=40,amplitude=1.5+step:at=50,amplitude=-1.5",
    "all together": "sine:f=0.005,amplitude=0.5,phases=independent+telegraph:rate=0.01,amplitude=0.5"
    "+pink:amplitude=0.4+ou:rate=0.01,amplitude=0.4+step:at=150,amplitude=0.5",
}
BLIND = ("blind 1", "blind 2", "blind 3")
QUICK = ("sine 1/150", "sine 1/30, independent", "step", "ou", "telegraph", "pink", "burst", "all together", "blind 1")
LARGER = ("sine 1/150, independent", "telegraph", "all together")  # also on the larger chips, in full
SIZES = ((5, 1), (7, 1), (3, 10))  # (distance, controls a gate) of those


@dataclass(frozen=True)
class Row:
    """One run of the suite: what decides it."""

    drift: str  # its name
    explorer: str  # a key of EXPLORERS
    seed: int
    distance: int = 3
    controls_per_gate: int = 1
    epochs: int = 300
    candidates: int = 50
    cycles: int = 36_000  # of each candidate in an epoch

    @property
    def settings(self) -> Settings:
        """The run's settings."""
        return Settings(
            machine="published",
            explorer=self.explorer,
            decoder="none",
            distance=self.distance,
            controls_per_gate=self.controls_per_gate,
            drift=NAMED.get(self.drift) or blind((self.seed,), self.drift),
            candidates=self.candidates,
            cycles=self.cycles,
            turns=self.epochs,
            seed=self.seed,
        )


@dataclass(frozen=True)
class Scored:
    """What came of a row."""

    row: Row
    spec: str  # the drift as it was
    merit: float | None  # None where nothing was to be won
    events: dict[str, int]  # of "steered", "fixed" and "oracle"
    seconds: float  # wall time of an epoch
    ledger: str  # digest of the head of the run's ledger


def blind(key: Key, name: str) -> str:
    """A drift of two to four processes drawn from `key`: their kinds, speeds and sizes."""
    rng = np.random.default_rng(fold_in(key, "blind", name))

    def drawn(kind: str) -> str:
        rate, amplitude = 10 ** rng.uniform(-3, -1.5), rng.uniform(0.3, 1.0)
        speed = {"sine": f"f={rate:.4g},phases=independent", "pink": "slow=0.001"}.get(kind, f"rate={rate:.4g}")
        return f"{kind}:{speed},amplitude={amplitude:.3g}"

    kinds = rng.choice(["sine", "ou", "telegraph", "pink"], size=int(rng.integers(2, 5)), replace=False)
    return "+".join(drawn(kind) for kind in kinds)


def rows(explorers: Iterable[str], *, quick: bool, seed: int) -> list[Row]:
    """The rows of the suite, the quick ones (one seed, 120 epochs) or all (five seeds)."""
    names = list(explorers)
    if quick:
        return [Row(d, e, seed, epochs=120) for d in QUICK for e in names]
    small = [Row(d, e, seed + s) for d in [*NAMED, *BLIND] for e in names for s in range(5)]
    large = [Row(d, e, seed + s, *size) for size in SIZES for d in LARGER for e in names for s in range(5)]
    return small + large


def play(row: Row) -> Scored:
    """Run one row."""
    settings = row.settings
    parts = build(settings, MACHINES["published"], EXPLORERS[row.explorer], None)
    with TemporaryDirectory() as folder, Session.begin(Path(folder), EXPERIMENT, settings, parts) as session:
        for _ in session:
            pass
        digest = session.ledger.head.digest
    counted = session.rows
    events = {p: sum(c[p].events for c in counted if p in c) for p in ("steered", "fixed", "oracle")}
    return Scored(row, settings.drift, merit(counted), events, session.wall_seconds / max(1, session.done), digest)


def play_all(todo: Iterable[Row], workers: int) -> Iterator[Scored]:
    """Play rows side by side, each given out as soon as it is done."""
    with ProcessPoolExecutor(workers) as pool:
        for done in as_completed([pool.submit(play, row) for row in todo]):
            yield done.result()


def plain(scored: Scored) -> dict[str, object]:
    """A scored row as one flat JSON object."""
    rest = {k: v for k, v in asdict(scored).items() if k != "row"}
    return asdict(scored.row) | rest


def mean_merit(scores: Iterable[Scored]) -> Estimate | None:
    """The mean merit over seeds with Student's 95 % interval; the ends are NaN for a single seed."""
    values = np.array([s.merit for s in scores if s.merit is not None])
    if not values.size:
        return None
    if values.size == 1:
        return Estimate(float(values[0]), float("nan"), float("nan"))
    spread = stdtrit(values.size - 1, (1 + COVERAGE) / 2) * values.std(ddof=1) / np.sqrt(values.size)
    return Estimate(float(values.mean()), float(values.mean() - spread), float(values.mean() + spread))
