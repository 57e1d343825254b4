"""Options that say on what a circuit runs: a noise model, or a chip."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from counterpoint.base import BadInput
from counterpoint.machine.hardware import CHIPS, NOISES, Hardware, Noise

P = 1e-3

NoiseName = Annotated[
    Literal["si1000", "uniform"] | None,
    typer.Option("--noise", help="Noise model. Default: si1000, where there is no --chip.", show_default=False),
]
Strength = Annotated[float | None, typer.Option("--p", help=f"Its strength. Default: {P:g}.", show_default=False)]
ChipName = Annotated[
    Literal["willow", "published"] | None,
    typer.Option("--chip", help="A chip with an error for each gate, in place of a noise model.", show_default=False),
]


def hardware_of(noise: str | None, p: float | None, chip: str | None) -> Hardware:
    """What these options stand for. Raises BadInput where both kinds are given, or the strength cannot be."""
    if chip is None:
        name = noise or "si1000"
        return Noise(name, NOISES[name](P if p is None else p))
    if noise is not None or p is not None:
        told = f"--noise {noise}" if noise is not None else f"--p {p:g}"
        raise BadInput(f"--chip {chip} has errors of its own, and {told} was given, too: give one of them")
    return CHIPS[chip]


def named(noise: str | None, p: float | None, chip: str | None) -> str:
    """The same, for a person."""
    return f"chip {chip}" if chip else f"{noise or 'si1000'} noise {P if p is None else p:g}"
