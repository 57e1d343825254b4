"""A pool: every task done once, by a free machine that can; failing machines set aside, nothing lost."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import final

import numpy as np
import pytest

from counterpoint.base import BadInput, Job, Machine, Permit, Price, Shots
from counterpoint.govern.charter import EXPERIMENT
from counterpoint.govern.judge import Used
from counterpoint.govern.ledger import Ledger
from counterpoint.govern.permits import Governor
from counterpoint.machine.checks import Unavailable
from counterpoint.machine.knobs import NO_KNOBS
from counterpoint.machine.meter import Meter, price_of
from counterpoint.machine.pool import Pool, Task
from counterpoint.machine.results import shots_of
from counterpoint.machine.runner import Runner

TEXT = "OPENQASM 3.0;\nqubit[{}] q;\nbit[1] c;\nc[0] = measure q[0];\n"


@final
class Planted(Machine):
    """Answers each job with the parity of its shots; does first whatever it is told to."""

    def __init__(self, name: str, qubits: int = 10, before: Callable[[Job], None] = lambda job: None) -> None:
        self.name, self.qubits, self.before = name, qubits, before
        self.space, self.twin = NO_KNOBS, None
        self.ran: list[Job] = []
        self._meter = Meter()

    @property
    def clock(self) -> float:
        return self._meter.clock

    def resume(self, clock: float) -> None:
        self._meter.resume(clock)

    def price(self, job: Job) -> Price:
        wanted = int(str(job.circuit).split("qubit[")[1].split("]")[0])
        if wanted > self.qubits:
            raise BadInput(f"the circuit has {wanted} qubits and {self.name} has {self.qubits}: use fewer")
        return price_of(job, 1)

    def run(self, job: Job, permit: Permit) -> Shots:
        self.before(job)
        self.ran.append(job)
        return self._meter.carry_out(job, self.price(job), permit, self.sample)

    def sample(self, job: Job) -> Shots:
        return shots_of(job, np.full((1, job.shots, 1), job.shots % 2 == 1), started=0.0, seconds=0.0)


Make = Callable[..., Pool]


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Make]:
    """A pool of machines under one charter."""
    with Ledger.open(tmp_path) as ledger:
        yield lambda *machines, charter=EXPERIMENT: Pool(Runner(Governor(charter, ledger, NO_KNOBS), Used()), machines)


def tasks(count: int, qubits: int = 2) -> list[Task]:
    return [Task(TEXT.format(qubits), 10 + i, (i,)) for i in range(count)]


def kinds(folder: Path) -> Counter[str]:
    with Ledger.read(folder) as ledger:
        assert ledger.verify(None) == []
        return Counter(entry.kind for entry in ledger.entries())


def test_each_task_is_done_once_and_has_its_own_answer(pool: Make, tmp_path: Path) -> None:
    machines = Planted("a"), Planted("b"), Planted("c")
    done = list(pool(*machines).run(tasks(60)))
    assert sorted(one.task for one in done) == list(range(60))
    assert all((one.shots.measurements == (one.task % 2)).all() for one in done)
    assert sum(len(m.ran) for m in machines) == 60
    assert kinds(tmp_path) == Counter({"job": 60, "job-done": 60})


def test_work_goes_to_the_free_machine(pool: Make) -> None:
    """While one machine is held, the other does all the rest."""
    free = threading.Event()
    slow, quick = Planted("slow", before=lambda job: free.wait() and None), Planted("quick")
    found = pool(slow, quick).run(tasks(20))
    first = [next(found) for _ in range(19)]
    assert {one.machine for one in first} == {"quick"}
    free.set()
    assert [one.machine for one in found] == ["slow"]


def test_a_failing_machine_is_set_aside_and_its_task_goes_to_another(pool: Make, tmp_path: Path) -> None:
    def broken(job: Job) -> None:
        raise RuntimeError("no vacuum")

    bad, good = Planted("bad", before=broken), Planted("good")
    on = pool(bad, good)
    assert sorted(one.task for one in on.run(tasks(5))) == list(range(5))
    assert on.aside == {0: "RuntimeError: no vacuum"}
    assert kinds(tmp_path) == Counter({"job": 6, "job-failed": 1, "job-done": 5})
    assert len(good.ran) == 5


def test_a_machine_that_is_too_small_keeps_to_what_it_can_run(pool: Make) -> None:
    small, large = Planted("small", 3), Planted("large", 9)
    on = pool(small, large)
    both = tasks(10) + tasks(10, qubits=5)
    done = {one.task: one.machine for one in on.run(both)}
    assert len(done) == 20
    assert {done[i] for i in range(10, 20)} == {"large"}
    assert not on.aside
    assert len(small.ran) > 0


def test_where_no_machine_can_run_a_task_the_last_reason_is_told(pool: Make) -> None:
    with pytest.raises(BadInput, match="no machine of 2 can run task 0: the circuit has 5 qubits and a has 3"):
        list(pool(Planted("b", 2), Planted("a", 3)).run(tasks(1, 5)))


def test_what_was_done_before_the_last_machine_failed_is_kept(pool: Make) -> None:
    def breaks(job: Job) -> None:
        if job.shots == 13:
            raise Unavailable("the link is down: mend it")

    found = pool(Planted("a", before=breaks)).run(tasks(6))
    assert [next(found).task for _ in range(3)] == [0, 1, 2]
    with pytest.raises(Unavailable, match=r"1 of 1 machines failed.*the link is down.*task 3"):
        next(found)


def test_a_task_that_nobody_can_run_is_told_after_all_others_are_done(pool: Make) -> None:
    found = pool(Planted("a", 3), Planted("b", 3)).run(tasks(1, 5) + tasks(4))
    assert {next(found).task for _ in range(4)} == {1, 2, 3, 4}
    with pytest.raises(BadInput, match="task 0"):
        next(found)


def test_a_task_for_a_machine_that_failed_may_be_given_again(pool: Make) -> None:
    """One refuses it and the other is at fault: that is no fault of the task."""

    def breaks(job: Job) -> None:
        raise Unavailable("the link is down: mend it")

    with pytest.raises(Unavailable, match=r"1 of 2 machines failed.*no other can run task 0"):
        list(pool(Planted("small", 1), Planted("large", before=breaks)).run(tasks(1)))


def test_who_reads_no_further_leaves_nothing_unsealed(pool: Make, tmp_path: Path) -> None:
    found = pool(Planted("a"), Planted("b", before=lambda job: time.sleep(0.2))).run(tasks(4))
    next(found)
    found.close()
    told = kinds(tmp_path)
    assert told["job"] == told["job-done"] >= 2


def test_the_charter_is_of_all_machines_together(pool: Make, tmp_path: Path) -> None:
    limits = EXPERIMENT.limits.model_copy(update={"shots": 25, "cycles": 25})
    on = pool(Planted("a"), Planted("b"), charter=EXPERIMENT.model_copy(update={"limits": limits}))
    with pytest.raises(BadInput, match=r"limits\.cycles is 25, of which 21 is used"):
        list(on.run(tasks(3)))
    assert kinds(tmp_path)["job-done"] == 2


@pytest.mark.parametrize(("shots", "pieces"), [(10, 3), (7, 7), (100, 1)])
def test_a_task_splits_into_pieces_that_add_up(shots: int, pieces: int) -> None:
    parts = Task(TEXT.format(1), shots, (1,)).split(pieces)
    assert sum(one.shots for one in parts) == shots
    assert max(one.shots for one in parts) - min(one.shots for one in parts) <= 1
    assert len({one.key for one in parts}) == pieces


def test_bad_input(pool: Make) -> None:
    with pytest.raises(BadInput, match="pool of 0 machines"):
        pool()
    with pytest.raises(BadInput, match="5 shots were to be split into 6 pieces: give 1 to 5"):
        Task(TEXT.format(1), 5, (1,)).split(6)
