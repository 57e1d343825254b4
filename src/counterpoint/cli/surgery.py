"""``counterpoint surgery``: a program of lattice surgery, drawn, written and run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from counterpoint.base import BadInput, fold_in
from counterpoint.cli.hardware import ChipName, NoiseName, Strength, hardware_of, named
from counterpoint.cli.options import Json, Seed, decoder_named
from counterpoint.cli.sources import whole
from counterpoint.codes.frame import Basis
from counterpoint.codes.native import native
from counterpoint.codes.programs import PROGRAMS, superdense
from counterpoint.codes.surgery import Program
from counterpoint.loop.figure import check_figure
from counterpoint.loop.own import own
from counterpoint.loop.surgery import Outcome, Run, Setting, run_program, run_superdense
from counterpoint.loop.timeline import draw_timeline

SUPERDENSE = "superdense"
NAMES = (*PROGRAMS, SUPERDENSE)

Name = Annotated[str, typer.Argument(help=f"{', '.join(NAMES)}, or a program of your own as FILE.py:NAME.")]
Distance = Annotated[int, typer.Option(help="Of each patch, odd.")]
Rounds = Annotated[
    int | None, typer.Option(help="Of each step, the distance or more. Default: the distance.", show_default=False)
]
Draw = Annotated[
    Path | None, typer.Option(help="Draw the timeline into this file (.svg, .png, .pdf).", show_default=False)
]
Out = Annotated[
    Path | None, typer.Option(help="Write the circuit with noise (.stim), read out in Z.", show_default=False)
]
Shots = Annotated[int, typer.Option(parser=whole, metavar="N", help="Of each circuit.")]
Decoder = Annotated[str, typer.Option(help="As for counterpoint decode; correlated is the default of its kind.")]


def surgery(
    name: Name,
    distance: Distance = 3,
    rounds: Rounds = None,
    draw: Draw = None,
    out: Out = None,
    noise: NoiseName = None,
    p: Strength = None,
    chip: ChipName = None,
    shots: Shots = 20_000,  # type: ignore[assignment] - read by `whole`
    decoder: Decoder = "correlated",
    as_json: Json = False,
    seed: Seed = 0,
) -> None:
    """Run a program of lattice surgery, read out in Z and in X, and say how often each certain outcome is wrong.

    It runs in hardware's gates: R, M, H and CZ.

    Superdense coding is run with each of its four messages, beside the same over physical qubits.
    """
    programs = _programs(name)
    shown = programs["Z"]
    if draw is not None:
        check_figure(draw)
        draw_timeline(shown, distance, draw)
    hardware = hardware_of(noise, p, chip)
    if out is not None:
        _write(out, str(hardware.run(native(shown.circuit(distance, rounds)), fold_in((seed,), "machine"))[0]))
    setting = Setting(distance, rounds, hardware, decoder_named(decoder), shots, (seed,))
    with Console(stderr=True).status(f"running {name}"):
        if name == SUPERDENSE:
            runs = run_superdense(setting)
        else:
            runs = [run_program(made, f"read in {basis}", setting) for basis, made in programs.items()]
    if as_json:
        typer.echo(
            json.dumps({"machine": named(noise, p, chip), "decoder": decoder, "runs": [run.plain() for run in runs]})
        )
        return
    _show(runs, f"{named(noise, p, chip)}, {decoder}")
    for what, path in (("Timeline", draw), ("Circuit", out)):
        if path is not None:
            typer.echo(f"{what}: {path}")


def _programs(name: str) -> dict[Basis, Program]:
    """The program for each basis that it is read out in."""
    if name == SUPERDENSE:
        return {"Z": superdense("XZ")}
    if name in PROGRAMS:
        return {"Z": PROGRAMS[name]("Z"), "X": PROGRAMS[name]("X")}
    given = own(name, dict.fromkeys(NAMES), "program")
    made: dict[Basis, Program] = {}
    for basis in ("Z", "X"):
        program = given(basis) if callable(given) else given
        if not isinstance(program, Program):
            raise BadInput(
                f"program '{name}' is a {type(program).__name__}, and a Program or a function from the basis to one is "
                "needed: see counterpoint.codes.programs"
            )
        made[basis] = program
        if not callable(given):
            break
    return made


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as problem:
        raise BadInput(
            f"{path} cannot be written ({problem.strerror}): name a file in a folder of your own"
        ) from problem


def _show(runs: Sequence[Run], note: str) -> None:
    console = Console(markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        console.width = 100
    first = runs[0]
    console.print(f"{first.program}: distance {first.distance}, {first.rounds} rounds, {first.qubits} qubits; {note}")
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    table.add_column("certain outcome", overflow="fold")
    table.add_column("wrong", justify="right")
    table.add_column("of a shot (95 %)")
    for run in runs:
        rows = [*run.outcomes, *([run.whole] if len(run.outcomes) > 1 else []), *([run.bare] if run.bare else [])]
        for i, row in enumerate(rows):
            table.add_row("" if i else run.reading, _named(row), f"{row.failures:,}", _figure(row))
    console.print(table)
    console.print("t: a joint parity takes part, which a chain of errors in time can flip.", style="dim")


def _named(row: Outcome) -> str:
    return f"{row.name}  t" if row.timelike and row.name != "any" else row.name


def _figure(row: Outcome) -> str:
    error = row.error
    if not row.failures:
        return f"below {100 * error.high:.2g} %"
    return f"{100 * error.value:.3g} % ({100 * error.low:.3g}-{100 * error.high:.3g})"
