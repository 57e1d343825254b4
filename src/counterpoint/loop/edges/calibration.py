"""The edge *bandit*: the amplitude of one gate is found anew, from few uses of the gate.

Steering sees a gate's error through the detection events of many gates together. Where these have risen most the gate
is looked at by itself: trains of its pulses, along which its over-rotation adds up, as deep as its measured error
allows (machine/pulses.py). That is a physical experiment beside error correction, which would project the over-rotation
away; so it costs no reliable operations, only time of the machine. What each side has found is then checked side by
side, with the present setting, in trains that no side has seen.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Protocol, final, runtime_checkable

import numpy as np

from counterpoint.base import BadInput, Counts, Floats, Key, Machine
from counterpoint.codes.faults import Gate
from counterpoint.codes.sites import Sites
from counterpoint.loop.edges.edge import Edge, Moment
from counterpoint.loop.edges.errand import Errand
from counterpoint.loop.own import blaming
from counterpoint.machine.pulses import KNOB, Train
from counterpoint.store.turns import Attempt, Work
from counterpoint.workloads.calibrate.amplification import ErrorAmplification
from counterpoint.workloads.calibrate.repetition import CoherentRepetition
from counterpoint.workloads.calibrate.singles import SinglePulses
from counterpoint.workloads.calibrate.trains import Dial, Finder, Scanner
from counterpoint.workloads.energy import Power, charged
from counterpoint.workloads.workload import NOTHING, QUANTUM, Bill

CHECKS = ((8, 2_000), (100, 2_000))  # pulses and shots of a train: the long one is read where the short one allows it

# Fixed beforehand; over the grid that benchmarks/recalibrate.py tunes, none was seen to do better at this budget.
FINDERS: dict[str, Finder] = {
    QUANTUM: CoherentRepetition(),
    "amplified": ErrorAmplification(),
    "gp-ucb": SinglePulses(scans=12),  # each is a permit
}


@runtime_checkable
class Calibrated(Protocol):
    """A machine that tells its gates' errors, as benchmarks of single gates find them."""

    def calibrated_rates(self) -> Mapping[Gate, float]: ...


@final
@dataclass(frozen=True)
class Calibration(Edge):
    """Coherent repetition against what laboratories do, on the gate whose neighbourhood fires most above its usual.

    Attributes:
        uses: of the gate, for each side.
        rest: tasks for which a gate is left alone after its own.
    """

    name: str = "bandit"
    hypothesis: str = "adaptive repetition leaves less over-rotation than classical calibration from as many gate uses"
    margin: float = 0.1  # of -ln of what is left: a tenth less
    rival: str = "amplified"
    every: int = 12
    uses: int = 3_000
    rest: int = 10

    def lack(self, machine: Machine, sites: Sites) -> str:
        if not _knobs(machine):
            return f"the {machine.name} machine has no knob '{KNOB} q'"
        try:
            _errors(machine)
        except BadInput as problem:
            return str(problem)
        return ""

    def work(self, errand: Errand, moment: Moment, taken: str) -> Work:
        space, knob = moment.machine.space, self._worst(moment)
        errand.task, qubit, error = space.names[knob], _knobs(moment.machine)[knob], _errors(moment.machine)[knob]
        low, high = errand.reach(knob)
        dial = Dial(float(moment.centre[knob]), low, high, float(space.scale[knob]), error)

        def scan(settings: Floats, pulses: int, shots: int, key: Key) -> Counts:
            candidates = np.tile(moment.centre, (settings.size, 1))
            candidates[:, knob] = settings
            found = errand.scan(candidates, Train(qubit, pulses).circuit(), shots, bits=1)
            return np.count_nonzero(found[:, :, 0] & 1, axis=1)

        settings, bills = {NOTHING: dial.start}, {NOTHING: Bill()}
        for side, finder in FINDERS.items():
            began = time.process_time()
            found = finder.find(scan, dial, self.uses, moment.key)
            settings[side] = found.setting
            bills[side] = replace(found.bill, processor=time.process_time() - began - found.bill.simulation)
        left = dict(zip(settings, self._left(scan, np.array([*settings.values()]), moment.key), strict=True))
        attempts = {
            side: Attempt(-math.log(rad), f"{1e3 * rad:.2g} mrad", asdict(charged(bills[side], Power())))
            for side, rad in left.items()
        }
        used = taken if left[taken] < left[NOTHING] else NOTHING
        adopted = {errand.task: errand.adoptable(knob, settings[taken])} if moment.adopts and used != NOTHING else {}
        return Work(self.name, errand.task, attempts, used if moment.adopts else "", None, errand.price, adopted)

    def _worst(self, moment: Moment) -> int:
        """The knob whose sites fire most above their usual, of those that were not calibrated lately."""
        lately = {work.task for work in moment.works[-self.rest :]}
        space = moment.machine.space
        # Of a site that is dead, or never fired before, nothing is known.
        risen = np.nan_to_num(moment.rates / np.where(moment.usual > 0, moment.usual, np.nan), nan=1.0)
        every = [*_knobs(moment.machine)]
        knobs = [i for i in every if space.names[i] not in lately] or every
        return max(knobs, key=lambda i: float(risen[space.touches[i]].mean()))

    def _left(self, scan: Scanner, settings: Floats, key: Key) -> list[float]:
        """Over-rotations in rad at `settings`, no smaller than the standard error of the longer trains."""
        seen = []
        for pulses, shots in CHECKS:
            signal = (2 * scan(settings, pulses, shots, key) / shots - 1) * (-1) ** pulses
            seen.append(np.abs(np.arcsin(signal.clip(-1, 1))) / (pulses + 0.5))
        short, long = seen
        (_, _), (pulses, shots) = CHECKS
        clear = short < math.pi / 4 / (pulses + 0.5)  # beyond, the longer train may have turned by more than a quarter
        return np.maximum(np.where(clear, long, short), 1 / (pulses + 0.5) / shots**0.5).tolist()


def _knobs(machine: Machine) -> dict[int, int]:
    """The qubit of each knob that is a gate's amplitude."""
    found = {i: name.removeprefix(f"{KNOB} ") for i, name in enumerate(machine.space.names) if name.startswith(KNOB)}
    return {i: int(qubit) for i, qubit in found.items() if qubit.isdecimal()}


def _errors(machine: Machine) -> dict[int, float]:
    """The measured error of a pulse, by the knob of its amplitude. Raises BadInput where the machine tells none."""
    if not isinstance(machine, Calibrated):
        raise BadInput(f"the {machine.name} machine does not tell its gates' measured errors (calibrated_rates)")
    with blaming(f"calibrated_rates of the machine '{machine.name}'"):
        rates = machine.calibrated_rates()
        errors = {i: rates.get(Gate("1Q", (qubit,))) for i, qubit in _knobs(machine).items()}
        found = {i: float(error) for i, error in errors.items() if error is not None}
    for i in sorted(errors.keys() - found.keys())[:1]:
        name = machine.space.names[i]
        raise BadInput(f"the {machine.name} machine tells no measured error of the gate of '{name}' (calibrated_rates)")
    return found
