"""How the best setting of each knob moves: named, seeded processes that add up.

A drift is a function of (key, time) alone, not of how jobs divide the time: it lives on a grid of
ticks, one tick an epoch, and every process draws what it needs for a tick from the key and the tick's
number. So all players see the same drift, and an interrupted run meets it again exactly.

Written as `name:key=value,...` joined by `+`, such as
`sine:f=0.001,amplitude=1,phases=common+telegraph:rate=0.01,amplitude=0.5`; `none` stands still.
Frequencies and rates are per epoch.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from math import inf, isfinite
from typing import Any, final

import numpy as np

from counterpoint.base import BadInput, Floats, Key, fold_in
from counterpoint.machine.processes import (
    Burst,
    Linear,
    OrnsteinUhlenbeck,
    Pink,
    Process,
    Sine,
    Spoiled,
    Step,
    Telegraph,
)

DRIFTS: dict[str, type[Process]] = {
    "sine": Sine,
    "step": Step,
    "burst": Burst,
    "spoiled": Spoiled,
    "linear": Linear,
    "ou": OrnsteinUhlenbeck,
    "telegraph": Telegraph,
    "pink": Pink,
}
POSITIVE: dict[str, tuple[str, ...]] = {
    "ou": ("rate",),
    "telegraph": ("rate",),
    "pink": ("slow", "fast"),
    "burst": ("epochs",),
    "spoiled": ("reach",),
}
TICK_SLACK = 1e-6  # of a tick: a clock is a sum of floats and may stand just short of a tick's start


@dataclass(frozen=True, eq=False)
class DriftState:
    """Where the processes of a drift stand at one tick."""

    key: Key
    knobs: int
    tick: int
    hidden: tuple[Floats, ...]


@final
@dataclass(frozen=True)
class Drift:
    """Processes that add up."""

    processes: tuple[Process, ...]

    def begin(self, key: Key, knobs: int) -> DriftState:
        """The state at tick 0."""
        hidden = tuple(p.begin(fold_in(key, i), knobs) for i, p in enumerate(self.processes))
        return DriftState(key, knobs, 0, hidden)

    def at(self, state: DriftState, tick: int) -> DriftState:
        """The state at `tick`; from the beginning again where that is in the past."""
        if tick < state.tick:
            state = self.begin(state.key, state.knobs)
        hidden = list(state.hidden)
        for now in range(state.tick + 1, tick + 1):
            for i, process in enumerate(self.processes):
                hidden[i] = process.after(hidden[i], fold_in(state.key, i), now)
        return DriftState(state.key, state.knobs, tick, tuple(hidden))

    def now(self, state: DriftState, clock: float, epoch_seconds: float) -> DriftState:
        """The state at `clock` seconds, with ticks of `epoch_seconds`."""
        return self.at(state, int(clock / epoch_seconds + TICK_SLACK))

    def offset(self, state: DriftState) -> Floats:
        """(N,) offsets of the optima, in units of each knob's scale."""
        total = np.zeros(state.knobs)
        for process, hidden in zip(self.processes, state.hidden, strict=True):
            total += process.offset(hidden, state.tick)
        return total


def parse(spec: str) -> Drift:
    """The drift written as `spec`. Raises BadInput, naming what is known, where it cannot be read."""
    if spec.strip() == "none":
        return Drift(())
    return Drift(tuple(_process(part.strip()) for part in spec.split("+")))


def _process(text: str) -> Process:
    name, _, rest = text.partition(":")
    if name not in DRIFTS:
        raise BadInput(f"drift '{name}' is not known: give one of {', '.join(DRIFTS)}, or none")
    known = {f.name: f for f in fields(DRIFTS[name])}
    given: dict[str, Any] = {}
    for pair in filter(None, rest.split(",")):
        key, _, value = (s.strip() for s in pair.partition("="))
        if key not in known:
            raise BadInput(f"drift '{name}' has no setting '{key}': its settings are {', '.join(known)}")
        if key in given:
            raise BadInput(f"drift '{name}' has '{key}' twice, {given[key]} and {value}: give it once")
        given[key] = _value(name, key, value)
    missing = [k for k, f in known.items() if f.default is MISSING and k not in given]
    if missing:
        raise BadInput(f"drift '{name}' was given without '{missing[0]}': write {name}:{missing[0]}=NUMBER")
    process = DRIFTS[name](**given)
    if isinstance(process, Pink) and not process.slow < process.fast:
        raise BadInput(f"drift 'pink' has slow={process.slow:g} and fast={process.fast:g}: give slow below fast")
    return process


def _value(name: str, key: str, text: str) -> float | str:
    if key == "phases":
        if text not in ("common", "independent"):
            raise BadInput(f"drift '{name}' has phases={text}: give common or independent")
        return text
    try:
        number = float(text)
    except ValueError:
        number = inf
    if not isfinite(number):
        raise BadInput(f"drift '{name}' has {key}={text or 'nothing'}: give a finite number")
    if key in POSITIVE.get(name, ()) and number <= 0:
        raise BadInput(f"drift '{name}' has {key}={number:g}: give a number above 0")
    return number
