"""QAOA beside its rivals on Max-Cut of random 3-regular graphs, in one run.

    python benchmarks/qaoa.py [--plot FILE.svg]
    python benchmarks/qaoa.py --derive DEGREE DEPTH

Graphs are networkx's random_regular_graph(3, 16, seed=s), s = 0 to 19. Figures of QAOA are exact, from the state vector
without noise; those of rivals are from runs of a quarter of a second of one core a graph. Each is the mean over the
graphs, with the least and the greatest of them. Seconds are of one core, medians: of a rival's run, of simulating
QAOA's state once, which on a quantum machine nobody would do, and of choosing its angles.

--derive prints the angles of the regular tree, by depth: a line of gammas, one of betas.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np

from counterpoint.base import Floats, fold_in
from counterpoint.loop.figure import COLOURS, save
from counterpoint.workloads.optimise import tree
from counterpoint.workloads.optimise.angles import depths, of_tree
from counterpoint.workloads.optimise.anneal import Anneal
from counterpoint.workloads.optimise.goemans import Goemans
from counterpoint.workloads.optimise.ising import Ising
from counterpoint.workloads.optimise.local import Local
from counterpoint.workloads.optimise.qaoa import Qaoa, chances, energies
from counterpoint.workloads.optimise.runs import Method
from counterpoint.workloads.optimise.tabu import Tabu

DEGREE, SIZE, GRAPHS = 3, 16, 20
SECONDS = 0.25  # of each rival on each graph
SHOTS = 16
RIVALS: dict[str, Method | None] = {
    "a guess": None,
    "local search": Local(),
    "annealing, 5 sweeps": Anneal(5),
    "annealing, 30 sweeps": Anneal(30),
    "annealing, 200 sweeps": Anneal(200),
    "tabu search, 10 steps a variable": Tabu(10),
    "Goemans-Williamson, a plane": Goemans(),
}
TUNED = {
    "p = 3, optimised": Qaoa(3, "optimised"),
    "p = 3, optimised for the best half": Qaoa(3, "optimised", cvar=0.5),
    "p = 1, warm start, optimised": Qaoa(1, "optimised", warm=0.25),
    "p = 3, warm start, optimised": Qaoa(3, "optimised", warm=0.25),
}
LABELS = {"mean": "mean cut / greatest cut", "optimal": "chance of the greatest cut"}


@dataclass(frozen=True)
class Figures:
    """Of one solver on one graph; cuts are shares of the greatest one."""

    mean: float
    optimal: float  # chance of the greatest cut, a run
    best: float  # mean cut of the best of SHOTS runs
    seconds: float  # a run, or a simulation
    chosen: float = 0.0  # seconds before the first


def graph(seed: int) -> Ising:
    """Energies are minus the cut."""
    edges = nx.random_regular_graph(DEGREE, SIZE, seed=seed).edges
    pairs = np.array(sorted(tuple(sorted(edge)) for edge in edges), np.int64)
    return Ising(np.zeros(SIZE), pairs, np.full(len(pairs), 0.5), -len(pairs) / 2)


def figures(cuts: Floats, weights: Floats, most: float, seconds: float, chosen: float = 0.0) -> Figures:
    """From cuts (m,) and how often each is found: the best of SHOTS by its exact distribution."""
    order = np.argsort(cuts)
    upto = np.cumsum(weights[order]) ** SHOTS
    best = np.diff(upto, prepend=0) @ cuts[order]
    return Figures(weights @ cuts / most, weights[cuts > most - 0.5].sum(), best / most, seconds, chosen)


def quantum(problem: Ising, solver: Qaoa, seed: int) -> Figures:
    """QAOA by its exact chances."""
    table = energies(problem)
    began = time.process_time()
    angles, start = solver.prepared(problem, fold_in((seed,), "qaoa"))
    chosen = time.process_time() - began
    weights = chances(problem, angles, start)
    seconds = time.process_time() - began - chosen
    return figures(-table, weights / weights.sum(), -table.min(), seconds, chosen)


def classical(problem: Ising, method: Method | None, seed: int) -> Figures:
    """A rival's runs."""
    table = energies(problem)
    if method is None:
        return figures(-table, np.full(table.size, 1 / table.size), -table.min(), 0.0)
    found = method.runs(problem, SECONDS, fold_in((seed,), "rival"))
    runs = found.energies.size
    return figures(-found.energies, np.full(runs, 1 / runs), -table.min(), found.seconds, found.prepared)


