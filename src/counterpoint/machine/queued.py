"""A machine with a queue: a job is sent once, waited for, and collected, also by another process after a crash."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar, final

from counterpoint.base import BadInput, Job, Machine, Permit, Price, Shots
from counterpoint.machine.checks import Unavailable, check_clock, check_job, check_permit
from counterpoint.machine.knobs import NO_KNOBS
from counterpoint.machine.wire import job_of, job_plain, packed, shots_of, shots_plain, unpacked
from counterpoint.store.jobs import JobRecord, Jobs

T = TypeVar("T")
State = Literal["queued", "running", "done", "failed", "cancelled"]


@dataclass(frozen=True, eq=False)
class Looked:
    """What a look at a job found."""

    state: State
    shots: Shots | None = None  # where it is done
    reason: str = ""  # one sentence, where it failed
    unavailable: bool = False  # it failed because of the machine, so that another may run the same job


class Provider(Protocol):
    """Where jobs are queued: IBM, AWS, or a server of ours.

    Each method raises `Unavailable` where nobody answers (a time-out, a 5xx): the machine tries again, for a while.
    Any other BadInput is final, and its sentence reaches the person.
    """

    @property
    def name(self) -> str: ...

    def price(self, job: Job) -> Price:
        """The most that `job` will use; nothing is sent that costs."""
        ...

    def submit(self, job: Job, ticket: str) -> str:
        """Queue `job`; returns the provider's id of it. Whatever is sent again under a ticket never runs twice."""
        ...

    def look(self, job: Job, id: str, wait: float) -> Looked:
        """How the job with this id stands; may wait up to `wait` seconds for it to end."""
        ...

    def cancel(self, id: str) -> None:
        """Take the job out of the queue. Raises BadInput where it has begun."""
        ...


class Clock(Protocol):
    """What waits are measured by; the module `time` is one."""

    def monotonic(self) -> float: ...
    def sleep(self, seconds: float, /) -> None: ...


@dataclass(frozen=True)
class Patience:
    """How long to wait for what, in seconds. Each pause is twice the last, less up to half of it by chance."""

    first: float = 0.1  # the first pause
    longest: float = 30.0  # between two tries
    unanswered: float = 120.0  # until a provider that does not answer is given up
    look: float = 20.0  # that a provider may keep one look waiting


PATIENCE = Patience()
ENDED = {"failed": "failed", "refused": "was refused", "cancelled": "was cancelled", "done": "has no result"}


