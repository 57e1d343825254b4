"""Measured bits of a circuit: by stim where it can, by state vectors where it cannot."""

from __future__ import annotations

import numpy as np
import stim
from numpy.typing import NDArray

from counterpoint.base import Key
from counterpoint.circuits import tags
from counterpoint.circuits.tagged import Tagged
from counterpoint.circuits.trajectories import trajectories


def by_stim(circuit: stim.Circuit, shots: int, key: Key) -> NDArray[np.bool_]:
    """(shots, results) of a circuit whose tags say nothing."""
    seed = int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0]) >> 1
    return circuit.compile_sampler(seed=seed).sample(shots)


def bits(run: Tagged, shots: int, key: Key) -> NDArray[np.bool_]:
    """(shots, bits): what each bit holds in the end. Raises BadInput as `trajectories`."""
    sample = by_stim if tags.plain(run.circuit) else trajectories
    return held(sample(run.circuit, shots, key), run.record)


def held(results: NDArray[np.bool_], record: tuple[int | None, ...]) -> NDArray[np.bool_]:
    """(shots, bits) of (shots, results): of each bit the result that it holds, 0 where it holds none."""
    found = np.zeros((len(results), len(record)), np.bool_)
    for bit, result in enumerate(record):
        if result is not None:
            found[:, bit] = results[:, result]
    return found
