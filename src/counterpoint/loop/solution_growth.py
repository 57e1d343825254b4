"""How time to solution grows over a family of problems: QAOA on a machine beside its rivals."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from counterpoint.base import BadInput, Key, Machine, fold_in
from counterpoint.loop.figure import COLOURS, save
from counterpoint.loop.jobs import JobSession
from counterpoint.loop.optimise import EXACT, LEAST, device_of
from counterpoint.workloads.breakeven import BreakEven
from counterpoint.workloads.energy import Power, charged
from counterpoint.workloads.exact import exact
from counterpoint.workloads.families import Family
from counterpoint.workloads.footprint import Assumptions
from counterpoint.workloads.optimise import EQUAL, RIVALS, Best, load, tally, total
from counterpoint.workloads.problems import Problem
from counterpoint.workloads.prospects import optimise_break_even
from counterpoint.workloads.qaoa import Qaoa
from counterpoint.workloads.rivals import QUANTUM
from counterpoint.workloads.runs import Method, Runs
from counterpoint.workloads.sampled import Sampled
from counterpoint.workloads.scaling import Scaling, fitted
from counterpoint.workloads.solution_time import Growth, Tally, growth, solution_time
from counterpoint.workloads.workload import Bill

PROBLEMS = 20  # of each size: half to tune settings, half to judge them
PROOF = 0.2  # of the budget: HiGHS's, on all problems


@dataclass(frozen=True, eq=False)
class Grown:
    """One side over the sizes that it could be run on."""

    settings: Mapping[int, str]  # by size, those of the least time on the first half of the problems
    tallies: Mapping[int, Sequence[Tally]]  # on the other half
    growth: Growth | None  # None where there are fewer than 3 sizes
    bill: Bill


@dataclass(frozen=True, eq=False)
class Course:
    """What came of it."""

    family: Family
    machine: str
    each: float  # seconds of one run
    sides: Mapping[str, Grown]
    proved: Mapping[int, int]  # by size, of how many problems HiGHS proved the best known value
    refused: str  # why the machine could not run the largest sizes
    breakeven: BreakEven | None
    seconds: float  # of wall time

    @property
    def plain(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "family": asdict(self.family),
            "machine": self.machine,
            "problems": PROBLEMS,
            "each": self.each,
            "sides": {
                name: {
                    "settings": dict(side.settings),
                    "seconds_to_99": side.growth and {n: asdict(t) for n, t in side.growth.times.items()},
                    "base": side.growth and asdict(side.growth.base),
                    "used": asdict(side.bill),
                }
                for name, side in self.sides.items()
            },
            "proved": dict(self.proved),
            "refused": self.refused,
            "break_even": self.breakeven and self.breakeven.sentence,
            "seconds": self.seconds,
        }


def grow(
    session: JobSession,
    machine: Machine,
    family: Family,
    settings: Sequence[Qaoa],
    budget: float,
    key: Key,
    say: Callable[[str], None] = lambda _: None,
) -> Course:
    """Time to solution on 20 problems of each size, every side's settings tuned on ten and judged on the others.

    The solution is the best answer of anybody, HiGHS's among them. `say` hears what is being done. Sizes that the
    machine cannot run are left to the rivals. Raises BadInput where the budget is too small.
    """
    began = time.perf_counter()
    device = device_of(session, machine)
    methods: dict[str, Sequence[Method]] = {QUANTUM: [Sampled(one, device) for one in settings], **RIVALS}
    runs = len(family.sizes) * PROBLEMS // 2 * (sum(map(len, methods.values())) + len(methods))
    each = (1 - PROOF) * budget / runs
    if each < LEAST:
        least = np.ceil(LEAST * runs / (1 - PROOF))
        raise BadInput(
            f"a budget of {budget:g} s leaves {each:.2g} s for each of {runs} runs and one needs {LEAST:g} s: give "
            f"--budget {least:.0f}s or more"
        )
    proof = PROOF * budget / (len(family.sizes) * PROBLEMS)
    chart = _Chart(methods, each, proof)
    for n in family.sizes:
        say(f"{n} variables")
        chart.size(n, [family.problem(n, fold_in(key, "problem", n, i)) for i in range(PROBLEMS)], fold_in(key, n))
    sides = {name: _grown(chart, name, fold_in(key, "growth", name)) for name in methods if chart.tallies.get(name)}
    course = Course(
        family, machine.name, each, sides, chart.proved, chart.refused, None, 0.0
    )
    return Course(
        family,
        machine.name,
        each,
        sides,
        chart.proved,
        chart.refused,
        _break_even(course),
        time.perf_counter() - began,
    )
