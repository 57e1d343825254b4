"""``counterpoint quops``: how many operations can this machine be trusted with, and what would more need?"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from counterpoint.base import BadInput, fold_in
from counterpoint.cli.comparison import percent
from counterpoint.cli.console import console
from counterpoint.cli.interrupt import interruptible
from counterpoint.cli.options import Json, Seed, decoder_named
from counterpoint.cli.sources import whole
from counterpoint.decoders import DECODERS
from counterpoint.identity import identity
from counterpoint.loop.figure import check_figure
from counterpoint.loop.quops import MEMORY_ROUNDS, Limits, Reliability, check_distances, measure
from counterpoint.machine.hardware import CHIPS, NOISES, Hardware, Noise
from counterpoint.machine.meter import CYCLE_SECONDS
from counterpoint.quops.estimate import Estimate
from counterpoint.quops.forecast import FARTHEST, IDLE, TARGETS, Forecast, Size
from counterpoint.quops.formulas import FORMULAS
from counterpoint.quops.operation import QuOps, accumulated
from counterpoint.quops.suppression import Suppression

WIDTH = 112
DOUBT = 0.05  # p of constant Lambda below which the forecast is doubted


def distances_in(text: str) -> tuple[int, ...]:
    """The numbers in ``3,5,7``. Raises BadInput where there are others."""
    words = text.split(",")
    if not all(word.strip().isdecimal() for word in words):
        raise BadInput(f"--distances {text} was given: write odd numbers with commas between them, such as 3,5,7")
    return tuple(int(word) for word in words)


def quops(
    chip: Annotated[
        Literal["willow", "published"] | None,
        typer.Option(help="Simulated chip, at its optimum. Default: willow.", show_default=False),
    ] = None,
    noise: Annotated[
        Literal["uniform", "si1000"] | None,
        typer.Option(help="A noise model with --p in place of a chip.", show_default=False),
    ] = None,
    p: Annotated[
        str | None,
        typer.Option("--p", metavar="P", help="Physical error rate of the --noise, such as 1e-3.", show_default=False),
    ] = None,
    distances: Annotated[str, typer.Option(metavar="D,D,...", help="Odd code distances, at least two.")] = "3,5,7",
    decoder: Annotated[
        str, typer.Option(help=f"One of {', '.join(DECODERS)}, a file of counterpoint train, or FILE.py:NAME.")
    ] = "correlated",
    failures: Annotated[int, typer.Option(min=1, help="Of each kind at each distance, after which it is done.")] = 1000,
    shots: Annotated[
        int, typer.Option(parser=whole, metavar="N", help="The most of each kind at each distance.")
    ] = 10_000_000,
    minutes: Annotated[float, typer.Option(min=0, help="The most of running; what is reached by then is told.")] = 2.0,
    floor: Annotated[
        float, typer.Option(min=0, max=0.49, help="Assumed error a cycle that no distance suppresses (rare bursts).")
    ] = 0.0,
    plot: Annotated[
        Path | None, typer.Option(help="Draw error against distance into this file (.svg, .png, .pdf).")
    ] = None,
    as_json: Json = False,
    seed: Seed = 0,
    store: Annotated[
        Path | None, typer.Option(help="Keep the JSON in this folder, too, named after what was found.")
    ] = None,
) -> None:
    """Run memory and lattice surgery at several distances, and count how many operations go between two failures.

    One QuOp is one reliable operation: QuOps = 1 / error of one operation. All intervals are 95 %.
    """
    if plot is not None:
        check_figure(plot)
    chosen = distances_in(distances)
    check_distances(chosen)
    hardware = _hardware(chip, noise, p)
    limits = Limits(failures, shots, 60 * minutes)
    part = (decoder, decoder_named(decoder))
    with interruptible(), Console(stderr=True).status("building") as status:
        found = measure(
            hardware, chosen, part, limits, floor, fold_in((seed,), "quops"), lambda t: status.update(Text(t))
        )
    name = hardware.name if p is None else f"{hardware.name}, p = {p}"
    plain = _plain(found, name, decoder, floor, p)
    told = _told(found, floor)
    if plot is not None:
        from counterpoint.loop.outlook import draw  # draws nothing where no plot was asked for

        draw(found, f"{name}, decoder {decoder}", plot)
        told.append(f"Error against distance: {plot}")
    if store is not None:
        told.append(f"Kept in {_keep(plain, store)}")
    if as_json:
        typer.echo(json.dumps(plain, allow_nan=False))
    else:
        _show(found, f"{name}, decoder {decoder}, seed {seed}", p, told)


def _hardware(chip: str | None, noise: str | None, p: str | None) -> Hardware:
    if noise is None:
        if p is not None:
            raise BadInput(f"--p {p} was given without --noise: add --noise uniform or --noise si1000")
        return CHIPS[chip or "willow"]
    if chip is not None:
        raise BadInput(f"--chip {chip} and --noise {noise} were given: take one of them")
    try:
        rate = float(p or "")
    except ValueError:
        raise BadInput(f"--noise {noise} was given with --p {p}: add its strength, such as --p 1e-3") from None
    return Noise(noise, NOISES[noise](rate))


def _plain(found: Sequence[Reliability], machine: str, decoder: str, floor: float, p: str | None) -> dict[str, Any]:
    return {
        "machine": machine,
        "decoder": decoder,
        "cycle_seconds": CYCLE_SECONDS,
        "floor": floor,
        "kinds": [asdict(one) for one in found],
        "formulas": _formulas(found[0], p),
    }


def _formulas(idle: Reliability, p: str | None) -> list[dict[str, Any]]:
    """Of the idle patch: what the published formulas say at this physical error, below their threshold."""
    rows: list[dict[str, Any]] = []
    for name, formula in FORMULAS.items() if p is not None else ():
        if not 0 < float(p or 0) < formula.threshold:
            continue
        errors = {one.distance: float(formula.error(p or "", one.distance)) for one in idle.counted}
        needed = {target: formula.distance(p or "", n) for target, n in TARGETS.items()}
        factor = float(formula.suppression(p or ""))
        rows.append({"formula": name, "source": formula.source, "lambda": factor, "error_per_cycle": errors}
                    | {"distance": needed})  # fmt: skip
    return rows


def _keep(plain: dict[str, Any], store: Path) -> Path:
    path = store / f"quops-{identity(plain)[:12]}.json"
    try:
        store.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(plain, allow_nan=False) + "\n", encoding="utf-8")
    except OSError as problem:
        raise BadInput(f"{path} cannot be written ({problem.strerror}): name a --store that can be") from problem
    return path


def _told(found: Sequence[Reliability], floor: float) -> list[str]:
    bursts = "no floor" if not floor else f"a floor of {floor:g} a cycle that no distance suppresses"
    fits = [(one.kind, one.suppression.p) for one in found if one.suppression is not None]
    bent = [kind for kind, p in fits if p is not None and p < DOUBT]
    doubt = [f"Constant Lambda does not fit {', '.join(bent)} (p < {DOUBT}): do not trust the forecast there."]
    return [
        "A failure is any wrong observable; half of the shots begin and end in the basis Z, half in X.",
        f"Idle is counted over {MEMORY_ROUNDS} cycles, surgery over whole operations; intervals are 95 %.",
        f"Assumed, not measured, beyond the distances run: Lambda stays constant, and there is {bursts} (--floor).",
        f"Times take {1e6 * CYCLE_SECONDS:.3g} us a cycle; distances are looked at up to {FARTHEST}.",
        *(doubt if bent else []),
    ]


def _show(found: Sequence[Reliability], title: str, p: str | None, told: Sequence[str]) -> None:
    out = console(WIDTH)
    piped = not out.is_terminal
    out.print(f"{title}\n", style="bold")
    out.print(_counts(found))
    out.print()
    out.print(_lambdas(found))
    out.print()
    out.print(_forecasts(found))
    out.print()
    if p is not None:
        out.print(_beside(found[0], p))
        out.print()
    for sentence in told:
        out.print(sentence, style="dim", soft_wrap=piped)


def _table(*headings: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for i, heading in enumerate(headings):
        table.add_column(heading, justify="left" if not i else "right")
    return table


def _counts(found: Sequence[Reliability]) -> Table:
    table = _table("one operation", "d", "shots", "failures", "its error, %", "QuOps")
    for kind in found:
        table.add_row(Text(kind.kind, "bold"))
        for i, one in enumerate(kind.counted):
            error, reliable = _estimate(one.error), _quops(one.quops)
            told = Text(f"  {kind.operation}" if not i else "", "dim")
            table.add_row(told, str(one.distance), f"{one.shots:,}", f"{one.failures:,}", error, reliable)
    return table


def _estimate(error: Estimate) -> str:
    return percent(error.value, (error.low, error.high)) if error.value else f"below {100 * error.high:.3g}"


def _quops(found: QuOps) -> str:
    if found.value is None or found.high is None:
        return f"above {_rounded(found.low)}"
    return f"{_rounded(found.value)} ({_rounded(found.low)}-{_rounded(found.high)})"


def _rounded(value: float) -> str:
    """Three digits, such as 12,300."""
    return f"{float(f'{value:.3g}'):,.{0 if value >= 99.95 else 1}f}"


def _lambdas(found: Sequence[Reliability]) -> Table:
    table = _table("falls by Lambda when d grows by 2", "Lambda", "p of constant Lambda")
    for kind in found:
        fit = kind.suppression
        if fit is None:
            factor = "none: a distance fails as often as guessing"
        elif not fit.failures:
            factor = "unknown: no failure was seen"
        elif fit.factor is None or fit.high is None:
            factor = f"above {fit.low:.3g}"
        else:
            factor = f"{fit.factor:.4g} ({fit.low:.4g}-{fit.high:.4g})"
        table.add_row(Text(kind.kind, "bold"), factor, "" if fit is None or fit.p is None else f"{fit.p:.2g}")
    return table


def _forecasts(found: Sequence[Reliability]) -> Table:
    table = _table("one failure in", *(f"10^{round(math.log10(n))} ({name})" for name, n in TARGETS.items()))
    for kind in found:
        for name, forecasts in ((kind.kind, kind.forecast), (f"{kind.kind}, one cycle", kind.cycle)):
            if forecasts:
                table.add_row(Text(name, "bold"), *(_needed(one, kind.suppression) for one in forecasts))
            if any(one.size for one in forecasts):
                table.add_row("", *(_cost(one.size) for one in forecasts))
    return table


def _needed(one: Forecast, fit: Suppression | None) -> str:
    low, high = ("none" if end is None else str(end.distance) for end in (one.low, one.high))
    if one.size is not None:
        return f"d = {one.size.distance} ({low}-{high})"
    if fit is not None and fit.factor:
        return "out of reach" if one.low is None else f"out of reach ({low}-{high})"
    return "unknown" if one.high is None else f"d at most {high}"


def _cost(size: Size | None) -> str:
    return "" if size is None else f"{size.qubits:,} qubits, {1e6 * size.seconds:.3g} us"


def _beside(idle: Reliability, p: str) -> Table:
    distances = [one.distance for one in idle.counted]
    table = _table("idle beside formulas", "Lambda", *(f"d = {d}, %" for d in distances), "d needed")
    fit = idle.suppression
    needed = ", ".join("none" if one.size is None else str(one.size.distance) for one in idle.forecast)
    factor = "" if fit is None or not fit.factor else f"{fit.factor:.3g}"
    table.add_row("counted", factor, *(_estimate(one.error) for one in idle.counted), needed)
    for row in _formulas(idle, p):
        errors = [f"{100 * accumulated(row['error_per_cycle'][d], IDLE.cycles_at(d)):.3g}" for d in distances]
        table.add_row(row["formula"], f"{row['lambda']:.3g}", *errors, ", ".join(map(str, row["distance"].values())))
    return table
