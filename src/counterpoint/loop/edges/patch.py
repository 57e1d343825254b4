"""The edge *optimise*: which smaller patch of the chip to fall back on, as its telemetry is now.

Where qubits go bad, codes of distance 3 on the better parts of the chip may serve better than the whole. Their places
are weighed by their detection rates; on a chip of distance 7 or more, which has room for several, those that do not
overlap are packed. That is a quadratic problem of at most 20 variables. QAOA runs on the run's own chip, as it is now,
with all its errors. Beside it stand HiGHS, which proves the optimum, and the best of as many assignments drawn by
chance as QAOA has shots, which needs no quantum computer.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from math import isqrt
from typing import final

import numpy as np

from counterpoint.base import BadInput, Bits, Key, Machine
from counterpoint.codes.sites import Sites
from counterpoint.codes.surface import layout
from counterpoint.loop.answer import EXACT
from counterpoint.loop.edges.edge import Edge, Moment
from counterpoint.loop.edges.errand import Errand
from counterpoint.store.turns import Attempt, Work
from counterpoint.workloads.energy import Power, charged
from counterpoint.workloads.optimise.exact import exact
from counterpoint.workloads.optimise.patches import Patches
from counterpoint.workloads.optimise.qaoa import Qaoa
from counterpoint.workloads.workload import NOTHING, QUANTUM, Bill

CHANCE = "chance"
SMALLER = 3  # distance: so that a chip of distance 7 holds several


@final
@dataclass(frozen=True)
class PatchChoice(Edge):
    """QAOA against HiGHS and chance on the choice of patches.

    Attributes:
        depth: layers of QAOA: each is a gate on every pair of places that overlap, and the chip errs in each.
        places: the best ones by telemetry are weighed, at most so many: a chip's shots are followed up to 12 qubits.
        shots: of the circuit.
        seconds: that HiGHS may take.
    """

    name: str = "optimise"
    hypothesis: str = "QAOA on the run's own chip chooses better patches than the exact solver"
    margin: float = 0.0
    rival: str = EXACT
    every: int = 24
    depth: int = 1
    places: int = 9
    shots: int = 200
    seconds: float = 1.0

    def lack(self, machine: Machine, sites: Sites) -> str:
        distance = isqrt(len(sites.names) + 1)
        if distance < 5 or set(sites.names) != _checks(distance):
            return "the chip is no surface code of distance 5 or more, in which a smaller one has several places"
        return ""

    def work(self, errand: Errand, moment: Moment, taken: str) -> Work:
        distance = isqrt(len(moment.sites.names) + 1)
        errand.task = f"patch of d={SMALLER}"
        patches = Patches.of(moment.sites.names, moment.rates, distance, SMALLER, self.places)
        problem = patches.problem()

        began = time.process_time()
        solved = exact(problem, self.seconds)
        own = [] if solved.bits is None else patches.taken(solved.bits)
        answers = {EXACT: (own, Bill(processor=time.process_time() - began))}

        def run(circuit: str, shots: int, key: Key) -> Bits:
            found = errand.run(circuit, shots, bits=problem.size)
            return np.unpackbits(found, axis=1, count=problem.size, bitorder="little")

        began = time.process_time()
        drawn = np.random.default_rng(moment.key).integers(0, 2, (self.shots, problem.size), np.uint8)
        best = drawn[problem.energies(drawn).argmin()]
        answers[CHANCE] = patches.taken(best), Bill(processor=time.process_time() - began)

        bits, told = Qaoa(self.depth).sample(problem, self.shots, moment.key, run)
        best = bits[problem.energies(bits).argmin()]
        machine = errand.price.seconds
        answers[QUANTUM] = patches.taken(best), Bill(shots=told.shots, machine=machine, processor=told.processor)
        # The middle, whatever the telemetry says. It is not among those weighed only where as many are better, or it
        # is dead: the worst of them flatters it.
        middle = patches.at(f"{distance - 2},{distance - 2}")
        answers[NOTHING] = middle or [len(patches.places) - 1], Bill()
        attempts = {
            side: Attempt(patches.worth(places), patches.words(places), asdict(charged(bill, Power())))
            for side, (places, bill) in answers.items()
        }
        most = attempts[EXACT].score if solved.proved else None
        return Work(self.name, errand.task, attempts, taken, most, errand.price, {})


def _checks(distance: int) -> set[str]:
    try:
        patch = layout(distance)
    except BadInput:  # an even distance
        return set()
    return {f"{x},{y}" for x, y in patch.x_checks + patch.z_checks}
