"""An error model as arrays: mechanisms that fire any number of detectors, those that look alike taken as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import stim
from numpy.typing import NDArray
from scipy.sparse import csc_matrix

from counterpoint.base import BadInput, Bits, Floats
from counterpoint.decoders.batch import checked_batch
from counterpoint.decoders.errors import errors_of

LEAST = 1e-14  # belief propagation in double precision cannot tell a lower probability from never
Ints = NDArray[np.int64]
Part = tuple[tuple[int, ...], tuple[int, ...]]  # the detectors that it fires, the observables that it flips
Explain = Callable[[Bits], tuple[Ints, bool]]  # (D,) events -> mechanisms that happened, and do they explain these?


@dataclass(frozen=True, eq=False)
class Hypergraph:
    """M mechanisms of an error model with D detectors and O observables, in the order of their first appearance."""

    checks: csc_matrix  # (D, M) uint8: does the mechanism fire the detector?
    observables: csc_matrix  # (O, M) uint8: does it flip the observable?
    priors: Floats  # (M,) in (0, 1/2]
    parts: tuple[tuple[Part, ...], ...]  # of each mechanism, as it is decomposed where it first appears

    @cached_property
    def flips(self) -> Bits:
        """(M, ceil(O / 8)) uint8 observables that each mechanism flips, bit-packed little-endian."""
        return np.packbits(self.observables.T.toarray(), axis=1, bitorder="little")

    @cached_property
    def unmoved(self) -> Bits:
        """(K, D) uint8: independent parities of detectors that no mechanism changes, found by elimination over GF(2).

        A shot is explained by some set of mechanisms exactly where all of these are even.
        """
        detectors = self.checks.get_shape()[0]
        rows = self.checks.tocsr()
        kept: dict[int, tuple[int, int]] = {}  # by the highest mechanism: the sum of some rows, and of which
        found = []
        for number in range(detectors):
            row = int.from_bytes(np.packbits(rows[number].toarray(), bitorder="little").tobytes(), "little")
            which = 1 << number
            while row and row.bit_length() in kept:
                other, others = kept[row.bit_length()]
                row ^= other
                which ^= others
            if row:
                kept[row.bit_length()] = row, which
            else:
                found.append([which >> d & 1 for d in range(detectors)])
        return np.array(found, np.uint8).reshape(len(found), detectors)

    def model(self) -> stim.DetectorErrorModel:
        """The mechanisms as an error model in which mechanism m is error m, and no error is decomposed."""
        model = stim.DetectorErrorModel()
        for m, prior in enumerate(self.priors):
            targets: list[object] = [stim.target_relative_detector_id(d) for d in _column(self.checks, m)]
            targets += [stim.target_logical_observable_id(o) for o in _column(self.observables, m)]
            model.append("error", [prior], targets)
        # Declared, so that widths stay those of the model whatever was left out.
        if detectors := self.checks.get_shape()[0]:
            model.append("detector", [], [stim.target_relative_detector_id(detectors - 1)])
        if observables := self.observables.get_shape()[0]:
            model.append("logical_observable", [], [stim.target_logical_observable_id(observables - 1)])
        return model

    def explicable(self, events: Bits) -> Bits:
        """(shots, ceil(D / 8)) uint8 bit-packed little-endian -> (shots, D) uint8, once all of them can be explained.

        Raises:
            BadInput: shots of another width, or a shot that no set of mechanisms explains.
        """
        detectors = self.checks.get_shape()[0]
        fired = np.unpackbits(checked_batch(events, detectors), axis=1, count=detectors, bitorder="little")
        odd = (fired @ self.unmoved.T & 1).any(axis=1)  # sums of uint8 keep their last bit
        if odd.any():
            raise BadInput(unexplained(int(odd.argmax()), fired[odd.argmax()]))
        return fired

    def decode(self, events: Bits, explain: Explain) -> tuple[Bits, NDArray[np.bool_]]:
        """The answer to each shot, and whether `explain` found mechanisms that explain it.

        A shot without events is answered with no flip: no probability is above 1/2.

        Args:
            events: (shots, ceil(D / 8)) uint8, bit-packed little-endian.
            explain: is asked about every other shot.

        Returns:
            (shots, ceil(O / 8)) uint8 bit-packed little-endian, and (shots,) bool.

        Raises:
            BadInput: shots of another width, or a shot that no set of mechanisms explains.
        """
        fired = self.explicable(events)
        flips = np.zeros((len(fired), self.flips.shape[1]), np.uint8)
        found = np.ones(len(fired), np.bool_)
        for shot in np.flatnonzero(fired.any(axis=1)):
            mechanisms, found[shot] = explain(fired[shot])
            flips[shot] = np.bitwise_xor.reduce(self.flips[mechanisms], axis=0)
        return flips, found


def hypergraph_of(dem: stim.DetectorErrorModel) -> Hypergraph:
    """The mechanisms of `dem`: each error with its parts (between ``^``) put together again.

    Errors that fire the same detectors and flip the same observables are one mechanism, which happens where an odd
    number of them does: p = p1 (1 - p2) + p2 (1 - p1). Left out are errors of probability 0 and those that fire no
    detector, of which no shot tells.

    Raises:
        BadInput: a probability above 1/2.
    """
    priors: dict[Part, float] = {}
    decomposed: dict[Part, tuple[Part, ...]] = {}
    for probability, error in errors_of(dem):
        parts = error.target_groups()
        symptom = _symptom([target for part in parts for target in part])
        if symptom[0]:
            before = priors.get(symptom, 0.0)
            priors[symptom] = before * (1 - probability) + probability * (1 - before)
            decomposed.setdefault(symptom, tuple(_symptom(part) for part in parts))
    return Hypergraph(
        matrix_of([detectors for detectors, _ in priors], dem.num_detectors),
        matrix_of([observables for _, observables in priors], dem.num_observables),
        np.array(list(priors.values()), np.float64),
        tuple(decomposed.values()),
    )


def matrix_of(columns: list[tuple[int, ...]], rows: int) -> csc_matrix:
    """(rows, columns) uint8 with a 1 in each row that a column names."""
    starts = np.cumsum([0, *map(len, columns)])
    indices = np.array([row for column in columns for row in column], np.int32)
    return csc_matrix((np.ones(len(indices), np.uint8), indices, starts), shape=(rows, len(columns)))


def unexplained(shot: int, fired: Bits) -> str:
    """What to tell about a shot, whose events are (D,) uint8, that no set of errors explains."""
    return (
        f"no set of errors of the model explains shot {shot}, which fires {fired.sum(dtype=int)} of its {len(fired)} "
        f"detectors (the first is D{fired.argmax()}): give an error model that has an error for each detector and a "
        "way to a boundary"
    )


def _symptom(targets: Iterable[stim.DemTarget]) -> Part:
    """What these fire and flip together; twice is not at all."""
    detectors = Counter(t.val for t in targets if t.is_relative_detector_id())
    observables = Counter(t.val for t in targets if t.is_logical_observable_id())
    return _odd(detectors), _odd(observables)


def _odd(counted: Counter[int]) -> tuple[int, ...]:
    return tuple(sorted(value for value, times in counted.items() if times % 2))


def _column(matrix: csc_matrix, number: int) -> list[int]:
    return matrix.indices[matrix.indptr[number] : matrix.indptr[number + 1]].tolist()
