"""Machines for general circuits: what runs them, behind permits and a meter, with one form of answer."""

from __future__ import annotations

from typing import Protocol, final, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from counterpoint.base import Job, Key, Machine, Permit, Price, Program, Shots, fold_in
from counterpoint.machine.checks import check_job
from counterpoint.machine.knobs import NO_KNOBS
from counterpoint.machine.meter import Meter
from counterpoint.machine.results import shots_of


class Simulator(Protocol):
    """Runs general circuits; the same key gives the same results."""

    @property
    def name(self) -> str: ...

    def seconds(self, circuit: Program) -> float:
        """Machine time of one shot. Raises BadInput for a circuit that cannot be read or run."""
        ...

    def measured(self, circuit: Program, shots: int, key: Key) -> NDArray[np.bool_]:
        """(shots, M) measured bits. Raises BadInput as `seconds`."""
        ...


@runtime_checkable
class Placing(Protocol):
    """What puts a circuit on physical qubits."""

    def placed(self, circuit: Program) -> tuple[int, ...]:
        """The physical qubits of those of `circuit`, in order. Raises BadInput where there are too few."""
        ...


@final
class GeneralMachine(Machine):
    """A simulator as a machine. It has no knobs, so that controls are (C, 0), and no twin; a shot counts as a cycle."""

    def __init__(self, simulator: Simulator) -> None:
        self.name = simulator.name
        self.space = NO_KNOBS
        self.twin = None
        self.simulator = simulator
        self._meter = Meter()

    @property
    def clock(self) -> float:
        """Machine time in seconds since it was switched on."""
        return self._meter.clock

    def resume(self, clock: float) -> None:
        """Go on at `clock` seconds: nothing drifts."""
        self._meter.resume(clock)

    def price(self, job: Job) -> Price:
        """Shots, as many cycles, and the simulator's machine time; no money. Raises BadInput as `Simulator.seconds`."""
        shots = len(job.controls) * job.shots
        return Price(cycles=shots, shots=shots, seconds=shots * self.simulator.seconds(job.circuit))

    def run(self, job: Job, permit: Permit) -> Shots:
        """Carry out `job`; the clock advances by its price.

        Raises BadInput as `sample`, and where the permit is for another action, covers less than the job's price or
        was used before.
        """
        return self._meter.carry_out(job, self.price(job), permit, self.sample)

    def sample(self, job: Job) -> Shots:
        """What the machine would give for `job` now; nothing changes. Raises BadInput as the simulator."""
        check_job(job, self.space)
        keys = [fold_in(job.key, "shots", c) for c in range(len(job.controls))]
        measured = np.array([self.simulator.measured(job.circuit, job.shots, key) for key in keys])
        return shots_of(job, measured, started=self._meter.clock, seconds=self.price(job).seconds)
