"""Functions compiled by numba."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` compiled at its first call, and kept on the disk for the next process.

    Where neither the folder of the package nor the person's own cache can be written, nothing is kept.
    """
    try:
        return njit(cache=True)(function)
    except RuntimeError:
        return njit(function)
