"""Break-even of each task on logical qubits: rivals and QAOA measured here, the machine as assumed. Prints the tables.

    python benchmarks/breakeven.py [--problems 20] [--seconds 0.1] [--years 1] [--seed 0]

The rival of optimisation is simulated annealing at its best number of sweeps for each size: time to solution at 99 % of
the median problem, one core, and its growth by bootstrap. QAOA's tries are 1 / its chance of an optimum, from the state
vector. The rival of the bandit draws samples with numpy, or takes the 33 ns that Babbush et al. grant it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import networkx as nx
import numpy as np

from counterpoint.base import Key, fold_in
from counterpoint.workloads.cost.breakeven import BreakEven, what_if
from counterpoint.workloads.cost.footprint import YEAR, Assumptions
from counterpoint.workloads.cost.logical_cost import PUBLISHED, TUNED, LogicalCost, rotation_ts
from counterpoint.workloads.cost.prospects import (
    SAMPLES_AT_HALF_WIDTH,
    bandit_break_even,
    optimise_break_even,
    recalibrate_break_even,
)
from counterpoint.workloads.cost.scaling import Scaling, fitted
from counterpoint.workloads.cost.times import told
from counterpoint.workloads.optimise import qaoa
from counterpoint.workloads.optimise.anneal import Anneal
from counterpoint.workloads.optimise.ising import Ising
from counterpoint.workloads.optimise.solution_time import Growth, growth, of_growth, solution_time
from counterpoint.workloads.optimise.task import tally
from counterpoint.workloads.optimise.transfer import transferred

SWEEPS = (3, 10, 30, 100, 300)
LAYERS = 6
SMALL = (8, 10, 12, 14)  # variables that the state vector is asked about
SIZES = {"3-regular Max-Cut": (40, 60, 80, 100, 120), "dense, weights -1 and 1": (20, 35, 50, 65, 80)}
COUPLINGS: dict[str, Callable[[int], int]] = {
    "3-regular Max-Cut": lambda n: (3 * n + 1) // 2,
    "dense, weights -1 and 1": lambda n: n * (n - 1) // 2,
}
GRANTED = 33e-9  # seconds of a sample, of 100 clock cycles: what Babbush et al. set against 100 Toffoli


def problem(name: str, n: int, key: Key) -> Ising:
    rng = np.random.default_rng(key)
    if name == "3-regular Max-Cut":
        pairs = np.sort(np.array(nx.random_regular_graph(3, n, seed=int(rng.integers(2**31))).edges), axis=1)
        return Ising(np.zeros(n), pairs, np.full(len(pairs), 0.5))
    pairs = np.stack(np.triu_indices(n, 1), axis=1)
    return Ising(np.zeros(n), pairs, rng.choice([-1.0, 1.0], len(pairs)))


def measured(name: str, problems: int, seconds: float, key: Key) -> Growth:
    """Of annealing, each size at the sweeps that are quickest there."""
    best = {}
    Anneal(1).runs(problem(name, 8, key), 10.0, key)  # what loads at the first call is not counted
    for n in SIZES[name]:
        made = [problem(name, n, fold_in(key, n, i)) for i in range(problems)]
        found = [[Anneal(s).runs(one, seconds, fold_in(key, "run", i)) for i, one in enumerate(made)] for s in SWEEPS]
        lowest = [min(float(runs[i].energies.min()) for runs in found) for i in range(problems)]
        tallies = [[tally(one, runs[i], lowest[i]) for i, one in enumerate(made)] for runs in found]
        best[n] = min(tallies, key=lambda some: solution_time(some, key).value or np.inf)
    return growth(best, fold_in(key, "growth"))


def tries(name: str, problems: int, key: Key) -> Scaling:
    """1 / the chance of an optimum with angles that are chosen without running."""
    sizes, values = [], []
    for n in SMALL:
        for i in range(problems):
            one = problem(name, n, fold_in(key, "small", n, i))
            table = qaoa.energies(one)
            sizes.append(float(n))
            values.append(1 / float(qaoa.chances(one, transferred(one, LAYERS))[table <= table.min() + 1e-9].sum()))
    return fitted(sizes, values)


def sample_seconds(key: Key) -> float:
    """Of one core, for one reward that is 1 with probability 1/2."""
    rng, count = np.random.default_rng(key), 10**7
    began = time.process_time()
    (rng.random(count) < 0.5).mean()
    return (time.process_time() - began) / count


def show(name: str, solve: Callable[[Assumptions], BreakEven], assumed: Assumptions) -> None:
    print(f"\n{name}\n")
    print(
        "| assumed | equal in time at | time of both | distance | physical qubits | QuOps | rival's J | machine's J |"
    )
    print("|---|---|---|---|---|---|---|---|")
    found = what_if(solve, assumed)
    for what, one in found.items():
        if one.time is None:
            print(f"| {what} | {one.sentence.partition(': ')[2]} | | | | | | |")
            continue
        at, machine = one.time, one.time.machine
        low, high = (f"{end:,.0f}" if end else "never" for end in (one.low, one.high))
        ends = "" if low == high else f" ({low}-{high})"
        print(
            f"| {what} | {at.size:,.0f}{ends} {one.sized} | {told(machine.seconds)} | {machine.distance} | "
            f"{machine.qubits:,} | {machine.quops:.1e} | {at.joules:.1e} | {machine.joules:.1e} |"
        )
    print(f"\n{found['as stated'].sentence}")


def main() -> None:
    ask = argparse.ArgumentParser()
    ask.add_argument("--problems", type=int, default=20)
    ask.add_argument("--seconds", type=float, default=0.1)
    ask.add_argument("--years", type=float, default=1.0)
    ask.add_argument("--seed", type=int, default=0)
    given = ask.parse_args()
    assumed, key = replace(Assumptions(), horizon=given.years * YEAR), (given.seed,)
    for name in SIZES:
        grown = measured(name, given.problems, given.seconds, fold_in(key, name))
        print(f"\n{name}, annealing: base {grown.base.value:.4f} ({grown.base.low:.4f}-{grown.base.high:.4f}); seconds")
        for n, at in grown.times.items():
            print(f"  {n}: {at.value:.3g} ({at.low:.3g}-{at.high:.3g})")
        guesses = tries(name, given.problems, fold_in(key, name))
        print(
            f"  QAOA p={LAYERS}, tries: base {guesses.base.value:.4f} ({guesses.base.low:.4f}-{guesses.base.high:.4f})"
        )
        solve = partial(optimise_break_even, of_growth(grown), couplings=COUPLINGS[name])
        show(f"optimise, {name}: plain search", solve, assumed)
        show(f"optimise, {name}: QAOA amplified", partial(solve, layers=LAYERS, tries=guesses), assumed)
    turn, drawn = rotation_ts(1e-10), sample_seconds(key)
    print(f"\none reward by numpy: {drawn * 1e9:.2f} ns")
    for name, oracle, seconds in (
        ("one rotation", LogicalCost(1, 0, turn, turn), drawn),
        ("100 Toffoli on 100 qubits", LogicalCost(100, 100, 0, 100), GRANTED),
    ):
        for rounds, estimation in (("30 shots a round", TUNED), ("published rounds", PUBLISHED)):
            for samples, of in ((estimation.samples, "error"), (SAMPLES_AT_HALF_WIDTH, "half-width")):
                solve = partial(bandit_break_even, oracle, seconds, estimation=estimation, samples=samples)
                show(f"bandit, {name}, {rounds}, samples of equal {of}", solve, assumed)
        for changes in ({"cycle": 1e-7}, {"error": 1e-4}):
            crowd = replace(assumed, cores=1000, **changes)
            print(f"\n1,000 cores, {changes}: {bandit_break_even(oracle, seconds, crowd).sentence}")
    print(f"\n{recalibrate_break_even(assumed).sentence}")


if __name__ == "__main__":
    main()
