"""Several machines, unlike in size and noise, used as one for tasks that split: work goes to the free machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from counterpoint.base import BadInput, Job, Key, Machine, Permit, Program, Shots, fold_in
from counterpoint.machine.checks import Unavailable
from counterpoint.machine.runner import Runner


@dataclass(frozen=True)
class Task:
    """One circuit that any machine may run."""

    circuit: Program
    shots: int
    key: Key

    def split(self, pieces: int) -> tuple[Task, ...]:
        """The same shots in as many tasks, as even as they go. Raises BadInput for fewer than 1 shot in each."""
        if not 1 <= pieces <= self.shots:
            raise BadInput(f"{self.shots} shots were to be split into {pieces} pieces: give 1 to {self.shots}")
        each, more = divmod(self.shots, pieces)
        return tuple(Task(self.circuit, each + (i < more), fold_in(self.key, "piece", i)) for i in range(pieces))


@dataclass(frozen=True, eq=False)
class Done:
    """What came of one task."""

    task: int  # its number
    machine: str
    shots: Shots


@dataclass
class _Waiting:
    """A task that is to be run, and what those machines said that cannot run it."""

    number: int
    task: Task
    refusals: dict[int, str] = field(default_factory=dict)


class Pool:
    """Machines under one charter; one that fails is set aside and its task goes to another.

    Permits are asked for and outcomes sealed by the calling thread alone; only machines run in threads of their own,
    one each.
    """

    def __init__(self, runner: Runner, machines: Sequence[Machine]) -> None:
        """Raises BadInput without a machine."""
        if not machines:
            raise BadInput("a pool of 0 machines was asked for: give 1 or more")
        self._runner = runner
        self._machines = tuple(machines)
        self.aside: dict[int, str] = {}  # machines that failed, by their place, and why

    def run(self, tasks: Sequence[Task]) -> Iterator[Done]:
        """Run all tasks, in whatever order they are done; one that cannot be run is told after all that can.

        Raises:
            BadInput: no machine can run a task, with what the last one said.
            Unavailable: every machine that could has failed.
        """
        waiting = [_Waiting(i, task) for i, task in enumerate(tasks)]
        busy: dict[Future[Shots], tuple[int, _Waiting, Permit]] = {}
        with ThreadPoolExecutor(len(self._machines)) as threads:
            try:
                while waiting or busy:
                    self._give_out(waiting, busy, threads)
                    if not busy:
                        raise self._hopeless(waiting[0])
                    for future in wait(busy, return_when=FIRST_COMPLETED).done:
                        place, one, permit = busy.pop(future)
                        if done := self._settled(future, place, one, permit):
                            yield done
                        else:
                            waiting.insert(0, one)
            finally:  # who reads no further leaves runs that were paid for
                for future in wait(busy).done:
                    self._settled(future, *busy[future])

    def _give_out(
        self,
        waiting: list[_Waiting],
        busy: dict[Future[Shots], tuple[int, _Waiting, Permit]],
        threads: ThreadPoolExecutor,
    ) -> None:
        """Give each free machine the first task that it can run."""
        free = [
            i for i in range(len(self._machines)) if i not in self.aside and all(i != at for at, _, _ in busy.values())
        ]
        for place in free:
            for one in [one for one in waiting if place not in one.refusals]:
                if asked := self._permitted(place, one):
                    job, permit = asked
                    busy[threads.submit(self._machines[place].run, job, permit)] = place, one, permit
                    waiting.remove(one)
                    break

    def _permitted(self, place: int, one: _Waiting) -> tuple[Job, Permit] | None:
        machine = self._machines[place]
        try:
            job = self._runner.job(machine, one.task.circuit, one.task.shots, one.task.key)
            return job, self._runner.permit(machine, job)
        except Unavailable as problem:
            self.aside[place] = str(problem)
        except BadInput as problem:
            one.refusals[place] = str(problem)
        return None

    def _settled(self, future: Future[Shots], place: int, one: _Waiting, permit: Permit) -> Done | None:
        """The outcome; None where the machine failed or refused, so that the task waits again."""
        problem = future.exception()
        if problem is None:
            self._runner.collected(permit.entry, future.result())
            return Done(one.number, self._machines[place].name, future.result())
        self._runner.failed(permit.entry, str(problem))
        if isinstance(problem, BadInput) and not isinstance(problem, Unavailable):
            one.refusals[place] = str(problem)
        else:
            self.aside[place] = f"{type(problem).__name__}: {problem}"
        return None

    def _hopeless(self, one: _Waiting) -> BadInput:
        """Why a task that no machine takes is not run."""
        if len(one.refusals) == len(self._machines):
            last = [*one.refusals.values()][-1]
            return BadInput(f"no machine of {len(self._machines)} can run task {one.number}: {last}")
        return Unavailable(
            f"{len(self.aside)} of {len(self._machines)} machines failed, the last with "
            f"'{[*self.aside.values()][-1]}', and no other can run task {one.number}: mend one, and give what is left"
        )
