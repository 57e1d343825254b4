"""Jobs of one person: each charged to a charter, permitted, in the store before it is sent, and sealed when it ends."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from counterpoint.base import BadInput, Job, Key, Machine, Price, Program, Shots
from counterpoint.govern.charter import Charter
from counterpoint.govern.judge import Used
from counterpoint.govern.ledger import Ledger
from counterpoint.govern.permits import Governor
from counterpoint.loop.machines import queue_named
from counterpoint.machine.knobs import NO_KNOBS
from counterpoint.machine.queued import QueuedMachine
from counterpoint.machine.runner import Runner, charged
from counterpoint.machine.wire import job_of, job_plain, packed, shots_of, shots_plain, unpacked
from counterpoint.store.database import Store
from counterpoint.store.jobs import JobRecord, Jobs

KILLED = "its program was killed while it ran"


@dataclass
class JobSession:
    """The jobs of a folder, open for giving and collecting more. What all earlier ones used counts, too."""

    jobs: Jobs
    store: Store
    runner: Runner
    began: float = field(default_factory=time.monotonic)

    @classmethod
    @contextmanager
    def open(cls, folder: Path, charter: Charter) -> Iterator[JobSession]:
        """The jobs in `folder`. Raises BadInput where another process writes there, or it cannot be written."""
        with Ledger.open(folder) as ledger, Store.open(folder) as store, Jobs.open(folder) as jobs:
            used = Used(sum(charged(ledger.entries()).values(), Price()))
            session = cls(jobs, store, Runner(Governor(charter, ledger, NO_KNOBS), used, stored=True))
            session._settle_killed()
            yield session

    def run(self, machine: Machine, circuit: Program, shots: int, key: Key) -> Shots:
        """Run a circuit and wait for it.

        Raises:
            BadInput: the charter or the machine refuses.
            Unavailable: the machine does not answer; what was sent to a queue can be collected later.
        """
        if isinstance(machine, QueuedMachine):
            return self.collect(machine, self.submit(machine, circuit, shots, key))
        runner = self._runner()
        job = runner.job(machine, circuit, shots, key)
        permit = runner.permit(machine, job)
        self.jobs.begin(permit.digest, machine.name, json.dumps(job_plain(job)), permit.price, permit.entry, "running")
        try:
            found = machine.run(job, permit)
        except BaseException as problem:
            reason = str(problem) or type(problem).__name__
            self.jobs.settle(permit.digest, "failed", reason=reason)
            runner.failed(permit.entry, reason)
            raise
        self.jobs.settle(permit.digest, "done", packed(shots_plain(found)))
        runner.collected(permit.entry, found)
        return found

    def submit(self, machine: QueuedMachine, circuit: Program, shots: int, key: Key) -> str:
        """Send a circuit; returns the ticket by which any process with the same folder collects it."""
        runner = self._runner()
        job = runner.job(machine, circuit, shots, key)
        permit = runner.permit(machine, job)
        try:
            return machine.submit(job, permit)
        except BadInput as refusal:
            if not self.jobs.known(permit.digest) or self.jobs.record(permit.digest).state == "refused":
                runner.not_run(permit.entry, permit.price, str(refusal))
            raise  # else its ticket is kept

    def collect(self, machine: QueuedMachine, ticket: str) -> Shots:
        """What came of a ticket, waited for, and sealed the first time. Raises as `QueuedMachine.collect`."""
        before = self.jobs.record(ticket)
        try:
            found = machine.collect(ticket)
        except BadInput as problem:
            if before.settled is None and self.jobs.record(ticket).settled:
                self.runner.failed(before.entry, str(problem))
            raise
        if before.settled is None:
            self.runner.collected(before.entry, found)
        return found

    def cancel(self, machine: QueuedMachine, ticket: str) -> None:
        """Take a job out of its queue; it is no longer charged. Raises BadInput where it has begun or ended."""
        machine.cancel(ticket)
        record = self.jobs.record(ticket)
        self.runner.not_run(record.entry, record.price, "cancelled by hand, before it began")

    def used(self) -> Price:
        """What all jobs of the folder were charged, by its ledger."""
        return self.runner.used.price

    def record(self, start: str) -> JobRecord:
        """The job whose ticket begins with `start`. Raises BadInput where none or several do."""
        found = [one for one in self.jobs.all() if one.ticket.startswith(start)]
        if len(found) != 1:
            raise BadInput(
                f"'{start}' begins {len(found)} of the {len(self.jobs.all())} tickets: give the first letters of one, "
                "as counterpoint job list shows them"
            )
        return found[0]

    def _runner(self) -> Runner:
        """The runner, told of the time and the disk that were used meanwhile."""
        used, runner = self.runner.used, self.runner
        runner.used = replace(used, wall=time.monotonic() - self.began, disk=self.store.disk())
        return runner

    def _settle_killed(self) -> None:
        """Jobs of machines that answer at once, whose program was killed meanwhile."""
        for record in [one for one in self.jobs.pending() if one.state == "running"]:
            self.jobs.settle(record.ticket, "failed", reason=KILLED)
            self.runner.failed(record.entry, KILLED)


def machine_of(record: JobRecord, jobs: Jobs) -> QueuedMachine:
    """The machine that a job was sent to. Raises BadInput where it does not queue, or cannot be reached."""
    machine = queue_named(record.machine, jobs)
    if machine is None:
        raise BadInput(
            f"the job of ticket {record.ticket[:12]} is of machine '{record.machine}', which answers at once, and it "
            f"is '{record.state}': run the circuit again"
        )
    return machine


def stored(record: JobRecord) -> Shots | None:
    """What came of a job that the store has the outcome of."""
    if record.result is None:
        return None
    return shots_of(unpacked(record.result), given(record))


def given(record: JobRecord) -> Job:
    """The job that a record is of. Raises BadInput where the store is damaged."""
    try:
        return job_of(json.loads(record.job))
    except ValueError as error:
        raise BadInput(f"the job of ticket {record.ticket[:12]} is damaged ({error}): restore the store") from None
