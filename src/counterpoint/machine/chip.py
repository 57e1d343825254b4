"""The embedded machine: a superconducting-like chip, simulated with stim, whose best settings drift."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import final

import numpy as np
import stim
from numpy.typing import NDArray

from counterpoint.base import (
    BadInput,
    ControlSpace,
    Floats,
    Job,
    Key,
    Machine,
    Permit,
    Price,
    Program,
    Shots,
    fold_in,
)
from counterpoint.circuits import tags
from counterpoint.circuits.decompose import decomposed
from counterpoint.circuits.layers import layered
from counterpoint.circuits.tagged import Tagged, check_conditions
from counterpoint.circuits.trajectories import MOST, check_size
from counterpoint.codes import surface
from counterpoint.codes.faults import KINDS, MIXING, Gate, Kind
from counterpoint.codes.gates import Template, compile_gates
from counterpoint.codes.sites import sites_of
from counterpoint.codes.touches import sightings, touches
from counterpoint.machine import builds, sampling
from counterpoint.machine.checks import check_epoch, check_job
from counterpoint.machine.device import Device
from counterpoint.machine.drift import Drift, parse
from counterpoint.machine.measured import bits
from counterpoint.machine.meter import Meter, price_of
from counterpoint.machine.programs import general
from counterpoint.machine.pulses import Train, chances, read_train, tunes
from counterpoint.machine.results import annotated, no_bits, shots_of
from counterpoint.machine.routing import Errors, placed, placement

KEPT = 256  # circuits that were compiled last


@final
class SimulatedChip(Machine):
    """A chip with error = floor + response * (setting - optimum)^2 on each gate, the optima drifting.

    A stim circuit with detectors or observables runs on the chip's own qubits, as does one without that fits them. Any
    other, and OpenQASM, is placed where the gates are best at its settings, and written in R, M, CZ and one-qubit
    gates: all errors of its gates are then those of the chip. Clifford circuits are sampled by stim, others by state
    vectors; a train of pulses on one qubit with an amplitude knob adds up its over-rotations (`pulses`). Machine time
    advances by 1.1 us for each cycle of each shot; drift stands still within a job. The same key and the same jobs
    give the same shots (with one version of stim on one kind of processor).
    """

    def __init__(self, device: Device, circuit: stim.Circuit, *, key: Key, drift: Drift, epoch_seconds: float) -> None:
        """`circuit` has all gates and sites of the device, such as a memory experiment of 3 rounds."""
        check_epoch(epoch_seconds)
        sites = sites_of(circuit)
        tuned = [device.gates[i] for i in np.unique(device.gate_of_knob)]
        row = np.unique(device.gate_of_knob, return_inverse=True)[1]
        self.name = device.name
        self.space = ControlSpace(
            names=device.knobs,
            units=device.units,
            low=device.low,
            high=device.high,
            start=device.start,
            scale=device.scale,
            touches=touches(circuit, tuned)[row],
            sites=sites.names,
        )
        self.twin = ChipTwin(self)
        self.epoch_seconds = epoch_seconds
        self._device = device
        self._drift = drift
        self._drift_state = drift.begin(fold_in(key, "drift"), len(device.knobs))
        self._meter = Meter()
        self._templates: dict[str, tuple[Template, NDArray[np.int64]]] = {}
        self._coordinates = stim.Circuit()
        for instruction in circuit.flattened():
            if instruction.name == "QUBIT_COORDS":
                self._coordinates.append(instruction)
        self._layers: dict[tuple[str, bytes], Tagged] = {}  # of circuits that were placed, by the rates of all gates
        self._sightings: dict[str, Floats] = {}  # of each of the device's gates, in each circuit

    @property
    def clock(self) -> float:
        """Machine time in seconds since it was switched on."""
        return self._meter.clock

    def resume(self, clock: float) -> None:
        """Go on at `clock` seconds: the drift is where it would be had the machine never stopped."""
        self._meter.resume(clock)

    def price(self, job: Job) -> Price:
        """Cycles, shots and machine seconds of all candidates; no money.

        A shot of a train lasts as long as its pulses (`Train.cycles`), whatever the job says. Raises BadInput for a
        circuit that `sample` would refuse.
        """
        if train := self._train(job.circuit):
            check_job(job, self.space)
            return price_of(job, train.cycles)
        if isinstance(job.circuit, str) or not annotated(job.circuit):
            check_job(job, self.space)
            for _ in self._runs(job):
                pass
        else:
            self._template(job.circuit)  # which is compiled once
        return price_of(job, job.cycles)

    def placed(self, circuit: Program) -> tuple[int, ...]:
        """The chip's qubits of those that a general circuit uses, in order, at `start` now.

        Raises BadInput for a circuit that cannot be read, and for too many qubits.
        """
        rates = self._device.rates(self.space.start[None], self.optimum())[0]
        found = placement(decomposed(general(circuit)), self._errors(rates), self.name)
        return tuple(found[qubit] for qubit in sorted(found))

    def run(self, job: Job, permit: Permit) -> Shots:
        """Carry out `job`; the clock advances by its price.

        Raises BadInput where the permit is for another action, covers less than the job's price or was
        used before, where controls are outside the safe range, where the circuit needs a gate that the chip
        does not have, and where a general one has too many qubits.
        """
        return self._meter.carry_out(job, self.price(job), permit, self.sample)

    def sample(self, job: Job) -> Shots:
        """What the chip would give for `job` now; nothing changes. Raises BadInput as `run`, but for permits."""
        check_job(job, self.space)
        if train := self._train(job.circuit):
            return self._pulsed(job, train)
        if not isinstance(job.circuit, str) and (annotated(job.circuit) or not job.circuit.num_measurements):
            return self._flips(job, job.circuit)
        return self._bits(job)

    def _train(self, program: Program) -> Train | None:
        """The train of pulses that a program is, on a qubit with an amplitude knob."""
        train = read_train(program) if isinstance(program, stim.Circuit) else None
        return train if train and tunes(self._device, train) else None

    def _pulsed(self, job: Job, train: Train) -> Shots:
        """The bit that a train measures."""
        chance = chances(self._device, train, job.controls, self.optimum())
        draws = (np.random.default_rng(fold_in(job.key, "shots", c)) for c in range(chance.size))
        measured = np.array([rng.random((job.shots, 1)) < p for rng, p in zip(draws, chance, strict=True)])
        seconds = price_of(job, train.cycles).seconds
        return shots_of(job, measured, started=self._meter.clock, seconds=seconds)

    def _flips(self, job: Job, circuit: stim.Circuit) -> Shots:
        """Detection events and observables."""
        template, gate = self._template(circuit)
        events = np.empty((len(job.controls), job.shots, (circuit.num_detectors + 7) // 8), np.uint8)
        flips = np.empty((len(job.controls), job.shots, (circuit.num_observables + 7) // 8), np.uint8)
        for rates, rows in self._settings(job):
            noisy = template.circuit(rates[gate])
            for c in rows:
                events[c], flips[c] = sampling.sample(noisy, job.shots, fold_in(job.key, "shots", c))
        seconds = price_of(job, job.cycles).seconds
        return Shots(
            events, flips, no_bits(*events.shape[:2]), job.controls, started=self._meter.clock, seconds=seconds
        )

    def _bits(self, job: Job) -> Shots:
        """Measured bits."""
        measured: list[NDArray[np.bool_]] = [np.zeros((0, 0), np.bool_)] * len(job.controls)
        for run, rates, rows in self._runs(job):
            template, gate = self._template(run.circuit)
            noisy = replace(run, circuit=template.circuit(rates[gate]))
            for c in rows:
                measured[c] = bits(noisy, job.shots, fold_in(job.key, "shots", c))
        seconds = price_of(job, job.cycles).seconds
        return shots_of(job, np.array(measured), started=self._meter.clock, seconds=seconds)

    def _runs(self, job: Job) -> Iterator[tuple[Tagged, Floats, list[int]]]:
        """What runs under each setting, the rates (G,) of all gates, and the candidates that share it.

        A circuit on the chip's own qubits is run as it is, any other is placed anew for each setting.
        """
        own = job.circuit if isinstance(job.circuit, stim.Circuit) and self._stays(job.circuit) else None
        for rates, rows in self._settings(job):
            if own is None:
                yield self._placed(job.circuit, rates), rates, rows
            else:
                yield Tagged(own, tuple(range(own.num_measurements))), rates, rows

    def _settings(self, job: Job) -> Iterator[tuple[Floats, list[int]]]:
        """The rates (G,) of the device's gates now under each setting, and the candidates that share it."""
        alike: dict[bytes, list[int]] = {}
        for c, row in enumerate(job.controls):
            alike.setdefault(row.tobytes(), []).append(c)
        members = list(alike.values())
        yield from zip(self._device.rates(job.controls[[m[0] for m in members]], self.optimum()), members, strict=True)

    def _placed(self, program: Program, rates: Floats) -> Tagged:
        """The circuit in layers on the qubits that suit it best under `rates` (G,)."""
        key = (str(program), rates.tobytes())
        found = self._layers.get(key)
        if found is None:
            parts = decomposed(general(program))
            check_conditions(parts)  # here, where qubits have the numbers that they were given
            routed = placed(parts, self._errors(rates), self.name)
            run = layered(routed)
            if not tags.plain(run.circuit):
                self._check_followed(len(parts.used), len(routed.used))
            if len(self._layers) == KEPT:
                del self._layers[next(iter(self._layers))]
            found = self._layers[key] = replace(run, circuit=self._coordinates + run.circuit)
        return found

    def _check_followed(self, used: int, touched: int) -> None:
        """Raise BadInput where the shots of a placed circuit have more qubits than can be followed."""
        check_size(used)
        if touched > MOST:
            raise BadInput(
                f"the circuit has T gates, rotations or conditions on {used} qubits, which are {touched} of the "
                f"{self.name} chip with those that SWAPs bring them past, and its shots are followed exactly up to "
                f"{MOST}: use fewer, or gates between fewer pairs"
            )

    def _errors(self, rates: Floats) -> Errors:
        """What the chip's parts cost under `rates` (G,)."""
        couplers: dict[tuple[int, int], float] = {}
        alone: dict[int, float] = {}
        for gate, rate in zip(self._device.gates, rates.tolist(), strict=True):
            if gate.kind == "2Q":
                couplers[gate.qubits[0], gate.qubits[1]] = rate
            elif gate.kind in ("1Q", "R", "M"):
                alone[gate.qubits[0]] = alone.get(gate.qubits[0], 0.0) + rate
        return Errors(couplers, alone)

    def optimum(self) -> Floats:
        """(N,) the best controls now: where the last calibration left them, plus drift, in the safe range."""
        self._drift_state = self._drift.now(self._drift_state, self._meter.clock, self.epoch_seconds)
        moved = self.space.start + self.space.scale * self._drift.offset(self._drift_state)
        return np.clip(moved, self.space.low, self.space.high)

    def expected(self, circuit: stim.Circuit, controls: Floats) -> Floats:
        """(C, S) mean detection events a detector of each site that `circuit` would give now under controls (C, N).

        Exact for independent Pauli errors: a use of a gate with error p multiplies the mean parity of each
        detector that it can flip by 1 - p / (p of full mixing), and a detector fires with (1 - parity) / 2.
        """
        text = str(circuit)
        if text not in self._sightings:
            have = self._device.gates
            needed = set(compile_gates(circuit, KINDS).gates)
            used = [i for i, gate in enumerate(have) if gate in needed]
            self._sightings[text] = np.zeros((len(have), circuit.num_detectors))
            self._sightings[text][used] = sightings(circuit, [have[i] for i in used])
        mixing = np.array([MIXING[gate.kind] for gate in self._device.gates])
        left = 1 - self._device.rates(controls, self.optimum()) / mixing
        fractions = (1 - np.exp(np.log(np.maximum(left, 1e-300)) @ self._sightings[text])) / 2
        sites = sites_of(circuit)
        return fractions @ (sites.member / sites.detectors)

    def error_model(self, circuit: stim.Circuit) -> stim.DetectorErrorModel:
        """Decomposed error model of a noiseless `circuit` on day zero, at `start`: what decoders are built from.

        It has the independent Pauli errors of each gate, as benchmarks of single gates would find them,
        and no stray couplings. Raises BadInput where the circuit needs a gate that the chip does not have.
        """
        template = self._compile(circuit, self.calibrated_rates())[0]
        return template.circuit(np.zeros(0)).detector_error_model(decompose_errors=True)

    def calibrated_rates(self) -> dict[Gate, float]:
        """The error of each gate on day zero, at `start`, as benchmarks of single gates would find it; strays 0."""
        day_zero = self._drift.offset(self._drift.at(self._drift_state, 0))
        optimum = np.clip(self.space.start + self.space.scale * day_zero, self.space.low, self.space.high)
        rates = self._device.rates(self.space.start[None], optimum)[0].tolist()
        return {g: 0.0 if g.kind == "stray" else r for g, r in zip(self._device.gates, rates, strict=True)}

    def _stays(self, circuit: stim.Circuit) -> bool:
        """Whether the circuit is one on the chip's own qubits and couplers. Raises BadInput where it measures nothing
        and is none."""
        try:
            self._template(circuit)
        except BadInput:
            if not circuit.num_measurements:
                raise
            return False
        return tags.plain(circuit)

    def _template(self, circuit: stim.Circuit) -> tuple[Template, NDArray[np.int64]]:
        """The compiled circuit, and which of the device's gates each of its gates with knobs is."""
        text = str(circuit)
        if text not in self._templates:
            device = self._device
            tuned = set(device.gate_of_knob.tolist())
            fixed = {g: device.floor[i] for i, g in enumerate(device.gates) if i not in tuned}
            elsewhere = {} if annotated(circuit) else self._elsewhere(circuit)
            if len(self._templates) == KEPT:
                del self._templates[next(iter(self._templates))]
            self._templates[text] = self._compile(circuit, fixed | elsewhere)
        return self._templates[text]

    def _elsewhere(self, circuit: stim.Circuit) -> dict[Gate, float]:
        """The errors of qubits that idle or wait, and of strays, where they do not in error correction: mean ones."""
        floors: dict[Kind, list[float]] = {"idle": [], "wait": [], "stray": []}
        for gate, floor in zip(self._device.gates, self._device.floor.tolist(), strict=True):
            if gate.kind in floors:
                floors[gate.kind].append(floor)
        means: dict[Kind, float] = {kind: float(np.mean(seen)) for kind, seen in floors.items() if seen}
        found = compile_gates(circuit, means.keys()).gates
        return {gate: means[gate.kind] for gate in found if gate not in self._device.gates}

    def _compile(self, circuit: stim.Circuit, fixed: dict[Gate, float]) -> tuple[Template, NDArray[np.int64]]:
        have = {gate: i for i, gate in enumerate(self._device.gates)}
        kinds: set[Kind] = {gate.kind for gate in have}
        template = compile_gates(circuit, kinds, fixed)
        missing = [gate.name for gate in template.gates if gate not in have]
        if missing:
            raise BadInput(
                f"the circuit needs '{missing[0]}' and the {self.name} chip, with {len(have)} gates, does not "
                "have it: give a circuit on the chip's own qubits and couplers"
            )
        return template, np.array([have[gate] for gate in template.gates], np.int64)


