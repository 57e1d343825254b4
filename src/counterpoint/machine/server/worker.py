"""The worker of a server: runs what is queued in order, each job under a permit of the server's own ledger."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import final

from counterpoint.base import BadInput, Machine, Price
from counterpoint.govern.charter import Charter
from counterpoint.govern.judge import Used
from counterpoint.govern.ledger import Ledger
from counterpoint.govern.permits import Governor
from counterpoint.machine.checks import Unavailable
from counterpoint.machine.runner import Runner
from counterpoint.machine.server.queue import Queue, Status, Waiting
from counterpoint.machine.wire import circuit_of, key_of, shots_plain


@final
class Worker:
    """One thread that runs the jobs of a queue on one machine."""

    def __init__(
        self,
        machine: Machine,
        charter: Charter,
        folder: Path,
        queue: Queue,
        ended: Callable[[str, str], None],
        broken: Callable[[], None],
    ) -> None:
        """Both are called in the worker's thread: `ended` with client and id of each job that has ended, `broken` where
        it can run no more, as when queue or ledger cannot be written, which `problem` then tells."""
        self._machine, self._charter, self._folder, self._queue = machine, charter, folder, queue
        self._ended, self._broken = ended, broken
        self._more, self._begun, self._stopping = threading.Event(), threading.Event(), False
        self.problem: Exception | None = None
        self._thread = threading.Thread(target=self._main, name="worker", daemon=True)

    def start(self) -> None:
        """Begin. Raises BadInput where the folder's ledger cannot be written, as when another server does."""
        self._thread.start()
        self._begun.wait()
        if self.problem is not None:
            raise self.problem

    def wake(self) -> None:
        """Say that something was queued."""
        self._more.set()

    def stop(self, seconds: float) -> bool:
        """Take no new job; whether the running one ended within `seconds`. One that did not counts as not run."""
        self._stopping = True
        self._more.set()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _main(self) -> None:
        try:
            with Ledger.open(self._folder) as ledger:
                governor = Governor(self._charter, ledger, self._machine.space)
                runner = Runner(governor, Used(charged(ledger, governor)))
                self._queue.again()
                self._begun.set()
                self._serve(runner)
        except Exception as problem:  # whatever it is, a server that answers and runs nothing is worse than none
            self.problem = problem
            self._begun.set()
            self._broken()

    def _serve(self, runner: Runner) -> None:
        while True:
            self._more.clear()  # before anything is looked at: what comes afterwards ends the wait
            if self._stopping:
                return
            if (one := self._queue.take()) is None:
                self._more.wait()
                continue
            self._queue.settle(one, self._outcome(runner, one))
            self._ended(one.client, one.id)

    def _outcome(self, runner: Runner, one: Waiting) -> Status:
        """Run a job. Whatever a machine raises, the next job is to find a worker."""
        permit = None
        try:
            asked = json.loads(one.job)
            job = runner.job(self._machine, circuit_of(asked["circuit"]), asked["shots"], key_of(asked["key"]))
            job = replace(job, cycles=asked["cycles"])
            permit = runner.permit(self._machine, job)
            shots = self._machine.run(job, permit)
            found = json.dumps(shots_plain(shots), allow_nan=False)
            runner.collected(permit.entry, shots)
        except Exception as error:
            clear = isinstance(error, BadInput)
            reason = str(error) if clear else f"the machine broke ({type(error).__name__}: {error}): tell who runs it"
            if permit is not None:
                runner.failed(permit.entry, reason)
            return Status("failed", None, reason, unavailable=not clear or isinstance(error, Unavailable))
        return Status("done", found)


def charged(ledger: Ledger, governor: Governor) -> Price:
    """What jobs were charged by the ledger; those whose permits a stop left unspent are noted there as not run."""
    prices: dict[int, Price] = {}
    unspent: set[int] = set()
    for entry in ledger.entries():
        content = json.loads(entry.content)
        if entry.kind == "job" and content["verdict"] == "allow":
            prices[entry.number] = Price(**{k: v for k, v in content["price"].items() if k != "record"})
            unspent.add(entry.number)
        elif entry.kind in ("job-done", "job-failed"):
            unspent.discard(content["entry"])
        elif entry.kind == "job-not-run":
            unspent.discard(content["entry"])
            del prices[content["entry"]]
    for number in sorted(unspent):
        governor.note("job-not-run", {"entry": number, "why": "permitted, then the server stopped"})
        del prices[number]
    return sum(prices.values(), Price())
