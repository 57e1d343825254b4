"""A charter at work: each job is charged and permitted before it runs, and its outcome is sealed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

from counterpoint.base import BadInput, Denial, Job, Key, Machine, Permit, Price, Program, RunCircuit, Shots
from counterpoint.govern.chain import Entry
from counterpoint.govern.judge import Used
from counterpoint.govern.permits import Governor
from counterpoint.identity import identity
from counterpoint.machine.programs import check_results


@dataclass
class Runner:
    """Runs circuits on any machine, its knobs left at the start of its space, all charged to one charter."""

    governor: Governor
    used: Used  # so far under this charter
    stored: bool = False  # whether each job is in a store beside the ledger, too

    def job(self, machine: Machine, circuit: Program, shots: int, key: Key) -> Job:
        """The job that `circuit` is there, with the identity of its action. Raises BadInput as `check_results`."""
        check_results(circuit, shots)
        return Job(circuit, machine.space.start[None], shots, 1, identity(RunCircuit(circuit, shots)), key)

    def permit(self, machine: Machine, job: Job) -> Permit:
        """Charge `job` and ask leave for it. Raises BadInput where the charter or the machine does not allow it."""
        price = machine.price(job)
        about = {"machine": machine.name, "key": list(job.key), "stored": self.stored}
        action = RunCircuit(job.circuit, job.shots)
        decision = self.governor.decide(action, price, self.used, machine.space.start, about, "job")
        if isinstance(decision, Denial):
            raise BadInput(f"not run, the charter says '{decision.verdict}': {decision.reason}")
        self.used = replace(self.used, price=self.used.price + price)
        return decision

    def collected(self, entry: int, shots: Shots) -> None:
        """Seal what came of the job that the ledger's `entry` permitted."""
        self.governor.note("job-done", {"entry": entry, "outcome": identity(shots)})

    def failed(self, entry: int, why: str) -> None:
        """Write down that nothing came of it; what it was charged stays charged."""
        self.governor.note("job-failed", {"entry": entry, "why": why})

    def not_run(self, entry: int, price: Price, why: str) -> None:
        """Write down that it never ran, and take its `price` back."""
        self.governor.note("job-not-run", {"entry": entry, "why": why})
        back = {name: -value for name, value in asdict(price).items()}
        self.used = replace(self.used, price=self.used.price + Price(**back))

    def run(self, machine: Machine, circuit: Program, shots: int, key: Key) -> Shots:
        """Charge, permit, run and seal. Raises BadInput as `permit` and the machine do."""
        job = self.job(machine, circuit, shots, key)
        permit = self.permit(machine, job)
        try:
            found = machine.run(job, permit)
        except BaseException as problem:
            self.failed(permit.entry, str(problem) or type(problem).__name__)
            raise
        self.collected(permit.entry, found)
        return found


def charged(entries: Iterable[Entry]) -> dict[int, Price]:
    """What each job was charged, by its entry; those that never ran are left out."""
    prices: dict[int, Price] = {}
    for entry in entries:
        content = json.loads(entry.content) if entry.kind in ("job", "job-not-run") else {}
        if entry.kind == "job" and content["verdict"] == "allow":
            prices[entry.number] = Price(**content["price"])
        elif entry.kind == "job-not-run":
            prices.pop(content["entry"], None)
    return prices
