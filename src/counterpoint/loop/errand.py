"""An errand: leave for the jobs of one task of the AI half, each judged, charged and permitted by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from counterpoint.base import Denial, Floats, Job, Key, Machine, Price, Program, RunCircuit, Scan, Shots, fold_in
from counterpoint.govern.judge import Used
from counterpoint.govern.permits import Governor
from counterpoint.identity import identity


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
    price: Price = field(default_factory=Price)
    jobs: int = 0

    def reach(self, knob: int) -> tuple[float, float]:
        """The settings that a knob may be tried at without a human: within the safe range and the charter."""
        space, charter, at = self.machine.space, self.governor.charter, self.centre[knob]
        limit = charter.limits
        step = limit.step if charter.ask.step is None else charter.ask.step
        wide, far = limit.range * space.scale[knob], step * space.scale[knob]
        low = max(space.low[knob], space.start[knob] - wide, at - far)
        return float(low), float(min(space.high[knob], space.start[knob] + wide, at + far))

    def scan(self, candidates: Floats, circuit: Program, shots: int) -> Shots:
        """One circuit under each row of `candidates` (C, N). Raises Refused, and BadInput as the machine does."""
        return self._run(Scan(self.centre, candidates, circuit, shots), candidates)

    def run(self, circuit: Program, shots: int) -> Shots:
        """One circuit with the knobs where they stand. Raises as `scan`."""
        return self._run(RunCircuit(circuit, shots), self.centre[None])

    def _run(self, action: Scan | RunCircuit, controls: Floats) -> Shots:
        key = fold_in(self.key, "job", self.jobs)
        job = Job(action.circuit, controls, action.shots, 1, identity(action), key)
        price = self.machine.price(job)
        used = replace(self.before, price=self.before.price + self.price)
        decision = self.governor.decide(action, price, used, self.centre, self.about, "work")
        if isinstance(decision, Denial):
            raise Refused(decision.reason)
        self.price += price
        self.jobs += 1
        return self.machine.run(job, decision)
