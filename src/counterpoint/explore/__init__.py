"""Explorers: what proposes the next thing to try, and learns from what came of it."""

from __future__ import annotations

from counterpoint.base import Explorer
from counterpoint.explore.bayes import Bayes
from counterpoint.explore.bounds import Fixed, Oracle
from counterpoint.explore.cma import CmaEs
from counterpoint.explore.gpucb import GpUcb
from counterpoint.explore.gradient import PolicyGradient
from counterpoint.explore.kalman import Kalman
from counterpoint.explore.klucb import KlUcb
from counterpoint.explore.particle import Particle
from counterpoint.explore.perturb import Spsa
from counterpoint.explore.published import Published
from counterpoint.explore.quantum import QuantumGpUcb
from counterpoint.explore.recalibrate import Recalibrate
from counterpoint.explore.thompson import Thompson

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

BANDITS: dict[str, QuantumGpUcb | GpUcb | KlUcb | Thompson] = {  # these ask for estimates of arms and are told them
    "quantum": QuantumGpUcb(),
    "gp-ucb": GpUcb(),
    "kl-ucb": KlUcb(),
    "ucb1": KlUcb(divergence="normal", scale=4.0),
    "thompson": Thompson(),
}
