"""The live view: one screen of 100 x 30 that says by itself what is going on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from counterpoint.base import ControlSpace, Floats
from counterpoint.cli.chart import chart
from counterpoint.loop.closing import VERDICTS, gain
from counterpoint.loop.plan import PROPOSED
from counterpoint.loop.session import Session
from counterpoint.loop.shadow import rehearsed
from counterpoint.loop.summary import Standing, Tallies, curves, merit, standing, total
from counterpoint.store.turns import Turn

COLOURS = {"oracle": "bright_black", "fixed": "yellow", "steered": "green", PROPOSED: "magenta"}  # drawn in this order
WINDOW = 12  # turns: what "now" means for the figures beside the charts
GROUPS = 60  # points of a curve
WIDTH, QUOPS = 98, 19  # columns of the charts' row, and of its last column
SHADES = ((1.08, "·", "green"), (1.2, "▪", "yellow"), (1.4, "▓", "dark_orange"), (np.inf, "█", "red"))


def view(session: Session) -> RenderableType:
    """The screen for a session."""
    rows = session.rows
    players = [p for p in COLOURS if any(p in r for r in rows)]
    return Group(
        _head(session),
        Rule(style="bright_black"),
        _charts(session, rows, players),
        _shades(),
        Text(),
        _voices(session, rows),
        Rule(style="bright_black"),
        _limits(session),
        _last(session.turns),
        _guard(session),
        Text(f" ALARM   {session.alarms[-1].sentence}", "bold red") if session.alarms else "",
    )


def _head(session: Session) -> RenderableType:
    s = session.settings
    left = session.seconds_left
    line = Table.grid(expand=True)
    line.add_column(ratio=1)
    line.add_column(justify="right")
    line.add_row(
        Text.assemble(
            ("counterpoint  ", "bold"),
            f"{session.parts.machine.name} chip d={s.distance} · charter {session.charter.name}",
            (" · SHADOW" if s.shadow else "", "bold magenta"),
        ),
        f"turn {session.done} of {s.turns} · {int(left) // 60:02d}:{int(left) % 60:02d} left",
    )
    return Group(line, Text(f"drift {s.drift}", "bright_black", overflow="ellipsis", no_wrap=True))


def _charts(session: Session, rows: Sequence[Tallies], players: list[str]) -> RenderableType:
    rounds, distance = session.settings.rounds, session.settings.distance
    course = {p: curves(rows, p, rounds, GROUPS) for p in players}
    picture = chip(session.parts.machine.space, session.turns)
    wide = max(9, *(len(line) for line in picture.plain.splitlines()))
    each = (WIDTH - wide - QUOPS - 8) // 2
    table = Table.grid(padding=(0, 2, 0, 0))
    for width in (wide, each, each, QUOPS):
        table.add_column(width=width, no_wrap=True)
    table.add_row("[bold]chip", "[bold]detection rate", "[bold]logical error per cycle", "[bold]reliable operations")
    table.add_row(
        picture,
        chart({COLOURS[p]: c.detection_rate for p, c in course.items()}, width=each, height=8, step=0.002),
        chart({COLOURS[p]: c.error_per_cycle for p, c in course.items()}, width=each, height=8, step=0.0002),
        _quops({p: standing(total(rows[-WINDOW:], p), distance, rounds) for p in players}) + _gain(rows, rounds),
    )
    legend = Text(" ").join(Text(f"━ {p}", COLOURS[p]) for p in reversed(players))
    free = Text("fixed and oracle cost nothing", "dim") if "oracle" in players else ""
    table.add_row("", legend, free, "")
    return Padding(table, (0, 1))


def _quops(standings: dict[str, Standing]) -> Text:
    """The reliable operations of each player over the last turns."""
    text = Text()
    for player in reversed(standings):
        quops = standings[player].quops
        if quops is not None:
            value = "above" if quops.value is None else f"{quops.value:.0f}"
            high = "" if quops.high is None else f" to {quops.high:.0f}"
            text.append(f"{player:8}{value:>6}\n", COLOURS[player])
            text.append(f"    {quops.low:.0f}{high}\n", "dim")
    return text


def _gain(rows: Sequence[Tallies], rounds: int) -> Text:
    """By how much steering wins over the last turns; green where the interval says so."""
    mine, other = (PROPOSED, "steered") if any(PROPOSED in r for r in rows) else ("steered", "fixed")
    found = gain(total(rows[-WINDOW:], mine), total(rows[-WINDOW:], other), rounds)
    if found is None:
        return Text()
    colour = "bold green" if found.low > 0 else "bold red" if found.high < 0 else "yellow"
    interval = f"\n    {found.low:+.0%} to {found.high:+.0%}"
    return Text.assemble(
        (f"{found.value:+.0%} ", colour), "against fixed" if other == "fixed" else "if steered", (interval, "dim")
    )


def chip(space: ControlSpace, turns: Sequence[Turn]) -> Text:
    """The sites of the chip, shaded by how much more often they fire than in tune.

    In tune is what the oracle gets at the same moments, or, on a real machine, the first turns.
    """
    done = [t for t in turns if t.outcome is not None]
    if not done:
        return Text("waiting")
    now = _site_rates([t.outcome for t in done[-WINDOW:] if t.outcome])
    twin = [t.bounds["oracle"] for t in done[-WINDOW:] if "oracle" in t.bounds]
    tuned = _site_rates(twin or [t.outcome for t in done[:WINDOW] if t.outcome])
    at = np.array([[*map(float, site.split(",")), 0.0][:2] for site in space.sites])
    x, y = (np.unique(at[:, i], return_inverse=True) for i in (0, 1))
    marks: dict[tuple[int, int], tuple[str, str]] = {}
    for i, ratio in enumerate(now / np.maximum(tuned, 1e-9)):
        marks[int(y[1][i]), int(x[1][i])] = next((m, c) for limit, m, c in SHADES if ratio <= limit)
    text = Text()
    for r in range(len(y[0])):
        for c in range(len(x[0])):
            text.append(" {}".format(marks.get((r, c), (" ", ""))[0]), marks.get((r, c), (" ", ""))[1])
        text.append("\n")
    return text


def _site_rates(outcomes: Sequence) -> Floats:
    """float64 (S,): detection events a detector at each site."""
    events = sum(o.events.sum(axis=0) for o in outcomes)
    opportunities = sum(o.opportunities.sum(axis=0) for o in outcomes)
    return events / np.maximum(1, opportunities)


def _shades() -> Text:
    """What the marks of the chip mean."""
    text = Text(" a site fires: ", "dim")
    for (_, mark, colour), words in zip(SHADES, ("as in tune", "over 8 % more", "over 20 %", "over 40 %"), strict=True):
        text.append(f"{mark} ", colour)
        text.append(f"{words}  ", "dim")
    return text


def _voices(session: Session, rows: Sequence[Tallies]) -> RenderableType:
    s, turns, scale = session.settings, session.turns, session.parts.machine.space.scale
    table = Table.grid(padding=(0, 2, 0, 0))
    moved = int((np.abs(turns[-1].centre - turns[-2].centre) >= 0.02 * scale).sum()) if len(turns) > 1 else 0
    doing = "would be moved" if s.shadow else "moved"
    share = merit(rehearsed(rows) if s.shadow else rows)
    steering = f"{s.explorer}, {scale.size} knobs, {moved} {doing} (2 % of their scale or more)"
    if share is not None:
        steering += f" · {share:.0%} of the oracle's gain"
    table.add_row("[bold]AI for quantum", "steering", steering)
    shots = sum(r["steered"].decoded for r in rows if "steered" in r)
    busy = sum(t.stages["decode"] for t in turns)
    everyone = sum(t.decoded for r in rows for t in r.values())
    decoding = f"{s.decoder}, {busy / everyone * 1e6:.1f} µs a shot · {shots:,} shots" if everyone else s.decoder
    table.add_row("", "decoding", decoding)
    now = total(rows[-WINDOW:], "steered")
    if now.decoded:
        table.add_row(
            "",
            "counting",
            f"{now.failures} failures in the last {now.decoded:,} shots, 1 operation = {s.distance} cycles",
        )
    for i, (name, found) in enumerate(session.records.items()):
        words = found if isinstance(found, str) else found.words()
        table.add_row("" if i else "[bold]quantum for AI", name, Text(words))
    return Padding(table, (0, 1))


def _limits(session: Session) -> RenderableType:
    line = Text(" limits  ", "bold")
    for name, used in session.shares.items():
        line.append(f"{name} ")
        line.append(f"{used:.0%}", "red" if used > 0.9 else "green")
        line.append("   ")
    line.append(f"ledger {session.ledger.head.count:,} entries, chained", "cyan")
    return line


def _guard(session: Session) -> RenderableType:
    """What the guard did or heard last, while it matters: for as many turns as "now" has, or the controls are held."""
    guard = session.state.guard
    if not session.events or not (guard.mode != "steer" or session.events[-1][0] >= len(session.turns) - WINDOW):
        return ""
    turn, event = session.events[-1]
    return Text(f" guard   turn {turn} {event.kind}: {event.why}", "bold yellow")


def _last(turns: Sequence[Turn]) -> RenderableType:
    text = Text(" last    ", "bold")
    colours = {"allow": "green", "deny": "red", "ask": "yellow"}
    recent = [t for t in turns if t.verdict != "allow"][-2:] + list(turns[-1:])
    for turn in sorted({t.number: t for t in recent}.values(), key=lambda t: -t.number):
        text.append(f"turn {turn.number} at {turn.clock:.1f} s of the machine ", "bright_black")
        text.append(VERDICTS[turn.verdict], colours[turn.verdict])
        text.append(f" {turn.summary}" + (f": {turn.reason}" if turn.reason else "") + "\n         ")
    return text
