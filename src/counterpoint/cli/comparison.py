"""A comparison of decoders as a person sees it: tables, then sentences."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from counterpoint.cli.console import console
from counterpoint.loop.advice import shown
from counterpoint.loop.compare import Comparison, Experiment
from counterpoint.loop.curve import Curve

SHOWN = 3  # observables that fit beside each other


def show(comparison: Comparison, told: Sequence[str], curves: Sequence[Curve] = ()) -> None:
    """The tables, then sentences."""
    out = console()
    piped = not out.is_terminal
    out.print(_table(comparison.experiments))
    several = [found for found in comparison.experiments if len(found.observables) > 1]
    if several:
        out.print()
        out.print(_observables(several))
    first = comparison.experiments[0]
    note = f"Error model: {first.model}. ( ) 95 % intervals. p: exact paired test (McNemar) against "
    leaders = {found.mcnemar.against for found in comparison.experiments}
    against = first.mcnemar.against if len(leaders) == 1 else "the first of each"
    out.print(f"\n{note}{against}.\n", style="dim", soft_wrap=piped)
    if comparison.fits:
        fits = Table(box=None, header_style="bold", pad_edge=False)
        for heading in ("fitted over rounds", "d", "error a cycle, %"):
            fits.add_column(heading)
        for fit in comparison.fits:
            fits.add_row(f"  {fit.decoder}", str(fit.distance), percent(fit.ler_cycle, fit.interval))
        out.print(fits)
        out.print()
    if curves:
        out.print(_curves(curves))
        note = "Shares are of the model's shots. First: matching and the search for the gap. "
        out.print(f"\n{note}p: against {first.mcnemar.against}.\n", style="dim", soft_wrap=piped)
    for sentence in told:
        out.print(sentence, soft_wrap=piped)


def _table(experiments: Sequence[Experiment]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("decoder", overflow="fold")
    for heading in ("error a shot, %", "error a cycle, %", "us a shot", "p"):
        table.add_column(heading, justify="right")
    for found in experiments:
        if found.decoder == found.mcnemar.against:
            table.add_row()
            table.add_row(Text(found.name, "bold"))
            told = {"d": found.distance, "rounds": found.rounds, "basis": found.basis}
            known = "".join(f"{key} {value}, " for key, value in told.items() if value is not None)
            table.add_row(Text(f"{known}{found.shots:,} shots", "dim"))
        table.add_row(*_row(found))
    return table


def _row(found: Experiment) -> tuple[str, ...]:
    cycle = ""
    if found.ler_cycle is not None and found.ler_cycle_interval is not None:
        cycle = percent(found.ler_cycle, found.ler_cycle_interval)
    time = "" if found.us_per_shot is None else f"{found.us_per_shot:.3g}"
    p = "" if found.mcnemar.against == found.decoder else shown(found.mcnemar.p).removeprefix("= ")
    return f"  {found.decoder}", percent(found.ler_shot, found.interval), cycle, time, p


def percent(value: float, interval: tuple[float, float]) -> str:
    return f"{100 * value:#.3g} ({100 * interval[0]:#.3g}-{100 * interval[1]:#.3g})"


def _observables(experiments: Sequence[Experiment]) -> Table:
    """Each observable for itself; of many, those that are wrong least and most often."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("each observable for itself", overflow="fold")
    table.add_column("error a shot, %")
    for _ in range(SHOWN - 1):
        table.add_column()
    for found in experiments:
        if found.decoder == found.mcnemar.against:
            table.add_row()
            table.add_row(Text(found.name, "bold"))
        rates = [percent(one.ler_shot, one.interval) for one in found.observables]
        by = sorted(range(len(rates)), key=lambda o: found.observables[o].failures)
        cells = [f"L{o} {rate}" for o, rate in enumerate(rates)]
        if len(rates) > SHOWN:
            cells = [f"best L{by[0]} {rates[by[0]]}", f"worst L{by[-1]} {rates[by[-1]]}", f"of {len(rates)}"]
        table.add_row(f"  {found.decoder}", *cells)
    return table


def _curves(curves: Sequence[Curve]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("second opinion", overflow="fold")
    for heading in ("of these shots, %", "error a shot, %", "us a shot", "first", "second", "p"):
        table.add_column(heading, justify="right")
    for curve in curves:
        table.add_row()
        table.add_row(Text(f"{curve.decoded.name}, {curve.triage}", "bold"))
        for step in curve.steps:
            *_, p = _row(step.found)
            asked = f"{100 * step.asked / step.found.shots:.3g}"
            times = [f"{us:.3g}" for us in (step.us_first + step.us_second, step.us_first, step.us_second)]
            rate = percent(step.found.ler_shot, step.found.interval)
            table.add_row(f"  {100 * step.share:g} %", asked, rate, *times, p)
    return table
