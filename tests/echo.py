"""A machine for tests: the outcome of a job is a number that names it, and each run leaves a line in a file."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import final

import numpy as np
import stim

from counterpoint.base import Job, Machine, Permit, Price, Shots
from counterpoint.machine.knobs import NO_KNOBS
from counterpoint.machine.meter import Meter
from counterpoint.machine.results import bits_of, shots_of

BITS = 24
RUNS = "COUNTERPOINT_TEST_RUNS"  # environment variable: the file of `echo`
SECONDS = "COUNTERPOINT_TEST_SECONDS"  # and how long a run takes


def circuit(number: int) -> stim.Circuit:
    """Whose measurements are the bits of `number`."""
    ones = [k for k in range(BITS) if number >> k & 1]
    return stim.Circuit(
        f"R {' '.join(map(str, range(BITS)))}\nX {' '.join(map(str, ones))}\nM {' '.join(map(str, range(BITS)))}"
    )


def number(shots: Shots) -> int:
    """What `circuit` was given."""
    bits = bits_of(shots, BITS)
    assert (bits == bits[0]).all()
    return int(np.packbits(bits[0], bitorder="little").view(np.uint8).astype(int) @ (256 ** np.arange(BITS // 8)))


@final
class Echo(Machine):
    """Runs stim circuits and writes the action of each into a file."""

    def __init__(self, runs: Path, seconds: float = 0.0) -> None:
        self.name, self.space, self.twin = "echo", NO_KNOBS, None
        self.go = threading.Event()  # a run waits for it
        self.go.set()
        self._runs, self._seconds, self._meter = runs, seconds, Meter()

    @property
    def clock(self) -> float:
        return self._meter.clock

    def resume(self, clock: float) -> None:
        self._meter.resume(clock)

    def price(self, job: Job) -> Price:
        return Price(job.shots, job.shots, job.shots * 1e-6)

    def run(self, job: Job, permit: Permit) -> Shots:
        return self._meter.carry_out(job, self.price(job), permit, self._sample)

    def _sample(self, job: Job) -> Shots:
        assert isinstance(job.circuit, stim.Circuit)
        assert self.go.wait(20)
        time.sleep(self._seconds)
        measured = job.circuit.compile_sampler(seed=1).sample(job.shots)[None]
        with self._runs.open("a") as file:
            file.write(f"{job.action}\n")
        return shots_of(job, measured, started=self.clock, seconds=self.price(job).seconds)


def echo() -> Echo:
    """What `serve-machine` makes in another process."""
    return Echo(Path(os.environ[RUNS]), float(os.environ.get(SECONDS, "0")))
