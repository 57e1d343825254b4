"""The end of a run in few figures: what was gained, at what price, and whether the claim holds."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

import numpy as np

from counterpoint.base import Verdict
from counterpoint.govern.ledger import Fault, Head, Ledger
from counterpoint.loop.session import Session
from counterpoint.loop.summary import Standing, Tally, merit, standing, tallies, total
from counterpoint.quops.cycle import per_cycle
from counterpoint.quops.estimate import COVERAGE, Estimate
from counterpoint.store.database import Store

PLAYERS = ("steered", "fixed", "oracle")
VERDICTS = {"allow": "allowed", "deny": "denied", "ask": "held for a human"}
DRAWS = 4000


def gain(steered: Tally, fixed: Tally, rounds: int) -> Estimate | None:
    """Reliable operations of the steered machine over those of the fixed one, minus 1.

    QuOps are 1 / (error of d cycles), and for errors well below 1/2 their ratio is that of the errors
    a cycle. The interval resamples both failure counts (Beta(k + 1/2, n - k + 1/2), 4,000 draws, fixed key).
    None where either saw no failure or fails half the time: there is no ratio.
    """
    counts = [(t.failures, t.decoded) for t in (fixed, steered)]
    if any(k == 0 or 2 * k >= n for k, n in counts):
        return None
    rng = np.random.default_rng((0,))
    draws = [rng.beta(k + 0.5, n - k + 0.5, DRAWS) for k, n in counts]
    ratios = [per_cycle(f, rounds) / per_cycle(s, rounds) - 1 for f, s in zip(*draws, strict=True)]
    tail = 50 * (1 - COVERAGE)
    low, high = np.percentile(ratios, [tail, 100 - tail])
    value = per_cycle(fixed.failures / fixed.decoded, rounds) / per_cycle(steered.failures / steered.decoded, rounds)
    return Estimate(value - 1, float(low), float(high))


def claim(estimate: Estimate | None) -> Verdict:
    """The verdict on the claim that every run makes, with margin 0."""
    figures = (float("nan"),) * 3 if estimate is None else (estimate.value, estimate.low, estimate.high)
    return Verdict("steering wins reliable operations over fixed controls", 0.0, *figures)


def closing(session: Session) -> tuple[list[str], dict[str, Any]]:
    """Five lines for a person, and the same figures for a machine."""
    settings = session.settings
    rows = [tallies(t) for t in session.turns]
    sums = {p: total(rows, p) for p in PLAYERS}
    standings = {p: standing(t, settings.distance, settings.rounds) for p, t in sums.items() if t.opportunities}
    won = gain(sums["steered"], sums["fixed"], settings.rounds)
    share = merit(rows)
    verdicts = Counter(t.verdict for t in session.turns)
    price, (head, faults) = session.state.used.price, _checked(session)
    told = ", ".join(f"{verdicts[v]:,} {words}" for v, words in VERDICTS.items() if verdicts[v])
    lines = [f"ending   {session.ending}; {len(session.turns)} turns, {told or 'none'}"]
    lines.append("gained   " + (_gained(standings) or "nothing was decoded, so no operations were counted"))
    if won is not None:
        found, interval = claim(won), f"{won.value:+.0%}, 95 % interval {won.low:+.0%} to {won.high:+.0%}"
        lines.append(f"verdict  {found.hypothesis}: {found.status} ({interval})")
    if standings:
        rates = ", ".join(f"{s.detection_rate:.2%} {p}" for p, s in standings.items())
        lines.append(f"events   {rates}" + (f"; {share:.0%} of what the oracle wins" if share is not None else ""))
    lines.append(
        f"price    {price.cycles:,} cycles in {price.shots:,} shots, all of them exploring;"
        f" {price.seconds:.1f} s of the machine, {session.wall_seconds:.0f} s of wall time"
    )
    state = f"{head.count:,} entries, verified" if not faults else f"DOES NOT VERIFY: {faults[0].sentence}"
    lines.append(f"ledger   {state}, head {head.digest[:16]}")
    figures = {
        "run": session.run,
        "ending": session.ending,
        "turns": len(session.turns),
        "verdicts": dict(verdicts),
        "players": {p: _plain(s) for p, s in standings.items()},
        "gain": None if won is None else {"value": won.value, "interval": [won.low, won.high]},
        "verdict": claim(won).status,
        "merit": share,
        "price": asdict(price),
        "wall_seconds": session.wall_seconds,
        "ledger": {"count": head.count, "digest": head.digest, "verified": not faults},
    }
    return lines, figures


def _checked(session: Session) -> tuple[Head, list[Fault]]:
    """The ledger's head and faults, read anew from the disk as anybody else would."""
    with Store.open(session.folder, read_only=True) as store, Ledger.read(session.folder) as ledger:
        return ledger.head, ledger.verify(store.head())


def _gained(standings: dict[str, Standing]) -> str:
    parts = []
    for player, s in standings.items():
        if s.quops is not None:
            value = f"more than {s.quops.low:.0f}" if s.quops.value is None else f"{s.quops.value:.0f}"
            high = "" if s.quops.high is None else f" ({s.quops.low:.0f} to {s.quops.high:.0f})"
            parts.append(f"{value}{high} {player}")
    return "reliable operations: " + ", ".join(parts) if parts else ""


def _plain(s: Standing) -> dict[str, Any]:
    error, ops = s.error_per_cycle, s.quops
    return {
        "detection_rate": s.detection_rate,
        "error_per_cycle": None if error is None else error.value,
        "error_per_cycle_interval": None if error is None else [error.low, error.high],
        "quops": None if ops is None else ops.value,
        "quops_interval": None if ops is None else [ops.low, ops.high],
        "operation": None if ops is None else ops.operation,
    }
