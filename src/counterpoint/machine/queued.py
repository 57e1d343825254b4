"""A machine with a queue: a job is sent once, waited for, and collected, also by another process after a crash."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from counterpoint.base import Job, Price, Shots

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
