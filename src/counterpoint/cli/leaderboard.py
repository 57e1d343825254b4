"""``counterpoint leaderboard``: decoders on the same frozen shots, on any machine, at any time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import sinter
import typer
from rich.console import Console
from rich.text import Text

from counterpoint.base import BadInput, fold_in
from counterpoint.cli.comparison import show
from counterpoint.cli.interrupt import interruptible
from counterpoint.cli.options import Json, decoder_named
from counterpoint.cli.sources import Model, OwnCircuit, OwnEvents, OwnObservables, Paths, Shots, from_files, from_path
from counterpoint.decoders import DECODERS
from counterpoint.loop.board import Row, add, at_the_top, play, rows, standing, what
from counterpoint.loop.compare import DO_NOTHING, compare
from counterpoint.loop.frozen import Frozen, by_name, freeze, manifest, thaw
from counterpoint.machine.recorded import Recording

Names = Annotated[
    list[str] | None,
    typer.Option(
        help=f"One of {', '.join(DECODERS)}, a file of counterpoint train, or your own as FILE.py:NAME; repeat. "
        "A row that is there is kept.",
        show_default=False,
    ),
]
Seeded = Annotated[
    int | None,
    typer.Option("--seed", min=0, help="Of the samples. Default: what the board says, else 0.", show_default=False),
]
Store = Annotated[Path, typer.Option("--store", help="Folder of the board: its manifest, rows and shots.")]


Read = Callable[[], Recording]


def leaderboard(
    paths: Paths = None,
    decoder: Names = None,
    model: Model = None,
    shots: Shots = None,
    circuit: OwnCircuit = None,
    events: OwnEvents = None,
    observables: OwnObservables = None,
    seed: Seeded = None,
    store: Store = Path("counterpoint-board"),
    as_json: Json = False,
) -> None:
    """Freeze shots by their hashes, run decoders on them, and keep a board that anybody can check and add to.

    Decoders run on the shots that are named, or on all of the board where none are; doing nothing is a row always.
    """
    chosen: dict[str, sinter.Decoder] = {DO_NOTHING: DECODERS[DO_NOTHING]}
    chosen |= {name: decoder_named(name) for name in decoder or ()}
    held = manifest(store)
    done = rows(store, held)
    sources: list[tuple[int | None, Read]] = [(None, read) for read in from_files(circuit, events, observables, None)]
    for path in dict.fromkeys(paths or ()):
        sources += _sources(path, shots, seed, by_name(held, path.stem))
    refused: list[str] = []
    with interruptible(), Console(stderr=True).status("reading") as status:
        named = [freeze(store, read(), shots, model, seeded) for seeded, read in sources]
        held = manifest(store)
        if not held:
            raise BadInput(f"{store} holds 0 frozen shots: name a folder, or CIRCUIT.stim with --shots, to freeze some")
        for frozen in named or held:
            status.update(Text(f"{frozen.name}: {', '.join(chosen)}"))
            done += _played(store, frozen, chosen, {row.what for row in done}, refused)
    boards = [standing(frozen, done, store) for frozen in held]
    comparison = compare(boards)
    if as_json:
        told = [at_the_top(board) for board in boards]
        print(json.dumps(comparison.plain() | {"rows": [_plain(row) for row in done], "told": told}, allow_nan=False))
    else:
        machines = len({row.versions.get("machine") for row in done})
        note = [f"Times are of {machines} kinds of machine."] if machines > 1 else []
        show(comparison, [*(at_the_top(board) for board in boards), *note, f"Kept in {store}"])
    if refused:
        raise BadInput(f"{'; '.join(refused)}. The other rows are kept")


def _sources(path: Path, shots: int | None, seed: int | None, known: Frozen | None) -> list[tuple[int | None, Read]]:
    """What reads the shots at `path`, with the seed of samples; the board says how many, and which seed."""
    if path.suffix != ".stim":
        return [(None, read) for read in from_path(path, shots, None, ())]
    if known is not None and known.seed is not None:
        shots = known.shots if shots is None else shots
        seed = known.seed if seed is None else seed
    seed = seed or 0
    return [(seed, read) for read in from_path(path, shots, None, fold_in((seed,), "frozen"))]


def _played(
    store: Path, frozen: Frozen, chosen: dict[str, sinter.Decoder], done: set[tuple[str, ...]], refused: list[str]
) -> Iterator[Row]:
    """Run what is not there yet; each row is kept as soon as it is done. What a decoder cannot take is told apart."""
    todo = {name: one for name, one in chosen.items() if what(frozen, name, one) not in done}
    if not todo:
        return
    recording = thaw(store, frozen)
    for name, one in todo.items():
        try:
            row = play(frozen, recording, name, one)
        except BadInput as problem:
            refused.append(f"{name} on {frozen.name} was not run: {problem}")
            continue
        add(store, row)
        yield row


def _plain(row: Row) -> dict[str, Any]:
    """What decides a row and what came of it; its bits stay in the board."""
    plain = asdict(row)
    del plain["wrong"]
    return plain
