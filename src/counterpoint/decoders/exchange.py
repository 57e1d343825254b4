"""Exchanges: threes of mechanisms that cancel, by which sets of errors with one syndrome turn into each other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from counterpoint.base import Floats
from counterpoint.decoders.mechanisms import Ints, Mechanisms


class Exchanges(NamedTuple):
    """What the compiled loops know of an error model."""

    weight: Floats  # (M,)
    turns: Ints  # (M,) class of each mechanism
    first: Ints  # (M + 1,) its detectors: fires[first[m]:first[m + 1]]
    fires: Ints
    begin: Ints  # (M + 1,) its exchanges: with one[i] and two[i], i from begin[m] to begin[m + 1]
    one: Ints
    two: Ints
    names: Ints  # (M,) random, so that a set is known by the XOR of its members'
    alone: Ints  # (parts,) mechanism of each part


def exchanges_of(mechanisms: Mechanisms) -> Exchanges:
    """All threes of mechanisms that cancel."""
    m = mechanisms
    rng = np.random.default_rng((0,))
    of_detector = rng.integers(1, 2**62, m.detectors)
    of_end = rng.integers(1, 2**62, max(1, len(m.ends)))
    count = len(m.weight)
    symptom = np.zeros(count, np.int64)
    touching: list[list[int]] = [[] for _ in range(m.detectors)]
    for i in range(count):
        for d in m.fires[m.first[i] : m.first[i + 1]].tolist():
            symptom[i] ^= of_detector[d]
            touching[d].append(i)
        for e in range(len(m.ends)):
            symptom[i] ^= of_end[e] if m.turns[i] >> e & 1 else 0
    order = np.argsort(symptom)
    ordered = symptom[order]
    found = [np.zeros((0, 3), np.int64)]
    for here in touching:
        near = np.array(here, np.int64)
        left, right = np.triu_indices(len(near), 1)
        a, b = near[left], near[right]
        wanted = symptom[a] ^ symptom[b]
        at = np.minimum(np.searchsorted(ordered, wanted), count - 1)
        hit = ordered[at] == wanted
        found.append(np.stack([a[hit], b[hit], order[at[hit]]], axis=1))
    threes = np.unique(np.sort(np.concatenate(found), axis=1), axis=0)
    turned = np.concatenate([threes, threes[:, [1, 0, 2]], threes[:, [2, 0, 1]]])
    turned = turned[np.argsort(turned[:, 0], kind="stable")]
    return Exchanges(
        weight=m.weight,
        turns=m.turns,
        first=m.first,
        fires=m.fires,
        begin=np.searchsorted(turned[:, 0], np.arange(count + 1)),
        one=np.ascontiguousarray(turned[:, 1]),
        two=np.ascontiguousarray(turned[:, 2]),
        names=rng.integers(1, 2**62, count),
        alone=m.alone,
    )
