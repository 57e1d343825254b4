"""The ideal machine: every general circuit without any error, by the cheapest exact method."""

from __future__ import annotations

from functools import lru_cache
from typing import final

import numpy as np
import stim
from numpy.typing import NDArray

from counterpoint.base import BadInput, Floats, Job, Key, Machine, Permit, Price, Shots, fold_in
from counterpoint.circuits import tags
from counterpoint.circuits.circuit import Circuit
from counterpoint.circuits.tagged import Tagged, tagged
from counterpoint.machine.checks import check_job
from counterpoint.machine.logical import NO_KNOBS
from counterpoint.machine.measured import bits, by_stim
from counterpoint.machine.meter import Meter, price_of
from counterpoint.machine.programs import general
from counterpoint.machine.results import shots_of

KEPT = 64  # circuits that were run last


@final
class IdealMachine(Machine):
    """Clifford circuits of any size by stim; others by the state vector, or where a gate depends on a result by
    following the state vector of each shot (`circuits.trajectories`).

    The same key gives the same shots. It has no knobs, so that controls are (C, 0), and no twin. A shot is charged as
    one cycle of the simulated chips, so that machine time passes and a charter's limits hold.
    """

    def __init__(self) -> None:
        self.name = "ideal"
        self.space = NO_KNOBS
        self.twin = None
        self._meter = Meter()

    @property
    def clock(self) -> float:
        """Machine time in seconds since it was switched on."""
        return self._meter.clock

    def resume(self, clock: float) -> None:
        """Go on at `clock` seconds: nothing drifts."""
        self._meter.resume(clock)

    def price(self, job: Job) -> Price:
        """Shots, a cycle and 1.1 us of machine time for each; no money."""
        return price_of(job, 1)

    def run(self, job: Job, permit: Permit) -> Shots:
        """Carry out `job`; the clock advances by its price.

        Raises BadInput where the permit is for another action, covers less than the job's price or was used before,
        for a circuit that cannot be read, one with noise, and too many qubits for its gates.
        """
        return self._meter.carry_out(job, self.price(job), permit, self.sample)

    def sample(self, job: Job) -> Shots:
        """What the machine would give for `job` now; nothing changes. Raises BadInput as `run`, but for permits."""
        check_job(job, self.space)
        measured = [self._measured(job, fold_in(job.key, "shots", c)) for c in range(len(job.controls))]
        return shots_of(job, np.array(measured), started=self._meter.clock, seconds=self.price(job).seconds)

    def _measured(self, job: Job, key: Key) -> NDArray[np.bool_]:
        """(shots, M) measured bits."""
        if isinstance(job.circuit, stim.Circuit) and tags.plain(job.circuit):
            if job.circuit != job.circuit.without_noise():
                raise BadInput(
                    f"a circuit with noise was given and the {self.name} machine has 0: give it without, or take a "
                    "simulated chip"
                )
            return by_stim(job.circuit, job.shots, key)
        circuit = general(job)
        run = _tagged(circuit)
        if tags.plain(run.circuit) or circuit.depends_on_results:
            return bits(run, job.shots, key)
        return _drawn(circuit, job.shots, key)


@lru_cache(KEPT)
def _tagged(circuit: Circuit) -> Tagged:
    return tagged(circuit)


def _drawn(circuit: Circuit, shots: int, key: Key) -> NDArray[np.bool_]:
    """(shots, bits) from the state vector."""
    source = {one.bit: one.qubits[0] for one in circuit.operations if one.bit is not None}  # the last one stays
    qubits = tuple(sorted(set(source.values())))
    upto = np.cumsum(_chances(circuit, qubits))
    outcomes = np.searchsorted(upto, upto[-1] * np.random.default_rng(key).random(shots), "right")
    found = np.zeros((shots, circuit.bits), np.bool_)
    for bit, qubit in source.items():
        found[:, bit] = outcomes >> qubits.index(qubit) & 1
    return found


@lru_cache(2)
def _chances(circuit: Circuit, qubits: tuple[int, ...]) -> Floats:
    """(2^k,) exact chances of the results of `qubits`."""
    from counterpoint.circuits.state import probabilities  # JAX takes half a second to import

    return probabilities(circuit, qubits)
