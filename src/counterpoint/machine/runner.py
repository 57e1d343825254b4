"""A machine under a charter: each job is charged and permitted before it runs, and its outcome is sealed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from counterpoint.base import BadInput, Denial, Job, Key, Machine, Permit, Program, RunCircuit, Shots
from counterpoint.govern.judge import Used
from counterpoint.govern.permits import Governor
from counterpoint.identity import identity


@dataclass
class Runner:
    """Runs circuits on one machine, its knobs left at the start of its space."""

    machine: Machine
    governor: Governor
    used: Used  # so far under this charter

    def job(self, circuit: Program, shots: int, key: Key) -> Job:
        """The job that `circuit` is, with the identity of its action."""
        start = self.machine.space.start[None]
        return Job(circuit, start, shots, 1, identity(RunCircuit(circuit, shots)), key)

    def permit(self, job: Job) -> Permit:
        """Charge `job` and ask leave for it. Raises BadInput where the charter or the machine does not allow it."""
        price = self.machine.price(job)
        about = {"machine": self.machine.name, "key": list(job.key)}
        action = RunCircuit(job.circuit, job.shots)
        decision = self.governor.decide(action, price, self.used, self.machine.space.start, about, "job")
        if isinstance(decision, Denial):
            raise BadInput(f"not run, the charter says '{decision.verdict}': {decision.reason}")
        self.used = replace(self.used, price=self.used.price + price)
        return decision

    def collected(self, permit: Permit, shots: Shots) -> None:
        """Seal what came of a permitted job."""
        self.governor.note("job-done", {"entry": permit.entry, "outcome": identity(shots)})

    def not_run(self, permit: Permit, why: str) -> None:
        """Write down that nothing came of a permitted job; what it was charged stays charged."""
        self.governor.note("job-failed", {"entry": permit.entry, "why": why})

    def run(self, circuit: Program, shots: int, key: Key) -> Shots:
        """Charge, permit, run and seal. Raises BadInput as `permit` and the machine do."""
        job = self.job(circuit, shots, key)
        permit = self.permit(job)
        found = self.machine.run(job, permit)
        self.collected(permit, found)
        return found


def outcome_counts(shots: Shots, width: int) -> dict[str, int]:
    """How often each value of the first candidate's measured bits came, bit 0 at the left, the commonest first."""
    bits = np.unpackbits(shots.measurements[0], axis=1, count=width, bitorder="little")
    values, counts = np.unique(bits, axis=0, return_counts=True)
    found = {"".join(map(str, row)): int(count) for row, count in zip(values.tolist(), counts, strict=True)}
    return dict(sorted(found.items(), key=lambda one: -one[1]))
