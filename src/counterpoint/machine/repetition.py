"""The repetition code with over-rotations as a machine: permits, time and drift about an exact simulation."""

from __future__ import annotations

from typing import Literal, final

import numpy as np
import stim

from counterpoint.base import BadInput, ControlSpace, Floats, Job, Key, Machine, Permit, Price, Shots, fold_in
from counterpoint.codes import repetition
from counterpoint.codes.sites import sites_of
from counterpoint.machine.checks import check_epoch, check_job, stim_circuit
from counterpoint.machine.device import RANGE, spread
from counterpoint.machine.drift import Drift, parse
from counterpoint.machine.meter import Meter, price_of
from counterpoint.machine.results import no_bits
from counterpoint.machine.rotations import FLIP, READOUT, noisy, sample_shots

ANGLE = 0.2  # rad, chosen: over-rotation of a qubit whose knobs are all one scale off: it flips with 1 %
MOST = 15  # largest distance: a table of all 2^(d - 1) outcomes of a cycle is made for each setting
BATCH = 4096  # shots at once: bounds the memory


@final
class CoherentRepetition(Machine):
    """The repetition code of an odd distance with coherent errors, exact; its optima drift.

    It runs its own memory experiments only (`memory`). Machine time advances by 1.1 us for each cycle of
    each shot; drift stands still within a job; the same key and the same jobs give the same shots.
    """

    def __init__(
        self, distance: int, controls_per_gate: int = 1, *, key: Key, drift: Drift | str, epoch_seconds: float
    ) -> None:
        """`controls_per_gate` knobs on each data qubit, whose angles add; one scale off, all turn by ANGLE.

        Angles are spread log-normally between knobs. Raises BadInput for an even, small or very large
        distance, fewer than 1 control a gate, or a drift that cannot be read.
        """
        circuit = repetition.memory(distance, 3)
        if distance > MOST:
            raise BadInput(
                f"a coherent repetition code of distance {distance} was asked for, and it is simulated exactly up "
                f"to {MOST}: give {MOST} or less"
            )
        if controls_per_gate < 1:
            raise BadInput(f"{controls_per_gate} controls a gate were asked for: give 1 or more")
        check_epoch(epoch_seconds)
        self.name = "repetition"
        self.distance = distance
        self.epoch_seconds = epoch_seconds
        self.space = _space(circuit, distance, controls_per_gate)
        self.twin = RepetitionTwin(self)
        knobs = self.space.start.size
        angle = ANGLE / controls_per_gate * spread(knobs, fold_in(key, "angle"))
        self._turns = np.zeros((knobs, distance))  # rad of each qubit for one scale of each knob
        self._turns[np.arange(knobs), np.arange(knobs) // controls_per_gate] = angle
        self._drift = parse(drift) if isinstance(drift, str) else drift
        self._drift_state = self._drift.begin(fold_in(key, "drift"), knobs)
        self._meter = Meter()

    @property
    def clock(self) -> float:
        """Machine time in seconds since it was switched on."""
        return self._meter.clock

    def resume(self, clock: float) -> None:
        """Go on at `clock` seconds: the drift is where it would be had the machine never stopped."""
        self._meter.resume(clock)

    def memory(self, rounds: int, basis: Literal["Z", "X"] = "Z") -> stim.Circuit:
        """The circuit that this machine runs: noiseless, as `codes.repetition.memory`."""
        return repetition.memory(self.distance, rounds, basis)

    def price(self, job: Job) -> Price:
        """Cycles, shots and machine seconds of all candidates; no money."""
        return price_of(job, job.cycles)

    def run(self, job: Job, permit: Permit) -> Shots:
        """Carry out `job`; the clock advances by its price.

        Raises BadInput where the permit is for another action, covers less than the job's price or was
        used before, where controls are outside the safe range, and for another circuit than `memory`'s.
        """
        return self._meter.carry_out(job, self.price(job), permit, self.sample)

    def sample(self, job: Job) -> Shots:
        """What the machine would give for `job` now; nothing changes. Raises BadInput as `run`, but for permits."""
        check_job(job, self.space)
        given = stim_circuit(job, self.name)
        rounds = self._rounds(given)
        half = self.angles(job.controls) / 2
        events = np.empty((len(half), job.shots, (given.num_detectors + 7) // 8), np.uint8)
        flips = np.empty((len(half), job.shots, 1), np.uint8)
        for c, row in enumerate(half):
            rng = np.random.default_rng(fold_in(job.key, "shots", c))
            for first in range(0, job.shots, BATCH):
                here = slice(first, min(first + BATCH, job.shots))
                events[c, here], flips[c, here] = sample_shots(row, rounds, here.stop - first, rng)
        return Shots(
            events,
            flips,
            no_bits(*events.shape[:2]),
            job.controls,
            started=self._meter.clock,
            seconds=self.price(job).seconds,
        )

    def optimum(self) -> Floats:
        """(N,) the best controls now: where the last calibration left them, plus drift, in the safe range."""
        self._drift_state = self._drift.now(self._drift_state, self._meter.clock, self.epoch_seconds)
        moved = self.space.start + self.space.scale * self._drift.offset(self._drift_state)
        return np.clip(moved, self.space.low, self.space.high)

    def angles(self, controls: Floats) -> Floats:
        """(C, d) theta_q in rad under controls (C, N) now."""
        return ((controls - self.optimum()) / self.space.scale) @ self._turns

    def expected(self, circuit: stim.Circuit, controls: Floats) -> Floats:
        """(C, S) exact mean detection events a detector of each site that `circuit` would give now.

        A rotation multiplies the mean parity of a check on its qubit by cos(theta), a flip by 1 - 2 FLIP,
        each result in it by 1 - 2 READOUT; a detector fires with (1 - parity) / 2.
        """
        rounds = self._rounds(circuit)
        turned = np.cos(self.angles(controls)) * (1 - 2 * FLIP)
        read = 1 - 2 * READOUT
        cycle = turned[:, :-1] * turned[:, 1:]
        # Results in a detector: 1 in the first round, 2 in the bulk, 1 and two data qubits at the end.
        fired = [(1 - cycle * read) / 2, (rounds - 1) * (1 - cycle * read**2) / 2, np.full_like(cycle, 1 - read**3) / 2]
        return (fired[0] + fired[1] + fired[2]) / (rounds + 1)

    def error_model(self, circuit: stim.Circuit) -> stim.DetectorErrorModel:
        """Error model of `circuit` on day zero, at `start`: flips only, those of over-rotations included.

        Raises BadInput for another circuit than `memory`'s.
        """
        self._rounds(circuit)
        day_zero = self._drift.offset(self._drift.at(self._drift_state, 0))
        off = np.clip(
            self.space.scale * day_zero, self.space.low - self.space.start, self.space.high - self.space.start
        )
        turned = np.cos(-off / self.space.scale @ self._turns)
        return noisy(circuit, (1 - (1 - 2 * FLIP) * turned) / 2).detector_error_model(decompose_errors=True)

    def _rounds(self, circuit: stim.Circuit) -> int:
        """The rounds of `circuit`, one of this machine's memory experiments."""
        rounds = circuit.num_detectors // (self.distance - 1) - 1
        if rounds < 1 or circuit not in (self.memory(rounds, "Z"), self.memory(rounds, "X")):
            raise BadInput(
                f"a circuit on {circuit.num_qubits} qubits with {circuit.num_detectors} detectors was given, and the "
                f"repetition machine runs its own memory experiments on {2 * self.distance - 1} qubits only: "
                "take one from its memory(rounds, basis)"
            )
        return rounds


@final
class RepetitionTwin:
    """What only a simulated machine has: the truth, and runs that cost it nothing."""

    def __init__(self, machine: CoherentRepetition) -> None:
        self._machine = machine

    def optimum(self) -> Floats:
        """(N,) the best controls at this moment."""
        return self._machine.optimum()

    def run(self, job: Job) -> Shots:
        """What the machine would give for `job` at this moment; its clock stands still."""
        return self._machine.sample(job)

    def expected(self, circuit: stim.Circuit, controls: Floats) -> Floats:
        """(C, S) exact mean detection events a detector of each site that `circuit` would give now."""
        return self._machine.expected(circuit, controls)


def _space(circuit: stim.Circuit, distance: int, each: int) -> ControlSpace:
    sites = sites_of(circuit).names
    qubits = [q for q in range(0, 2 * distance, 2) for _ in range(each)]
    names = [f"XY amplitude {q}" if each == 1 else f"XY amplitude {q} #{i % each}" for i, q in enumerate(qubits)]
    ones = np.ones(len(names))
    return ControlSpace(
        names=tuple(names),
        units=("",) * len(names),
        low=-RANGE * ones,
        high=RANGE * ones,
        start=0 * ones,
        scale=ones,
        touches=np.array([[abs(q - int(site)) == 1 for site in sites] for q in qubits]),
        sites=sites,
    )
