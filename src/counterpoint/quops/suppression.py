"""Lambda: by what factor the logical error falls when the code distance grows by two."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri

from counterpoint.base import BadInput
from counterpoint.quops.estimate import COVERAGE, Estimate


def suppression(distances: Sequence[int], errors: Sequence[Estimate]) -> Estimate:
    """Lambda = exp(-2 b), b the slope of ln(error a cycle) against distance, unweighted least squares.

    eps_d is proportional to Lambda**(-(d + 1) / 2) (Google Quantum AI, Nature 638, 920 (2025), equation
    1). The interval takes each ln eps as Gaussian with the width of its own 95 % interval; the slope is
    linear in them, so no sampling is needed.

    Raises:
        BadInput: fewer than two distances, or an error of which no failure (or nothing else) was seen.
    """
    if len(set(distances)) < 2:
        raise BadInput(
            f"Lambda compares distances, and {sorted(set(distances))} holds {len(set(distances))} of the 2 "
            "that it needs: add an experiment at another distance"
        )
    for d, error in zip(distances, errors, strict=True):
        if not 0 < error.low <= error.value <= error.high:
            raise BadInput(
                f"the error at distance {d} is {error.value:g} with the interval {error.low:g} to "
                f"{error.high:g}, and Lambda needs one above 0: decode more shots until failures are seen"
            )
    d = np.array(distances, np.float64)
    low, value, high = (np.log([getattr(e, end) for e in errors]) for end in ("low", "value", "high"))
    z = float(ndtri((1 + COVERAGE) / 2))
    weights = (d - d.mean()) / ((d - d.mean()) @ (d - d.mean()))
    slope, spread = float(weights @ value), float(np.sqrt((weights**2) @ ((high - low) / (2 * z)) ** 2))
    return Estimate(*(float(np.exp(-2 * (slope + s * z * spread))) for s in (0, 1, -1)))
