"""The embedded machine: a superconducting-like chip, simulated with stim, whose best settings drift."""

from __future__ import annotations

from collections.abc import Callable
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
    Shots,
    fold_in,
)
from counterpoint.codes import surface
from counterpoint.codes.faults import KINDS, MIXING, Gate, Kind
from counterpoint.codes.gates import Template, compile_gates
from counterpoint.codes.sites import sites_of
from counterpoint.codes.touches import sightings, touches
from counterpoint.machine import builds, sampling
from counterpoint.machine.checks import check_epoch, check_job, stim_circuit
from counterpoint.machine.device import Device
from counterpoint.machine.drift import Drift, parse
from counterpoint.machine.meter import Meter, price_of
from counterpoint.machine.results import no_bits


@final
class SimulatedChip(Machine):
    """A chip with error = floor + response * (setting - optimum)^2 on each gate, the optima drifting.

    Machine time advances by 1.1 us for each cycle of each shot; drift stands still within a job. The
    same key and the same jobs give the same shots (with one version of stim on one kind of processor).
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
        self._sightings: dict[str, Floats] = {}  # of each of the device's gates, in each circuit

    @property
    def clock(self) -> float:
        """Machine time in seconds since it was switched on."""
        return self._meter.clock

    def resume(self, clock: float) -> None:
        """Go on at `clock` seconds: the drift is where it would be had the machine never stopped."""
        self._meter.resume(clock)

    def price(self, job: Job) -> Price:
        """Cycles, shots and machine seconds of all candidates; no money."""
        return price_of(job, job.cycles)

    def run(self, job: Job, permit: Permit) -> Shots:
        """Carry out `job`; the clock advances by its price.

        Raises BadInput where the permit is for another action, covers less than the job's price or was
        used before, where controls are outside the safe range, and where the circuit needs a gate that
        the chip does not have.
        """
        return self._meter.carry_out(job, self.price(job), permit, self.sample)

    def sample(self, job: Job) -> Shots:
        """What the chip would give for `job` now; nothing changes. Raises BadInput as `run`, but for permits."""
        check_job(job, self.space)
        given = stim_circuit(job, self.name)
        template, gate = self._template(given)
        events = np.empty((len(job.controls), job.shots, (given.num_detectors + 7) // 8), np.uint8)
        flips = np.empty((len(job.controls), job.shots, (given.num_observables + 7) // 8), np.uint8)
        alike: dict[bytes, list[int]] = {}  # equal settings share a circuit
        for c, row in enumerate(job.controls):
            alike.setdefault(row.tobytes(), []).append(c)
        members = list(alike.values())
        rates = self._device.rates(job.controls[[m[0] for m in members]], self.optimum())[:, gate]
        for rate, rows in zip(rates, members, strict=True):
            circuit = template.circuit(rate)
            for c in rows:
                events[c], flips[c] = sampling.sample(circuit, job.shots, fold_in(job.key, "shots", c))
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

    def _template(self, circuit: stim.Circuit) -> tuple[Template, NDArray[np.int64]]:
        """The compiled circuit, and which of the device's gates each of its gates with knobs is."""
        text = str(circuit)
        if text not in self._templates:
            device = self._device
            tuned = set(device.gate_of_knob.tolist())
            fixed = {g: device.floor[i] for i, g in enumerate(device.gates) if i not in tuned}
            self._templates[text] = self._compile(circuit, fixed)
        return self._templates[text]

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