@final
class QueuedMachine(Machine):
    """Runs jobs at a provider, each written down before it is sent and its id before it is waited for.

    Whatever is interrupted is taken up by a new machine over the same jobs: `collect` sends a ticket without an id
    again, which the provider does not run twice, and only looks at one with an id. The machine's knobs stay as they
    are; its clock is the machine time at the end of the last job that was collected here.
    """

    def __init__(self, provider: Provider, jobs: Jobs, *, patience: Patience = PATIENCE, clock: Clock = time) -> None:
        self.name = provider.name
        self.space = NO_KNOBS
        self.twin = None
        self._provider, self._jobs, self._patience, self._wall = provider, jobs, patience, clock
        self._reached = 0.0

    @property
    def clock(self) -> float:
        """Machine time in seconds at the end of the last job that was collected."""
        return self._reached

    def resume(self, clock: float) -> None:
        """Nothing to do: the machine never stopped. Raises BadInput where time cannot be `clock`."""
        check_clock(clock)

    def price(self, job: Job) -> Price:
        """What the provider will charge at most. Raises BadInput where it refuses the job, Unavailable as `submit`."""
        return self._answered("nothing was sent or charged", lambda: self._provider.price(job))

    def run(self, job: Job, permit: Permit) -> Shots:
        """Send `job` and wait for what comes of it. Raises BadInput as `submit` and `collect` do."""
        return self.collect(self.submit(job, permit))

    def submit(self, job: Job, permit: Permit) -> str:
        """Send `job`; returns its ticket, by which any process with the same store collects it.

        Raises:
            BadInput: the permit does not cover the job or was used before, or the provider refuses the job.
            Unavailable: the provider does not answer; the ticket, which the sentence names, can be collected later.
        """
        check_job(job, self.space)
        ticket = permit.digest
        check_permit(job, self.price(job), permit, {ticket} if self._jobs.known(ticket) else set())
        self._jobs.begin(ticket, self.name, json.dumps(job_plain(job)), permit.price, permit.entry, "sent")
        asked = 0

        def first() -> str:
            nonlocal asked
            asked += 1
            return self._provider.submit(job, ticket)

        try:
            self._jobs.sent(ticket, self._answered(_kept(ticket), first))
        except Unavailable:
            raise
        except BadInput as refusal:
            if asked == 1:  # nothing of it can have arrived
                self._jobs.settle(ticket, "refused", reason=str(refusal))
            raise
        return ticket

    def collect(self, ticket: str) -> Shots:
        """What came of a ticket, waited for where it has not ended.

        Raises:
            BadInput: the ticket is not known or of another machine, or its job failed or was cancelled.
            Unavailable: the provider does not answer, or its machine is why the job failed.
        """
        record = self._record(ticket)
        job = job_of(json.loads(record.job))
        if record.settled is None:
            self._settle(ticket, self._wait(ticket, job, record.provider_id or self._send(ticket, job)))
            record = self._jobs.record(ticket)
        if record.state == "done" and record.result is not None:
            shots = shots_of(unpacked(record.result), job)
            self._reached = max(self._reached, shots.started + shots.seconds)
            return shots
        raise BadInput(
            f"the job of ticket {ticket[:12]} {ENDED[record.state]} ({record.reason}): ask for a new permit to try "
            "again"
        )

    def cancel(self, ticket: str) -> None:
        """Take the job out of the provider's queue. Raises BadInput where it has begun or ended."""
        record = self._record(ticket)
        if record.settled is not None:
            raise BadInput(f"the job of ticket {ticket[:12]} ended, it is {record.state}: there is nothing to cancel")
        # Whether an unanswered one has arrived, only the provider knows: sent again, it has, once.
        id = record.provider_id or self._send(ticket, job_of(json.loads(record.job)))
        self._answered(_kept(ticket), lambda: self._provider.cancel(id))
        self._jobs.settle(ticket, "cancelled", reason="by hand, before it began")

    def pending(self) -> list[str]:
        """Tickets of this machine whose jobs have not ended, the oldest first."""
        return [one.ticket for one in self._jobs.pending() if one.machine == self.name]

    def _record(self, ticket: str) -> JobRecord:
        record = self._jobs.record(ticket)
        if record.machine != self.name:
            raise BadInput(
                f"ticket {ticket[:12]} is of machine '{record.machine}' and this is '{self.name}': name that one"
            )
        return record

    def _send(self, ticket: str, job: Job) -> str:
        id = self._answered(_kept(ticket), lambda: self._provider.submit(job, ticket))
        self._jobs.sent(ticket, id)
        return id

    def _wait(self, ticket: str, job: Job, id: str) -> Looked:
        pauses = self._pauses()
        while True:
            found = self._answered(_kept(ticket), lambda: self._provider.look(job, id, self._patience.look))
            if found.state in ("done", "failed", "cancelled"):
                return found
            self._wall.sleep(next(pauses))

    def _settle(self, ticket: str, found: Looked) -> None:
        if found.unavailable:
            self._jobs.settle(ticket, "failed", reason=found.reason)
            raise Unavailable(f"the job of ticket {ticket[:12]} failed: {found.reason}")
        if found.state == "done" and found.shots is not None:
            self._jobs.settle(ticket, "done", packed(shots_plain(found.shots)))
        else:
            # Who cancelled it elsewhere may have done so while it ran: it stays charged.
            self._jobs.settle(ticket, "failed", reason=found.reason or f"it is {found.state} at {self.name}")

    def _answered(self, stands: str, call: Callable[[], T]) -> T:
        """What `call` returns, tried again while nobody answers; `stands` is how things stand if nobody does."""
        until, pauses = self._wall.monotonic() + self._patience.unanswered, self._pauses()
        while True:
            try:
                return call()
            except Unavailable as silence:
                pause = next(pauses)
                if self._wall.monotonic() + pause > until:
                    raise Unavailable(
                        f"{silence}; this was tried for {self._patience.unanswered:g} s, and {stands}"
                    ) from None
            self._wall.sleep(pause)

    def _pauses(self) -> Iterator[float]:
        """Seconds between tries, without end; by chance, so that clients who failed together do not return together."""
        pause = self._patience.first
        while True:
            yield pause * random.uniform(0.5, 1.0)
            pause = min(2 * pause, self._patience.longest)


def _kept(ticket: str) -> str:
    return f"ticket {ticket} is kept: collect it later"
