"""Our state vector beside other libraries', in one run, on the same numbers: time of a call, first call, values.

    taskset -c 1 python benchmarks/state_vector.py [--python PATH] [--repeats 15] [--tasks a64,a128,b64,b128,c64]

    a   loss mean((<Z0> - y)^2) and its gradient: batch of 64, RY of the data on 8 qubits, then 4 times RY and RZ of
        each qubit and a ring of CNOT (64 parameters)
    b   QAOA of Max-Cut on a 3-regular graph of 16 nodes, p = 3: energy and its gradient
    c   20 qubits, 10 times RY and RZ of each qubit and a ring of CNOT: <Z0>

The number is the precision, complex64 or complex128. The peers are tensorcircuit-ng (JAX, vmap), PennyLane (its
default.qubit in JAX with vmap, and lightning.qubit with adjoint gradients) and qsim, in the environment whose Python is
PATH (`pip install jax pennylane==0.45.1 tensorcircuit-ng==1.10.0 qsimcirq==0.22.1`); without it ours are timed alone,
and a peer that is absent is said to be. Each code runs in a process of its own, with one thread, and all take turns in
every repeat. A call's time is that of its process's CPU, so that other work on the machine counts as little as can be;
the time on the clock is told beside it. Ratios are medians of the repeats' own. The first call is what building,
tracing and compiling take with it, after imports and JAX's start.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

CODES = {
    "a": ("ours", "tensorcircuit", "pennylane-jax", "lightning"),
    "b": ("ours", "lightning", "pennylane-jax", "tensorcircuit"),
    "c": ("ours", "ours-qsim", "qsim", "lightning"),
}
SINGLE_ONLY = ("ours-qsim", "qsim")
CALLS = {"a": 20, "b": 5, "c": 1}  # of ours in one repeat; slow codes make one
SLOW = ("lightning", "pennylane-jax", "tensorcircuit")
SLACK = {"64": 2e-5, "128": 1e-9}
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "JAX_PLATFORMS": "cpu",
}
Answer = Callable[[], list[float]]  # one call: the value, and the gradient's norm

QUBITS = {"a": 8, "b": 16, "c": 20}
LAYERS = {"a": 4, "b": 3, "c": 10}
BATCH = 64


def numbers(task: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Parameters (layers, ...), data (64, n) and targets (64,)."""
    rng = np.random.default_rng(7)
    n, layers = QUBITS[task], LAYERS[task]
    parameters = rng.uniform(0, 1, (layers, 2)) if task == "b" else rng.uniform(-np.pi, np.pi, (layers, n, 2))
    return parameters, rng.uniform(-1, 1, (BATCH, n)), rng.uniform(-1, 1, BATCH)


def edges() -> list[tuple[int, int]]:
    """Of a 3-regular graph: a ring of 16 and its diameters."""
    return [(i, (i + 1) % 16) for i in range(16)] + [(i, i + 8) for i in range(8)]


# Ours


def ours(task: str, bits: str) -> Answer:
    import jax
    import jax.numpy as jnp

    from counterpoint.circuits.compiled import compiled
    from counterpoint.circuits.prepared import prepared
    from counterpoint.circuits.vector import expectation

    if bits == "128":
        jax.config.update("jax_enable_x64", True)
    real = np.float32 if bits == "64" else np.float64
    given, data, targets = (jnp.asarray(x, real) for x in numbers(task))
    run = prepared(ansatz(task))
    index = np.arange(2 ** QUBITS[task])
    if task == "b":
        cut = sum((index >> i ^ index >> j) & 1 for i, j in edges()).astype(float)
        made = compiled(jax.value_and_grad(lambda p: expectation(run(p), cut)))
        return lambda: answer(*made(given.ravel()))
    signs = 1.0 - 2 * (index & 1)
    if task == "c":
        forward = compiled(lambda p: expectation(run(p), signs))
        return lambda: [float(forward(given.ravel()))]
    made = compiled(jax.value_and_grad(lambda p, x, y: ((expectation(run(p, x), signs) - y) ** 2).mean()))
    return lambda: answer(*made(given.ravel(), data, targets))


