"""The chips that come with the product, as numbers.

`published` is the test chip of the published simulation (arXiv:2511.08493, supplement VI): its errors'
distributions are not public, so that two scale factors are fitted, one of the floors and one of the
responses, both with one-qubit to two-qubit gates as 1 to 5. They give a detection fraction of 10.4 %
at the optimum and 13.5 % with every knob off by one scale, averaged over the bulk detectors (neither
the first nor the last of their site) of a distance-3 memory-Z experiment of 25 rounds, from its error
model, without spread.

`willow` is in the likeness of Google's Willow chip (Nature 638, 920). Its floors are the Pauli
components of the chip's published error budget (supplement, table S4): CZ 2.8e-3, one-qubit gate
6.2e-4, idle data qubits 0.9e-2 while check qubits are measured and reset (half of it in each of the
two layers). An idle qubit in a layer of gates, which the budget does not list, has 3e-4: some 35 ns
of the chip's T1 and T2. Two parameters are fitted, to detection fractions of 7.7, 8.5 and 8.7 % at
distance 3, 5 and 7 and to Lambda = 1.97 with correlated matching:

1. READOUT_FACTOR, on the budget's readout (0.8e-2) and reset (1.5e-3) errors. It stands for what
   the Pauli budget leaves out and what shows mostly as events that repeat at one check.
2. STRAY, the component outside independent Pauli noise on gates: *stray couplings*, depolarising
   errors on pairs of next-nearest neighbours that take part in different CZ gates of one layer.
   No decoder is told of it: it is not in `error_model`. Without it, and READOUT_FACTOR fitted anew to
   the detection fractions (2.16), Lambda is 2.6.

With it the errors a cycle come out above what the chip shows with a neural decoder: 0.74, 0.37 and
0.19 % with correlated matching beside 0.655, 0.306 and 0.143 % (`benchmarks/willow_match.py`).

Responses of willow's knobs follow the textbook laws after Pauli twirling at one scale off: XY
amplitude 1.5 % (over-rotation delta = 0.047 rad of a pi pulse, delta^2 / 4), XY frequency 0.3 MHz
over a 25 ns pulse ((delta omega tau)^2 / 4), CZ phase 0.1 rad (3 phi^2 / 16). For the others scale
and response are chosen of the same size.

`coherent` and `crosstalk` are `published` with gates that share a qubit acting on each other
(`sharing`). Both constants are chosen, not fitted: COHERENCE is the share of pairs of over-rotations that
turn about one axis, where each turns about X or Z with equal chance; CROSSTALK is large enough that a
knob's best setting depends visibly on its neighbours'.
"""

from __future__ import annotations

from dataclasses import replace
from math import pi

import numpy as np
import stim

from counterpoint.base import BadInput, Key, fold_in
from counterpoint.codes.gates import compile_gates
from counterpoint.machine.device import Device, Knob, assemble
from counterpoint.machine.sharing import Coherence, Crosstalk

PUBLISHED_FLOOR = 2.933e-3  # of one-qubit gates; two-qubit gates have TWO_QUBIT times as much
PUBLISHED_RESPONSE = 1.034e-3
TWO_QUBIT = 5.0
COHERENCE = 0.5
CROSSTALK = 0.3
CYCLE_USES = {"1Q": 2.0, "2Q": 1.0}  # of each gate in a cycle of the surface code

READOUT_FACTOR = 1.83
STRAY = 2.5e-4
WILLOW_FLOORS: dict[str, float] = {
    "1Q": 6.2e-4,
    "2Q": 2.8e-3,
    "M": READOUT_FACTOR * 0.8e-2,
    "R": READOUT_FACTOR * 1.5e-3,
    "idle": 3e-4,
    "wait": 0.45e-2,
    "stray": STRAY,
}
WILLOW_KNOBS = (
    Knob("XY amplitude", "1Q", "", start=1.0, scale=0.015, response=(pi * 0.015) ** 2 / 4),
    Knob("XY frequency", "1Q", "MHz", start=0.0, scale=0.3, response=(2 * pi * 0.3 * 0.025) ** 2 / 4),
    Knob("DRAG", "1Q", "", start=1.0, scale=0.2, response=5e-4),
    Knob("CZ amplitude", "2Q", "", start=1.0, scale=0.005, response=1.9e-3),
    Knob("CZ phase", "2Q", "rad", start=pi, scale=0.1, response=3 * 0.1**2 / 16),
    Knob("readout amplitude", "M", "", start=1.0, scale=0.1, response=5e-3),
)


def willow(circuit: stim.Circuit, key: Key) -> Device:
    """Willow's like with the gates of `circuit`."""
    return assemble("willow", compile_gates(circuit), WILLOW_FLOORS, WILLOW_KNOBS, key)


def published(circuit: stim.Circuit, controls_per_gate: int, key: Key) -> Device:
    """The published simulation's chip: knobs on one- and two-qubit gates, all else without error.

    A gate's response is shared by its knobs, so that all of them off by one is the same for any number.
    Raises BadInput for fewer than one control a gate.
    """
    if controls_per_gate < 1:
        raise BadInput(f"{controls_per_gate} controls a gate were asked for: give 1 or more")
    floors = {"1Q": PUBLISHED_FLOOR, "2Q": TWO_QUBIT * PUBLISHED_FLOOR}
    response = PUBLISHED_RESPONSE / controls_per_gate
    knobs = (
        Knob("1Q", "1Q", "", 0.0, 1.0, response, controls_per_gate),
        Knob("CZ", "2Q", "", 0.0, 1.0, TWO_QUBIT * response, controls_per_gate),
    )
    return assemble("published", compile_gates(circuit, ("1Q", "2Q")), floors, knobs, key)


def coherent(circuit: stim.Circuit, controls_per_gate: int, key: Key) -> Device:
    """`published` with over-rotations that add in amplitude: the same floors and responses for the same key."""
    device = published(circuit, controls_per_gate, key)
    sharing = device.sharing
    uses = np.array([CYCLE_USES[device.gates[i].kind] for i in np.unique(device.gate_of_knob)])
    sign = np.random.default_rng(fold_in(key, "sign")).choice([-1.0, 1.0], len(device.knobs))
    return replace(device, name="coherent", coherence=Coherence(sharing, COHERENCE, uses, sign))


def crosstalk(circuit: stim.Circuit, controls_per_gate: int, key: Key) -> Device:
    """`published` with crosstalk between knobs: the same floors and responses for the same key."""
    device = published(circuit, controls_per_gate, key)
    return replace(device, name="crosstalk", crosstalk=Crosstalk(device.sharing, CROSSTALK))
