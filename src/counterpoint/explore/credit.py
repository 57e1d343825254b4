"""Credit: which part of what the detectors saw is due to which knob.

A knob answers only for the sites that an error of its gate can fire (`ControlSpace.touches`), so
the noise of all other sites stays out of its gradient. This is what makes the number of epochs
independent of the size of the code (Sivak et al., Nature 655, 879 (2026): factor graph, Fig. 2d).
"""

from __future__ import annotations

import numpy as np

from counterpoint.base import ControlSpace, Floats, Outcome


def excess(outcome: Outcome) -> Floats:
    """How much more often each site fired under each candidate than under the mean candidate.

    Returns:
        float64 (C, S): detection events a detector, minus the mean over candidates. Taking the
        mean away is the baseline of the score-function estimate: it lowers its variance, and the
        drift that all candidates of an epoch share drops out.
    """
    rates = outcome.events / np.maximum(1, outcome.opportunities)
    return rates - rates.mean(axis=0)


def slope(space: ControlSpace, directions: Floats, excess: Floats) -> Floats:
    """The mean over candidates of (direction of a knob) x (excess of the sites that it touches).

    Args:
        directions: float64 (C, N), the score or inverse perturbation of each candidate.
        excess: float64 (C, S).

    Returns:
        float64 (N,): an estimate of the derivative of the summed detection rate of the knob's own
        sites, in events a detector for one unit of the knob's scale.
    """
    # (N, S) of correlations first, masked after: two small products instead of (C, N, S).
    correlation = directions.T @ excess / len(directions)
    return np.einsum("ns,ns->n", correlation, space.touches.astype(np.float64))