def measured(solve: Callable[[Ising, int], Figures]) -> list[Figures]:
    solve(graph(0), 0)  # compiled and loaded
    return [solve(graph(seed), seed) for seed in range(GRAPHS)]


def row(name: str, found: list[Figures]) -> str:
    """A line of the table."""

    def spread(values: list[float]) -> str:
        return f"{np.mean(values):.3f} ({min(values):.3f}-{max(values):.3f})"

    cells = [spread([f.mean for f in found]), spread([f.optimal for f in found])]
    cells += [f"{np.mean([f.best for f in found]):.4f}"]
    cells += [f"{np.median([getattr(f, what) for f in found]) * 1e6:,.0f}" for what in ("seconds", "chosen")]
    return f"| {name} | {' | '.join(cells)} |"


def draw(fixed: dict[int, list[Figures]], rivals: dict[str, list[Figures]], path: Path) -> None:
    """Mean cut and chance of the optimum by depth, with the rivals as levels."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 4.8), layout="constrained")
    for axis, what in zip(axes, ("mean", "optimal"), strict=True):
        values = np.array([[getattr(f, what) for f in found] for found in fixed.values()])
        x = list(fixed)
        axis.fill_between(x, values.min(1), values.max(1), color=COLOURS[0], alpha=0.2, lw=0)
        axis.plot(x, values.mean(1), "o-", color=COLOURS[0], label="QAOA, fixed angles (mean; least to greatest)")
        if what == "mean":
            share = [tree.cut_fraction(of_tree(DEGREE, p), DEGREE) for p in x]
            axis.plot(x, share, ":", color=COLOURS[0], label="share of the tree's edges: a lower bound, by conjecture")
        for i, (name, found) in enumerate((name, found) for name, found in rivals.items() if RIVALS[name]):
            level = float(np.mean([getattr(f, what) for f in found]))
            colour = COLOURS[1 + i % (len(COLOURS) - 1)]
            dashes = (4 * i, (4, 8))  # the gaps of three lines on each other show all of them
            axis.axhline(level, color=colour, lw=1.2, ls=dashes, label=name if what == "optimal" else None)
        axis.set(xlabel="layers p", ylabel=LABELS[what], xticks=x)
        axis.spines[["top", "right"]].set_visible(False)
    (curves, curve_names), (levels, level_names) = (axis.get_legend_handles_labels() for axis in axes)
    figure.legend(
        [*curves, *levels[1:]],
        [*curve_names, *level_names[1:]],
        fontsize=8,
        loc="outside lower center",
        ncol=3,
        frameon=False,
        handlelength=4,
    )
    save(figure, path)


def derive(degree: int, depth: int) -> None:
    angles = None
    for p in range(1, depth + 1):
        began = time.process_time()
        angles = tree.best(degree, p, angles)
        value, slope = tree.gradient(angles, degree)
        seconds = time.process_time() - began
        print(f"# p = {p}: cut fraction {value:.6f}, slope {np.abs(slope).max():.0e}, {seconds:.1f} s")
        for numbers in (angles.gammas, angles.betas):
            print(" ".join(f"{number:.6f}" for number in numbers), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--derive", nargs=2, type=int, metavar=("DEGREE", "DEPTH"))
    parser.add_argument("--plot", type=Path)
    given = parser.parse_args()
    if given.derive:
        derive(*given.derive)
        return
    print(f"| one run or shot | mean cut | chance of the optimum | best of {SHOTS} | µs a run | µs before the first |")
    print("|---|---|---|---|---|---|")
    fixed = {}
    for p in depths(DEGREE):
        fixed[p] = measured(lambda problem, seed, p=p: quantum(problem, Qaoa(p, "fixed"), seed))
        print(row(f"QAOA, p = {p}, fixed", fixed[p]), flush=True)
    for name, solver in TUNED.items():
        print(row(f"QAOA, {name}", measured(lambda problem, seed, s=solver: quantum(problem, s, seed))), flush=True)
    rivals = {}
    for name, method in RIVALS.items():
        rivals[name] = measured(lambda problem, seed, m=method: classical(problem, m, seed))
        print(row(name, rivals[name]), flush=True)
    if given.plot:
        draw(fixed, rivals, given.plot)


if __name__ == "__main__":
    main()