@final
class ChipTwin:
    """What only a simulated chip has: the truth, and runs that cost it nothing."""

    def __init__(self, chip: SimulatedChip) -> None:
        self._chip = chip

    def optimum(self) -> Floats:
        """(N,) the best controls at this moment."""
        return self._chip.optimum()

    def run(self, job: Job) -> Shots:
        """What the chip would give for `job` at this moment; its clock stands still."""
        return self._chip.sample(job)

    def expected(self, circuit: stim.Circuit, controls: Floats) -> Floats:
        """(C, S) exact mean detection events a detector of each site that `circuit` would give now."""
        return self._chip.expected(circuit, controls)


def willow(
    distance: int, *, key: Key, drift: Drift | str, epoch_seconds: float, controls_per_gate: int = 1
) -> SimulatedChip:
    """A rotated surface code patch in the likeness of Willow (`builds.willow`), its knobs named.

    Raises BadInput for an even or small distance, more or fewer than 1 control a gate of each kind, or
    a drift that cannot be read.
    """
    if controls_per_gate != 1:
        raise BadInput(
            f"{controls_per_gate} controls a gate were asked for and the willow chip has its own, one of each "
            "name: give 1, or take the published chip"
        )
    circuit = surface.memory(distance, 3)
    moves = parse(drift) if isinstance(drift, str) else drift
    device = builds.willow(circuit, fold_in(key, "willow"))
    return SimulatedChip(device, circuit, key=key, drift=moves, epoch_seconds=epoch_seconds)


