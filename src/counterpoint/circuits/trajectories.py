"""Trajectories of a few qubits' state vector: for T gates, rotations and conditions, which stim cannot sample."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import stim
from numpy.typing import NDArray

from counterpoint.base import BadInput, Floats, Key
from counterpoint.circuits import tags
from counterpoint.circuits.matrices import Matrix

MOST = 12  # qubits
AMPLITUDES = 2**18  # of all shots that are followed at once: bounds the memory
READ = {"R", "RX", "RY", "M", "MX", "MY", "MR", "MRX", "MRY"}
CHANNELS = {  # the chances of XYZ, or of IX IY IZ XI ... ZZ, from stim's arguments
    "X_ERROR": lambda p: (p, 0, 0),
    "Y_ERROR": lambda p: (0, p, 0),
    "Z_ERROR": lambda p: (0, 0, p),
    "DEPOLARIZE1": lambda p: (p / 3,) * 3,
    "DEPOLARIZE2": lambda p: (p / 15,) * 15,
    "PAULI_CHANNEL_1": lambda *p: p,
    "PAULI_CHANNEL_2": lambda *p: p,
}
SKIPPED = {"TICK", "QUBIT_COORDS", "SHIFT_COORDS", "DETECTOR", "OBSERVABLE_INCLUDE"}


def check_size(qubits: int) -> None:
    """Raise BadInput where a circuit that stim cannot sample has too many `qubits`."""
    if qubits > MOST:
        raise BadInput(
            f"the circuit has T gates, rotations or conditions on {qubits} qubits and its shots are followed exactly "
            f"up to {MOST}: use {MOST} or fewer, or Clifford gates alone, which any number of qubits can run"
        )


def trajectories(circuit: stim.Circuit, shots: int, key: Key, flag: int | None = None) -> NDArray[np.bool_]:
    """(shots, measurements) results of a circuit whose tags (`tags`) count as gates, exact in distribution.

    It may have all of stim's one- and two-qubit gates, resets and measurements of one qubit, MPP, X, Y and Z that
    depend on a result, and Pauli errors, each sampled in each shot. Qubits start in |0>. `flag` is a qubit that is
    only flipped, read in MPP and reset: a bit.

    Raises:
        BadInput: too many qubits besides the flag; another instruction; a tag that is not known.
    """
    instructions = [i for i in circuit.flattened() if isinstance(i, stim.CircuitInstruction) and i.name not in SKIPPED]
    touched = {t.value for i in instructions for t in i.targets_copy() if t.is_qubit_target or t.pauli_type != "I"}
    qubits = sorted(touched - {flag})
    check_size(len(qubits))
    rng = np.random.default_rng(key)
    places = {q: i for i, q in enumerate(qubits)}
    most = max(1, AMPLITUDES >> len(qubits))
    parts = [_Shots(places, flag, min(most, shots - first), rng).run(instructions) for first in range(0, shots, most)]
    return np.concatenate(parts)


class _Shots:
    """The state vectors of some shots: (shots, 2^n), the first qubit the lowest bit of the index."""

    def __init__(self, places: dict[int, int], flag: int | None, shots: int, rng: np.random.Generator) -> None:
        self.places = places
        self.flag = flag
        self.rng = rng
        self.index = np.arange(2 ** len(places))
        self.state = np.zeros((shots, self.index.size), np.complex128)
        self.state[:, 0] = 1
        self.results: list[NDArray[np.bool_]] = []
        self.flagged = np.zeros(shots, np.bool_)
        self.free = np.ones(shots, np.bool_)  # no error of the running chain has happened

    def run(self, instructions: Sequence[stim.CircuitInstruction]) -> NDArray[np.bool_]:
        for instruction in instructions:
            name = instruction.name
            if name in ("E", "ELSE_CORRELATED_ERROR"):
                self.correlated(name == "E", instruction.gate_args_copy()[0], instruction.targets_copy())
            elif name in CHANNELS:
                chances = np.array(CHANNELS[name](*instruction.gate_args_copy()))
                for group in instruction.target_groups():
                    self.channel(chances, group)
            elif name == "MPP" or name in READ:
                for group in instruction.target_groups():
                    self.read(instruction, group)
            elif stim.gate_data(name).is_unitary and not stim.gate_data(name).takes_pauli_targets:
                self.gate(instruction)
            else:
                raise BadInput(
                    f"the circuit has '{instruction}', and shots are followed through one- and two-qubit gates, "
                    f"{', '.join(sorted(READ))}, MPP and {', '.join(CHANNELS)}: give it in those"
                )
        return np.array(self.results, np.bool_).reshape(-1, len(self.state)).T

    def gate(self, instruction: stim.CircuitInstruction) -> None:
        matrix, condition = tags.read(instruction)
        where = None if condition is None else self.results[condition.result] == condition.value
        for group in instruction.target_groups():
            recorded = [t for t in group if t.is_measurement_record_target]
            if recorded:
                self.feedback(instruction.name, group, recorded[0].value)
            elif where is None:
                self.unitary(self.state, matrix, [self.places[t.value] for t in group])
            else:
                some = self.state[where]
                self.unitary(some, matrix, [self.places[t.value] for t in group])
                self.state[where] = some

    def unitary(self, state: Matrix, matrix: Matrix, places: Sequence[int]) -> None:
        """A gate of (2^k, 2^k) on k qubits of `state` (shots, 2^n), in place; most gates have few entries."""
        n, shape, axes = len(self.places), [len(state)], {}
        top = n
        for place in sorted(places, reverse=True):
            axes[place] = len(shape) + 1
            shape += [2 ** (top - place - 1), 2]
            top = place
        view = state.reshape(*shape, 2**top)

        def part(value: int) -> tuple[int | slice, ...]:
            chosen: list[int | slice] = [slice(None)] * view.ndim
            for i, place in enumerate(places):
                chosen[axes[place]] = value >> i & 1
            return tuple(chosen)

        fresh = {}
        for row, entries in enumerate(matrix):
            used = np.flatnonzero(entries)
            if used.size != 1 or used[0] != row or entries[row] != 1:
                fresh[row] = sum(entries[i] * view[part(int(i))] for i in used)
        for row, values in fresh.items():
            view[part(row)] = values

    def feedback(self, name: str, group: list[stim.GateTarget], back: int) -> None:
        """CX, CY or CZ of a result, in either order where stim allows it."""
        (other,) = (t for t in group if not t.is_measurement_record_target)
        pauli = "".join(set(name) - {"C"})
        bit = 1 << self.places[other.value]
        self.pauli(bit * (pauli != "Z"), bit * (pauli != "X"), self.results[back])

    def read(self, instruction: stim.CircuitInstruction, group: list[stim.GateTarget]) -> None:
        """A measurement or reset."""
        name = instruction.name
        if "M" not in name and group[0].value == self.flag:
            self.flagged.fill(False)
            return
        if name == "MPP":
            results = self.product(group)
        else:
            bit = 1 << self.places[group[0].value]
            x, z = bit * (name[-1] in "XY"), bit * (name[-1] != "X")
            results = self.measure(x, z)
            if "R" in name:
                self.pauli(bit * (not x), bit * (x > 0), results)
            if "M" not in name:
                return
            results = results ^ group[0].is_inverted_result_target
        for p in instruction.gate_args_copy():
            results = results ^ (self.rng.random(results.size) < p)
        self.results.append(results)

    def sign(self, z: int | NDArray[np.int64]) -> NDArray[np.int64]:
        """(2^n,), or a row for each of `z` (k, 1): what Z on the bits of `z` multiplies each amplitude by."""
        return 1 - 2 * (np.bitwise_count(self.index & z).astype(np.int64) & 1)

    def pauli(self, x: int, z: int, where: NDArray[np.bool_]) -> None:
        """X on the bits of `x` and Z on those of `z`, in the shots `where`, up to a phase."""
        self.state[where] = (self.state[where] * self.sign(z))[:, self.index ^ x]

    def measure(self, x: int, z: int) -> NDArray[np.bool_]:
        """(shots,) results of the product of X on the bits of `x` and Z on those of `z`, Y where both are."""
        turned = (self.state * self.sign(z))[:, self.index ^ x] * 1j ** (x & z).bit_count()
        mean = np.einsum("si,si->s", self.state.conj(), turned).real
        results = self.rng.random(len(mean)) >= (1 + mean) / 2
        self.state += np.where(results, -1, 1)[:, None] * turned
        self.state /= np.linalg.norm(self.state, axis=1, keepdims=True)
        return results

    def product(self, group: list[stim.GateTarget]) -> NDArray[np.bool_]:
        targets = [t for t in group if not t.is_combiner]
        inverted = sum(t.is_inverted_result_target for t in targets) % 2 == 1
        results = self.measure(*self.bits(targets)) ^ inverted
        return results ^ self.flagged if any(t.value == self.flag for t in targets) else results

    def bits(self, targets: list[stim.GateTarget]) -> tuple[int, int]:
        """On which bits a product of Paulis has X, and on which Z; the flag aside."""
        kept = [t for t in targets if t.value != self.flag]
        x = sum(1 << self.places[t.value] for t in kept if t.is_x_target or t.is_y_target)
        z = sum(1 << self.places[t.value] for t in kept if t.is_z_target or t.is_y_target)
        return x, z

    def correlated(self, first: bool, p: float, targets: list[stim.GateTarget]) -> None:
        if first:
            self.free[:] = True
        hit = self.free & (self.rng.random(self.free.size) < p)
        self.free &= ~hit
        if any(t.value == self.flag for t in targets):
            self.flagged ^= hit
        self.pauli(*self.bits(targets), hit)

    def channel(self, chances: Floats, group: list[stim.GateTarget]) -> None:
        """One Pauli in each shot, or none; `chances` as in `CHANNELS`."""
        number = 1 + np.searchsorted(np.cumsum(chances), self.rng.random(len(self.state)), side="right")
        rows = np.flatnonzero(number <= chances.size)
        x, z = np.zeros((2, rows.size, 1), np.int64)
        for i, target in enumerate(reversed(group)):  # the last qubit's Pauli changes fastest
            pauli = (number[rows, None] >> 2 * i) & 3
            bit = 1 << self.places[target.value]
            x |= bit * ((pauli == 1) | (pauli == 2))
            z |= bit * (pauli >= 2)
        self.state[rows] = np.take_along_axis(self.state[rows] * self.sign(z), self.index ^ x, axis=1)
