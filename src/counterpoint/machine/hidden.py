"""A planted machine of local hidden variables: as much as can be had without entanglement, and it must fail the check.

It is to the check what `vacuous` is to decoders: a check that it passes shows nothing.
"""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import NDArray

from counterpoint.base import BadInput, Floats, Key, Program
from counterpoint.circuits.circuit import GATES, Circuit
from counterpoint.circuits.matrices import MATRICES, Matrix
from counterpoint.machine.general import GeneralMachine
from counterpoint.machine.meter import CYCLE_SECONDS
from counterpoint.machine.programs import general

_PAULIS = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])


def hidden_variables() -> GeneralMachine:
    """The machine that must fail."""
    return GeneralMachine(HiddenVariables())


@final
class HiddenVariables:
    """Each qubit answers for itself, knowing its own gates and what all were given at the start.

    A qubit that no gate joins to another is exact: it and its like are a product state, which no entanglement is
    needed for. Any other knows the unit vector that is drawn anew for each shot and given to all qubits, and its own
    axis of measurement, from the one-qubit gates after its last gate with another: it answers 0 where the two are
    less than a right angle apart (Bell, Physics 1, 195 (1964)). The correlation of two axes at an angle a is then
    1 - 2 a / pi, and S of CHSH exactly 2, the most that is local. What came before the last joint gate is forgotten.

    Only the CHSH protocol is proof against every local model: one that has Y mirrored on
    one side, which knows which side is which, would give -<YY> = 1 and all of the Bell pair's fidelity.
    """

    name = "hidden-variables"

    def seconds(self, circuit: Program) -> float:
        """1.1 us. Raises BadInput for a circuit that cannot be read or in which something depends on a result."""
        if general(circuit).depends_on_results:
            raise BadInput(
                f"the circuit goes on after a measurement and the {self.name} machine answers once a qubit: give one "
                "that is measured at the end"
            )
        return CYCLE_SECONDS

    def measured(self, circuit: Program, shots: int, key: Key) -> NDArray[np.bool_]:
        """(shots, M) measured bits. Raises BadInput as `seconds`."""
        self.seconds(circuit)
        return _answers(general(circuit), shots, key)


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
