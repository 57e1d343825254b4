"""Machines: what runs circuits. MACHINES has those that can be made from a distance and a drift."""

from collections.abc import Callable

from counterpoint.base import Machine
from counterpoint.machine.chip import coherent, crosstalk, published, willow
from counterpoint.machine.repetition import CoherentRepetition

MACHINES: dict[str, Callable[..., Machine]] = {
    "willow": willow,
    "published": published,
    "coherent": coherent,
    "crosstalk": crosstalk,
    "repetition": CoherentRepetition,
}
