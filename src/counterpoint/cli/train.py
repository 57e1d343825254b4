"""``counterpoint train``: a decoder trained for one's own circuit, or on one's own shots."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import stim
import typer
from rich.console import Console
from scipy.stats import binomtest

from counterpoint.base import BadInput, fold_in
from counterpoint.cli.interrupt import interruptible
from counterpoint.cli.options import Json, Seed
from counterpoint.decoders.network import GENERAL, MODEL, SHIPPED, Model, load_model
from counterpoint.machine.recorded import read_model
from counterpoint.machine.releases import MARKS, find_experiments, is_experiment, read_experiment

if TYPE_CHECKING:
    from counterpoint.decoders.training import Progress, Shots

CHECKPOINT = 60.0  # seconds between two
TELL = 5.0  # seconds between two lines of progress
_SHARE = 1e-2  # of the loss, by which a curve that is still falling fell in its last third


def train(
    paths: Annotated[
        list[Path],
        typer.Argument(
            help="CIRCUIT.stim or MODEL.dem, sampled for ever; folders of them, or of recorded experiments (the "
            "layouts of Google's releases). Several are trained on at once.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option(help="The model file; one that is there is gone on from.", show_default=False)],
    minutes: Annotated[float, typer.Option(help="How long.")] = 15.0,
    start: Annotated[
        str,
        typer.Option(
            help=f"Begin with a model of the package ({', '.join(SHIPPED)}), a model file, or 'none'. "
            "Where OUT is there, it is gone on from."
        ),
    ] = GENERAL,
    model: Annotated[
        Literal["noisy", "circuit", "pij"],
        typer.Option(help="Error model of recorded shots. 'pij' is fitted to the half that is trained on."),
    ] = "pij",
    select: Annotated[
        Literal["even", "odd"],
        typer.Option(help="Recorded shots to train on; the other half stays to judge by."),
    ] = "even",
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Train the network of the decoder 'neural', with a checkpoint each minute.

    It learns from shots that are close to call; every tenth of these is held out, and the errors shown are those on
    them. Then: counterpoint decode CIRCUIT.stim --shots 1e6 --decoder OUT --decoder correlated.
    """
    if not minutes > 0:
        raise BadInput(f"{minutes:g} minutes were given: give a number above 0")
    if out.suffix != MODEL:
        raise BadInput(
            f"{out} ends in '{out.suffix}' and a trained decoder in '{MODEL}': give --out {out.with_suffix(MODEL)}"
        )
    if not out.absolute().parent.is_dir():
        raise BadInput(f"{out} is in a folder that does not exist: make {out.parent} or give another --out")
    from counterpoint.decoders import training  # here, for JAX takes a second to import

    console = Console(stderr=True)
    again = out.exists()
    beginning = load_model(str(out)) if again else _start(start, seed)
    found = [
        shots for path in paths for shots in _shots(path, model, select, seed, beginning.manifest["seeds"], training)
    ]
    given = [dem for dem, shots in found if isinstance(shots, training.Given)]
    beginning = training.with_kinds(beginning, given)  # sampled shots have nothing to add to the model they are from
    sources = [training.Source.of(dem, shots, beginning) for dem, shots in found]
    went = f"goes on from {out}" if again else {"none": "begins with nothing"}.get(start, f"begins with {start}")
    console.print(f"{len(sources)} {'source' if len(sources) == 1 else 'sources'}, {went}", highlight=False)
    told: list[Progress] = []
    with interruptible(), _kept(out, told, console):
        saved = shown = time.monotonic()
        for progress in training.train(sources, beginning, 60 * minutes, seed):
            told.append(progress)
            if time.monotonic() - shown >= TELL:
                shown = time.monotonic()
                console.print(_line(progress), highlight=False, soft_wrap=True)
            if time.monotonic() - saved >= CHECKPOINT:
                saved = time.monotonic()
                progress.model.save(out)
    last = told[-1]
    if as_json:
        typer.echo(json.dumps(_plain(last, out)))
    else:
        print(_line(last))
        print(_verdict(told))
        print(f"written to {out}: counterpoint decode CIRCUIT.stim --shots 1e6 --decoder {out} --decoder correlated")


