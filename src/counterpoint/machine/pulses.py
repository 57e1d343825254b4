"""Trains of pulses on one qubit, whose over-rotations add up in amplitude.

Error correction projects an over-rotation away and keeps its Pauli part, which is how the chip's gates err in every
other circuit. A *train* is a circuit on one qubit alone, where nothing is projected:

    R q      SQRT_X q (optional)      X q, k times (spelt out or in a REPEAT block)      M q

A knob "XY amplitude q" that is x = (setting - optimum) / scale off over-rotates each pi pulse by

    delta = 2 sqrt(response) x rad,

whose Pauli twirl has the error sin^2(delta / 2) = response x^2 + O(x^4): the chip's own law. A quarter turn
over-rotates by half of that. The gate's floor and what its other knobs add are depolarising, p a pulse, by which the
Bloch vector shrinks to lambda = 1 - 4 p / 3; reset prepares, and readout tells, the wrong state with the chip's
probabilities r and m. With c = (1 - 2 r) (1 - 2 m) lambda^u, u the number of pulses with the quarter turn, a train
of k pulses gives 1 with the probability

    with the quarter turn      P(1) = (1 + (-1)^k c sin((k + 1/2) delta)) / 2,
    without                    P(1) = (1 - (-1)^k c cos(k delta)) / 2,

because all its turns are about one axis, along which depolarising errors do not favour any direction.

*The best length.* A shot of u uses tells about delta, near 0, the Fisher information (u - 1/2)^2 c^2, and a use
(u - 1/2)^2 lambda^(2 u) / u of it. With a = -ln lambda that is largest where 2 / (u - 1/2) - 1 / u = 2 a, so at

    u = (1 + a + sqrt((1 + a)^2 + 4 a)) / (4 a), about 3 / (8 p):

605 uses for an error of 6.2e-4. There each use tells about u / e, times (1 - 2 r)^2 (1 - 2 m)^2, and one in trains
of a single pulse 9/8: the measured error leaves a constant factor of the quadratic gain.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import stim

from counterpoint.base import BadInput, Floats
from counterpoint.codes.faults import MIXING, Gate
from counterpoint.machine.device import Device
from counterpoint.machine.meter import CYCLE_SECONDS

PULSE_SECONDS = 25e-9  # of one pulse on one qubit: that of willow's law of XY frequency
KNOB = "XY amplitude"
CITATION = (
    "@article{Kimmel2015, title={Robust calibration of a universal single-qubit gate set via robust phase"
    " estimation}, author={Kimmel, Shelby and Low, Guang Hao and Yoder, Theodore J.}, journal={Physical Review A},"
    " volume={92}, pages={062315}, year={2015}, doi={10.1103/PhysRevA.92.062315}}"
)


@dataclass(frozen=True)
class Train:
    """A quarter turn or none, then so many pulses, on one qubit that was reset and is measured."""

    qubit: int
    pulses: int
    quarter: bool = True

    @property
    def uses(self) -> int:
        """Of the gate, one for each pulse and one for the quarter turn."""
        return self.pulses + self.quarter

    @property
    def cycles(self) -> int:
        """Error-correction cycles that a shot lasts: one for reset and readout, and the pulses', rounded up."""
        return 1 + math.ceil(self.uses * PULSE_SECONDS / CYCLE_SECONDS)

    def circuit(self) -> stim.Circuit:
        """As the chip is given it. Raises BadInput for a train without a pulse or turn, or with a negative number."""
        if self.pulses < 0 or not self.uses:
            raise BadInput(f"a train of {self.pulses} pulses was asked for: give 1 or more, or 0 after a quarter turn")
        made = stim.Circuit(f"R {self.qubit}")
        if self.quarter:
            made.append("SQRT_X", [self.qubit])
        if self.pulses:
            made.append(stim.CircuitRepeatBlock(self.pulses, stim.Circuit(f"X {self.qubit}")))
        made.append("M", [self.qubit])
        return made


