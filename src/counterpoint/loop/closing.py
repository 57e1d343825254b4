"""The end of a run in few figures: what was gained, at what price, and whether the claim holds."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

import numpy as np

from counterpoint.base import Verdict
from counterpoint.loop.audit import audit
from counterpoint.loop.edges.record import Record
from counterpoint.loop.plan import PROPOSED
from counterpoint.loop.session import HYPOTHESIS, Session
from counterpoint.loop.shadow import night, rehearsed
from counterpoint.loop.summary import Standing, Tally, merit, standing, total
from counterpoint.quops.cycle import per_cycle
from counterpoint.quops.estimate import COVERAGE, Estimate

PLAYERS = ("steered", "fixed", "oracle")
SHADOW = {
    PROPOSED: PROPOSED,
    "steered": "in force",
    "oracle": "oracle",
}  # whose figures a shadow run shows, and as what
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
    fixed_draws, steered_draws = (1 - np.maximum(0, 1 - 2 * p) ** (1 / rounds) for p in draws)
    ratios = fixed_draws / np.maximum(steered_draws, 1e-300) - 1
    tail = 50 * (1 - COVERAGE)
    low, high = np.percentile(ratios, [tail, 100 - tail])
    value = per_cycle(fixed.failures / fixed.decoded, rounds) / per_cycle(steered.failures / steered.decoded, rounds)
    return Estimate(value - 1, float(low), float(high))


def claim(estimate: Estimate | None) -> Verdict:
    """The verdict on the claim that every run makes, with the margin 0; void without an estimate."""
    figures = (float("nan"),) * 3 if estimate is None else (estimate.value, estimate.low, estimate.high)
    return Verdict(HYPOTHESIS, 0.0, *figures)


def closing(session: Session) -> tuple[list[str], dict[str, Any]]:
    """The lines for a person (some only where there is something to say), and the same figures for a machine."""
    settings = session.settings
    rows = session.rows
    names = SHADOW if settings.shadow else {p: p for p in PLAYERS}
    sums = {p: total(rows, p) for p in (*names, "fixed")}
    standings = {p: standing(sums[p], settings.distance, settings.rounds) for p in names if sums[p].opportunities}
    shown = {names[p]: s for p, s in standings.items()}
    mine, other = (PROPOSED, "steered") if settings.shadow else ("steered", "fixed")
    won = gain(sums[mine], sums[other], settings.rounds)
    # Stopping when it looks good proves nothing, and in shadow mode nothing was steered.
    found = claim(won if session.ending == "complete" and not settings.shadow else None)
    share = merit(rehearsed(rows) if settings.shadow else rows)
    seen = night(session.parts.machine.space, session.turns, rows) if settings.shadow else None
    verdicts = Counter(t.verdict for t in session.turns)
    price, checked = session.state.used.price, audit(session.folder)
    told = ", ".join(f"{verdicts[v]:,} {words}" for v, words in VERDICTS.items() if verdicts[v])
    lines = [f"ending   {session.ending}; {len(session.turns)} turns, {told or 'none'}"]
    lines += seen.lines if seen else []
    lines.append("gained   " + (_gained(shown) or "nothing was decoded, so no operations were counted"))
    if won is not None:
        interval = f"{won.value:+.0%}, 95 % interval {won.low:+.0%} to {won.high:+.0%}"
        said = "on the twin, with what was proposed" if seen else f"{found.hypothesis}: {found.status}"
        lines.append(f"verdict  {said} ({interval})")
    if standings:
        rates = ", ".join(f"{s.detection_rate:.2%} {p}" for p, s in shown.items())
        lines.append(f"events   {rates}" + (f"; {share:.0%} of what the oracle wins" if share is not None else ""))
    lines.append(
        f"price    {price.cycles:,} cycles in {price.shots:,} shots, {_purposes(session)};"
        f" {price.seconds:.1f} s of the machine, {session.wall_seconds:.0f} s of wall time"
    )
    complete = session.ending == "complete"
    lines += [f"{name:9}{_edge(found, complete)}" for name, found in session.records.items()]
    lines += [f"ALARM    {found.sentence}" for found in session.alarms[:1]]
    lines += _guarded(session)
    verified = checked.head is not None and not checked.faults
    if checked.head is not None and verified:
        state = f"{checked.head.count:,} entries, verified, and {checked.turns:,} turns agree with them"
        lines.append(f"ledger   {state}; head {checked.head.digest[:16]}")
    else:
        lines.append(f"ledger   DOES NOT VERIFY: {checked.faults[0].sentence}")
    figures = {
        "run": session.run,
        "ending": session.ending,
        "turns": len(session.turns),
        "verdicts": dict(verdicts),
        "players": {p: _plain(s) for p, s in standings.items()},
        "gain": None if won is None else {"value": won.value, "interval": [won.low, won.high]},
        "verdict": found.status,
        "merit": share,
        "edges": {name: _plain_edge(found, complete) for name, found in session.records.items()},
        "alarms": len(session.alarms),
        "guard": dict(Counter(event.kind for _, event in session.events)),
        "shadow": None if seen is None else seen.plain,
        "price": asdict(price),
        "wall_seconds": session.wall_seconds,
        "ledger": {"count": checked.head and checked.head.count, "verified": verified},
    }
    return lines, figures


def _purposes(session: Session) -> str:
    """What the shots of a run were for."""
    if session.settings.shadow:
        return "none of them exploring"
    tasks = sum(work.price.shots for work in session.state.works)
    exploring = session.state.used.price.shots - tasks
    return f"{exploring:,} of them exploring and {tasks:,} for tasks" if tasks else "all of them exploring"


def _edge(found: Record | str, complete: bool) -> str:
    """What came of a feedback edge, in a line; a run that was stopped claims nothing."""
    if isinstance(found, str):
        return found
    verdict = found.verdict
    if np.isnan(verdict.value):
        return found.words(ended=True) + (f" (in all {found.uses})" if found.tasks > 1 else "")
    interval = f"{verdict.value:+.3g}, 95 % interval {verdict.low:+.3g} to {verdict.high:+.3g}"
    return f"{verdict.hypothesis}: {found.claim(complete)} ({interval}, {found.tasks} tasks); used: {found.uses}"


def _plain_edge(found: Record | str, complete: bool) -> dict[str, Any]:
    if isinstance(found, str):
        return {"offered": False, "why": found}
    verdict, void = found.verdict, bool(np.isnan(found.verdict.value))
    return {
        "offered": True,
        "hypothesis": verdict.hypothesis,
        "margin": verdict.margin,
        "verdict": found.claim(complete),
        "figure": None if void else [verdict.value, verdict.low, verdict.high],
        "tasks": found.tasks,
        "means": found.means,
        "rival": found.rival,
        "used": found.used,
    }


def _guarded(session: Session) -> list[str]:
    """What the guard did or heard, in a line where there is something to say."""
    if not session.events:
        return []
    kinds, (turn, event) = Counter(event.kind for _, event in session.events), session.events[-1]
    words = {"rolled-back": "roll-backs", "kept": "checks that found no harm", "telemetry": "notes on telemetry"}
    counts = ", ".join(f"{kinds[kind]} {name}" for kind, name in words.items() if kinds[kind])
    return [f"guard    {counts}; turn {turn}: {event.why}"]


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