def published(
    distance: int, controls_per_gate: int = 1, *, key: Key, drift: Drift | str, epoch_seconds: float
) -> SimulatedChip:
    """A rotated surface code patch like the published simulation's (`builds.published`).

    It has [(2 d^2 - 1) + (4 d^2 - 4 d)] P knobs for P controls a gate. Raises BadInput for an even or small
    distance, fewer than 1 control a gate, or a drift that cannot be read.
    """
    return _tested(builds.published, distance, controls_per_gate, key, drift, epoch_seconds)


def coherent(
    distance: int, controls_per_gate: int = 1, *, key: Key, drift: Drift | str, epoch_seconds: float
) -> SimulatedChip:
    """`published` with over-rotations that add in amplitude on each qubit (`sharing.Coherence`)."""
    return _tested(builds.coherent, distance, controls_per_gate, key, drift, epoch_seconds)


def crosstalk(
    distance: int, controls_per_gate: int = 1, *, key: Key, drift: Drift | str, epoch_seconds: float
) -> SimulatedChip:
    """`published` with knobs that feel their neighbours (`sharing.Crosstalk`)."""
    return _tested(builds.crosstalk, distance, controls_per_gate, key, drift, epoch_seconds)


def _tested(
    build: Callable[[stim.Circuit, int, Key], Device],
    distance: int,
    controls_per_gate: int,
    key: Key,
    drift: Drift | str,
    epoch_seconds: float,
) -> SimulatedChip:
    """The published test chip or its like: the same gates and, for the same key, floors and responses."""
    circuit = surface.memory(distance, 3)
    moves = parse(drift) if isinstance(drift, str) else drift
    device = build(circuit, controls_per_gate, fold_in(key, "published"))
    return SimulatedChip(device, circuit, key=key, drift=moves, epoch_seconds=epoch_seconds)
