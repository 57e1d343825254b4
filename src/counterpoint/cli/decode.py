"""``counterpoint decode``: which decoder should I run on my chip?"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import sinter
import typer
from rich.console import Console
from rich.text import Text

from counterpoint.base import BadInput, fold_in
from counterpoint.cli.comparison import show
from counterpoint.cli.options import Json, Seed, decoder_named
from counterpoint.cli.sources import (
    Model,
    OwnCircuit,
    OwnEvents,
    OwnObservables,
    Paths,
    Shots,
    from_files,
    from_path,
)
from counterpoint.decoders import DECODERS
from counterpoint.decoders.triage import Triage
from counterpoint.identity import identity
from counterpoint.loop.advice import advice
from counterpoint.loop.compare import Decoded, compare, decode_recording
from counterpoint.loop.curve import Curve, curve as drawn, share_to_take
from counterpoint.loop.figure import check_figure
from counterpoint.loop.frontier import draw

DEFAULT = ("matching", "correlated")

Names = Annotated[
    list[str] | None,
    typer.Option(
        help=f"One of {', '.join(DECODERS)}, a file of counterpoint train, or your own as FILE.py:NAME; "
        f"repeat to compare. The others are tested against the first. Default: {', '.join(DEFAULT)}.",
        show_default=False,
    ),
]
Select = Annotated[Literal["all", "odd", "even"], typer.Option(help="Which shots to decode; the first is even.")]
Rounds = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Rounds of your circuit, for the error a cycle. Default: what its file name says (r=N), else the "
        "times (third coordinates) of its detectors, less one.",
        show_default=False,
    ),
]
Plot = Annotated[
    Path | None,
    typer.Option(help="Draw accuracy against price into this file (.svg, .png, .pdf).", show_default=False),
]
Curved = Annotated[
    bool,
    typer.Option(
        "--curve",
        help="Triage (name --decoder triage) at shares of second opinions from 0 to 100 %: errors, price, which to "
        "take; a line in the --plot.",
    ),
]
Store = Annotated[
    Path | None,
    typer.Option(help="Keep the JSON in this folder, too, named after what was found.", show_default=False),
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
    rounds: Rounds = None,
    plot: Plot = None,
    curve: Curved = False,
    as_json: Json = False,
    seed: Seed = 0,
    store: Store = None,
) -> None:
    """Decode recorded or sampled shots with several decoders, and say which one to use and what it costs.

    Times are wall time of decoding alone on one thread; intervals are 95 %; p is of an exact paired test.
    """
    if plot is not None:
        check_figure(plot)
    chosen: dict[str, sinter.Decoder] = {name: decoder_named(name) for name in decoder or DEFAULT}
    triages = {name: one for name, one in chosen.items() if isinstance(one, Triage)} if curve else {}
    if curve and not triages:
        raise BadInput(f"--curve is of triage, and the decoders are {', '.join(chosen)}: add --decoder triage")
    sources = from_files(circuit, events, observables, rounds)
    for i, path in enumerate(dict.fromkeys(paths or ())):
        sources += from_path(path, shots, rounds, fold_in((seed,), "sampled", i))
    if not sources:
        raise BadInput(
            "0 experiments were named and 1 is needed: give a folder, CIRCUIT.stim with --shots, or "
            "--circuit, --events and --observables"
        )
    if store is not None:
        _folder(store)
    decoded: list[Decoded] = []
    curves: list[Curve] = []
    with Console(stderr=True).status("reading") as status:
        for i, read in enumerate(sources):
            recording = read().take(select, shots)
            status.update(Text(f"decoding {recording.name} ({i + 1} of {len(sources)}) with {', '.join(chosen)}"))
            decoded.append(decode_recording(recording, chosen, model))
            for name, triage in triages.items():
                status.update(Text(f"both answers of {name} for every shot of {recording.name}"))
                curves.append(drawn(name, triage, recording, decoded[-1], model))
    comparison = compare(decoded)
    if plot is not None:
        draw(comparison, plot, curves)
    plain = comparison.plain()
    if curve:
        plain["curves"] = [asdict(step) for one in curves for step in one.steps]
    kept = None if store is None else _keep(plain, store)
    if as_json:
        typer.echo(_json(plain))
        return
    told = [advice(decoded), *(share_to_take([one for one in curves if one.triage == name]) for name in triages)]
    if plot is not None:
        told.append(f"Accuracy against price: {plot}")
    if kept is not None:
        told.append(f"Kept in {kept}")
    show(comparison, told, curves)


def _json(plain: dict[str, Any]) -> str:
    return json.dumps(plain, allow_nan=False)


def _folder(store: Path) -> None:
    try:
        store.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise BadInput(f"the store {store} cannot be made ({problem.strerror}): name a folder") from problem


def _keep(plain: dict[str, Any], store: Path) -> Path:
    """Write the JSON; times apart, the same findings have the same name."""
    path = store / f"decode-{identity(_timeless(plain))[:12]}.json"
    try:
        path.write_text(_json(plain) + "\n", encoding="utf-8")
    except OSError as problem:
        raise BadInput(f"{path} cannot be written ({problem.strerror}): name a --store that can be") from problem
    return path


def _timeless(plain: Any) -> Any:
    if isinstance(plain, dict):
        return {key: _timeless(value) for key, value in plain.items() if not key.startswith("us_")}
    return [_timeless(value) for value in plain] if isinstance(plain, list | tuple) else plain
