"""Quantum solver and rivals on one budget: both tuned alike, a guard against straw men, a verdict and both bills."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from counterpoint.base import BadInput, Floats, Key, Verdict, fold_in
from counterpoint.quops.estimate import student
from counterpoint.workloads.energy import Counters, Power, charged
from counterpoint.workloads.workload import NOTHING, QUANTUM, Bill, Budget, Solver, Workload

LEAST = 20  # instances; fewer cannot carry a 95 % interval
OVERRUN = 1.1  # of a budget in seconds, which nobody can hold to the last one


@dataclass(frozen=True, eq=False)
class Side:
    """One player of a comparison."""

    name: str
    setting: Solver  # the best one on the first half of the instances
    tuning: Bill  # of all its settings, on that half
    tuned: float  # mean score of the chosen setting there
    scores: Floats  # (instances on the other half,)
    bill: Bill  # on that half

    @property
    def mean(self) -> float:
        """Mean score on the other half."""
        return float(self.scores.mean())


@dataclass(frozen=True, eq=False)
class Comparison:
    """What came of it: the verdict, and what each side scored and used."""

    task: str
    budget: Budget
    verdict: Verdict
    rival: str  # the best one on the first half
    sides: Mapping[str, Side]
    measured: bool  # whether the processor's joules were, or followed from a model

    @property
    def void(self) -> bool:
        """Whether no rival beat the player that does nothing, so that nothing can be said."""
        return bool(np.isnan(self.verdict.value))


def weigh(workload: Workload, budget: Budget, *, instances: int, key: Key, power: Power | None = None) -> Comparison:
    """Run every solver on `instances` new instances, each on the whole `budget`, and say what the comparison shows.

    Every side's settings are tuned, and the best rival is chosen, on the first half of the instances; all are judged
    on the other, so that choosing flatters nobody. The figure is the mean difference of the quantum solver's and the
    best rival's scores on the same instance, with Student's 95 % interval. Where no rival beats the do-nothing player
    on the first half, the comparison is void: its figures are NaN.

    Raises:
        BadInput: fewer than 20 instances, a solver that is missing, one that used more than the budget, or a score
            that is not a number.
    """
    solvers = workload.solvers()
    rivals = [name for name in solvers if name not in (QUANTUM, NOTHING)]
    missing = [name for name in (QUANTUM, NOTHING) if not solvers.get(name)] or ([] if rivals else ["a rival"])
    if missing:
        raise BadInput(f"the workload has {', '.join(solvers)} and lacks {' and '.join(missing)}: add it to solvers()")
    if instances < LEAST:
        raise BadInput(f"{instances} instances cannot carry a verdict: give at least {LEAST}")
    bench = _Bench(budget, key, power or Power(), Counters.found())
    made = [workload.instance(fold_in(key, "instance", i)) for i in range(instances)]
    half = instances // 2
    sides = {name: _side(bench, name, settings, made, half) for name, settings in solvers.items()}
    best = max(rivals, key=lambda name: sides[name].tuned)
    if sides[best].tuned > sides[NOTHING].tuned:
        mean = student(sides[QUANTUM].scores - sides[best].scores)
        figures = (mean.value, mean.low, mean.high)
    else:
        figures = (float("nan"),) * 3
    verdict = Verdict(workload.hypothesis, workload.margin, *figures)
    return Comparison(workload.name, budget, verdict, best, sides, bench.counters is not None)


def _side(bench: _Bench, name: str, settings: Sequence[Solver], made: Sequence[Any], half: int) -> Side:
    """`name` tuned on the first `half` instances and judged on the others."""
    tuned: list[float] = []
    tuning = Bill()
    for setting in settings:
        scores, bill = bench.run(name, setting, made, range(half))
        tuned.append(float(scores.mean()))
        tuning += bill
    chosen = int(np.argmax(tuned))
    scores, bill = bench.run(name, settings[chosen], made, range(half, len(made)))
    return Side(name, settings[chosen], tuning, tuned[chosen], scores, bill)


@dataclass(frozen=True)
class _Bench:
    """What every solver is run under."""

    budget: Budget
    key: Key
    power: Power
    counters: Counters | None

    def run(self, name: str, solve: Solver, made: Sequence[Any], which: range) -> tuple[Floats, Bill]:
        """The scores on `which` instances, and what was used for them. Every setting has the same randomness."""
        scores, total = np.empty(len(which)), Bill()
        for row, i in enumerate(which):
            before = self.counters.read() if self.counters else ()
            began = time.process_time()
            score, told = solve(made[i], self.budget, fold_in(self.key, "solve", name, i))
            busy = time.process_time() - began
            bill = replace(told, processor=max(0.0, busy - told.simulation))
            bill = charged(bill, self.power, self.counters.since(before) if self.counters else None)
            self._check(name, score, bill)
            scores[row] = score
            total += bill
        return scores, total

    def _check(self, name: str, score: float, bill: Bill) -> None:
        """Every solver stays within the same budget and gives a score, or nothing is compared."""
        took, most, unit = self.budget.used(bill), self.budget.amount, self.budget.unit
        if took > most * (OVERRUN if unit == "seconds" else 1):
            raise BadInput(f"'{name}' used {took:g} {unit} and the budget is {most:g}: hold it to the budget")
        if not np.isfinite(score):
            raise BadInput(f"'{name}' scored {score} and a finite number is needed: mend the solver")
