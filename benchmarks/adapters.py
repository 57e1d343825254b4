"""What our adapters cost over the vendors' own calls, and how soon a fake backend is ready.

    python benchmarks/adapters.py [--repeats 25] [--shots 4096] [--starts 5]

A Bell pair from OpenQASM 3 text. Ours is a whole job: the text is read, the circuit placed and transpiled, the permit
checked, the bits put in our order; nothing is kept from one repeat to the next but the noise model of the qubits. The
vendor's call has its circuit ready, and its backend or device constructed:

    aer            AerSimulator.run, which needs no transpiler here
    Fake...        transpile and AerSimulator.run, with `AerSimulator.from_backend`, and, as "lean", with the noise of
                   the two qubits alone, which is what ours gives to Aer
    braket_...     LocalSimulator.run

Both in turn, in one process. The overhead is the median of the differences of pairs, its interval (95 %) that of the
median by order statistics. Starts are new processes: from `import qiskit_aer` done until `fake("FakeTorino")` is
returned, without and with the time that our own modules take to import, and until the first Bell pair; the first of all
has no snapshot kept and takes it from the vendor's package.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binom

from counterpoint.base import Job, Machine, Permit
from counterpoint.circuits.qasm import read
from counterpoint.machine.general import GeneralMachine
from counterpoint.machine.vendors.aer import aer, fake
from counterpoint.machine.vendors.braket import Depolarising, local, noise_model
from counterpoint.machine.vendors.qiskit_circuits import qiskit_circuit
from counterpoint.machine.vendors.qiskit_target import SEED

BELL = (
    'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[2] q;\nbit[2] c;\nh q[0];\ncx q[0], q[1];\n'
    "c[0] = measure q[0];\nc[1] = measure q[1];\n"
)
ENTRIES = count()  # of the ledger
START = """
import json, sys, time
import qiskit_aer
t = [time.perf_counter()]
import numpy as np
from counterpoint.base import Job
from counterpoint.machine.vendors.aer import fake
t.append(time.perf_counter())
machine = fake("FakeTorino")
t.append(time.perf_counter())
machine.sample(Job(sys.argv[1], np.zeros((1, 0)), 4096, 1, "", (0,)))
t.append(time.perf_counter())
print(json.dumps([t[2] - t[1], t[2] - t[0], t[3] - t[0]]))
"""


def ours(machine: Machine, shots: int) -> Callable[[int], object]:
    """A whole job under a permit of its own, on a text that was not read before."""

    def once(repeat: int) -> object:
        for kept in ("transpiled", "_chain", "_program"):
            if hasattr(machine.simulator, kept):
                getattr(machine.simulator, kept).cache_clear()
        job = Job(f"{BELL}// {repeat}\n", np.zeros((1, 0)), shots, 1, "bell", (repeat,))
        entry = next(ENTRIES)
        return machine.run(job, Permit("bell", machine.price(job), entry, str(entry)))

    return once


def aers(machine: GeneralMachine, simulator: Any, shots: int, noise: Any = None) -> Callable[[int], object]:
    """Aer, after Qiskit's transpiler where there is a backend, on the qubits that ours uses."""
    from qiskit import transpile

    given, placed = qiskit_circuit(read(BELL)), list(machine.simulator.placed(BELL))
    transpiles = machine.simulator.snapshot is not None
    extra = {} if noise is None else {"noise_model": noise}

    def once(repeat: int) -> object:
        made = given
        if transpiles:
            made = transpile(given, simulator, initial_layout=placed, optimization_level=1, seed_transpiler=SEED)
        return simulator.run(made, shots=shots, seed_simulator=repeat, memory=True, **extra).result().get_memory()

    return once


def brakets(device: str, noise: Depolarising | None, shots: int) -> Callable[[int], object]:
    from braket.circuits import Circuit
    from braket.devices import LocalSimulator

    made = LocalSimulator(device, None if noise is None else noise_model(noise))
    circuit = Circuit().h(0).cnot(0, 1).measure(0).measure(1)
    return lambda repeat: made.run(circuit, shots=shots).result().measurements


def paired(one: Callable[[int], object], other: Callable[[int], object], repeats: int) -> np.ndarray:
    """(repeats, 2) seconds, the first repeat of both left out."""
    seconds = []
    for repeat in range(repeats + 1):
        row = []
        for call in (one, other):
            began = time.perf_counter()
            call(repeat)
            row.append(time.perf_counter() - began)
        seconds.append(row)
    return np.array(seconds[1:])


def row(name: str, seconds: np.ndarray) -> None:
    mine, theirs = np.median(seconds, axis=0) * 1e3
    differences = np.sort(seconds[:, 0] - seconds[:, 1]) * 1e3
    low = int(binom.ppf(0.025, len(differences), 0.5))
    over, lowest, highest = np.median(differences), differences[low], differences[-1 - low]
    print(
        f"{name:28} {mine:9.1f} {theirs:9.1f} {over:9.1f} [{lowest:.1f}, {highest:.1f}] {over / theirs:+8.1%}",
        flush=True,
    )


def overheads(repeats: int, shots: int) -> None:
    import qiskit_ibm_runtime.fake_provider as provider
    from qiskit_aer import AerSimulator

    print(f"{'a Bell pair, ms':28} {'ours':>9} {'vendor':>9} {'overhead':>9}")
    ideal = aer()
    row("aer", paired(ours(ideal, shots), aers(ideal, AerSimulator(), shots), repeats))
    for name in ("FakeTorino", "FakeSherbrooke"):
        machine, backend = fake(name), getattr(provider, name)()
        theirs = AerSimulator.from_backend(backend)
        row(name, paired(ours(machine, shots), aers(machine, theirs, shots), max(5, repeats // 5)))
        lean = machine.simulator.transpiled(read(BELL)).noise
        row(f"{name}, lean", paired(ours(machine, shots), aers(machine, theirs, shots, lean), repeats))
    row("braket_sv", paired(ours(local(), shots), brakets("braket_sv", None, shots), repeats))
    noise = Depolarising()
    row("braket_dm", paired(ours(local("braket_dm", noise), shots), brakets("braket_dm", noise, shots), repeats))


def starts(later: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        environment = {"XDG_CACHE_HOME": folder, "PATH": "", "HOME": str(Path.home())}
        for names, runs in (("first", 1), ("later", later)):
            command = [sys.executable, "-c", START, BELL]
            found = [
                json.loads(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)
                for _ in range(runs)
            ]
            made, ready, bell = np.median(found, axis=0)
            print(
                f"FakeTorino, {names} use in a new process ({runs}): made in {made * 1e3:.0f} ms, ready {ready:.2f} s "
                f"after Aer's import, first Bell pair {bell:.2f} s"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=25)
    parser.add_argument("--shots", type=int, default=4096)
    parser.add_argument("--starts", type=int, default=5)
    given = parser.parse_args()
    starts(given.starts)
    overheads(given.repeats, given.shots)


if __name__ == "__main__":
    main()