def ours_qsim(task: str, bits: str) -> Answer:
    from counterpoint.circuits.forward import amplitudes

    circuit, given = ansatz(task), numbers(task)[0].ravel()
    return lambda: [first_mean(amplitudes(circuit, given))]


def ansatz(task: str) -> Any:
    from counterpoint.circuits.ansatz import Ansatz, Gate, datum, parameter

    n, gates = QUBITS[task], []
    if task == "b":
        gates = [Gate("h", (q,)) for q in range(n)]
        for layer in range(LAYERS[task]):
            gates += [Gate("rzz", pair, (parameter(2 * layer, -1.0),)) for pair in edges()]
            gates += [Gate("rx", (q,), (parameter(2 * layer + 1, 2.0),)) for q in range(n)]
        return Ansatz(n, tuple(gates))
    if task == "a":
        gates = [Gate("ry", (q,), (datum(q),)) for q in range(n)]
    for layer in range(LAYERS[task]):
        for q in range(n):
            first = 2 * (layer * n + q)
            gates += [Gate("ry", (q,), (parameter(first),)), Gate("rz", (q,), (parameter(first + 1),))]
        gates += [Gate("cx", (q, (q + 1) % n)) for q in range(n)]
    return Ansatz(n, tuple(gates))


# Peers


def tensorcircuit(task: str, bits: str) -> Answer:
    import tensorcircuit as tc

    backend = tc.set_backend("jax")
    tc.set_dtype("complex" + bits)
    real = np.float32 if bits == "64" else np.float64
    given, data, targets = (backend.convert_to_tensor(x.astype(real)) for x in numbers(task))
    n, layers = QUBITS[task], LAYERS[task]
    if task == "a":

        def mean(p: Any, x: Any) -> Any:
            c = tc.Circuit(n)
            for q in range(n):
                c.ry(q, theta=x[q])
            for k in range(layers):
                for q in range(n):
                    c.ry(q, theta=p[k, q, 0])
                    c.rz(q, theta=p[k, q, 1])
                for q in range(n):
                    c.cnot(q, (q + 1) % n)
            return backend.real(c.expectation_ps(z=[0]))

        every = backend.vmap(mean, vectorized_argnums=1)
        made = backend.jit(backend.value_and_grad(lambda p, x, y: backend.mean((every(p, x) - y) ** 2)))
        return lambda: answer(*made(given, data, targets))

    index = np.arange(2**n)
    cut = backend.convert_to_tensor(sum((index >> i ^ index >> j) & 1 for i, j in edges()).astype(real))

    def energy(p: Any) -> Any:  # one gate at a time: contracting the whole circuit takes all memory
        start = tc.Circuit(n)
        for q in range(n):
            start.h(q)
        state = start.state()
        for k in range(layers):
            for i, j in edges():
                c = tc.Circuit(n, inputs=state)
                c.rzz(i, j, theta=-p[k, 0])
                state = c.state()
            for q in range(n):
                c = tc.Circuit(n, inputs=state)
                c.rx(q, theta=2 * p[k, 1])
                state = c.state()
        return backend.sum(backend.real(state * backend.conj(state)) * cut)

    made = backend.jit(backend.value_and_grad(energy))
    return lambda: answer(*made(given))


