"""The mechanisms of an error model as arrays: what each fires, what it costs, and how three of them cancel.

Every observable is moved to the boundary first. Multiplying it by detectors changes nothing that can be
measured, so each error that fires two detectors can be made to flip no observable, wherever the code is one in
which an error has to end at a boundary (or at a seam) to do harm. What is left are *ends*: boundary errors that flip
the same observables end at the same end. How often each end is used, odd or even, is the *class* of a set of
errors, and all that a decoder has to decide.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np
import stim
from numpy.typing import NDArray

from counterpoint.base import BadInput, Floats
from counterpoint.decoders.errors import errors_of

MOST_ENDS = 12  # each class is decided between neighbours, one end apart
NEVER = 40.0  # weight of a part that never happens by itself
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Mechanisms:
    """M mechanisms of an error model with D detectors, O observables and E ends."""

    detectors: int
    observables: int
    ends: Ints  # (E,) observables that each end flips, as bits
    moved: Ints  # (D,) observables that a detector was multiplied into, as bits
    weight: Floats  # (M,) ln((1 - p) / p)
    turns: Ints  # (M,) ends used an odd number of times, as bits
    first: Ints  # (M + 1,) the detectors of mechanism m are fires[first[m]:first[m + 1]]
    fires: Ints
    errors: tuple[tuple[float, tuple[int, ...]], ...]  # (probability, parts) of each error of the model
    parts: tuple[tuple[tuple[int, ...], int], ...]  # (detectors, end or -1) of each part
    alone: Ints  # (parts,) the mechanism that is this part and nothing else


def mechanisms_of(dem: stim.DetectorErrorModel) -> Mechanisms:
    """The mechanisms of a decomposed error model; errors with the same symptoms are one.

    Raises:
        BadInput: a part that fires more than two detectors, a probability above 1/2, more than 62 observables, or
            an observable that no choice of detectors moves to the boundary.
    """
    if dem.num_observables > 62:
        raise BadInput(
            f"the error model has {dem.num_observables} observables and at most 62 can be told apart here: decode "
            "fewer at once"
        )
    read = list(_errors(dem))
    moved = _moved([part for _, parts in read for part in parts], dem.num_detectors)
    ends: dict[int, int] = {}
    parts: dict[tuple[tuple[int, ...], int], int] = {}
    errors: list[tuple[float, tuple[int, ...]]] = []
    for probability, raw in read:
        used: list[int] = []
        for detectors, flips in raw:
            label = flips
            for detector in detectors:
                label ^= int(moved[detector])
            end = -1 if len(detectors) > 1 or not label else ends.setdefault(label, len(ends))
            used.append(parts.setdefault((detectors, end), len(parts)))
        errors.append((probability, tuple(used)))
    if len(ends) > MOST_ENDS:
        raise BadInput(
            f"the error model has {len(ends)} kinds of ends that flip observables and at most {MOST_ENDS} can be told "
            "apart here: take matching or correlated"
        )
    listed = list(parts)
    chances: dict[tuple[tuple[int, ...], int], float] = {}
    for probability, error in errors:
        symptom = _symptom([listed[i] for i in error])
        if symptom[0]:
            before = chances.get(symptom, 0.0)
            chances[symptom] = before * (1 - probability) + probability * (1 - before)
    for detectors, end in listed:
        chances.setdefault((detectors, 0 if end < 0 else 1 << end), 0.0)
    keys = sorted(chances)
    number = {key: i for i, key in enumerate(keys)}
    p = np.array([chances[key] for key in keys])
    with np.errstate(divide="ignore"):
        weight = np.minimum(np.log1p(-p) - np.log(p), NEVER)
    return Mechanisms(
        detectors=dem.num_detectors,
        observables=dem.num_observables,
        ends=np.array(list(ends), np.int64),
        moved=moved,
        weight=weight,
        turns=np.array([turns for _, turns in keys], np.int64),
        first=np.cumsum([0, *(len(fires) for fires, _ in keys)]),
        fires=np.array([d for fires, _ in keys for d in fires], np.int64),
        errors=tuple(errors),
        parts=tuple(listed),
        alone=np.array([number[d, 0 if e < 0 else 1 << e] for d, e in listed], np.int64),
    )


def _symptom(parts: list[tuple[tuple[int, ...], int]]) -> tuple[tuple[int, ...], int]:
    """(detectors, ends as bits) of an error made of these parts."""
    fired = Counter(d for detectors, _ in parts for d in detectors)
    turns = 0
    for _, end in parts:
        turns ^= 0 if end < 0 else 1 << end
    return tuple(sorted(d for d, times in fired.items() if times % 2)), turns


def _errors(dem: stim.DetectorErrorModel) -> list[tuple[float, list[tuple[tuple[int, ...], int]]]]:
    """(probability, [(detectors, observables as bits) of each part]) of the errors that can happen and be seen."""
    found = []
    for probability, error in errors_of(dem):
        parts = []
        for group in error.target_groups():
            detectors, flips = Counter(t.val for t in group if t.is_relative_detector_id()), 0
            for target in group:
                flips ^= 1 << target.val if target.is_logical_observable_id() else 0
            fired = tuple(sorted(d for d, times in detectors.items() if times % 2))
            if len(fired) > 2:
                raise BadInput(
                    f"the error '{error}' fires {len(fired)} detectors at once, and a part may fire at most 2: make "
                    "the error model with decompose_errors=True, or take a decoder for hypergraphs"
                )
            if fired:
                parts.append((fired, flips))
        if parts:
            found.append((probability, parts))
    return found


def _moved(parts: list[tuple[tuple[int, ...], int]], detectors: int) -> Ints:
    """(D,) for each detector the observables that it is multiplied into, so that no bulk part flips any."""
    neighbours: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for fired, flips in dict.fromkeys(parts):
        if len(fired) == 2:
            neighbours[fired[0]].append((fired[1], flips))
            neighbours[fired[1]].append((fired[0], flips))
    moved = np.zeros(detectors, np.int64)
    piece = np.full(detectors, -1)
    for root in range(detectors):
        if piece[root] >= 0:
            continue
        piece[root], todo = root, [root]
        for here in todo:
            for there, flips in neighbours[here]:
                wanted = int(moved[here]) ^ flips
                if piece[there] < 0:
                    piece[there], moved[there] = root, wanted
                    todo.append(there)
                elif moved[there] != wanted:
                    bits = int(moved[there]) ^ wanted
                    raise BadInput(
                        f"observable L{bits.bit_length() - 1} is flipped around a loop through D{here} and D{there} "
                        "that ends at no boundary, so that its classes cannot be told apart here: take matching or "
                        "correlated"
                    )
    # Of the labels at the boundary of a piece the commonest becomes 0.
    labels: dict[int, Counter[int]] = defaultdict(Counter)
    for fired, flips in parts:
        if len(fired) == 1:
            labels[int(piece[fired[0]])][flips ^ int(moved[fired[0]])] += 1
    for root, counted in labels.items():
        moved[piece == root] ^= counted.most_common(1)[0][0]
    return moved
