"""General circuits drawn at random, their exact chances, and whether outcomes follow them: for several tests."""

from __future__ import annotations

from math import pi

import numpy as np
from scipy.stats import chi2

from counterpoint.circuits.circuit import GATES, Circuit, Operation
from counterpoint.circuits.matrices import MATRICES

FALSE_ALARM = 1e-6
ALL = tuple(GATES)
CLIFFORD = ("x", "y", "z", "h", "s", "sdg", "sx", "cx", "cy", "cz", "swap")


def random_circuit(n: int, length: int, seed: int, names: tuple[str, ...] = ALL) -> Circuit:
    """So many gates on n qubits, which are all measured in the end."""
    rng = np.random.default_rng(seed)
    made: list[Operation] = []
    for name in rng.choice(names, length):
        qubits, parameters = GATES[name]
        turn = tuple(rng.uniform(-pi, pi, parameters).tolist())
        made.append(Operation(name, tuple(rng.permutation(n)[:qubits].tolist()), turn))
    return Circuit(n, n, (*made, *(Operation("measure", (q,), bit=q) for q in range(n))))


def random_dynamic(n: int, bits: int, length: int, seed: int) -> Circuit:
    """Gates, a fourth of them on a condition, and measurements, resets and barriers among them; all is measured."""
    rng = np.random.default_rng(seed)
    made: list[Operation] = []
    for name in rng.choice([*ALL, *["measure"] * 5, *["reset"] * 3, *["barrier"] * 2], length):
        bit, on = int(rng.integers(bits)), rng.permutation(n).tolist()
        if name == "measure":
            made.append(Operation(name, (on[0],), bit=bit))
            continue
        qubits, parameters = GATES.get(name, (1 if name == "reset" else n - 1, 0))
        turn = tuple(rng.uniform(-pi, pi, parameters).tolist())
        condition = (bit, int(rng.integers(2))) if name in GATES and rng.random() < 0.25 else None
        made.append(Operation(name, tuple(on[:qubits]), turn, condition=condition))
    return Circuit(n, bits, (*made, *(Operation("measure", (q,), bit=int(rng.integers(bits))) for q in range(n))))


def chances(circuit: Circuit) -> np.ndarray:
    """(2^bits,) exact chances of what the bits hold in the end: every branch of every measurement is followed."""
    index = np.arange(2**circuit.qubits)
    branches = {(0,) * circuit.bits: [np.eye(1, index.size, dtype=complex)[0]]}  # unnormalised, by what was measured
    for one in circuit.operations:
        after: dict[tuple[int, ...], list[np.ndarray]] = {}
        for held, vectors in branches.items():
            done = one.condition is None or held[one.condition[0]] == one.condition[1]
            for vector in vectors:
                for bits, left in _done(one, held, vector, index) if done else [(held, vector)]:
                    after.setdefault(bits, []).append(left)
        branches = after
    found = np.zeros(2**circuit.bits)
    for held, vectors in branches.items():
        found[sum(value << bit for bit, value in enumerate(held))] = sum(np.vdot(v, v).real for v in vectors)
    return found


def _done(one: Operation, held: tuple[int, ...], vector: np.ndarray, index: np.ndarray) -> list[tuple]:
    """What the bits hold and the vector that is left, in each branch that can be."""
    if one.name == "barrier":
        return [(held, vector)]
    if one.name in GATES:
        matrix, mask = MATRICES[one.name](*one.parameters), sum(1 << q for q in one.qubits)
        small = sum((index >> q & 1) << i for i, q in enumerate(one.qubits))
        moved = np.zeros_like(vector)
        for column in range(len(matrix)):
            source = index & ~mask | sum((column >> i & 1) << q for i, q in enumerate(one.qubits))
            moved += matrix[small, column] * vector[source]
        return [(held, moved)]
    (q,), made = one.qubits, []
    for value in (0, 1):
        left = np.where(index >> q & 1 == value, vector, 0)
        if np.vdot(left, left).real > 1e-12:
            kept = held if one.bit is None else (*held[: one.bit], value, *held[one.bit + 1 :])
            made.append((kept, left[index ^ (1 << q)] if one.bit is None and value else left))
    return made


def alike(found: np.ndarray, expected: np.ndarray) -> bool:
    """Whether outcomes (shots, bits) follow the chances (2^bits,), by Pearson's test; none that cannot happen."""
    counts = np.bincount(found @ (1 << np.arange(found.shape[1])), minlength=expected.size)
    mean = len(found) * expected
    can = expected > 1e-12
    statistic = ((counts - mean)[can] ** 2 / mean[can]).sum()
    return not counts[~can].any() and (can.sum() == 1 or statistic <= chi2.isf(FALSE_ALARM, can.sum() - 1))
