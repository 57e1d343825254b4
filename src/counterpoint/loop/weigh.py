"""Weighing a workload: its quantum solver against the best classical rival, on the same instances and budget."""

from __future__ import annotations

import numpy as np

from counterpoint.base import BadInput, Key, Price, Verdict, Workload, fold_in

DRAWS = 4000


def weigh(workload: Workload, budget: Price, *, instances: int, key: Key) -> Verdict:
    """Run every solver on `instances` new instances and say what the comparison shows.

    The best rival is chosen on a first half of them, and judged with the quantum solver on the other,
    so that choosing among rivals does not flatter them. The figure is the mean difference of scores
    on the same instance; its 95 % interval is a paired bootstrap (4,000 draws, fixed key). Where no rival
    beats the do-nothing player on the first half the comparison is void: all figures are NaN.

    Raises:
        BadInput: fewer than 4 instances, or a solver that the comparison needs is missing.
    """
    solvers = workload.solvers()
    rivals = [name for name in solvers if name not in ("quantum", "nothing")]
    missing = [name for name in ("quantum", "nothing") if name not in solvers] or ([] if rivals else ["a rival"])
    if missing:
        raise BadInput(f"the workload has {', '.join(solvers)} and lacks {' and '.join(missing)}: add it to solvers()")
    if instances < 4:
        raise BadInput(f"{instances} instances leave nothing to judge on after choosing the rival: give at least 4")
    scores = {name: np.empty(instances) for name in solvers}
    for i in range(instances):
        instance = workload.instance(fold_in(key, "instance", i))
        for name, solve in solvers.items():
            scores[name][i] = solve(instance, budget, fold_in(key, "solve", name, i))
    half = instances // 2
    best = max(rivals, key=lambda name: scores[name][:half].mean())
    if not scores[best][:half].mean() > scores["nothing"][:half].mean():
        return Verdict(workload.hypothesis, workload.margin, *[float("nan")] * 3)
    difference = (scores["quantum"] - scores[best])[half:]
    draws = np.random.default_rng(fold_in(key, "bootstrap")).integers(difference.size, size=(DRAWS, difference.size))
    low, high = np.percentile(difference[draws].mean(axis=1), [2.5, 97.5])
    return Verdict(workload.hypothesis, workload.margin, float(difference.mean()), float(low), float(high))
