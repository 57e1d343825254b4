"""The logical machine: a chip or noise model, a code and a decoder as logical qubits with measured errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import final

import numpy as np
import stim
from numpy.typing import NDArray

from counterpoint.base import BadInput, Job, Key, Machine, Permit, Price, Program, Shots, fold_in
from counterpoint.circuits.circuit import Circuit
from counterpoint.circuits.clifford import record_of, to_stim
from counterpoint.circuits.tagged import Tagged
from counterpoint.circuits.trajectories import trajectories
from counterpoint.machine.account import Account, account
from counterpoint.machine.checks import check_job
from counterpoint.machine.knobs import NO_KNOBS
from counterpoint.machine.measured import by_stim, held
from counterpoint.machine.meter import Meter, price_of
from counterpoint.machine.operations import OPERATIONS, Fault, Measured
from counterpoint.machine.programs import general
from counterpoint.machine.results import shots_of
from counterpoint.machine.schedule import MAGIC, Schedule, schedule

KEPT = 256  # circuits that were laid out last


def needed(circuit: Program) -> list[str]:
    """The operations whose errors must be measured to run `circuit`. Raises BadInput as `written` and `schedule`."""
    return [name for name in schedule(written(circuit).circuit, _steps()).uses if name in OPERATIONS]


def written(circuit: Program) -> Tagged:
    """`circuit` as `schedule` reads it.

    OpenQASM, and a stim circuit that lacks layers or preparations, are laid out anew: each operation as soon as it can
    be, each qubit prepared before its first use. Joint measurements stay what they are, and are not laid out.
    Raises BadInput for OpenQASM that cannot be read, noise, and gates other than Clifford gates and T.
    """
    if isinstance(circuit, stim.Circuit):
        names = {one.name for one in circuit.flattened()}
        if names & {"MZZ", "MXX", "MPP"} or ("TICK" in names and names & {"R", "RX"}):
            return Tagged(circuit, tuple(range(circuit.num_measurements)))
    return _laid_out(general(circuit))


@lru_cache(KEPT)
def _laid_out(circuit: Circuit) -> Tagged:
    return Tagged(to_stim(circuit), record_of(circuit))


def check_magic(error: float) -> None:
    """Raises BadInput where `error` is not one that an injected magic state can have."""
    if not 0 <= error <= 1 / 2:
        raise BadInput(f"an error of {error:.6g} was given for a magic state: give a number from 0 to 0.5")


def _steps() -> dict[str, int]:
    return {name: operation.steps for name, operation in OPERATIONS.items()}


@final
class LogicalMachine(Machine):
    """Runs circuits of logical qubits: stim circuits of the gates that `schedule` names, and general ones of Clifford
    gates and T, which become such (`written`).

    T is the tagged gate `S[T]`, its inverse `S_DAG[T]`. Each operation errs as it was measured. A circuit without T is
    sampled at any size by stim, one with T by its state vector. Machine time advances by 1.1 us for each cycle of
    each shot; the machine has no knobs, so that controls are (C, 0) and there is no twin.
    """

    def __init__(self, distance: int, measured: Mapping[str, Measured], *, magic: float) -> None:
        """`measured` is what `operations.Bench` found at `distance`; `magic` the error of one injected magic state.

        A magic state errs by a Z: it is twirled in its own basis. Raises BadInput for an error outside 0 to 1/2, and
        for operations measured at another distance.
        """
        for other in (one for one in measured.values() if one.distance != distance):
            raise BadInput(
                f"operation '{other.operation}' was measured at distance {other.distance} and the machine has "
                f"distance {distance}: measure it there"
            )
        check_magic(magic)
        self.name = "logical"
        self.space = NO_KNOBS
        self.twin = None
        self.distance = distance
        self.measured = dict(measured)
        self.magic = magic
        self._meter = Meter()

    @property
    def clock(self) -> float:
        """Machine time in seconds since it was switched on."""
        return self._meter.clock

    def resume(self, clock: float) -> None:
        """Go on at `clock` seconds: nothing drifts."""
        self._meter.resume(clock)

    def cycles(self, circuit: Program) -> int:
        """Error-correction cycles in one shot of `circuit`. Raises BadInput as `written` and `schedule`."""
        return self.distance * self._schedule(circuit).steps

    def price(self, job: Job) -> Price:
        """Cycles, shots and machine seconds of all candidates; no money. Raises BadInput as `cycles`."""
        return price_of(job, self.cycles(job.circuit))

    def run(self, job: Job, permit: Permit) -> Shots:
        """Carry out `job`; the clock advances by its price.

        Raises BadInput where the permit is for another action, covers less than the job's price or was used before,
        and as `sample`.
        """
        return self._meter.carry_out(job, self.price(job), permit, self.sample)

    def sample(self, job: Job) -> Shots:
        """What the machine would give for `job` now; nothing changes.

        Its cycles are what `cycles` says, whatever the job has. Raises BadInput as `cycles`, and for an operation that
        was not measured.
        """
        program = self._program(job)
        self._check_measured(program)
        return self._shots(job, program, self._faults())

    def ideal(self, job: Job) -> Shots:
        """As `sample`, from a machine whose operations never err."""
        return self._shots(job, self._program(job), {})

    def noisy(self, circuit: Program) -> stim.Circuit:
        """The circuit as it is sampled, with the errors of each operation; one more qubit than logical ones."""
        return self._schedule(circuit).circuit(self._faults())

    def account(self, circuit: Program) -> Account:
        """What one shot of `circuit` is charged. Raises BadInput as `cycles`."""
        program = self._schedule(circuit)
        self._check_measured(program)
        cycles = program.steps * self.distance
        return account(program.uses, self.measured, {MAGIC: self.magic}, steps=program.steps, cycles=cycles)

    def _check_measured(self, program: Schedule) -> None:
        missing = [name for name in program.uses if name in OPERATIONS and name not in self.measured]
        if missing:
            raise BadInput(
                f"the circuit needs '{missing[0]}' and {len(self.measured)} other operations were measured: measure "
                "it, too"
            )

    def _program(self, job: Job) -> Schedule:
        check_job(job, self.space)
        return self._schedule(job.circuit)

    def _shots(self, job: Job, program: Schedule, faults: Mapping[str, Sequence[Mapping[Fault, float]]]) -> Shots:
        circuit = program.circuit(faults)
        record = written(job.circuit).record
        measured = [
            held(_sample(program, circuit, job.shots, fold_in(job.key, "shots", c)), record)
            for c in range(len(job.controls))
        ]
        return shots_of(job, np.array(measured), started=self._meter.clock, seconds=self.price(job).seconds)

    def _schedule(self, circuit: Program) -> Schedule:
        return schedule(written(circuit).circuit, _steps())

    def _faults(self) -> dict[str, Sequence[Mapping[Fault, float]]]:
        assumed: Mapping[Fault, float] = {("Z0",): self.magic}
        return {**{name: one.faults for name, one in self.measured.items()}, MAGIC: (assumed,)}


def _sample(program: Schedule, noisy: stim.Circuit, shots: int, key: Key) -> NDArray[np.bool_]:
    """(shots, M) measured bits."""
    if program.magic:
        return trajectories(noisy, shots, key, program.flag)
    return by_stim(noisy, shots, key)
