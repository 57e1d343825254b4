"""The drift suite: named drifts on simulated chips, the same for every explorer.

Each row is one run of the loop (charter, permits and ledger included) of one explorer on one drift with
one seed; its score is the merit, exploration charged. Frequencies and rates are per epoch. *Blind* drifts
draw their processes and parameters from the row's seed, so that no agent can be tuned to them. What is
measured, and on which seeds agents may be tuned, was fixed beforehand: docs/decisions/0006.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from counterpoint.base import Explorer
from counterpoint.explore import EXPLORERS
from counterpoint.govern.charter import EXPERIMENT
from counterpoint.identity import Key, fold_in
from counterpoint.loop.build import build
from counterpoint.loop.own import fingerprint, part
from counterpoint.loop.session import Session
from counterpoint.loop.settings import Settings
from counterpoint.loop.summary import merit
from counterpoint.machine import MACHINES

PERIODS = (1000, 300, 150, 75, 30, 15, 10)  # epochs; the published break-even is near 150
NAMED: dict[str, str] = {
    **{f"sine 1/{p}": f"sine:f={1 / p:.6g}" for p in PERIODS},
    **{f"sine 1/{p}, independent": f"sine:f={1 / p:.6g},phases=independent" for p in PERIODS},
    "step": "step:at=50",
    "linear": "linear:rate=0.005",
    "ou": "ou:rate=0.01",
    "telegraph": "telegraph:rate=0.01",
    "pink": "pink:amplitude=1",
    "burst": "burst:at=40,epochs=10,amplitude=1.5",
    "all together": "sine:f=0.005,amplitude=0.5,phases=independent+telegraph:rate=0.01,amplitude=0.5"
    "+pink:amplitude=0.4+ou:rate=0.01,amplitude=0.4+step:at=150,amplitude=0.5",
}
BLIND = ("blind 1", "blind 2", "blind 3")
QUICK = ("sine 1/150", "sine 1/30, independent", "step", "ou", "telegraph", "pink", "burst", "all together", "blind 1")
CORE = ("sine 1/150, independent", "telegraph", "all together")  # also on other chips, and for every rival
SIZES = ((5, 1), (7, 1), (3, 10))  # (distance, controls a gate) of the larger chips
CHIPS = ("coherent", "crosstalk")  # beyond independent errors of independent knobs
EXACT = "repetition"  # coherent errors exactly, on the repetition code; ten times as slow
AGENT, BASELINE = "kalman", "spsa"  # these play every drift, the agent on every chip
SEEDS, HEADLINE_SEEDS = 5, 10
HEADLINES: dict[str, float] = {  # merit asked of the agent; 10 seeds
    "sine 1/1000, independent": 0.9,
    "sine 1/150, independent": 0.8,
    "sine 1/75, independent": 0.7,
}


@dataclass(frozen=True)
class Row:
    """One run of the suite: what decides it."""

    drift: str  # its name
    explorer: str  # a key of EXPLORERS, or FILE.py:NAME
    seed: int
    distance: int = 3
    controls_per_gate: int = 1
    epochs: int = 300
    machine: str = "published"
    candidates: int = 50
    cycles: int = 36_000  # of each candidate in an epoch
    source: str = ""  # SHA-256 of a person's own file: changed, it is another row

    @property
    def settings(self) -> Settings:
        """The run's settings."""
        return Settings(
            machine=self.machine,
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

    @property
    def place(self) -> tuple[str, str, int, int]:
        """What all seeds and explorers of one line of the table share."""
        return self.drift, self.machine, self.distance, self.controls_per_gate


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


def rows(explorers: Sequence[str], *, quick: bool, seed: int) -> list[Row]:
    """The rows of the suite.

    Quick: one seed, 120 epochs. Full: five seeds (ten for the headlines), 300 epochs (1,000 at f = 1/1000).
    Explorers that are given play all of it. Without any, the agent does; the baseline plays every drift on the small
    chip, and the other explorers the core drifts there.
    """
    names = tuple(explorers) or (AGENT, BASELINE)
    if quick:
        return [_row(d, e, seed, epochs=120) for d in QUICK for e in names]
    found = [_row(d, e, seed + s) for d in [*NAMED, *BLIND] for e in names for s in range(_seeds(d, e))]
    rivals = () if explorers else [e for e in EXPLORERS if e not in (AGENT, BASELINE, "fixed", "oracle")]
    found += [_row(d, e, seed + s) for d in CORE for e in rivals for s in range(SEEDS)]
    for name in explorers or (AGENT,):
        for s in range(seed, seed + SEEDS):
            found += [_row(d, name, s, machine=chip) for d in CORE for chip in CHIPS]
            found += [_row(CORE[0], name, s, machine=EXACT)]
            found += [_row(drift, name, s, distance=d, controls_per_gate=p) for drift in CORE for d, p in SIZES]
    return found


def _seeds(drift: str, explorer: str) -> int:
    return HEADLINE_SEEDS if drift in HEADLINES and explorer == AGENT else SEEDS


def _row(
    drift: str,
    explorer: str,
    seed: int,
    *,
    distance: int = 3,
    controls_per_gate: int = 1,
    epochs: int | None = None,
    machine: str = "published",
) -> Row:
    length = epochs or (1000 if drift.startswith("sine 1/1000") else 300)
    own = "" if explorer in EXPLORERS else fingerprint(explorer)
    return Row(drift, explorer, seed, distance, controls_per_gate, length, machine, source=own)


def play(row: Row) -> Scored:
    """Run one row."""
    settings = row.settings
    explorer = part(row.explorer, EXPLORERS, Explorer, "explorer")
    parts = build(settings, MACHINES[row.machine], explorer, None)
    with TemporaryDirectory() as folder, Session.begin(Path(folder), EXPERIMENT, settings, parts) as session:
        for _ in session:
            pass
        digest = session.ledger.head.digest
    counted = session.rows
    events = {p: sum(c[p].events for c in counted if p in c) for p in ("steered", "fixed", "oracle")}
    return Scored(row, settings.drift, merit(counted), events, session.wall_seconds / max(1, session.done), digest)


def play_all(todo: Iterable[Row], workers: int) -> Iterator[Scored]:
    """Play rows side by side, each given out as soon as it is done."""
    # Spawned: a process that is forked while another library's threads run may wait for ever.
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        try:
            for done in as_completed([pool.submit(play, row) for row in todo]):
                yield done.result()
        finally:  # interrupted: rows that have not begun never do
            pool.shutdown(cancel_futures=True)


def plain(scored: Scored) -> dict[str, object]:
    """A scored row as one flat JSON object."""
    rest = {k: v for k, v in asdict(scored).items() if k != "row"}
    return asdict(scored.row) | rest