def read_train(circuit: stim.Circuit) -> Train | None:
    """The train that `circuit` is, or None where it is anything else; TICKs change nothing."""
    steps: list[tuple[str, int, int]] = []  # a gate, its qubit, how often
    for instruction in circuit:
        if isinstance(instruction, stim.CircuitRepeatBlock):
            body = [i for i in instruction.body_copy() if i.name != "TICK"]
            step = _alone(body[0]) if len(body) == 1 else None
            step = (step[0], step[1], step[2] * instruction.repeat_count) if step and step[0] == "X" else None
        elif instruction.name == "TICK":
            continue
        else:
            step = _alone(instruction)
        if step is None or (steps and step[1] != steps[0][1]):
            return None
        steps.append(step)
    names = [name for name, _, _ in steps]
    pulses = sum(times for name, _, times in steps if name == "X")
    middle = names[1:-1]
    quarter = middle[:1] == ["SQRT_X"] and steps[1][2] == 1
    whole = names[:1] == ["R"] and names[-1:] == ["M"] and steps[0][2] == steps[-1][2] == 1
    if not (whole and middle and set(middle[quarter:]) <= {"X"}):
        return None
    return Train(steps[0][1], pulses, quarter)


def _alone(instruction: stim.CircuitInstruction | stim.CircuitRepeatBlock) -> tuple[str, int, int] | None:
    """Name, qubit and number of uses of an instruction on one qubit; None of any other, and of one with a tag."""
    if isinstance(instruction, stim.CircuitRepeatBlock) or instruction.gate_args_copy() or instruction.tag:
        return None
    targets = instruction.targets_copy()
    same = bool(targets) and all(t == targets[0] for t in targets)
    if not same or not targets[0].is_qubit_target or targets[0].is_inverted_result_target:
        return None
    return instruction.name, targets[0].value, len(targets)


def tunes(device: Device, train: Train) -> bool:
    """Whether the device has the knob whose over-rotations add up in `train`, and can prepare and read its qubit."""
    gates = {Gate("R", (train.qubit,)), Gate("M", (train.qubit,))}
    return f"{KNOB} {train.qubit}" in device.knobs and gates <= set(device.gates)


def ones(train: Train, delta: Floats, error: Floats | float, preparing: float, reading: float) -> Floats:
    """P(1) of a train for over-rotations `delta` in rad, of any shape, by the module's law.

    Args:
        error: depolarising error p of a pulse, of the shape of `delta` or one for all.
        preparing: chance r that reset prepares the other state.
        reading: chance m that readout tells the other state.
    """
    contrast = (1 - 2 * preparing) * (1 - 2 * reading) * (1 - np.asarray(error) / MIXING["1Q"]) ** train.uses
    sign = 1 - 2 * (train.pulses % 2)
    turned = np.sin((train.pulses + 0.5) * delta) if train.quarter else -np.cos(train.pulses * delta)
    return (1 + sign * contrast * turned) / 2


def chances(device: Device, train: Train, controls: Floats, optimum: Floats) -> Floats:
    """(C,) P(1) of `train` under controls (C, N) where the best ones are `optimum` (N,), on a device that `tunes` it.

    For devices without crosstalk or coherence of their own, as all with such knobs are.
    """
    number = {gate: i for i, gate in enumerate(device.gates)}
    floor = [float(device.floor[number[Gate(kind, (train.qubit,))]]) for kind in ("R", "M")]
    knob = device.knobs.index(f"{KNOB} {train.qubit}")
    gate = device.gate_of_knob[knob]
    others = device.gate_of_knob == gate
    others[knob] = False
    x = (controls - optimum) / device.scale
    error = device.floor[gate] + x[:, others] ** 2 @ device.response[others]
    delta = 2 * np.sqrt(device.response[knob]) * x[:, knob]
    return ones(train, delta, np.minimum(error, MIXING["1Q"]), floor[0], floor[1])


def best_uses(error: float) -> float:
    """Uses of the gate in a train from which each tells most about a small over-rotation; above 1.

    Raises BadInput for an error of a pulse that is not between 0, for which longer is always better, and 3/4.
    """
    if not 0 < error < MIXING["1Q"]:
        raise BadInput(f"an error of {error:.6g} a pulse was given: give a number above 0 and below {MIXING['1Q']}")
    a = -math.log1p(-error / MIXING["1Q"])
    return (1 + a + math.sqrt((1 + a) ** 2 + 4 * a)) / (4 * a)
