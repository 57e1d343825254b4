"""The packages of vendors, which are installed only by those who use them."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType

from counterpoint.base import BadInput

EXTRAS = {"qiskit": "qiskit qiskit-aer qiskit-ibm-runtime", "braket": "amazon-braket-sdk"}  # as in pyproject.toml


def package(module: str, extra: str) -> ModuleType:
    """The imported `module` of the optional dependencies `extra`. Raises BadInput where it is not installed."""
    try:
        return import_module(module)
    except ImportError as problem:
        raise _missing(module, extra) from problem


def release(distribution: str, extra: str) -> str:
    """The version of `distribution`, such as 0.51.0; it is not imported. Raises BadInput where it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError as problem:
        raise _missing(distribution, extra) from problem


def _missing(what: str, extra: str) -> BadInput:
    return BadInput(
        f"the machines of {extra} need {what}, which is not installed here: run {sys.executable} -m pip install "
        f"{EXTRAS[extra]}"
    )
