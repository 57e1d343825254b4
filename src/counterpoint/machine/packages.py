"""The packages of vendors, which are installed only by those who use them."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from counterpoint.base import BadInput


def package(module: str, extra: str) -> ModuleType:
    """The imported `module` of the optional dependencies `extra`. Raises BadInput where it is not installed."""
    try:
        return import_module(module)
    except ImportError as problem:
        raise BadInput(
            f"this machine needs the package that has '{module}' and it cannot be imported ({problem}): run "
            f"pip install 'counterpoint[{extra}]'"
        ) from problem
