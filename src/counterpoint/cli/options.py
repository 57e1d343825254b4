"""Options that several verbs share, and the loading of a person's own parts."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, TypeVar, cast

import sinter
import typer

from counterpoint.base import BadInput, Explorer
from counterpoint.decoders import DECODERS
from counterpoint.explore import EXPLORERS
from counterpoint.govern.charter import EXPERIMENT, FIRST_RUN, Charter
from counterpoint.loop.build import MakeMachine, build
from counterpoint.loop.own import blaming
from counterpoint.loop.settings import Settings
from counterpoint.loop.turn import Parts
from counterpoint.machine import MACHINES

Part = TypeVar("Part")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the view.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of everything random.")]
Store = Annotated[Path, typer.Option("--store", help="Folder of the store and the ledger.")]

DEFAULT_STORE = Path("counterpoint-store")
EXPLORER_HELP = "gradient, spsa, FILE.py:NAME, or a bounding player: fixed (does nothing), oracle (knows all)."


def part(name: str, registry: Mapping[str, Part], kind: type[Part], role: str) -> Part:
    """The part that `name` stands for: a key of `registry`, or ``FILE.py:NAME`` of a person's own.

    NAME may be an instance of `kind` or a class that needs no arguments.

    Raises:
        BadInput: no such key, file or name, or what is found is not a `kind`.
    """
    if name in registry:
        return registry[name]
    found = _own(name, registry, role)
    if isinstance(found, type):
        with blaming(f"{role} '{name}'"):
            found = found()
    if not isinstance(found, kind):
        raise BadInput(f"{role} '{name}' is a {type(found).__name__}, and a {kind.__name__} is needed there")
    return found


def machine_part(name: str) -> MakeMachine:
    """What makes the machine that `name` stands for; a person's own is called as those of `MACHINES` are."""
    if name in MACHINES:
        return MACHINES[name]
    made = _own(name, MACHINES, "machine")
    if not callable(made):
        raise BadInput(f"machine '{name}' is a {type(made).__name__}, and a function that makes a machine is needed")
    return cast(MakeMachine, made)


def decoder_part(name: str) -> sinter.Decoder | None:
    """The decoder that `name` stands for; None for "none"."""
    return None if name == "none" else part(name, DECODERS, sinter.Decoder, "decoder")


def parts_of(settings: Settings) -> Parts:
    """The parts that the names in `settings` stand for, built."""
    explorer = part(settings.explorer, EXPLORERS, Explorer, "explorer")
    return build(settings, machine_part(settings.machine), explorer, decoder_part(settings.decoder))


def charter_line(charter: Charter) -> str:
    """A charter's limits in one line."""
    limits = ", ".join(f"{k} {v:,.12g}" for k, v in charter.limits.model_dump().items())
    built_in = " (built in)" if charter in (FIRST_RUN, EXPERIMENT) else ""
    return f"charter  {charter.name}{built_in}: {limits}"


def _own(name: str, registry: Mapping[str, Any], role: str) -> Any:
    """What ``FILE.py:NAME`` holds."""
    file, colon, attribute = name.rpartition(":")
    if not colon or not file.endswith(".py"):
        known = ", ".join(sorted(registry))
        raise BadInput(f"{role} '{name}' is not known: take one of {known}, or your own as FILE.py:NAME")
    if not Path(file).is_file():
        raise BadInput(f"{role} '{name}' names the file {file}, which does not exist: check the path")
    with blaming(f"{role} '{name}'"):
        module = _load(Path(file))
    if not hasattr(module, attribute):
        raise BadInput(f"{role} '{name}': {file} defines no '{attribute}': check the name")
    return getattr(module, attribute)


def _load(path: Path) -> ModuleType:
    # A name of its own: a file called numpy.py must not stand in for NumPy.
    name = f"counterpoint_own_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up by name
    spec.loader.exec_module(module)
    return module
