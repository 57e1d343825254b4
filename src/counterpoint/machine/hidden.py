"""A planted machine of local hidden variables: as much as can be had without entanglement, and it must fail the check.

It is to the check what `vacuous` is to decoders: a check that it passes shows nothing.
"""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import NDArray

from counterpoint.base import BadInput, Floats, Job, Key, Machine, Permit, Price, Shots, fold_in
from counterpoint.circuits.circuit import GATES, Circuit
from counterpoint.circuits.matrices import MATRICES, Matrix
from counterpoint.machine.checks import check_job
from counterpoint.machine.logical import NO_KNOBS
from counterpoint.machine.meter import Meter, price_of
from counterpoint.machine.programs import general
from counterpoint.machine.results import shots_of

_PAULIS = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])


@final
class HiddenVariables(Machine):
    """Each qubit answers for itself, knowing its own gates and what all were given at the start.

    A qubit that no gate joins to another is exact: it and its like are a product state, which no entanglement is
    needed for. Any other knows the unit vector that is drawn anew for each shot and given to all qubits, and its own
    axis of measurement, from the one-qubit gates after its last gate with another: it answers 0 where the two are
    less than a right angle apart (Bell, Physics 1, 195 (1964)). The correlation of two axes at an angle a is then
    1 - 2 a / pi, and S of CHSH exactly 2, the most that is local. What came before the last joint gate is forgotten.

    It has no knobs and no twin. Only the CHSH protocol is proof against every local model: one that has Y mirrored on
    one side, which knows which side is which, would give -<YY> = 1 and all of the Bell pair's fidelity.
    """

    def __init__(self) -> None:
        self.name = "hidden-variables"
        self.space = NO_KNOBS
        self.twin = None
        self._meter = Meter()

    @property
    def clock(self) -> float:
        """Machine time in seconds since it was switched on."""
        return self._meter.clock

    def resume(self, clock: float) -> None:
        """Go on at `clock` seconds: nothing drifts."""
        self._meter.resume(clock)

    def price(self, job: Job) -> Price:
        """Shots, a cycle and 1.1 us of machine time for each; no money."""
        return price_of(job, 1)

    def run(self, job: Job, permit: Permit) -> Shots:
        """Carry out `job`; the clock advances by its price.

        Raises BadInput where the permit is for another action, covers less than the job's price or was used before,
        and for a circuit that cannot be read or in which something depends on a result.
        """
        return self._meter.carry_out(job, self.price(job), permit, self.sample)

    def sample(self, job: Job) -> Shots:
        """What the machine would give for `job` now; nothing changes. Raises BadInput as `run`, but for permits."""
        check_job(job, self.space)
        circuit = general(job)
        if circuit.depends_on_results:
            raise BadInput(
                f"the circuit goes on after a measurement and the {self.name} machine answers once a qubit: give one "
                "that is measured at the end"
            )
        measured = [_answers(circuit, job.shots, fold_in(job.key, "shots", c)) for c in range(len(job.controls))]
        return shots_of(job, np.array(measured), started=self._meter.clock, seconds=self.price(job).seconds)


def _answers(circuit: Circuit, shots: int, key: Key) -> NDArray[np.bool_]:
    """(shots, bits) of a circuit that is measured at the end; bits that nothing writes are 0."""
    turned: list[Matrix] = [np.eye(2, dtype=np.complex128)] * circuit.qubits  # since the last gate with another
    joined: set[int] = set()
    rng = np.random.default_rng(key)
    shared = rng.standard_normal((shots, 3))  # its length plays no part
    bits = np.zeros((shots, circuit.bits), np.bool_)
    own = rng.random((shots, circuit.qubits))
    for one in circuit.operations:
        first = one.qubits[0] if one.qubits else 0
        if one.bit is not None:
            chance = abs(turned[first][1, 0]) ** 2
            bits[:, one.bit] = shared @ _axis(turned[first]) < 0 if first in joined else own[:, first] < chance
        elif one.name in GATES and len(one.qubits) == 1:
            turned[first] = MATRICES[one.name](*one.parameters) @ turned[first]
        elif one.name in GATES:
            joined.update(one.qubits)
            for qubit in one.qubits:
                turned[qubit] = np.eye(2, dtype=np.complex128)
    return bits


def _axis(turned: Matrix) -> Floats:
    """(3,) what Z after the gates `turned` is before them, on the Bloch sphere."""
    before = turned.conj().T @ _PAULIS[2] @ turned
    return np.einsum("ij,kji->k", before, _PAULIS).real / 2
