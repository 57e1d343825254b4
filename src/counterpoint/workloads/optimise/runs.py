"""Independent runs of one heuristic on one problem, as many as its seconds allow."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from typing import Protocol

import numpy as np
from threadpoolctl import threadpool_limits

from counterpoint.base import BadInput, Bits, Floats, Key, fold_in
from counterpoint.workloads.optimise.ising import Ising
from counterpoint.workloads.workload import Bill

FILLED = 0.9  # of the seconds; a batch for the rest would be small
SHARE = 0.5  # of the seconds that are left, for the next batch, and PART of all: a busy core may take twice as long
PART = 0.2
GROWTH = 4  # of one batch over the last
BATCH = 20_000  # runs at most
SLACK = 1.05  # of the seconds, for a first run


@dataclass(frozen=True, eq=False)
class Runs:
    """What came of them."""

    energies: Floats  # (runs,)
    best: Bits  # (n,) of the lowest energy
    prepared: float  # seconds of the processor before the first, as for choosing angles; they are in the bill
    bill: Bill  # of all

    @property
    def seconds(self) -> float:
        """Of machine and processor, a run, without what was prepared."""
        return (self.bill.machine + self.bill.processor - self.prepared) / self.energies.size


class Method(Protocol):
    """A heuristic: a frozen dataclass of its settings, whose `str` is the settings in words."""

    def runs(self, ising: Ising, seconds: float, key: Key) -> Runs:
        """As many independent runs as fit into so many seconds. Raises BadInput where not even one does."""
        ...


@contextmanager
def undisturbed() -> Iterator[None]:
    """What would take from a small budget is held back: NumPy's threads beside the one core that is charged, and
    pauses of Python's collector of garbage."""
    on = gc.isenabled()
    gc.disable()
    try:
        with threadpool_limits(1, "blas"):
            yield
    finally:
        if on:
            gc.enable()


def filled(ising: Ising, seconds: float, key: Key, name: str, start: Callable[[], Callable[[int, Key], Bits]]) -> Runs:
    """Batches of runs until the processor's seconds are used, by one core's own clock.

    Args:
        start: prepares, within the seconds, what gives assignments (k, n), one for each of k runs.

    Raises:
        BadInput: the first run alone takes longer.
    """
    began = time.process_time()
    batch, found, size = start(), [], 1
    prepared = time.process_time() - began
    best, lowest = np.zeros(ising.size, np.uint8), np.inf
    while True:
        before = time.process_time()
        bits = batch(size, fold_in(key, "batch", len(found)))
        energies = ising.energies(bits)
        found.append(energies)
        if energies.min() < lowest:
            best, lowest = bits[energies.argmin()].astype(np.uint8), energies.min()
        now = time.process_time()
        used, each = now - began, (now - before) / size
        if len(found) == 1 and used > SLACK * seconds:
            raise BadInput(
                f"one run of {name} took {used:.3g} s and its share of the budget is {seconds:.3g} s: give a --budget "
                f"{ceil(used / seconds):,} times as large or larger"
            )
        size = min(GROWTH * size, BATCH, int(min(SHARE * (seconds - used), PART * seconds) / each))
        if used > FILLED * seconds or size < 1:
            return Runs(np.concatenate(found), best, prepared, Bill(processor=used))
