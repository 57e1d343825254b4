"""The ideal machine: every general circuit without any error, by the cheapest exact method."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import final

import numpy as np
import stim
from numpy.typing import NDArray

from counterpoint.base import BadInput, Floats, Key, Program
from counterpoint.circuits import tags
from counterpoint.circuits.circuit import Circuit, compact
from counterpoint.circuits.decompose import decomposed
from counterpoint.circuits.limits import check_state
from counterpoint.circuits.tagged import Tagged, tagged
from counterpoint.circuits.trajectories import check_size
from counterpoint.machine.general import GeneralMachine
from counterpoint.machine.measured import bits, by_stim
from counterpoint.machine.meter import CYCLE_SECONDS
from counterpoint.machine.programs import general

KEPT = 64  # circuits that were run last


def ideal() -> GeneralMachine:
    """The machine without noise."""
    return GeneralMachine(Ideal())


@final
class Ideal:
    """Clifford circuits of any size by stim; others by the state vector, or where a gate depends on a result by
    following the state vector of each shot (`circuits.trajectories`).

    A shot is charged as one cycle of the simulated chips, so that machine time passes and a charter's limits hold.
    """

    name = "ideal"

    def seconds(self, circuit: Program) -> float:
        """1.1 us. Raises BadInput for a circuit that cannot be read, one with noise, and too many qubits."""
        _method(circuit)
        return CYCLE_SECONDS

    def measured(self, circuit: Program, shots: int, key: Key) -> NDArray[np.bool_]:
        """(shots, M) measured bits. Raises BadInput as `seconds`."""
        return _method(circuit)(shots, key)


def _method(program: Program) -> Callable[[int, Key], NDArray[np.bool_]]:
    """What gives the bits of so many shots, from a key."""
    if isinstance(program, stim.Circuit) and tags.plain(program):
        if program != program.without_noise():
            raise BadInput(
                "a circuit with noise was given and the ideal machine has 0: give it without, or take a simulated chip"
            )
        return partial(by_stim, program)
    circuit = general(program)
    run = _tagged(circuit)
    if tags.plain(run.circuit):
        return partial(bits, run)
    if circuit.depends_on_results:
        check_size(len(decomposed(circuit).used))
        return partial(bits, run)
    check_state(len(circuit.used))
    return partial(_drawn, compact(circuit))


@lru_cache(KEPT)
def _tagged(circuit: Circuit) -> Tagged:
    return tagged(circuit)


def _drawn(circuit: Circuit, shots: int, key: Key) -> NDArray[np.bool_]:
    """(shots, bits) from the state vector."""
    source = {one.bit: one.qubits[0] for one in circuit.operations if one.bit is not None}  # the last one stays
    qubits = tuple(sorted(set(source.values())))
    upto = np.cumsum(_chances(circuit, qubits))
    outcomes = np.searchsorted(upto, upto[-1] * np.random.default_rng(key).random(shots), "right")
    found = np.zeros((shots, circuit.bits), np.bool_)
    for bit, qubit in source.items():
        found[:, bit] = outcomes >> qubits.index(qubit) & 1
    return found


@lru_cache(2)
def _chances(circuit: Circuit, qubits: tuple[int, ...]) -> Floats:
    """(2^k,) exact chances of the results of `qubits`."""
    from counterpoint.circuits.state import probabilities  # JAX takes half a second to import

    return probabilities(circuit, qubits)
