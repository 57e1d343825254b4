"""Randomised benchmarking of a pair: the error of a Clifford, free of preparation and readout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import final

import numpy as np
import stim

from counterpoint.base import Counts, Floats, Key, fold_in
from counterpoint.circuits.circuit import Circuit
from counterpoint.machine.protocols import cliffords
from counterpoint.machine.protocols.bounds import TAIL, ends
from counterpoint.machine.protocols.protocol import BARRIER, Figure, Finding, Gate, Protocol, measured
from counterpoint.quops.estimate import Estimate

DRAWS = 1000
_SMALLEST = 1e-6  # 1 - p that is told from 0
# What p may be: 1.4 % from one value of 1 - p to the next, far below any interval.
# Where nothing decays since nothing is left, all are as good, and the first, 0, is taken.
_P = np.concatenate([1 - np.geomspace(1, _SMALLEST, 1001), [1.0]])


@final
@dataclass(frozen=True)
class Benchmarking(Protocol):
    """Random Cliffords and the inverse of them all; success falls as A p^m + 1/4, and r = 3/4 (1 - p).

    Magesan, Gambetta and Emerson, Phys. Rev. Lett. 106, 180504 (2011). Sequences of a length end in turn at 00, 01,
    10 and 11, so that the floor is 1/4 whatever readout favours, and only A and p are fitted, by least squares over
    the lengths. The interval is the bootstrap's over sequences; where no shot failed, up to what the shots can rule
    out. Where success is not shown to be above 1/4 at the shortest length, nothing is left to fit: the error is given
    as 3/4, the largest, and its interval is all that can be.
    """

    lengths: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    sequences: int = 8  # of each length, a multiple of 4
    key: Key = (0,)

    title = "benchmarking"
    part = 16

    def programs(self) -> tuple[Circuit, ...]:
        """All sequences of the first length, then of the next; a barrier after each Clifford."""
        return tuple(
            measured(2, [gate for word in sequence for gate in (*word, BARRIER)][:-1])
            for sequence in sequences_of(self.lengths, self.sequences, self.key)
        )

    def read(self, counts: Sequence[Counts]) -> Finding:
        """The error of a Clifford, and the mean number of cx in one."""
        shots = int(counts[0].sum())
        kept = np.array([int(one[_target(k)]) for k, one in enumerate(counts)])
        shares = kept.reshape(len(self.lengths), self.sequences) / shots
        error = self._error(shares)
        if kept.sum() == len(kept) * shots:
            failing = 1 - ends(self.sequences * shots, self.sequences * shots, TAIL)[0]
            error = Estimate(0.0, 0.0, 3 / 4 * (1 - (1 - 4 / 3 * failing) ** (1 / self.lengths[-1])))
        sequences = sequences_of(self.lengths, self.sequences, self.key)
        cx = sum(gate[0] == "cx" for one in sequences for word in one for gate in word) / sum(map(len, sequences))
        return Finding(
            (Figure("error a Clifford, %", error, 0.0, "%"), Figure("cx a Clifford", Estimate(cx, cx, cx), cx))
        )

    def _error(self, shares: Floats) -> Estimate:
        """From shares (lengths, sequences) that ended at their targets."""
        rng = np.random.default_rng((0,))
        chosen = rng.integers(self.sequences, size=(DRAWS, *shares.shape))
        drawn = np.take_along_axis(shares[None], chosen, axis=2)
        if np.quantile(drawn[:, 0].mean(axis=1), TAIL) <= 1 / 4:
            return Estimate(3 / 4, 0.0, 3 / 4)
        value, *others = _fit(np.array(self.lengths), np.concatenate([shares[None], drawn]).mean(axis=2))
        low, high = np.quantile(others, (TAIL, 1 - TAIL))
        return Estimate(float(value), min(float(low), float(value)), max(float(high), float(value)))


@cache
def sequences_of(lengths: tuple[int, ...], number: int, key: Key) -> tuple[tuple[tuple[Gate, ...], ...], ...]:
    """Words of each sequence, the last of which brings |00> to its target: `number` of the first length, and so on."""
    found = []
    for length in lengths:
        rng = np.random.default_rng(fold_in(key, "sequences", length))
        for k in range(number):
            drawn = [cliffords.words()[i] for i in rng.integers(len(cliffords.words()), size=length)]
            total = stim.Tableau(2)
            for word in drawn:
                total = total.then(cliffords.tableau(word))
            flip = cliffords.tableau(tuple(("x", q) for q in (0, 1) if _target(k)[q]))
            found.append((*drawn, cliffords.word_of(total.inverse().then(flip))))
    return tuple(found)


def _target(number: int) -> tuple[int, int]:
    return number // 2 % 2, number % 2


def _fit(lengths: Counts, success: Floats) -> Floats:
    """(draws,) r of the best p for success (draws, lengths); A from 0 to 3/4 is that of least squares for each p."""
    curves = _P[:, None] ** lengths  # (P, lengths)
    above = success - 1 / 4
    product = above @ curves.T  # (draws, P)
    norm = np.maximum((curves**2).sum(axis=1), 1e-300)
    a = np.clip(product / norm, 0, 3 / 4)
    residual = a**2 * norm - 2 * a * product  # up to what no p changes
    return 3 / 4 * (1 - _P[residual.argmin(axis=1)])
