"""What D-Wave's samplers are given, and what they give back."""

from __future__ import annotations

from typing import Any

import numpy as np

from counterpoint.base import Bits, Key
from counterpoint.workloads.optimise.ising import Ising

SAMPLERS = (  # BibTeX
    "@software{dwavesamplers, title={dwave-samplers}, author={{D-Wave}},"
    " url={https://github.com/dwavesystems/dwave-samplers}}"
)


def model_of(ising: Ising) -> Any:
    """The problem as a dimod.BinaryQuadraticModel of spins, its largest weight 1."""
    from dimod import SPIN, BinaryQuadraticModel

    largest = max(np.abs(ising.fields).max(), np.abs(ising.couplings).max(initial=0.0))
    scale = 1 / largest if largest else 1.0
    first, second = ising.pairs.T
    return BinaryQuadraticModel.from_numpy_vectors(
        ising.fields * scale, (first, second, ising.couplings * scale), 0.0, SPIN
    )


def seed_of(key: Key) -> int:
    """A seed that these samplers take."""
    return int(np.random.default_rng(key).integers(2**31))


def bits_of(found: Any) -> Bits:
    """(runs, n) from a dimod.SampleSet of spins on variables 0 to n - 1."""
    spins = found.record.sample[:, np.argsort(found.variables)]
    return ((1 - spins) // 2).astype(np.uint8)
