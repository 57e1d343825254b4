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

from counterpoint.base import BadInput
from counterpoint.decoders import DECODERS
from counterpoint.loop.build import MakeMachine
from counterpoint.machine import MACHINES

Part = TypeVar("Part")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the view.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of everything random.")]
Store = Annotated[Path, typer.Option("--store", help="Folder of the store and the ledger.")]

DEFAULT_STORE = Path("counterpoint-store")


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
        found = found()
    if not isinstance(found, kind):
        raise BadInput(f"{role} '{name}' is a {type(found).__name__}, and a {kind.__name__} is needed there")
    return found


def machine_part(name: str) -> MakeMachine:
    """What makes the machine that `name` stands for; a person's own is called as those of `MACHINES` are."""
    made = MACHINES[name] if name in MACHINES else _own(name, MACHINES, "machine")
    if not callable(made):
        raise BadInput(f"machine '{name}' is a {type(made).__name__}, and a function that makes a machine is needed")
    return cast(MakeMachine, made)


def decoder_part(name: str) -> sinter.Decoder | None:
    """The decoder that `name` stands for; None for "none"."""
    return None if name == "none" else part(name, DECODERS, sinter.Decoder, "decoder")


def _own(name: str, registry: Mapping[str, Any], role: str) -> Any:
    """What ``FILE.py:NAME`` holds."""
    file, colon, attribute = name.rpartition(":")
    if not colon or not file.endswith(".py"):
        known = ", ".join(sorted(registry))
        raise BadInput(f"{role} '{name}' is not known: take one of {known}, or your own as FILE.py:NAME")
    if not Path(file).is_file():
        raise BadInput(f"{role} '{name}' names the file {file}, which does not exist: check the path")
    module = _load(Path(file))
    if not hasattr(module, attribute):
        raise BadInput(f"{role} '{name}': {file} defines no '{attribute}': check the name")
    return getattr(module, attribute)


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # dataclasses look their module up by name
    spec.loader.exec_module(module)
    return module
