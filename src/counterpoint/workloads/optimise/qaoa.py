"""The quantum approximate optimisation algorithm (QAOA) on any Ising problem, as a circuit for any machine.

A layer is exp(-i beta sum X) exp(-i gamma C) on |+...+>, where C = -E is what is maximised: of Max-Cut the weight that
is cut, up to a constant (Farhi, Goldstone and Gutmann, arXiv:1411.4028).

JAX is imported where it is needed: it takes half a second, and a machine that runs the circuit needs none.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from counterpoint.base import BadInput, Bits, Floats, Key, fold_in
from counterpoint.circuits.circuit import Circuit, Operation
from counterpoint.circuits.limits import STATE
from counterpoint.circuits.qasm import write
from counterpoint.workloads.optimise.angles import Angles
from counterpoint.workloads.optimise.ising import Ising
from counterpoint.workloads.optimise.transfer import fixed, scale, transferred
from counterpoint.workloads.optimise.warm import tilts
from counterpoint.workloads.workload import Bill

Run = Callable[[str, int, Key], Bits]  # OpenQASM 3, shots, key -> (shots, bits)


@dataclass(frozen=True)
class Qaoa:
    """QAOA with its settings.

    Attributes:
        depth: layers p.
        angles: "fixed", those of the regular tree, for regular graphs of equal weights; "transferred" from there to
            any problem; "optimised" from there; or given. Optimised ones are found by exact energies of the state
            vector: classical work before any shot, which grows as 2^n and is charged to the processor. A laboratory
            would use shots of its machine instead, beyond 24 variables it must.
        warm: epsilon of a warm start from a relaxed solution (`warm`), with optimised or given angles; None for |+>.
        cvar: the share of the lowest energies whose mean is optimised (CVaR: Barkoutsos et al., arXiv:1907.04769).

    Raises BadInput for a depth below 1 or other than that of given angles, a share outside 0 to 1, and a warm start or
    a share where no angles are optimised for it.
    """

    depth: int = 3
    angles: Literal["fixed", "transferred", "optimised"] | Angles = "transferred"
    warm: float | None = None
    cvar: float = 1.0
    citation: str = (
        "@article{Farhi2014, title={A quantum approximate optimization algorithm}, author={Farhi, Edward and Goldstone,"
        " Jeffrey and Gutmann, Sam}, journal={arXiv:1411.4028}, year={2014}}\n"
        "@article{Barkoutsos2020, title={Improving variational quantum optimization using {CVaR}}, author={Barkoutsos,"
        " Panagiotis Kl. and Nannicini, Giacomo and Robert, Anton and Tavernelli, Ivano and Woerner, Stefan},"
        " journal={Quantum}, volume={4}, pages={256}, year={2020}}"
    )

    def __post_init__(self) -> None:
        own = self.angles.depth if isinstance(self.angles, Angles) else self.depth
        if not self.depth == own >= 1:
            raise BadInput(f"depth {self.depth} was given with angles of depth {own}: give both alike, 1 or more")
        check_share(self.cvar)
        if self.warm is not None and self.angles in ("fixed", "transferred"):
            raise BadInput(
                f"a warm start was asked for with {self.angles} angles, which are those of the start |+>: take "
                "optimised ones (--angles optimised)"
            )
        if self.cvar != 1 and self.angles != "optimised":
            raise BadInput(
                f"a share of {self.cvar:g} of the energies was asked for and no angles are optimised: give "
                "--cvar 1, or --angles optimised"
            )

    def __str__(self) -> str:
        """The settings in words."""
        angles = self.angles if isinstance(self.angles, str) else "given"
        warm = "" if self.warm is None else f", warm start {self.warm:g}"
        share = "" if self.cvar == 1 else f", lowest {self.cvar:g}"
        return f"QAOA of depth {self.depth}, {angles} angles{warm}{share}"

    def check(self, problem: Ising) -> None:
        """Whether angles can be had for the problem, without choosing them. Raises BadInput as `prepared`."""
        if self.angles == "fixed":
            fixed(problem, self.depth)
        elif isinstance(self.angles, str):
            transferred(problem, self.depth)
        if self.angles == "optimised":
            _check_size(problem)

    def prepared(self, problem: Ising, key: Key) -> tuple[Angles, Floats]:
        """The angles, and the tilts (n,) rad at which the qubits start.

        Raises BadInput where the angles are not known for the problem, and for more than 24 variables where they are
        to be optimised.
        """
        start = upright(problem) if self.warm is None else tilts(problem, self.warm, fold_in(key, "warm"))
        if isinstance(self.angles, Angles):
            return self.angles, start
        if self.angles == "fixed":
            return fixed(problem, self.depth), start
        moved = transferred(problem, self.depth)
        if self.angles == "transferred":
            return moved, start
        from counterpoint.workloads.optimise.qaoa_state import optimised

        return optimised(energies(problem), moved, start, self.cvar, scale(problem)), start

    def text(self, problem: Ising, key: Key) -> str:
        """The circuit that `sample` runs, in OpenQASM 3. Raises BadInput as `prepared`."""
        angles, start = self.prepared(problem, key)
        return circuit(problem, angles, None if self.warm is None else start)

    def sample(self, problem: Ising, shots: int, key: Key, run: Run | None = None) -> tuple[Bits, Bill]:
        """Assignments (shots, n) uint8 by `run` on a machine, else drawn from the exact state.

        The bill has the shots; the processor's seconds, of choosing angles and writing the circuit; and those of the
        state vector where it stood in for a machine, as simulation. The seconds of a machine are its own to tell.

        Raises:
            BadInput: as `prepared`; no shots; more than 24 variables and no machine; a machine's answer of another
                shape.
        """
        if shots < 1:
            raise BadInput(f"{shots} shots were asked for: give 1 or more")
        began = time.process_time()
        if run is None:
            _check_size(problem)
        angles, start = self.prepared(problem, key)
        if run is not None:
            text = circuit(problem, angles, None if self.warm is None else start)
            spent = time.process_time() - began
            found = run(text, shots, fold_in(key, "shots"))
            if found.shape != (shots, problem.size):
                raise BadInput(
                    f"the machine gave bits of shape {found.shape} for {shots} shots of {problem.size} variables: give "
                    f"{(shots, problem.size)}"
                )
            return found.astype(np.uint8), Bill(shots=shots, processor=spent)
        spent = time.process_time() - began
        upto = np.cumsum(chances(problem, angles, start))
        drawn = np.searchsorted(upto, upto[-1] * np.random.default_rng(fold_in(key, "shots")).random(shots), "right")
        bits = (drawn[:, None] >> np.arange(problem.size) & 1).astype(np.uint8)
        return bits, Bill(shots=shots, processor=spent, simulation=time.process_time() - began - spent)


def upright(problem: Ising) -> Floats:
    """(n,) pi/2: the start |+...+>."""
    return np.full(problem.size, np.pi / 2)


def energies(problem: Ising) -> Floats:
    """(2^n,) energies of all assignments, variable 0 the lowest bit. Raises BadInput for more than 24 variables."""
    _check_size(problem)
    table = np.zeros(2**problem.size)
    table[0] = problem.offset
    np.add.at(table, 1 << np.arange(problem.size), problem.fields)
    np.add.at(table, (1 << problem.pairs).sum(axis=1), problem.couplings)
    for i in range(problem.size):  # the Walsh-Hadamard transform, in place
        low, high = np.moveaxis(table.reshape(-1, 2, 2**i), 1, 0)
        low += high
        high *= -2
        high += low
    return table


def chances(problem: Ising, angles: Angles, start: Floats | None = None) -> Floats:
    """(2^n,) exact chances of all assignments, variable 0 the lowest bit, from qubits at `start` (n,) rad from |0>.

    Raises BadInput for more than 24 variables.
    """
    from counterpoint.workloads.optimise.qaoa_state import amplitudes

    found = amplitudes(energies(problem), angles, upright(problem) if start is None else start)
    return np.abs(np.asarray(found)) ** 2


def cvar(values: Floats, weights: Floats, share: float) -> float:
    """The mean of the lowest `share` of values (m,) with weights (m,): samples' are equal. Raises BadInput as
    `check_share`."""
    check_share(share)
    order = np.argsort(values)
    each = weights[order] / weights.sum()
    taken = np.clip(share - (np.cumsum(each) - each), 0, each)
    return float(taken @ values[order] / taken.sum())


def check_share(share: float) -> None:
    """Raises BadInput for a share that is not above 0, and at most 1."""
    if not 0 < share <= 1:
        raise BadInput(f"a share of {share:g} of the energies was given: give a number above 0, and at most 1")


def circuit(problem: Ising, angles: Angles, start: Floats | None = None) -> str:
    """OpenQASM 3 text of the same state, measured: qubit and bit i are variable i. Global phases are left out."""
    n = problem.size
    tilted = [] if start is None else start.tolist()
    made = [Operation("ry", (i,), (tilt,)) for i, tilt in enumerate(tilted)]
    made = made or [Operation("h", (i,)) for i in range(n)]
    for gamma, beta in zip(angles.gammas, angles.betas, strict=True):
        for i in np.flatnonzero(problem.fields).tolist():
            made.append(Operation("rz", (i,), (-2 * gamma * float(problem.fields[i]),)))
        for k in np.flatnonzero(problem.couplings).tolist():
            a, b = problem.pairs[k].tolist()
            joined = Operation("cx", (a, b))
            made += [joined, Operation("rz", (b,), (-2 * gamma * float(problem.couplings[k]),)), joined]
        for i in range(n):
            if start is None:
                made.append(Operation("rx", (i,), (2 * beta,)))
            else:
                back, there = Operation("ry", (i,), (-tilted[i],)), Operation("ry", (i,), (tilted[i],))
                made += [back, Operation("rz", (i,), (2 * beta,)), there]
    made += [Operation("measure", (i,), bit=i) for i in range(n)]
    return write(Circuit(n, n, tuple(made)))


def _check_size(problem: Ising) -> None:
    if problem.size < 1:
        raise BadInput("a problem of 0 variables was given: give 1 or more")
    if problem.size > STATE:
        raise BadInput(
            f"a problem of {problem.size} variables was given and QAOA is simulated, and its angles optimised, up to "
            f"{STATE}: give a smaller one, or a machine and angles that are not optimised"
        )