@contextmanager
def _kept(out: Path, told: list[Progress], console: Console) -> Iterator[None]:
    """However training ends, the model that it came to is written."""
    try:
        yield
    except KeyboardInterrupt:
        if not told:
            raise
        console.print("stopped by hand: the same command goes on from here")
    told[-1].model.save(out)


def _start(name: str, seed: int) -> Model:
    if name == "none":
        from counterpoint.decoders.training import fresh_model

        return fresh_model(seed)
    model = load_model(name)
    return replace(model, manifest={**model.manifest, "fits": []})  # it will fit what it is trained on


def _shots(
    path: Path, model: str, select: str, seed: int, earlier: Sequence[int], training
) -> Iterator[tuple[stim.DetectorErrorModel, Shots]]:
    """The error models at `path`, each with its shots; after runs with `earlier` seeds other ones are sampled."""
    files = sorted([*path.glob("*.stim"), *path.glob("*.dem")]) if path.is_dir() and not is_experiment(path) else []
    if files:
        if recorded := sum(1 for mark in MARKS for _ in path.rglob(mark)):
            raise BadInput(f"{path} holds {len(files)} circuits and files of {recorded} recordings: give them apart")
        for file in files:
            yield from _shots(file, model, select, seed, earlier, training)
    elif path.suffix in (".stim", ".dem"):
        dem = read_model(path)
        yield dem, training.Sampled(dem, fold_in((seed,), path.name, *earlier))
    else:
        for folder in find_experiments(path):
            recording = read_experiment(folder)
            dem = dem_of(recording.error_models(model), select)
            half = recording.take(select)
            yield dem, training.Given(half.detection_events, half.flips)


def dem_of(models: Sequence[stim.DetectorErrorModel], select: str) -> stim.DetectorErrorModel:
    """Of the two models for even and for odd shots, the one that was fitted to those that are trained on."""
    return models[0] if len(models) == 1 else models[1 if select == "even" else 0]


def _line(p: Progress) -> str:
    ratio = f"{p.wrong / p.correlated:.3f} of correlated's" if p.correlated else "correlated has none"
    return (
        f"{int(p.seconds) // 60}:{int(p.seconds) % 60:02d}  {p.close:,} close shots of {p.looked:,}; of {p.held:,} "
        f"held out {p.wrong:,} wrong ({ratio}), correlated {p.correlated:,}, matching {p.plain:,}; {p.us:,.0f} us each"
    )


def _verdict(told: Sequence[Progress]) -> str:
    last = told[-1]
    better = last.only_correlated > last.only_model
    discordant = last.only_correlated + last.only_model
    p = binomtest(last.only_model, discordant).pvalue if discordant else 1.0
    plain = "beats matching" if last.wrong < last.plain else "does not beat matching"
    if p >= 0.05:
        against = "not told apart from correlated matching yet"
    else:
        against = "beats correlated matching" if better else "loses to correlated matching"
    losses = [progress.loss for progress in told]
    third = max(1, len(losses) // 3)
    before, after = losses[-2 * third : -third], losses[-third:]
    falling = bool(before) and sum(after) / len(after) < (1 - _SHARE) * sum(before) / len(before)
    more = "more time would help: the curve is still falling" if falling else "the curve is flat"
    return f"{plain}, {against} (p = {p:.2g}, held-out close shots); {more}"


def _plain(last: Progress, out: Path) -> dict[str, object]:
    names = ("seconds", "looked", "close", "held", "loss", "wrong", "correlated", "plain", "only_model")
    return {"out": str(out), **{name: getattr(last, name) for name in (*names, "only_correlated", "us")}}
