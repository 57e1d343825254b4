"""Options that several verbs share, and the parts that they name."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Literal, cast

import sinter
import typer
from rich.console import Console

from counterpoint.base import BadInput, Explorer
from counterpoint.decoders import DECODERS
from counterpoint.decoders.network import MODEL, load_model
from counterpoint.decoders.neural import Neural
from counterpoint.explore import EXPLORERS
from counterpoint.govern.charter import EXPERIMENT, FIRST_RUN, Charter
from counterpoint.loop.build import MakeMachine, build
from counterpoint.loop.jobs import JobSession
from counterpoint.loop.own import own, part
from counterpoint.loop.settings import Settings
from counterpoint.loop.turn import Parts
from counterpoint.machine import MACHINES

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the view.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of everything random.")]
Store = Annotated[Path, typer.Option("--store", help="Folder of the store and the ledger.")]

Rules = Annotated[
    Path | None, typer.Option("--charter", help="A charter in TOML. Default: built in, printed.", show_default=False)
]
JobStore = Annotated[
    Path | None,
    typer.Option("--store", help="Folder of the ledger and the jobs. Default: one that is gone afterwards."),
]

Prior = Annotated[
    Literal["fixed", "followed"],
    typer.Option("--prior", help="Of the decoder: fixed on day zero, or followed from detection events alone."),
]

DEFAULT_STORE = Path("counterpoint-store")
EXPLORER_HELP = f"{', '.join(EXPLORERS)} (fixed does nothing, oracle knows all), or FILE.py:NAME."
MACHINE_HELP = f"{', '.join(MACHINES)}, or FILE.py:NAME."


def machine_part(name: str) -> MakeMachine:
    """What makes the machine that `name` stands for; a person's own is called as those of `MACHINES` are."""
    if name in MACHINES:
        return MACHINES[name]
    made = own(name, MACHINES, "machine")
    if not callable(made):
        raise BadInput(f"machine '{name}' is a {type(made).__name__}, and a function that makes a machine is needed")
    return cast(MakeMachine, made)


def decoder_named(name: str) -> sinter.Decoder:
    """The decoder that `name` stands for: one of ours, a file that `counterpoint train` wrote, or FILE.py:NAME."""
    if not name.endswith(MODEL):
        return part(name, DECODERS, sinter.Decoder, "decoder")
    load_model(name)  # a fault is told before anything runs
    return Neural(name)


def decoder_part(name: str) -> sinter.Decoder | None:
    """The decoder that `name` stands for; None for "none"."""
    return None if name == "none" else decoder_named(name)


def parts_of(settings: Settings) -> Parts:
    """The parts that the names in `settings` stand for, built."""
    explorer = part(settings.explorer, EXPLORERS, Explorer, "explorer")
    return build(settings, machine_part(settings.machine), explorer, decoder_part(settings.decoder))


def charter_line(charter: Charter) -> str:
    """A charter's limits in one line."""
    limits = ", ".join(f"{k} {v:,.12g}" for k, v in charter.limits.model_dump().items())
    built_in = " (built in)" if charter in (FIRST_RUN, EXPERIMENT) else ""
    return f"charter  {charter.name}{built_in}: {limits}"


@contextmanager
def jobs_in(store: Path | None, charter: Path | None) -> Iterator[JobSession]:
    """Jobs under a charter, which is printed, in `store` or in a folder that is gone afterwards."""
    rules = EXPERIMENT if charter is None else Charter.load(charter)
    Console(stderr=True).print(charter_line(rules), style="dim", highlight=False, markup=False, soft_wrap=True)
    with ExitStack() as stack:
        folder = store or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        yield stack.enter_context(JobSession.open(folder, rules))
