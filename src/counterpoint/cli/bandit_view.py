"""What ``counterpoint bandit`` shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from rich.table import Table

from counterpoint.cli.console import console
from counterpoint.workloads.bandit.published import HORIZON, Row
from counterpoint.workloads.bandit.task import GAIN, Bandit
from counterpoint.workloads.rivals import Comparison, Side
from counterpoint.workloads.workload import NOTHING

WIDE = 120  # columns of a table in a pipe


def regimes(workload: Bandit) -> str:
    """In which of the two regimes the quantum side is, in a sentence."""
    if workload.decay == 0:
        return "Oracles without errors: a precision e takes about 1/e uses, where samples take 1/e^2."
    factor, depth = GAIN / workload.decay, 1 / (2 * workload.decay)
    spread = workload.source.spread
    match workload.regime:
        case "free":
            told = f"below the mean gap of {spread:.3g}: errors hardly limit the depth that this gap needs"
        case "depth-limited":
            told = f"above the mean gap of {spread:.3g}: depth-limited, a constant factor, and 1/e^2 as for samples"
        case "none":
            told = "so large that a deep shot tells no more than samples do"
    return (
        f"An error of {workload.decay:g} a use is {told}. A use tells most in shots of {depth:.3g} uses, "
        f"as much as {factor:.3g} samples."
    )


def plain(workload: Bandit, found: Comparison, prospect: str) -> dict[str, Any]:
    """For JSON."""
    verdict = found.verdict
    value = None if found.void else {"value": verdict.value, "low": verdict.low, "high": verdict.high}
    return {
        "hypothesis": verdict.hypothesis,
        "status": verdict.status,
        "margin": verdict.margin,
        "saved": value,
        "rival": found.rival,
        "arms": workload.source.arms,
        "horizon": workload.horizon,
        "error": workload.decay,
        "regime": workload.regime,
        "break_even": prospect,
        "sides": {name: _side(side) for name, side in found.sides.items()},
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "regret": -side.mean,
        "regrets": (-side.scores).tolist(),
        "setting": str(side.setting),
        "bill": asdict(side.bill),
        "tuning": asdict(side.tuning),
    }


def show(workload: Bandit, found: Comparison, prospect: str) -> None:
    """Both sides with their bills, then sentences."""
    screen = console(WIDE)
    piped = not screen.is_terminal
    judged = found.sides[NOTHING].scores.size
    head = f"{workload.source.arms} arms, {workload.horizon:,} uses of simulated oracles each; tuned on other"
    screen.print(f"{head} instances, judged on {judged}\n", style="dim", soft_wrap=piped)
    made = Table(box=None, header_style="bold", pad_edge=False)
    made.add_column("side")
    made.add_column("setting", overflow="fold")
    for heading in ("regret", "shots", "tuning, uses", "processor, s", "simulation, s", "joules"):
        made.add_column(heading, justify="right")
    for name, side in found.sides.items():
        error = side.scores.std(ddof=1) / np.sqrt(judged) if np.ptp(side.scores) > 1e-9 * abs(side.mean) else 0.0
        bill = side.bill + side.tuning
        regret = f"{_figure(-side.mean)} +- {error:.3g}"
        used = (f"{one:.3g}" for one in (bill.processor, bill.simulation, bill.joules))
        made.add_row(name, str(side.setting), regret, f"{side.bill.shots:,}", f"{side.tuning.calls:,}", *used)
    screen.print(made)
    verdict = found.verdict
    if found.void:
        said = "Void: no classical bandit beat who uses all arms alike, so nothing can be said. Give a longer horizon."
    else:
        low, high = _figure(verdict.low), _figure(verdict.high)
        said = (
            f"Saved beside {found.rival}: {_figure(verdict.value)} ({low} to {high}, 95 %), "
            f"margin {_figure(verdict.margin)}: {verdict.status}."
        )
        if verdict.status == "not shown":
            said += " More --instances shorten the interval."
    joules = "measured" if found.measured else "by the stated model of a core"
    bills = f"Seconds and joules ({joules}) are of tuning and judging, without what stood in for the oracles."
    sentences = (f"Hypothesis: {verdict.hypothesis}.", said, regimes(workload), bills, f"Break-even of {prospect}")
    for sentence in sentences:
        screen.print(f"\n{sentence}", soft_wrap=piped)


def _figure(value: float) -> str:
    """With one decimal, or four digits where that would show none."""
    return f"{value:,.1f}" if abs(value) >= 10 or value == 0 else f"{value:.4g}"


def show_published(rows: Sequence[Row]) -> None:
    """The table, then what it says."""
    screen = console(WIDE)
    functions, runs = rows[0].regrets.shape
    made = Table(box=None, header_style="bold", pad_edge=False)
    made.add_column(f"regret of {HORIZON:,} uses")
    for heading in (
        "published",
        "ours before",
        "one function",
        "estimates a run",
        "alike",
        "median",
        "range over functions",
    ):
        made.add_column(heading, justify="right")
    for row in rows:
        means = row.means
        made.add_row(
            row.line.name,
            *("" if one is None else f"{one[0]:g} +- {one[1]:g}" for one in (row.line.published, row.line.earlier)),
            f"{means[row.one]:.1f} +- {row.errors[row.one]:.1f}",
            f"{row.stages:.0f}",
            "" if row.alike is None else f"{row.alike}/{functions}",
            f"{np.median(means):.1f}",
            f"{means.min():.1f}-{means.max():.1f}",
        )
    screen.print(made)
    note = (
        f"{runs} runs on each of {functions} functions; +- standard errors. The one function is chosen by the first "
        f"line in other runs: its mean there is nearest to what was published. Rivals are tuned on {functions} "
        "other functions. Alike: on so many the mean is within two standard errors of the difference from what is "
        "published, or else was ours before."
    )
    charged = [row for row in rows if row.line.oracle == "amplified"]
    quantum = min(charged, key=lambda row: row.means.mean())
    classical = min((row for row in rows if row.line.oracle == "sampled"), key=lambda row: row.means.mean())
    said = (
        f"With true charges the quantum side loses {quantum.means.mean():.0f} in the mean of all functions at best "
        f"({quantum.line.name}), {classical.line.name} {classical.means.mean():.0f}."
    )
    for sentence in (note, said):
        screen.print(f"\n{sentence}", soft_wrap=not screen.is_terminal)
