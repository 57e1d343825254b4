"""The one page of a check: machines side by side, their figures beside their bounds."""

from __future__ import annotations

import io
from collections.abc import Sequence
from html import escape
from pathlib import Path

from counterpoint.base import BadInput
from counterpoint.loop.check import Report
from counterpoint.loop.figure import COLOURS
from counterpoint.loop.report import STYLE
from counterpoint.machine.protocols.protocol import Figure

TINT = {"holds": "#11734b", "does not hold": "#b42318", "not shown": "#8a5a00", "not run": "#8a8f98"}
LOOK = """
body { font-size: 14px; max-width: 68rem }
p { margin: .2rem 0 }
svg { margin-top: .6rem }
table { width: 100%; font-size: 13px; line-height: 1.35; margin-top: 1rem }
td, th { padding: .08rem .6rem .08rem 0; border-bottom: 0; font-variant-numeric: tabular-nums; white-space: nowrap }
tr.head > * { border-top: 1px solid #e4e6ea; padding-top: .3rem; font-weight: 600; white-space: normal }
tr.figure > th { font-weight: 400; padding-left: 1rem }
small { color: #60646c; font-size: .8em }
"""
SETS = 1  # of physical qubits that a table names
FIGURE = "Bars are 99.9 % bounds; dashed is the limit, dotted what a machine without noise gives."
MEANING = """Brackets are 95 % intervals; a verdict holds, or does not, where a 99.9 % bound lies on that side of the
limit. This is a fidelity check and no proof of quantumness: a simulator passes, too, and nothing keeps the two sides
of a pair apart or chooses settings at random. Only CHSH bounds every local model; the other limits trust the gates
and the readout to do what they are called."""


def shown(figure: Figure) -> tuple[str, str]:
    """Value and interval as they stand in a table; no interval where there is nothing to estimate."""
    scale, one = 100 if figure.unit == "%" else 1, figure.estimate
    value, low, high = (_plain(scale * v) for v in (one.value, one.low, one.high))
    if one.low == one.high:
        return value, ""
    return value, f"({low}, {high})" if "-" in low + high else f"({low}-{high})"


def _plain(number: float) -> str:
    return f"{number:.3f}".replace("-0.000", "0.000")


def rows_of(reports: Sequence[Report], protocol: str) -> list[list[Figure | None]]:
    """The figures of a protocol, a row each, a column for each machine; None where it was not run."""
    found = [one.checked[protocol].finding for one in reports]
    most = max((len(one.figures) for one in found if one), default=0)
    return [[one.figures[i] if one else None for one in found] for i in range(most)]


def placed_of(reports: Sequence[Report], protocol: str) -> list[str]:
    """The physical qubits of a protocol's circuits on each machine; [] where no machine tells any."""
    found = [["-".join(map(str, qubits)) for qubits in one.checked[protocol].placed] for one in reports]
    told = [", ".join(sets[:SETS]) + (f" and {len(sets) - SETS} more" if len(sets) > SETS else "") for sets in found]
    return told if any(told) else []


def write_sheet(reports: Sequence[Report], about: str, path: Path) -> None:
    """Write the page, which needs no other file, to `path`; `about` says how the figures were made.

    Raises BadInput where it cannot be written.
    """
    names = ", ".join(one.machine for one in reports)
    parts = [
        f"<h1>What can {'this machine' if len(reports) == 1 else 'these machines'} do?</h1>",
        f'<p class="note">{escape(about)}</p>',
        *(f"<p>{escape(one.sentence)}</p>" for one in reports),
        _figure(reports),
        f'<p class="note">{escape(FIGURE)} {escape(MEANING)}</p>',
        _table(reports),
    ]
    head = f'<meta charset="utf-8"><title>counterpoint check {escape(names)}</title><style>{STYLE}{LOOK}</style>'
    page = f'<!doctype html>\n<html lang="en">{head}\n' + "\n".join(parts) + "\n</html>\n"
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as problem:
        raise BadInput(
            f"{path} cannot be written ({problem.strerror}): name a file in a folder of your own"
        ) from problem


