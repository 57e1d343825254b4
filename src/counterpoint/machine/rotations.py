"""Exact coherent errors: a repetition code whose data qubits over-rotate in every cycle.

Each data qubit q turns by theta_q = (sum over its knobs of angle * (setting - optimum) / scale) about the
axis that the code corrects (X where the checks are ZZ, Z where they are XX), once a cycle, before the checks
are measured; the checks are measured without back-action of their own. Beside that each data qubit flips with
probability FLIP in a cycle, and each result of a measurement with probability READOUT.

All this is simulated exactly. With X for the axis, the rotations are sum over sets E of qubits of c_E X_E,
c_E = prod of (-i sin(theta_q / 2)) over E and of cos(theta_q / 2) over the others. The checks tell E from
all other sets but its complement E', X_E' = X_E X_L, so that a cycle with the outcome {E, E'} acts as

    X_E (c_E + c_E' X_L) = phase * sqrt(|c_E|^2 + |c_E'|^2) * X_E exp(i phi_E X_L):

for an odd distance c_E' / c_E is imaginary. So an outcome has the probability |c_E|^2 + |c_E'|^2, which is
that of independent flips with p_q = sin^2(theta_q / 2), and *the detection events carry no trace of
coherence*; but the logical qubit turns by phi_E in each cycle, the angles add up, and the logical flip has
probability sin^2(sum of phi_E). (Coherent errors of the repetition code by cycles: Greenbaum and Dutton,
Quantum Sci. Technol. 3, 015007 (2018); Suzuki, Fujii and Koashi, Phys. Rev. Lett. 119, 190503 (2017).)
"""

from __future__ import annotations

import numpy as np
import stim
from numpy.typing import NDArray

from counterpoint.base import Bits, Floats

FLIP = 0.01  # chosen: stochastic flip of a data qubit in a cycle
READOUT = 0.02  # chosen: flip of a result


def logical_angles(half: Floats) -> Floats:
    """(2^(d-1),) phi_E for half angles theta_q / 2 (d,), d odd.

    E is the member of its pair without qubit 0; bit q - 1 of its number tells whether it has qubit q.
    """
    d = half.size
    holds = np.arange(2 ** (d - 1))[:, None] >> np.arange(d - 1) & 1
    chosen = np.concatenate([np.zeros((len(holds), 1), bool), holds.astype(bool)], axis=1)
    here = np.where(chosen, np.sin(half), np.cos(half)).prod(axis=1)
    other = np.where(chosen, np.cos(half), np.sin(half)).prod(axis=1)
    # c_E' / c_E = (-i)^(d - 2k) other / here, with k qubits in E: i or -i times a real number.
    sign = np.where((d - 2 * chosen.sum(axis=1)) % 4 == 1, -1, 1)
    return np.arctan2(sign * other, here)


def sample_shots(half: Floats, rounds: int, shots: int, rng: np.random.Generator) -> tuple[Bits, Bits]:
    """Bit-packed detection events (shots, ceil(D / 8)) and observable flips (shots, 1)."""
    d = half.size

    def happens(p: Floats | float, *shape: int) -> NDArray[np.bool_]:
        return rng.random(shape, np.float32) < np.asarray(p, np.float32)

    turned = happens(np.sin(half) ** 2, shots, rounds, d)
    turned ^= turned[..., :1]  # a set or its complement: the checks do not tell, take the one without qubit 0
    outcome = turned[..., 1:] @ (1 << np.arange(d - 1))
    logical = happens(np.sin(logical_angles(half)[outcome].sum(axis=1)) ** 2, shots)
    flipped = turned ^ happens(FLIP, shots, rounds, d)
    ends = flipped.sum(axis=1) % 2 == 1
    ends ^= logical[:, None] ^ happens(READOUT, shots, d)
    wrong = happens(READOUT, shots, rounds, d - 1)
    results = np.logical_xor.accumulate(flipped[..., :-1] ^ flipped[..., 1:], axis=1) ^ wrong
    closed = np.concatenate([results, (ends[:, None, :-1] ^ ends[:, None, 1:])], axis=1)
    closed[:, 1:] ^= results  # each result against the one before
    events = np.packbits(closed.reshape(shots, -1), axis=1, bitorder="little")
    return events, ends[:, :1].astype(np.uint8)


def noisy(circuit: stim.Circuit, flip: Floats) -> stim.Circuit:
    """A memory circuit in which data qubit 2q flips with flip[q] in each cycle and results with READOUT."""
    out = stim.Circuit()
    for instruction in circuit:
        if isinstance(instruction, stim.CircuitRepeatBlock):
            out.append(stim.CircuitRepeatBlock(instruction.repeat_count, noisy(instruction.body_copy(), flip)))
            continue
        targets = [t.value for t in instruction.targets_copy() if t.is_qubit_target]
        if instruction.name == "CZ" and targets[0] == 0:  # the first of a cycle's two layers
            for q, p in enumerate(flip.tolist()):
                out.append("X_ERROR", [2 * q], p)
        if instruction.name == "M":
            out.append("M", targets, READOUT)
        else:
            out.append(instruction)
    return out
