"""The task: find a gate's best amplitude from few uses of the gate."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

from counterpoint.base import Counts, Floats, Key, fold_in
from counterpoint.codes import surface
from counterpoint.codes.faults import Gate
from counterpoint.machine import builds
from counterpoint.machine.device import Device
from counterpoint.machine.pulses import KNOB, Train, chances
from counterpoint.workloads.calibrate.amplification import ErrorAmplification
from counterpoint.workloads.calibrate.repetition import CoherentRepetition
from counterpoint.workloads.calibrate.singles import SinglePulses
from counterpoint.workloads.calibrate.trains import Dial
from counterpoint.workloads.workload import Bill, Budget, Solver, Workload

FLOOR = 1e-6  # rad; less is not told apart
DRIFT = 1.0  # standard deviation of a drawn optimum of the amplitude, in scales
OTHERS = 0.5  # and of the gate's other knobs, which stay where they are


@dataclass(frozen=True)
class Task:
    """A qubit of a willow-like chip whose gate has drifted since its last calibration."""

    device: Device
    qubit: int
    optimum: Floats  # (N,) the truth

    @cached_property
    def knob(self) -> int:
        """Which of the device's knobs is turned."""
        return self.device.knobs.index(f"{KNOB} {self.qubit}")

    @cached_property
    def dial(self) -> Dial:
        """What is known of it: the gate's error is that of the last calibration."""
        d, i = self.device, self.knob
        error = float(d.floor[d.gates.index(Gate("1Q", (self.qubit,)))])
        return Dial(float(d.start[i]), float(d.low[i]), float(d.high[i]), float(d.scale[i]), error)

    def scan(self, settings: Floats, pulses: int, shots: int, key: Key) -> Counts:
        """(C,) shots that gave 1."""
        controls = np.tile(self.device.start, (settings.size, 1))
        controls[:, self.knob] = settings
        chance = chances(self.device, Train(self.qubit, pulses), controls, self.optimum)
        return np.random.default_rng(key).binomial(shots, chance)

    def over_rotation(self, setting: float) -> float:
        """Of a pulse, in rad."""
        i = self.knob
        apart = (setting - self.optimum[i]) / self.device.scale[i]
        return float(2 * math.sqrt(self.device.response[i]) * apart)

    def score(self, setting: float) -> float:
        """-ln of the over-rotation that is left, in rad, at most -ln of 1e-6."""
        return -math.log(max(abs(self.over_rotation(setting)), FLOOR))


@final
@dataclass(frozen=True)
class Leave:
    """The knob stays where it is."""

    def __str__(self) -> str:
        return "as it is"

    def __call__(self, instance: Task, budget: Budget, key: Key) -> tuple[float, Bill]:
        return instance.score(instance.dial.start), Bill()


@final
class Recalibration(Workload):
    """Find the setting at which a gate neither over- nor under-rotates, with at most so many uses of the gate.

    Instances are qubits of new willow-like chips, whose amplitude is normally one scale off (0.047 rad, in standard
    deviation) and whose other knobs are half a scale off; gates differ in response, floor and readout.
    """

    name = "recalibrate"
    hypothesis = (
        "adaptive coherent repetition leaves an over-rotation at least a tenth smaller (geometric mean) than the best "
        "rival, error amplification by a fixed ladder among them, on the same uses of the gate"
    )
    margin = math.log(1 / 0.9)

    def instance(self, key: Key) -> Task:
        """A qubit of a chip of its own."""
        rng = np.random.default_rng(fold_in(key, "task"))
        device = builds.willow(surface.memory(3, 3), fold_in(key, "device"))
        spread = np.array([DRIFT if name.startswith(KNOB) else OTHERS for name in device.knobs])
        optimum = device.start + device.scale * spread * rng.standard_normal(spread.size)
        qubit = int(rng.choice([gate.qubits[0] for gate in device.gates if gate.kind == "1Q"]))
        return Task(device, qubit, np.clip(optimum, device.low, device.high))

    def solvers(self) -> Mapping[str, Sequence[Solver]]:
        return {
            "quantum": [CoherentRepetition(reach) for reach in (0.7, 1.0, 1.4)],
            "amplified": [
                ErrorAmplification(deepest, settings, last, growth)
                for deepest in (30, 120, 480)
                for settings in (2, 3, 5)
                for last in (0.5, 0.65, 0.8)
                for growth in (2, 3)
            ],
            "gp-ucb": [SinglePulses(beta, length) for beta in (0.3, 1.0, 3.0) for length in (3.0, 6.0)],
            "nothing": [Leave()],
        }
