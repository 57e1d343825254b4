"""How fast is a machine over HTTP, when the machine itself costs nothing?

The real server in a process pinned to one core, one client process on the other, HTTP on loopback. Jobs are put and
looked at (two requests each, over kept connections) until their results are there. First as fast as four connections
can, then at a steady 200 jobs a second for ten seconds, each timed from the moment at which it was due.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import final

import numpy as np
import stim

from counterpoint.base import Job, Machine, Permit, Price, Shots
from counterpoint.cli.interrupt import interruptible
from counterpoint.govern.charter import EXPERIMENT
from counterpoint.machine.knobs import NO_KNOBS
from counterpoint.machine.meter import Meter
from counterpoint.machine.remote import Remote
from counterpoint.machine.results import shots_of
from counterpoint.machine.server.limits import Limits
from counterpoint.machine.server.queue import Queue
from counterpoint.machine.server.server import Server

CONNECTIONS = 4
JOBS = 2000
RATE = 200  # jobs a second
BELL = stim.Circuit("R 0 1\nTICK\nH 0\nTICK\nCX 0 1\nTICK\nM 0 1")
SHOTS = 100


@final
class Free(Machine):
    """Gives zeros at once."""

    def __init__(self) -> None:
        self.name, self.space, self.twin, self._meter = "free", NO_KNOBS, None, Meter()

    @property
    def clock(self) -> float:
        return self._meter.clock

    def resume(self, clock: float) -> None:
        self._meter.resume(clock)

    def price(self, job: Job) -> Price:
        return Price(job.shots, job.shots)

    def run(self, job: Job, permit: Permit) -> Shots:
        return self._meter.carry_out(job, self.price(job), permit, self._zeros)

    def _zeros(self, job: Job) -> Shots:
        return shots_of(job, np.zeros((1, job.shots, 2), np.bool_), started=0.0, seconds=0.0)


def serve(folder: Path) -> None:
    """The server's process."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with Queue.open(folder) as queue:
        token = queue.admit("client", 10**9)
    server = Server(Free(), folder, EXPERIMENT, port=0, limits=Limits(queued=10**6), faults=0.0, key=(0,))
    print(server.url, token, flush=True)
    with interruptible(), suppress(KeyboardInterrupt):
        server.run()
    print(time.process_time(), flush=True)


def one(remote: Remote, number: int, due: float) -> float:
    """Seconds from when a job was due until its result was there."""
    job = Job(BELL, NO_KNOBS.start[None], SHOTS, 1, "", (number,))
    id = remote.submit(job, f"job-{number}")
    while remote.look(job, id, 20.0).shots is None:
        pass
    return time.perf_counter() - due


def told(name: str, taken: list[float], seconds: float) -> None:
    p50, p99 = 1e3 * np.percentile(taken, [50, 99])
    print(f"| {name} | {len(taken) / seconds:.0f} | {p50:.1f} | {p99:.1f} | {1e3 * max(taken):.1f} |")


def main() -> None:
    cores, before, begun = sorted(os.sched_getaffinity(0)), busy(), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, __file__, "serve", folder]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            os.sched_setaffinity(0, {cores[0]})
            url, token = server.stdout.readline().split()
            while True:  # it says its address before it listens
                with suppress(Exception):
                    remote = Remote(url, token)
                    break
            with ThreadPoolExecutor(CONNECTIONS) as threads:
                list(threads.map(lambda n: one(remote, n, time.perf_counter()), range(100)))
                print("| | jobs a second | p50, ms | p99, ms | longest, ms |")
                print("|---|---|---|---|---|")
                first = time.perf_counter()
                ids = range(100, 100 + JOBS)
                taken = list(threads.map(lambda n: one(remote, n, time.perf_counter()), ids))
                told(f"{CONNECTIONS} connections, as fast as they go", taken, time.perf_counter() - first)
            steady(remote)
            server.terminate()
            used, jobs = float(server.stdout.readline()), 100 + 2 * JOBS
    print(f"\nThe server's process used {used:.2f} s of its core for {jobs:,} jobs, its start included.")
    own = sum(os.times()[:4])  # this process and the one that has ended
    others = busy() - before - own
    lasted = time.perf_counter() - begun
    print(f"Other programs used {max(0.0, others):.1f} s of {len(cores)} cores in these {lasted:.0f} s.")


def busy() -> float:
    """Seconds that all cores have worked since the computer was switched on."""
    user, nice, system = map(int, Path("/proc/stat").read_text().split()[1:4])
    return (user + nice + system) / os.sysconf("SC_CLK_TCK")


def steady(remote: Remote) -> None:
    """The same at a steady rate, whether or not the last one is back."""
    taken, lock = list[float](), threading.Lock()
    begun = time.perf_counter() + 0.1

    def timed(number: int, due: float) -> None:
        found = one(remote, number, due)
        with lock:
            taken.append(found)

    with ThreadPoolExecutor(4 * CONNECTIONS) as threads:
        for k in range(JOBS):
            due = begun + k / RATE
            time.sleep(max(0.0, due - time.perf_counter()))
            threads.submit(timed, 10_000 + k, due)
    told(f"{RATE} a second are sent", taken, time.perf_counter() - begun)


if __name__ == "__main__":
    serve(Path(sys.argv[2])) if sys.argv[1:2] == ["serve"] else main()