def _table(reports: Sequence[Report]) -> str:
    rows = [_row("", ["noiseless", *(one.machine for one in reports)], "head")]
    for protocol, first in reports[0].checked.items():
        cells = [_status(one.checked[protocol].status) for one in reports]
        rows.append(f'<tr class="head"><th>{escape(first.title)}</th><td></td>{"".join(cells)}</tr>')
        for figures in rows_of(reports, protocol):
            one = next(figure for figure in figures if figure)
            ideal = _plain(one.ideal * (100 if one.unit == "%" else 1))
            told = [f"<td>{_cell(figure)}</td>" for figure in figures]
            rows.append(f'<tr class="figure"><th>{escape(one.name)}</th><td>{ideal}</td>{"".join(told)}</tr>')
        if placed := placed_of(reports, protocol):
            rows.append(_row("on qubits", ["", *placed], "figure"))
    rows.append(_row("charged", [""] * (len(reports) + 1), "head"))
    for name, values in charged(reports).items():
        rows.append(_row(name, ["", *values], "figure"))
    return f"<table>{''.join(rows)}</table>"


def _cell(figure: Figure | None) -> str:
    value, interval = shown(figure) if figure else ("", "")
    return f"{value} <small>{interval}</small>" if interval else value


def charged(reports: Sequence[Report]) -> dict[str, list[str]]:
    """What each machine was charged, by what it is."""
    return {
        "shots": [f"{one.price.shots:,}" for one in reports],
        "machine time, s": [f"{one.price.seconds:.3g}" for one in reports],
        "wall time, s": [f"{one.seconds:.1f}" for one in reports],
        "spent": [f"{one.price.spend:.2f}" for one in reports],
    }


def _row(name: str, cells: Sequence[str], kind: str) -> str:
    return f'<tr class="{kind}"><th>{escape(name)}</th>{"".join(f"<td>{escape(one)}</td>" for one in cells)}</tr>'


def _status(status: str | None) -> str:
    return f'<td style="color: {TINT[status]}">{status}</td>' if status else "<td></td>"


def _figure(reports: Sequence[Report]) -> str:
    """The judged figure of each protocol with its 99.9 % bounds, machines below each other, as SVG text."""
    # Imported here: it takes longer than most verbs, which draw nothing.
    from matplotlib import rc_context
    from matplotlib.figure import Figure as Canvas

    judged = [
        name for name in reports[0].checked if any((f := one.checked[name].finding) and f.verdict for one in reports)
    ]
    if not judged:
        return ""
    with rc_context({"svg.fonttype": "none", "font.size": 9, "svg.hashsalt": "counterpoint"}):
        canvas = Canvas(figsize=(11, 1.1 + 0.3 * len(reports)), layout="constrained")
        panels = canvas.subplots(1, len(judged), sharey=True, squeeze=False)[0]
        for axes, name in zip(panels, judged, strict=True):
            for y, report in enumerate(reports):
                finding = report.checked[name].finding
                if finding and finding.verdict:
                    one = finding.verdict
                    ends = [[max(0, one.value - one.low)], [max(0, one.high - one.value)]]
                    colour = COLOURS[y % len(COLOURS)]
                    axes.errorbar(one.value, y, xerr=ends, fmt="o", ms=4, capsize=3, color=colour)
                    axes.axvline(one.margin, color="#b42318", ls="--", lw=1)
                    axes.axvline(finding.figures[-1].ideal, color="#8a8f98", ls=":", lw=1)
            axes.set_title(reports[0].checked[name].title, fontsize=9)
            axes.spines[["top", "right"]].set_visible(False)
        panels[0].set_yticks(range(len(reports)), [one.machine for one in reports])
        panels[0].set_ylim(len(reports) - 0.5, -0.5)
        buffer = io.StringIO()
        canvas.savefig(buffer, format="svg", metadata={"Date": None})
    return "".join(buffer.getvalue().partition("<svg")[1:])
