"""The space of a machine that has no knobs."""

from __future__ import annotations

import numpy as np

from counterpoint.base import ControlSpace

NO_KNOBS = ControlSpace(
    names=(),
    units=(),
    low=np.zeros(0),
    high=np.zeros(0),
    start=np.zeros(0),
    scale=np.zeros(0),
    touches=np.zeros((0, 0), np.bool_),
    sites=(),
)