def pennylane_circuit(task: str, qml: Any) -> Callable[..., Any]:
    """The gates and what is measured."""
    n, layers = QUBITS[task], LAYERS[task]
    if task == "b":
        terms = [qml.PauliZ(i) @ qml.PauliZ(j) for i, j in edges()]
        cut = qml.Hamiltonian([len(terms) / 2] + [-0.5] * len(terms), [qml.Identity(0), *terms])

        def energy(p: Any) -> Any:
            for q in range(n):
                qml.Hadamard(q)
            for k in range(layers):
                for pair in edges():
                    qml.IsingZZ(-p[k, 0], wires=pair)
                for q in range(n):
                    qml.RX(2 * p[k, 1], wires=q)
            return qml.expval(cut)

        return energy

    def mean(p: Any, x: Any = None) -> Any:
        for q in range(n if x is not None else 0):
            qml.RY(x[q], wires=q)
        for k in range(layers):
            for q in range(n):
                qml.RY(p[k, q, 0], wires=q)
                qml.RZ(p[k, q, 1], wires=q)
            for q in range(n):
                qml.CNOT(wires=(q, (q + 1) % n))
        return qml.expval(qml.PauliZ(0))

    return mean


def pennylane_jax(task: str, bits: str) -> Answer:
    import jax
    import jax.numpy as jnp
    import pennylane as qml

    jax.config.update("jax_enable_x64", bits == "128")
    given, data, targets = (jnp.asarray(x, np.float32 if bits == "64" else np.float64) for x in numbers(task))
    device = qml.device("default.qubit", wires=QUBITS[task])
    node = qml.QNode(pennylane_circuit(task, qml), device, interface="jax", diff_method="backprop")
    if task == "b":
        made = jax.jit(jax.value_and_grad(node))
        return lambda: answer(*made(given))
    every = jax.vmap(node, in_axes=(None, 0))
    made = jax.jit(jax.value_and_grad(lambda p, x, y: ((every(p, x) - y) ** 2).mean()))
    return lambda: answer(*made(given, data, targets))


def lightning(task: str, bits: str) -> Answer:
    import pennylane as qml
    from pennylane import numpy as pnp

    given, data, targets = numbers(task)
    device = qml.device("lightning.qubit", wires=QUBITS[task], c_dtype=np.dtype("complex" + bits).type)
    node = qml.QNode(pennylane_circuit(task, qml), device, diff_method="adjoint")
    if task == "c":
        return lambda: [float(node(given))]
    trained = pnp.array(given, requires_grad=True)

    def loss(p: Any) -> Any:
        if task == "b":
            return node(p)
        return sum((node(p, x) - y) ** 2 for x, y in zip(data, targets, strict=True)) / BATCH

    gradient = qml.grad(loss)

    def once() -> list[float]:
        found = gradient(trained)
        return answer(gradient.forward, found)

    return once


def qsim(task: str, bits: str) -> Answer:
    import cirq
    import qsimcirq

    given, n = numbers(task)[0], QUBITS[task]
    qubits = cirq.LineQubit.range(n)[::-1]  # its first qubit is the highest bit
    circuit = cirq.Circuit()
    for row in given:
        circuit.append([cirq.ry(angles[0])(q) for angles, q in zip(row, qubits, strict=True)])
        circuit.append([cirq.rz(angles[1])(q) for angles, q in zip(row, qubits, strict=True)])
        circuit.append([cirq.CNOT(qubits[q], qubits[(q + 1) % n]) for q in range(n)])
    simulator = qsimcirq.QSimSimulator(qsimcirq.QSimOptions(max_fused_gate_size=3, cpu_threads=1))
    return lambda: [first_mean(simulator.simulate_into_1d_array(circuit)[1])]


def first_mean(amplitudes: np.ndarray) -> float:
    """<Z0> of amplitudes whose lowest bit is qubit 0."""
    weights = (amplitudes.view(np.float32) ** 2).reshape(-1, 2, 2).sum(axis=(0, 2), dtype=np.float64)
    return float(weights[0] - weights[1])


def answer(value: Any, gradient: Any) -> list[float]:
    return [float(value), float(np.linalg.norm(np.asarray(gradient)))]


WORKERS: dict[str, Callable[[str, str], Answer]] = {
    "ours": ours,
    "ours-qsim": ours_qsim,
    "tensorcircuit": tensorcircuit,
    "pennylane-jax": pennylane_jax,
    "lightning": lightning,
    "qsim": qsim,
}


