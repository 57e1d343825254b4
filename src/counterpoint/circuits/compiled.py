"""Compiling by XLA so that the first call comes soon: a circuit is many small kernels, none of them worth long work."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import jax

# On a processor: one module in place of many, the older emitters of fused loops, which take less time to compile, and
# fewer of LLVM's passes. Products of matrices, which take most of a call, are not compiled at all.
OPTIONS: dict[str, bool | int] = {
    "xla_cpu_use_fusion_emitters": False,
    "xla_cpu_parallel_codegen_split_count": 1,
    "xla_backend_optimization_level": 1,
}


def compiled(function: Callable[..., Any]) -> Any:
    """As `jax.jit`, with `OPTIONS` where this version of XLA knows them.

    It stands outermost: what has options of its own JAX neither differentiates nor maps.
    """
    return jax.jit(function, compiler_options=_known())


@cache
def _known() -> dict[str, bool | int] | None:
    """The options, or None where XLA refuses one: they are its own, and may go."""
    try:
        jax.jit(lambda: 0, compiler_options=OPTIONS).lower().compile()
    except Exception:  # jaxlib's error, whose type differs between versions
        return None
    return OPTIONS
