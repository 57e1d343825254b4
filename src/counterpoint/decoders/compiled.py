"""Functions compiled by numba."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` compiled at its first call, and kept on the disk for the next process.

    Where neither the folder of the package nor the person's own cache can be written, nothing is kept.
    """
    return _kept(function)


def compiled_wide(function: Callable[..., Any]) -> Callable[..., Any]:
    """`compiled`, for loops over lanes: sums may be reordered and a division by zero raises nothing.

    Only without that check can the compiler divide a whole row of lanes at once.
    """
    return _kept(function, fastmath=True, error_model="numpy")


def _kept(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    try:
        return njit(cache=True, **options)(function)
    except RuntimeError:
        return njit(**options)(function)