IMPORTS = {
    "ours": ("counterpoint.circuits.prepared",),
    "ours-qsim": ("counterpoint.circuits.forward", "qsimcirq"),
    "tensorcircuit": ("tensorcircuit",),
    "pennylane-jax": ("pennylane",),
    "lightning": ("pennylane",),
    "qsim": ("qsimcirq",),
}


def work(code: str, task: str, bits: str) -> None:
    """Answer each line (a number of calls) with the seconds of one call and its value, as JSON."""
    try:
        for module in IMPORTS[code]:
            __import__(module)
        if code in ("ours", "pennylane-jax", "tensorcircuit"):
            import jax

            jax.numpy.zeros(1).block_until_ready()  # JAX's own start
    except ImportError as problem:
        print(json.dumps({"absent": str(problem)}), flush=True)
        return
    print(json.dumps({"absent": None}), flush=True)
    call = None
    for line in sys.stdin:
        cpu, clock = time.process_time(), time.perf_counter()
        if call is None:
            call = WORKERS[code](task, bits)
        for _ in range(int(line)):
            value = call()
        spent = [(time.process_time() - cpu) / int(line), (time.perf_counter() - clock) / int(line)]
        print(json.dumps({"cpu": spent[0], "clock": spent[1], "value": value}), flush=True)


class Peer:
    """A process that runs one code."""

    def __init__(self, python: str, code: str, task: str, bits: str) -> None:
        command = [python, __file__, "--worker", code, task, bits]
        pipe = subprocess.PIPE
        environment = os.environ | ENVIRONMENT
        self.process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, env=environment
        )
        self.absent = self._read()["absent"]

    def call(self, times: int) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{times}\n")
        self.process.stdin.flush()
        return self._read()

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"absent": "it ended without an answer", "failed": True}


def compare(task: str, bits: str, python: str | None, repeats: int) -> None:
    names = [c for c in CODES[task] if bits == "64" or c not in SINGLE_ONLY]
    peers: dict[str, Peer] = {}
    print(f"\n{task}, complex{bits}: first call in CPU seconds, then CPU and clock ms a call, and ours divided into it")
    for name in names:
        here = name.startswith("ours")
        if not here and python is None:
            print(f"  {name:14} absent: no --python")
            continue
        peer = Peer(sys.executable if here else str(python), name, task, bits)
        if peer.absent is not None:
            print(f"  {name:14} absent: {peer.absent}")
            continue
        peers[name] = peer
    first = {name: peer.call(1) for name, peer in peers.items()}
    for name in [name for name, found in first.items() if "failed" in found]:
        print(f"  {name:14} failed in its first call")
        peers.pop(name).close()
    if "ours" not in peers:
        sys.exit("ours did not run, and nothing can be compared with it")
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in peers}
    for repeat in range(repeats + 1):
        for name, peer in peers.items():
            found = peer.call(1 if name in SLOW else CALLS[task])
            if repeat:
                spent[name].append((found["cpu"], found["clock"]))
    ours_cpu = np.array(spent["ours"])[:, 0]
    for name, peer in peers.items():
        cpu, clock = np.median(spent[name], axis=0) * 1e3
        ratio = np.median(np.array(spent[name])[:, 0] / ours_cpu)
        value = first[name]["value"]
        off = max(abs(a - b) / max(1, abs(b)) for a, b in zip(value, first["ours"]["value"], strict=True))
        agrees = "" if off < SLACK[bits] else f"  VALUES DIFFER by {off:.1e}"
        shown = " ".join(f"{v:.7f}" for v in value)
        timed = f"{first[name]['cpu']:7.2f} {cpu:10.2f} {clock:10.2f} {ratio:8.2f}"
        print(f"  {name:14} {timed}   {shown}{agrees}", flush=True)
        peer.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", help="of the environment that has the peers")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--tasks", default="a64,a128,b64,b128,c64,c128")
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        work(*given.worker)
        return
    for one in given.tasks.split(","):
        compare(one[0], one[1:], given.python, given.repeats)


if __name__ == "__main__":
    main()
