"""A person's own parts: loaded from FILE.py:NAME; where one fails, one sentence says which, how and at which line."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from counterpoint.base import BadInput

Part = TypeVar("Part")


@contextmanager
def blaming(part: str) -> Iterator[None]:
    """What goes wrong inside is told as the fault of `part`, such as "explorer 'mine.py:Mine'".

    Raises:
        BadInput: with the error's type, message, file and line.
    """
    try:
        yield
    except BadInput:
        raise
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        line = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else frames[-1].lineno
        file = error.filename if isinstance(error, SyntaxError) else frames[-1].filename
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        raise BadInput(f"{part} failed with {what} ({file}, line {line}): mend it there") from error


def part(name: str, registry: Mapping[str, Part], kind: type[Part], role: str) -> Part:
    """The part that `name` stands for: a key of `registry`, or ``FILE.py:NAME`` of a person's own.

    NAME may be an instance of `kind` or a class that needs no arguments.

    Raises:
        BadInput: no such key, file or name, or what is found is not a `kind`.
    """
    if name in registry:
        return registry[name]
    found = own(name, registry, role)
    if isinstance(found, type):
        with blaming(f"{role} '{name}'"):
            found = found()
    if not isinstance(found, kind):
        raise BadInput(f"{role} '{name}' is a {type(found).__name__}, and a {kind.__name__} is needed there")
    return found


def own(name: str, registry: Mapping[str, Any], role: str) -> Any:
    """What ``FILE.py:NAME`` holds. Raises BadInput where there is no such file or name, or the file fails."""
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


def fingerprint(name: str) -> str:
    """SHA-256 of the file in ``FILE.py:NAME``; "" where there is no such file."""
    path = Path(name.rpartition(":")[0])
    return sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


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
