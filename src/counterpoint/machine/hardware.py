"""What makes a circuit noisy, and what decoders are told of it: a noise model, or a chip at its optimum."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
import stim

from counterpoint.base import Key
from counterpoint.codes.gates import compile_gates
from counterpoint.codes.noise import SI1000, NoiseModel, UniformDepolarizing
from counterpoint.machine import builds
from counterpoint.machine.device import Device


class Hardware(ABC):
    """What makes a noiseless circuit noisy, and what decoders are told of it."""

    name: str

    @abstractmethod
    def run(self, circuit: stim.Circuit, key: Key) -> tuple[stim.Circuit, stim.DetectorErrorModel]:
        """The noisy circuit, and the error model that decoders are built from, decomposed into graphlike parts."""


@final
@dataclass(frozen=True)
class Noise(Hardware):
    """A noise model with one rate for each kind of gate, all known to the decoder."""

    name: str
    model: NoiseModel

    def run(self, circuit: stim.Circuit, key: Key) -> tuple[stim.Circuit, stim.DetectorErrorModel]:
        """The same for every key."""
        noisy = self.model.noisy(circuit)
        return noisy, noisy.detector_error_model(decompose_errors=True)


@final
@dataclass(frozen=True)
class Chip(Hardware):
    """A chip of the product at its optimum, on as many qubits as the circuit has; its gates' errors are drawn."""

    name: str
    device: Callable[[stim.Circuit, Key], Device]

    def run(self, circuit: stim.Circuit, key: Key) -> tuple[stim.Circuit, stim.DetectorErrorModel]:
        """Decoders know each gate's own error, and no stray couplings."""
        device = self.device(circuit, key)
        rates = device.rates(device.start[None], device.start)[0]
        known = np.array(
            [0.0 if gate.kind == "stray" else rate for gate, rate in zip(device.gates, rates, strict=True)]
        )
        template = compile_gates(circuit, {gate.kind for gate in device.gates})
        return template.circuit(rates), template.circuit(known).detector_error_model(decompose_errors=True)


CHIPS = {
    "willow": Chip("willow", builds.willow),
    "published": Chip("published", lambda circuit, key: builds.published(circuit, 1, key)),
}
CHIP_TWO_QUBIT = {  # mean error of a two-qubit gate
    "willow": builds.WILLOW_FLOORS["2Q"],
    "published": builds.TWO_QUBIT * builds.PUBLISHED_FLOOR,
}
NOISES: dict[str, Callable[[float], NoiseModel]] = {"uniform": UniformDepolarizing, "si1000": SI1000}
