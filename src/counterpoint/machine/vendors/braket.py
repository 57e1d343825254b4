"""Braket's local simulators as machines: the state vector, and the density matrix with a stated noise."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import lru_cache
from logging import LogRecord, getLogger
from typing import Any, Literal, final

import numpy as np
from numpy.typing import NDArray

from counterpoint.base import BadInput, Key, Program
from counterpoint.circuits.circuit import Circuit
from counterpoint.machine.general import GeneralMachine
from counterpoint.machine.programs import general
from counterpoint.machine.vendors.braket_programs import (
    ONE,
    TWO,
    braket_circuit,
    measured_bits,
    program_text,
    written_bits,
)
from counterpoint.machine.vendors.packages import package

MOST = {"braket_sv": 26, "braket_dm": 13}  # qubits, as the simulators' own properties say
KEPT = 256  # programs


@dataclass(frozen=True)
class Depolarising:
    """Probabilities of a depolarising error after each gate, and of a flip before each measurement.

    Raises BadInput for more than full mixing.
    """

    one: float = 0.001  # one-qubit gates: each of X, Y, Z with a third of it
    two: float = 0.01  # two-qubit gates: each of the 15 Paulis alike
    readout: float = 0.02

    def __post_init__(self) -> None:
        for field, most in zip(fields(self), (3 / 4, 15 / 16, 1 / 2), strict=True):
            given = getattr(self, field.name)
            if not 0 <= given <= most:
                raise BadInput(f"the probability '{field.name}' is {given:g}: give a number from 0 to {most:g}")


@final
class BraketSimulator:
    """Runs general circuits on one of Braket's local simulators; the same key gives the same shots.

    Gates that Braket does not have are made of CX and one-qubit gates (`circuits.decompose`).
    """

    def __init__(self, device: Literal["braket_sv", "braket_dm"], noise: Depolarising | None) -> None:
        """`noise` is of the density matrix alone. Raises BadInput where amazon-braket-sdk is not installed."""
        simulators = package("braket.default_simulator", "braket")
        kind = "StateVectorSimulator" if device == "braket_sv" else "DensityMatrixSimulator"
        self._delegate = getattr(simulators, kind)()
        self._begin = self._delegate.initialize_simulation
        model = None if noise is None else noise_model(noise)
        self._device = package("braket.devices", "braket").LocalSimulator(self._delegate, model)
        self.name = device if noise is None else f"{device} ({noise.one:g}, {noise.two:g}, readout {noise.readout:g})"
        self._most = MOST[device]
        self._noise = noise
        self._program = lru_cache(KEPT)(self._made)

    def seconds(self, circuit: Program) -> float:
        """0: a simulator has no machine time.

        Raises BadInput for a circuit with too many qubits, for one that depends on its results where there is noise,
        and for a measurement or a reset that depends on a result.
        """
        self._program(general(circuit))
        return 0.0

    def measured(self, circuit: Program, shots: int, key: Key) -> NDArray[np.bool_]:
        """(shots, M) measured bits. Raises BadInput as `seconds`."""
        given = general(circuit)
        program, bits = self._program(given), written_bits(given)
        if not bits:
            return np.zeros((shots, given.bits), np.bool_)
        return measured_bits(self._columns(program, shots, key), bits, given.bits)

    def _made(self, circuit: Circuit) -> Any:
        if circuit.qubits > self._most:
            raise BadInput(
                f"a circuit of {circuit.qubits} qubits was given and {self.name} has {self._most}: use fewer"
            )
        if self._noise is None:
            return package("braket.ir.openqasm", "braket").Program(source=program_text(circuit))
        if circuit.depends_on_results:
            raise BadInput(
                f"the circuit of {circuit.qubits} qubits depends on what it measures and Braket puts no noise on such "
                "circuits: measure at the end alone, or take braket_sv or another machine"
            )
        return braket_circuit(circuit)

    def _columns(self, program: Any, shots: int, key: Key) -> NDArray[np.int64]:
        """(shots, W) the bits that are measured, in order."""
        generator = np.random.default_rng(key)

        def seeded(**settings: Any) -> Any:
            # Braket draws from a generator of its own, which it does not let one seed.
            simulation = self._begin(**settings)
            simulation._rng_generator = generator
            return simulation

        self._delegate.initialize_simulation = seeded
        with _quiet():
            return self._device.run(program, shots=shots).result().measurements


def local(device: str = "braket_sv", noise: Depolarising | None = None) -> GeneralMachine:
    """Braket's local state vector, without noise, or its density matrix, with `noise` (`Depolarising()` where None).

    Raises BadInput for another device, noise for the state vector, and where amazon-braket-sdk is not installed.
    """
    if device == "braket_sv":
        if noise is not None:
            raise BadInput(f"noise {noise} was given to braket_sv, which has none: take braket_dm")
        return GeneralMachine(BraketSimulator(device, None))
    if device == "braket_dm":
        return GeneralMachine(BraketSimulator(device, noise or Depolarising()))
    raise BadInput(f"Braket's local simulator '{device}' is not known: give one of {', '.join(MOST)}")


def noise_model(noise: Depolarising) -> Any:
    """The `braket.circuits.noise_model.NoiseModel` that `noise` is."""
    circuits = package("braket.circuits", "braket")
    models = package("braket.circuits.noise_model", "braket")
    noises, gates = circuits.Noise, circuits.Gate
    model = models.NoiseModel()
    on_one = models.GateCriteria([getattr(gates, name) for name in ONE])
    on_two = models.GateCriteria([getattr(gates, name) for name in TWO])
    model.add_noise(noises.Depolarizing(float(noise.one)), on_one)
    model.add_noise(noises.TwoQubitDepolarizing(float(noise.two)), on_two)
    return model.add_noise(noises.BitFlip(float(noise.readout)), models.MeasureCriteria())


@contextmanager
def _quiet() -> Iterator[None]:
    """Without two remarks of the simulator: that devices may not depend on results, and that no noise was met."""

    def other(record: LogRecord) -> bool:
        return "may not be supported on QPUs" not in record.getMessage()

    log = getLogger("braket.default_simulator.openqasm.interpreter")
    log.addFilter(other)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="You are running a noise-free circuit", category=UserWarning)
            yield
    finally:
        log.removeFilter(other)
