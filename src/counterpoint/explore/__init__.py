"""Explorers: what proposes the next thing to try, and learns from what came of it."""

from __future__ import annotations

from counterpoint.base import Explorer
from counterpoint.explore.bayes import Bayes
from counterpoint.explore.bounds import Fixed, Oracle
from counterpoint.explore.cma import CmaEs
from counterpoint.explore.gradient import PolicyGradient
from counterpoint.explore.kalman import Kalman
from counterpoint.explore.particle import Particle
from counterpoint.explore.perturb import Spsa
from counterpoint.explore.published import Published
from counterpoint.explore.recalibrate import Recalibrate

EXPLORERS: dict[str, Explorer] = {
    "gradient": PolicyGradient(),
    "kalman": Kalman(),
    "spsa": Spsa(),
    "published": Published(),
    "particle": Particle(),
    "cma": CmaEs(),
    "bayes": Bayes(),
    "recalibrate": Recalibrate(),
    "fixed": Fixed(),
    "oracle": Oracle(),
}
