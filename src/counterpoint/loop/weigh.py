"""Weighing a workload: its quantum solver against the best classical rival, on the same instances and budget."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from scipy.special import stdtrit

from counterpoint.base import BadInput, Key, Price, Verdict, Workload, fold_in

LEAST = 20  # instances; fewer cannot carry a 95 % interval


def weigh(workload: Workload, budget: Price, *, instances: int, key: Key) -> Verdict:
    """Run every solver on `instances` new instances and say what the comparison shows.

    The best rival is chosen on the first half of them and judged with the quantum solver on the other,
    so that choosing among rivals does not flatter them. The figure is the mean difference of scores on
    the same instance, with Student's 95 % interval. Where no rival beats the do-nothing player on the
    first half, the comparison is void: all figures are NaN.

    Raises:
        BadInput: fewer than 20 instances, a solver that is missing, or one that used more than the budget.
    """
    solvers = workload.solvers()
    rivals = [name for name in solvers if name not in ("quantum", "nothing")]
    missing = [name for name in ("quantum", "nothing") if name not in solvers] or ([] if rivals else ["a rival"])
    if missing:
        raise BadInput(f"the workload has {', '.join(solvers)} and lacks {' and '.join(missing)}: add it to solvers()")
    if instances < LEAST:
        raise BadInput(f"{instances} instances cannot carry a verdict: give at least {LEAST}")
    scores = {name: np.empty(instances) for name in solvers}
    for i in range(instances):
        instance = workload.instance(fold_in(key, "instance", i))
        for name, solve in solvers.items():
            scores[name][i], used = solve(instance, budget, fold_in(key, "solve", name, i))
            _check(name, used, budget)
    half = instances // 2
    best = max(rivals, key=lambda name: scores[name][:half].mean())
    if not scores[best][:half].mean() > scores["nothing"][:half].mean():
        return Verdict(workload.hypothesis, workload.margin, *[float("nan")] * 3)
    difference = (scores["quantum"] - scores[best])[half:]
    value, error = difference.mean(), difference.std(ddof=1) / np.sqrt(difference.size)
    spread = stdtrit(difference.size - 1, 0.975) * error
    return Verdict(workload.hypothesis, workload.margin, *(float(v) for v in (value, value - spread, value + spread)))


def _check(solver: str, used: Price, budget: Price) -> None:
    """Every solver stays within the same budget, or nothing is compared."""
    for field in fields(Price):
        took, most = getattr(used, field.name), getattr(budget, field.name)
        if took > most:
            raise BadInput(f"'{solver}' used {took:g} {field.name} and the budget is {most:g}: hold it to the budget")
