"""``counterpoint decode``: which decoder should I run on my chip?"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import sinter
import typer
from rich.console import Console
from rich.table import Table

from counterpoint.base import BadInput, fold_in
from counterpoint.cli.options import Json, Seed, part
from counterpoint.decoders import DECODERS
from counterpoint.loop.advice import advice, shown
from counterpoint.loop.compare import Comparison, Decoded, Experiment, compare, decode_recording
from counterpoint.loop.frontier import check_figure, draw
from counterpoint.machine.recorded import Recording, own_files, sampled
from counterpoint.machine.releases import find_experiments, read_experiment

DEFAULT = ("matching", "correlated")
WIDTH = 100


def whole(text: str) -> int:
    """A number of shots; ``1e6`` is one."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 1 <= number < 2**63 or number % 1:
        raise typer.BadParameter(f"'{text}' is not a whole number from 1, such as 50000 or 1e6")
    return int(number)


Paths = Annotated[
    list[Path] | None,
    typer.Argument(
        help="Folders of recorded experiments (the layouts of Google's Sycamore and Willow releases; a "
        "parent folder takes all below it), or CIRCUIT.stim to sample with --shots.",
        show_default=False,
    ),
]
Names = Annotated[
    list[str] | None,
    typer.Option(
        help=f"One of {', '.join(DECODERS)}, or your own as FILE.py:NAME; repeat to compare. The others "
        f"are tested against the first. Default: {', '.join(DEFAULT)}.",
        show_default=False,
    ),
]
Model = Annotated[
    Literal["noisy", "circuit", "pij"] | None,
    typer.Option(
        help="Error model: of the circuit with noise (the default), the release's own file for matching, "
        "or fitted to the other half of the shots (Sycamore's layout only).",
        show_default=False,
    ),
]
Select = Annotated[Literal["all", "odd", "even"], typer.Option(help="Which shots to decode; the first is even.")]
Shots = Annotated[
    int | None,
    typer.Option(
        parser=whole,
        metavar="N",
        help="Shots to sample; of recorded ones, decode the first N.",
        show_default=False,
    ),
]
OwnCircuit = Annotated[Path | None, typer.Option(help="Your circuit with noise (.stim).", show_default=False)]
OwnEvents = Annotated[Path | None, typer.Option(help="Its detection events (.b8 or .01).", show_default=False)]
OwnObservables = Annotated[
    Path | None, typer.Option(help="The flips of its observables (.b8 or .01).", show_default=False)
]
Plot = Annotated[
    Path | None,
    typer.Option(help="Draw accuracy against price into this file (.svg, .png, .pdf).", show_default=False),
]


def decode(
    paths: Paths = None,
    decoder: Names = None,
    model: Model = None,
    select: Select = "all",
    shots: Shots = None,
    circuit: OwnCircuit = None,
    events: OwnEvents = None,
    observables: OwnObservables = None,
    plot: Plot = None,
    as_json: Json = False,
    seed: Seed = 0,
) -> None:
    """Decode recorded or sampled shots with several decoders, and say which one to use and what it costs.

    Times are wall time of decoding alone on one thread; intervals are 95 %; p is of an exact paired test.
    """
    if plot is not None:
        check_figure(plot)
    chosen: dict[str, sinter.Decoder] = {
        name: part(name, DECODERS, sinter.Decoder, "decoder") for name in decoder or DEFAULT
    }
    sources = _own(circuit, events, observables) + [
        source for i, path in enumerate(dict.fromkeys(paths or ())) for source in _sources(path, shots, seed, i)
    ]
    if not sources:
        raise BadInput(
            "0 experiments were named and 1 is needed: give a folder, CIRCUIT.stim with --shots, or "
            "--circuit, --events and --observables"
        )
    decoded: list[Decoded] = []
    with Console(stderr=True).status("reading") as status:
        for i, read in enumerate(sources):
            recording = read().take(select, shots)
            status.update(f"decoding {recording.name} ({i + 1} of {len(sources)}) with {', '.join(chosen)}")
            decoded.append(decode_recording(recording, chosen, model))
    comparison = compare(decoded)
    if plot is not None:
        draw(comparison, plot)
    if as_json:
        typer.echo(json.dumps(comparison.plain(), allow_nan=False))
        return
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)  # a pipe has no width of its own
    _show(console, comparison)
    console.print(advice(decoded))
    if plot is not None:
        console.print(f"Accuracy against price: {plot}")


def _sources(path: Path, shots: int | None, seed: int, number: int) -> list[Callable[[], Recording]]:
    """What reads each experiment at `path`; read one after the other, for a release is large."""
    if path.suffix != ".stim":
        return [partial(read_experiment, folder) for folder in find_experiments(path)]
    if shots is None:
        raise BadInput(
            f"{path} is a circuit and has 0 shots of its own: say how many to sample by --shots N, or give "
            "recorded ones by --circuit, --events and --observables"
        )
    return [partial(sampled, path, shots, fold_in((seed,), "sampled", number))]


def _own(circuit: Path | None, events: Path | None, observables: Path | None) -> list[Callable[[], Recording]]:
    given = {"--circuit": circuit, "--events": events, "--observables": observables}
    missing = [name for name, path in given.items() if path is None]
    if len(missing) == len(given):
        return []
    if circuit is None or events is None or observables is None:
        raise BadInput(f"own files need {', '.join(given)}, and {', '.join(missing)} is missing: give all 3")
    return [partial(own_files, circuit, events, observables)]


def _show(console: Console, comparison: Comparison) -> None:
    first = comparison.experiments[0].mcnemar.against
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("decoder", overflow="fold")
    for heading in ("error a shot, %", "error a cycle, %", "us a shot", "p"):
        table.add_column(heading, justify="right")
    for found in comparison.experiments:
        if found.decoder == first:
            table.add_row()
            table.add_row(f"[bold]{found.name}[/bold]")
            told = {"d": found.distance, "rounds": found.rounds, "basis": found.basis}
            known = "".join(f"{key} {value}, " for key, value in told.items() if value is not None)
            table.add_row(f"[dim]{known}{found.shots:,} shots[/dim]")
        table.add_row(*_row(found))
    console.print(table)
    model = comparison.experiments[0].model
    console.print(
        f"\n[dim]Error model: {model}. ( ) 95 % intervals. p: exact paired test (McNemar) against {first}.[/dim]\n"
    )
    if not comparison.fits:
        return
    fits = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("fitted over rounds", "d", "error a cycle, %"):
        fits.add_column(heading)
    for fit in comparison.fits:
        fits.add_row(f"  {fit.decoder}", str(fit.distance), _percent(fit.ler_cycle, fit.interval))
    console.print(fits)
    console.print()


def _row(found: Experiment) -> tuple[str, ...]:
    cycle = ""
    if found.ler_cycle is not None and found.ler_cycle_interval is not None:
        cycle = _percent(found.ler_cycle, found.ler_cycle_interval)
    time = "" if found.us_per_shot is None else f"{found.us_per_shot:.3g}"
    p = "" if found.mcnemar.against == found.decoder else shown(found.mcnemar.p).removeprefix("= ")
    return f"  {found.decoder}", _percent(found.ler_shot, found.interval), cycle, time, p


def _percent(value: float, interval: tuple[float, float]) -> str:
    return f"{100 * value:#.3g} ({100 * interval[0]:#.3g}-{100 * interval[1]:#.3g})"
