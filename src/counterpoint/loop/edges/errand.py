"""An errand: leave for the jobs of one task of the AI half, each judged, charged and permitted by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from counterpoint.base import (
    BadInput,
    Bits,
    Denial,
    Floats,
    Job,
    Key,
    Machine,
    Price,
    Program,
    RunCircuit,
    Scan,
    Shots,
    fold_in,
)
from counterpoint.govern.judge import Used
from counterpoint.govern.permits import Governor
from counterpoint.identity import identity
from counterpoint.loop.own import blaming


class Refused(Exception):
    """The charter did not allow a job, so that the task is left undone."""


@dataclass
class Errand:
    """What the machine does for one task, and what that has used so far."""

    machine: Machine
    governor: Governor
    before: Used  # what the run had used when the task began
    centre: Floats  # (N,) where the knobs stand
    about: Mapping[str, Any]  # for the ledger: the turn and the edge
    key: Key
    task: str = ""  # what it is for, as soon as the edge knows
    price: Price = field(default_factory=Price)
    jobs: int = 0

    def reach(self, knob: int) -> tuple[float, float]:
        """The settings that a knob may be tried at without a human: within the safe range and the charter."""
        return self._within(knob, self._step, 0.0)

    def adoptable(self, knob: int, setting: float) -> float:
        """The setting nearest to `setting` that steering may go on from.

        That is half a step of the charter from the present one at most, and as much inside the charter's range: the
        other half is left for exploring around it, or the next turn would be denied.
        """
        at = float(self.centre[knob])
        low, high = self._within(knob, self._step / 2, self._step / 2)
        return float(np.clip(setting, min(low, at), max(high, at)))

    @property
    def _step(self) -> float:
        """The longest step that needs no human, in scale units."""
        charter = self.governor.charter
        return charter.limits.step if charter.ask.step is None else min(charter.limits.step, charter.ask.step)

    def _within(self, knob: int, step: float, inside: float) -> tuple[float, float]:
        """Settings that are `step` from the present one at most, and `inside` the charter's range, in scale units."""
        space, at = self.machine.space, self.centre[knob]
        wide, far = (u * space.scale[knob] for u in (self.governor.charter.limits.range - inside, step))
        low = max(space.low[knob], space.start[knob] - wide, at - far)
        return float(low), float(min(space.high[knob], space.start[knob] + wide, at + far))

    def scan(self, candidates: Floats, circuit: Program, shots: int, bits: int) -> Bits:
        """One circuit of so many measured `bits` under each row of `candidates` (C, N).

        Returns:
            (C, shots, ceil(bits / 8)) measurements, bit-packed.

        Raises:
            Refused: the charter does not allow it.
            BadInput: the machine fails, or gives something else.
        """
        return self._run(Scan(self.centre, candidates, circuit, shots), candidates, bits)

    def run(self, circuit: Program, shots: int, bits: int) -> Bits:
        """(shots, ceil(bits / 8)) measurements, with the knobs where they stand. Raises as `scan`."""
        return self._run(RunCircuit(circuit, shots), self.centre[None], bits)[0]

    def _run(self, action: Scan | RunCircuit, controls: Floats, bits: int) -> Bits:
        key = fold_in(self.key, "job", self.jobs)
        job = Job(action.circuit, controls, action.shots, 1, identity(action), key)
        with blaming(f"the machine '{self.machine.name}'"):
            told = self.machine.price(job)
            # As the store keeps it: what is sealed must be what is read again.
            price = Price(int(told.cycles), int(told.shots), float(told.seconds), float(told.spend))
        used = replace(self.before, price=self.before.price + self.price)
        decision = self.governor.decide(action, price, used, self.centre, self.about, "work")
        if isinstance(decision, Denial):
            raise Refused(decision.reason)
        self.price += price
        self.jobs += 1
        with blaming(f"the machine '{self.machine.name}'"):
            began = self.machine.clock
            try:
                given = self.machine.run(job, decision)
            except Exception:
                self.machine.resume(began + price.seconds)  # it is charged, and a resumed run goes on from there
                raise
        return _measured(given, (len(controls), action.shots, (bits + 7) // 8))


def _measured(given: object, wanted: tuple[int, int, int]) -> Bits:
    """The measurements in what a machine gave. Raises BadInput where they are not what was asked for."""
    if not isinstance(given, Shots):
        raise BadInput(f"the machine gave a {type(given).__name__} and Shots were needed: mend what its run returns")
    found = given.measurements
    if not isinstance(found, np.ndarray) or found.dtype != np.uint8 or found.shape != wanted:
        shape, kind = getattr(found, "shape", "of no shape"), getattr(found, "dtype", type(found).__name__)
        raise BadInput(
            f"the machine gave measurements {shape}, {kind}, and {wanted}, uint8, was asked for (settings, shots,"
            " bytes): mend what its run returns, or leave the task out with --edges"
        )
    return found
