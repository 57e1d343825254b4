"""The report of a run: one HTML page with its plots inside, made of the records that the view shows."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from counterpoint.loop.closing import closing
from counterpoint.loop.edges.page import edge_page
from counterpoint.loop.plan import PROPOSED
from counterpoint.loop.session import Session
from counterpoint.loop.settings import Settings
from counterpoint.loop.shadow import WOULD
from counterpoint.loop.summary import Tallies, grouped, standing, total

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {"fixed": "#c98b00", "oracle": "#8a8f98", "steered": "#11734b", PROPOSED: "#6f42c1"}
GROUPS = 60  # points of a curve
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1c2024 }
h1 { font-size: 1.5rem; margin-bottom: 0 }
h2 { font-size: 1.1rem; margin-top: 2rem }
p.note { color: #60646c; margin-top: .2rem }
svg { width: 100%; height: auto }
table { border-collapse: collapse }
th, td { text-align: left; padding: .3rem 1rem .3rem 0; border-bottom: 1px solid #e4e6ea; vertical-align: top }
th { white-space: nowrap; font-weight: 600 }
pre { background: #f5f6f8; padding: 1rem; overflow: auto; font-size: .85rem }
"""
WHO = """Steered: every exploring shot is counted. Fixed: the controls stay where the last calibration left them.
Oracle: always at the optimum, which only a simulated machine tells. All three do the same work at the same
moments, under the same drift. Bands and bars are 95 % intervals."""
SHADOW = """Shadow mode: the machine ran the controls of the last calibration (steered: the controls in force), and
nothing of what the explorer asked for was carried out. Proposed: what it asked for, done on the machine's twin,
exploration included; a machine without a twin cannot know it. The twin knows no effect that its model lacks."""


def write_report(session: Session, path: Path) -> Path:
    """Write the page of `session` to `path` and return the path."""
    s = session.settings
    lines, _ = closing(session)
    refused = [t for t in session.turns if t.verdict != "allow" or t.reason.startswith(tuple(WOULD.values()))][-50:]
    parts = [
        f"<h1>Run {session.run}: {escape(session.parts.machine.name)}, distance {s.distance}</h1>",
        _note(
            f"explorer {s.explorer} · decoder {s.decoder} · drift {s.drift} · seed {s.seed}"
            f" · charter {session.charter.name}"
        ),
        _table((line[:9], line[9:]) for line in lines),
        "<h2>Course</h2>",
        _figure(session.rows, s),
        _note(WHO),
        *([_note(SHADOW)] if s.shadow else []),
        "<h2>Quantum for AI</h2>",
        *(
            edge_page(session.records, session.state.works, session.ending == "complete")
            or [_note("No tasks were offered in this run.")]
        ),
        "<h2>Roll-backs and telemetry</h2>",
        _table((f"turn {turn}", f"{event.kind}: {event.why}") for turn, event in session.events[-50:])
        if session.events
        else _note("Nothing."),
        "<h2>Limits used</h2>",
        _table((name, f"{used:.1%}") for name, used in session.shares.items()),
        "<h2>Denied, or held for a human</h2>",
        _table((f"turn {t.number}", f"{t.verdict}: {t.reason}") for t in refused) if refused else _note("Nothing."),
        "<h2>Charter</h2>",
        f"<pre>{escape(session.charter.to_toml())}</pre>",
        "<h2>Check that nothing was changed</h2>",
        f"<pre>counterpoint ledger verify --store {escape(str(path.parent.resolve()))}</pre>",
    ]
    head = f'<meta charset="utf-8"><title>counterpoint run {session.run}</title><style>{STYLE}</style>'
    path.write_text(f'<!doctype html>\n<html lang="en">{head}\n' + "\n".join(parts) + "\n</html>\n", encoding="utf-8")
    return path


def _note(text: str) -> str:
    return f'<p class="note">{escape(text)}</p>'


def _table(rows: Iterable[tuple[str, str]]) -> str:
    cells = "".join(f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in rows)
    return f"<table>{cells}</table>"


def _figure(rows: Sequence[Tallies], settings: Settings) -> str:
    """Three plots side by side, as SVG text: detection rate, logical error, reliable operations."""
    # Imported here: it takes longer than most verbs, which draw nothing.
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.fonttype": "none", "font.size": 9, "svg.hashsalt": "counterpoint"}):
        figure = Figure(figsize=(11, 3.2), layout="constrained")
        rate, error, operations = figure.subplots(1, 3, width_ratios=[3, 3, 2])
        for player in [p for p in ("fixed", "steered", PROPOSED, "oracle") if any(p in r for r in rows)]:
            _curve(rate, error, rows, player, settings)
            _bar(operations, rows, player, settings)
        rate.set(title="detection rate, %", xlabel="turn")
        error.set(title="logical error per cycle, %", xlabel="turn")
        operations.set(title="reliable operations (QuOps)")
        for axes in (rate, error, operations):
            axes.spines[["top", "right"]].set_visible(False)
        if rate.has_data():
            rate.legend(frameon=False)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return "".join(buffer.getvalue().partition("<svg")[1:])


def _curve(rate: Axes, error: Axes, rows: Sequence[Tallies], player: str, settings: Settings) -> None:
    groups = grouped(rows, player, GROUPS)
    at = (np.arange(len(groups)) + 0.5) * len(rows) / len(groups)
    rate.plot(at, [100 * g.detection_rate for g in groups], color=COLOURS[player], label=player, lw=1.4)
    found = [standing(g, settings.distance, settings.rounds).error_per_cycle for g in groups]
    if all(found):
        low, value, high = ([100 * getattr(e, end) for e in found] for end in ("low", "value", "high"))
        error.plot(at, value, color=COLOURS[player], lw=1.4)
        error.fill_between(at, low, high, color=COLOURS[player], alpha=0.15, lw=0)


def _bar(axes: Axes, rows: Sequence[Tallies], player: str, settings: Settings) -> None:
    ops = standing(total(rows, player), settings.distance, settings.rounds).quops
    if ops is not None and ops.value is not None and ops.high is not None:
        spread = [[ops.value - ops.low], [ops.high - ops.value]]
        axes.bar(player, ops.value, yerr=spread, color=COLOURS[player], capsize=4, width=0.6)
