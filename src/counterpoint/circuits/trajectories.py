"""Trajectories of a few qubits' state vector: what stim cannot sample because it has T gates."""

from __future__ import annotations

import cmath
from collections.abc import Sequence
from math import pi

import numpy as np
import stim
from numpy.typing import NDArray

from counterpoint.base import BadInput, Key

MOST = 12  # qubits
AMPLITUDES = 2**18  # of all shots that are followed at once: bounds the memory
PHASES = {("S", ""): pi / 2, ("S_DAG", ""): -pi / 2, ("S", "T"): pi / 4, ("S_DAG", "T"): -pi / 4}  # rad


def check_size(qubits: int) -> None:
    """Raise BadInput where a circuit with T has too many `qubits`."""
    if qubits > MOST:
        raise BadInput(
            f"the circuit has T gates on {qubits} logical qubits and is simulated exactly up to {MOST}: use {MOST} or "
            "fewer, or leave T out, which any number of qubits can run without"
        )


def trajectories(circuit: stim.Circuit, shots: int, key: Key, flag: int | None = None) -> NDArray[np.bool_]:
    """(shots, measurements) results of a circuit whose `S[T]` is T, exact in distribution.

    The gates are R, RX, M, MX, X, Y, Z, H, S, S_DAG, CX, CZ, MPP of X or of Z, and correlated Pauli errors, each
    sampled in each shot. Qubits start in |0>. `flag` is a qubit that is only flipped, read in MPP and reset: a bit.

    Raises:
        BadInput: too many qubits besides the flag.
    """
    instructions = [i for i in circuit.flattened() if isinstance(i, stim.CircuitInstruction)]
    touched = {t.value for i in instructions for t in i.targets_copy() if t.is_qubit_target or t.pauli_type != "I"}
    qubits = sorted(touched - {flag})
    check_size(len(qubits))
    rng = np.random.default_rng(key)
    bits = {q: 1 << i for i, q in enumerate(qubits)}
    most = max(1, AMPLITUDES >> len(qubits))
    parts = [_Shots(bits, flag, min(most, shots - first), rng).run(instructions) for first in range(0, shots, most)]
    return np.concatenate(parts)


class _Shots:
    """The state vectors of some shots: (shots, 2^n), the first qubit the lowest bit of the index."""

    def __init__(self, bits: dict[int, int], flag: int | None, shots: int, rng: np.random.Generator) -> None:
        self.bits = bits
        self.flag = flag
        self.rng = rng
        self.index = np.arange(2 ** len(bits))
        self.state = np.zeros((shots, self.index.size), np.complex128)
        self.state[:, 0] = 1
        self.flagged = np.zeros(shots, np.bool_)
        self.free = np.ones(shots, np.bool_)  # no error of the running chain has happened

    def run(self, instructions: Sequence[stim.CircuitInstruction]) -> NDArray[np.bool_]:
        results: list[NDArray[np.bool_]] = []
        for instruction in instructions:
            for group in instruction.target_groups():
                got = self.do(instruction, group)
                results += [] if got is None else [got]
        return np.array(results, np.bool_).reshape(-1, len(self.state)).T

    def do(self, instruction: stim.CircuitInstruction, group: list[stim.GateTarget]) -> NDArray[np.bool_] | None:
        name = instruction.name
        if name in ("E", "ELSE_CORRELATED_ERROR"):
            return self.error(name == "E", instruction.gate_args_copy()[0], group)
        if name == "MPP":
            return self.product(group)
        if group[0].value == self.flag:
            return self.flagged.fill(False)
        bit = self.bits[group[0].value]
        match name:
            case "R" | "RX":
                self.pauli(bit, 0, self.measure(0, bit))
                if name == "RX":
                    self.hadamard(bit)
            case "M":
                return self.measure(0, bit) ^ group[0].is_inverted_result_target
            case "MX":
                return self.measure(bit, 0) ^ group[0].is_inverted_result_target
            case "X" | "Y" | "Z":
                self.pauli(bit * (name != "Z"), bit * (name != "X"))
            case "H":
                self.hadamard(bit)
            case "CX":
                other = self.bits[group[1].value]
                self.state = self.state[:, np.where(self.index & bit, self.index ^ other, self.index)]
            case "CZ":
                both = bit | self.bits[group[1].value]
                self.state[:, self.index & both == both] *= -1
            case _:
                self.state[:, self.index & bit != 0] *= cmath.exp(1j * PHASES[name, instruction.tag])
        return None

    def sign(self, z: int) -> NDArray[np.int64]:
        """(2^n,) what Z on the bits of `z` multiplies each amplitude by."""
        return 1 - 2 * (np.bitwise_count(self.index & z).astype(np.int64) & 1)

    def pauli(self, x: int, z: int, where: NDArray[np.bool_] | slice = slice(None)) -> None:
        """X on the bits of `x` and Z on those of `z`, in the shots `where`, up to a phase."""
        self.state[where] = (self.state[where] * self.sign(z))[:, self.index ^ x]

    def hadamard(self, bit: int) -> None:
        self.state = (self.state[:, self.index ^ bit] + self.state * self.sign(bit)) * 0.5**0.5

    def measure(self, x: int, z: int) -> NDArray[np.bool_]:
        """(shots,) results of the product of X on the bits of `x` or of Z on those of `z`."""
        turned = (self.state * self.sign(z))[:, self.index ^ x]
        mean = np.einsum("si,si->s", self.state.conj(), turned).real
        results = self.rng.random(len(mean)) >= (1 + mean) / 2
        self.state += np.where(results, -1, 1)[:, None] * turned
        self.state /= np.linalg.norm(self.state, axis=1, keepdims=True)
        return results

    def product(self, group: list[stim.GateTarget]) -> NDArray[np.bool_]:
        targets = [t for t in group if not t.is_combiner]
        x = sum(self.bits[t.value] for t in targets if t.is_x_target)
        z = sum(self.bits[t.value] for t in targets if t.is_z_target and t.value != self.flag)
        inverted = sum(t.is_inverted_result_target for t in targets) % 2 == 1
        results = self.measure(x, z) ^ inverted
        return results ^ self.flagged if any(t.value == self.flag for t in targets) else results

    def error(self, first: bool, p: float, targets: list[stim.GateTarget]) -> None:
        if first:
            self.free[:] = True
        hit = self.free & (self.rng.random(self.free.size) < p)
        self.free &= ~hit
        x = sum(self.bits[t.value] for t in targets if (t.is_x_target or t.is_y_target) and t.value != self.flag)
        z = sum(self.bits[t.value] for t in targets if t.is_z_target or t.is_y_target)
        if any(t.value == self.flag for t in targets):
            self.flagged ^= hit
        self.pauli(x, z, hit)
