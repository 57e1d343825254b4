"""How time to solution grows over a family of problems: QAOA on a machine beside its rivals."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from counterpoint.base import BadInput, Key, Machine, fold_in
from counterpoint.loop.answer import LEAST
from counterpoint.loop.jobs import JobSession
from counterpoint.loop.optimise import WEIGHT_BITS, device_of, refusal
from counterpoint.workloads.cost.breakeven import BreakEven
from counterpoint.workloads.cost.footprint import Assumptions
from counterpoint.workloads.cost.prospects import optimise_break_even
from counterpoint.workloads.cost.scaling import fitted
from counterpoint.workloads.energy import Power, charged
from counterpoint.workloads.optimise.exact import exact
from counterpoint.workloads.optimise.families import Family
from counterpoint.workloads.optimise.problems import Problem
from counterpoint.workloads.optimise.qaoa import Qaoa
from counterpoint.workloads.optimise.runs import Method, undisturbed
from counterpoint.workloads.optimise.sampled import Sampled
from counterpoint.workloads.optimise.solution_time import Growth, Tally, growth, least_time
from counterpoint.workloads.optimise.task import EQUAL, RIVALS, load, tally, total
from counterpoint.workloads.workload import QUANTUM, Bill

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
    quantum = [Sampled(one, device) for one in settings]
    methods: dict[str, Sequence[Method]] = {QUANTUM: quantum, **RIVALS}
    each = each_of(family, settings, budget)
    proof = PROOF * budget / (len(family.sizes) * PROBLEMS)
    found, proved, refused = {name: _Side() for name in methods}, {}, ""
    for n in family.sizes:
        say(f"{n} variables")
        problems = [family.problem(n, fold_in(key, "problem", n, i)) for i in range(PROBLEMS)]
        if not refused and (refused := refusal(quantum, problems[0], fold_in(key, "angles"))):
            del methods[QUANTUM]
        with undisturbed():
            fitting = load(problems[0].ising, methods, each, fold_in(key, "load"))
            proved[n] = _size(problems, fitting, each, proof, found, fold_in(key, "size", n))
    sides = {name: one.grown(fold_in(key, "growth", name)) for name, one in found.items() if one.tallies}
    meeting = _break_even(family, sides, settings)
    return Course(family, machine.name, each, sides, proved, refused, meeting, time.perf_counter() - began)


@dataclass(eq=False)
class _Side:
    """One side while it is being measured."""

    settings: dict[int, str] = field(default_factory=dict)
    tallies: dict[int, list[Tally]] = field(default_factory=dict)
    bill: Bill = field(default_factory=Bill)

    def grown(self, key: Key) -> Grown:
        return Grown(
            self.settings, self.tallies, growth(self.tallies, key) if len(self.tallies) > 2 else None, self.bill
        )


def each_of(family: Family, settings: Sequence[Qaoa], budget: float) -> float:
    """Seconds of one run of one setting on one problem. Raises BadInput where that is below 0.02 s."""
    sides = [settings, *RIVALS.values()]
    runs = len(family.sizes) * PROBLEMS // 2 * (sum(map(len, sides)) + len(sides))
    each = (1 - PROOF) * budget / runs
    if each < LEAST:
        raise BadInput(
            f"a budget of {budget:g} s leaves {each:.2g} s for each of {runs:,} runs and one needs {LEAST:g} s: give "
            f"--budget {math.ceil(LEAST * runs / (1 - PROOF))}s or more"
        )
    return each


def _size(
    problems: Sequence[Problem],
    methods: Mapping[str, Sequence[Method]],
    each: float,
    proof: float,
    found: Mapping[str, _Side],
    key: Key,
) -> int:
    """All sides on problems of one size, added to `found`; returns of how many the solution was proved."""
    n, half, proved = problems[0].ising.size, len(problems) // 2, 0
    chosen: dict[str, Sequence[Method]] = dict(methods)
    for start in (0, half):
        tallies: dict[str, list[list[Tally]]] = {name: [[] for _ in some] for name, some in chosen.items()}
        for i in range(start, start + half):
            ising = problems[i].ising
            runs = {
                name: [one.runs(ising, each, fold_in(key, name, i, j)) for j, one in enumerate(some)]
                for name, some in chosen.items()
            }
            solved = exact(ising, proof)
            lowest = min(solved.energy, *(float(one.energies.min()) for some in runs.values() for one in some))
            proved += solved.proved and lowest >= solved.energy - EQUAL * total(ising)
            for name, some in runs.items():
                found[name].bill += charged(sum((one.bill for one in some), Bill()), Power())
                for j, one in enumerate(some):
                    tallies[name][j].append(tally(ising, one, lowest))
        if start == 0:
            chosen = {name: [methods[name][_quickest(some, key)]] for name, some in tallies.items()}
    for name, some in tallies.items():
        found[name].settings[n], found[name].tallies[n] = str(chosen[name][0]), some[0]
    return proved


def _quickest(settings: Sequence[Sequence[Tally]], key: Key) -> int:
    """The setting of the least time to solution; where there is none, of the most hits a second."""
    hits = [sum(one.hits / (one.runs * one.seconds) for one in some) for some in settings]
    return least_time(settings, [-one for one in hits], key)


def _break_even(family: Family, sides: Mapping[str, Grown], settings: Sequence[Qaoa]) -> BreakEven | None:
    """Against the rival that is quickest at the largest size; None where its time has no end, or does not grow.

    Of one depth of QAOA that was run at all sizes the chance of success is amplified, else that of a plain search.
    """
    times = {name: _times(one) for name, one in sides.items()}
    rivals = [name for name, one in times.items() if name != QUANTUM and len(one) == len(family.sizes)]
    if not rivals:
        return None
    best = min(rivals, key=lambda name: times[name][family.sizes[-1]])
    layers, tries = 0, None
    try:
        if len(settings) == 1 and len(times.get(QUANTUM, {})) > 2:
            tallies = sides[QUANTUM].tallies
            chances = [float(np.median([one.hits / one.runs for one in some])) for some in tallies.values()]
            layers, tries = settings[0].depth, fitted(list(tallies), [1 / chance for chance in chances])
        return optimise_break_even(
            fitted(list(times[best]), list(times[best].values())),
            Assumptions(),
            couplings=lambda n: round(n * family.degree / 2),
            bits=1 if family.kind == "regular" else WEIGHT_BITS,
            layers=layers,
            tries=tries,
        )
    except (BadInput, ArithmeticError):  # what does not grow over these sizes, or has no bound, meets nothing
        return None


def _times(side: Grown) -> dict[int, float]:
    """Seconds to 99 % by size, where they have an end."""
    found = {} if side.growth is None else side.growth.times
    return {n: one.value for n, one in found.items() if one.value is not None}
