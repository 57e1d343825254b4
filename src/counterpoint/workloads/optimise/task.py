"""The task of optimisation: the best assignment of one problem, by QAOA and by rivals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from counterpoint.base import BadInput, Bits, Key, fold_in
from counterpoint.workloads.optimise.anneal import Anneal
from counterpoint.workloads.optimise.goemans import Goemans
from counterpoint.workloads.optimise.ising import Ising
from counterpoint.workloads.optimise.local import Local
from counterpoint.workloads.optimise.problems import Kind
from counterpoint.workloads.optimise.runs import Method, Runs
from counterpoint.workloads.optimise.solution_time import Tally, least_time
from counterpoint.workloads.optimise.tabu import Tabu
from counterpoint.workloads.workload import NOTHING, QUANTUM, Bill, Budget, Solver, Workload

MARGIN = 1e-3  # of a score: less would not be worth a machine
DIGITS = 12  # of a score, after the point: rounding is no difference
EQUAL = 1e-9  # of the sum of the Ising weights, by which energies count as equal
HELD = 0.9  # of a budget, alike for every side: the rest is for what a clock sees late
LOADS = 2  # tries of a setting: the first may be slow because Python loads its package

RIVALS: Mapping[str, Sequence[Method]] = {  # each with the settings that it is tuned over
    "annealing": (Anneal(5), Anneal(30), Anneal(200)),
    "tabu search": (Tabu(10), Tabu(100)),
    "local search": (Local(),),
    "Goemans and Williamson": (Goemans(),),
}


@dataclass(eq=False)
class Best:
    """The lowest energy that anything has found so far: one record, which changes with every answer that it sees."""

    energy: float = np.inf
    bits: Bits | None = None
    by: str = ""
    each: dict[str, float] = field(default_factory=dict)  # the lowest energy of each side

    def see(self, name: str, energy: float, bits: Bits) -> None:
        """One more answer."""
        self.each[name] = min(energy, self.each.get(name, np.inf))
        if energy < self.energy:
            self.energy, self.bits, self.by = energy, bits, name


@final
@dataclass(frozen=True)
class BestOf:
    """A method as a solver: the score of the best of its runs; `best` sees its answer."""

    name: str
    method: Method
    kind: Kind
    best: Best = field(repr=False, compare=False)

    def __call__(self, instance: Ising, budget: Budget, key: Key, /) -> tuple[float, Bill]:
        """As `Solver`."""
        found = self.method.runs(instance, HELD * budget.amount, key)
        energy = float(found.energies.min())
        self.best.see(self.name, energy, found.best)
        return score(instance, energy, self.kind), found.bill

    def __str__(self) -> str:
        return str(self.method)


@final
@dataclass(frozen=True)
class Guess:
    """Does nothing: one assignment by chance."""

    kind: Kind

    def __str__(self) -> str:
        return "one guess"

    def __call__(self, instance: Ising, budget: Budget, key: Key, /) -> tuple[float, Bill]:
        """As `Solver`."""
        bits = np.random.default_rng(key).integers(0, 2, (1, instance.size), np.uint8)
        return score(instance, float(instance.energies(bits)[0]), self.kind), Bill()


@final
@dataclass(frozen=True, eq=False)
class Optimise(Workload):
    """One problem, solved again and again with fresh randomness; scores are as `score`.

    `best` is handed in and changes: it sees the answers of all solvers.
    """

    ising: Ising
    methods: Mapping[str, Sequence[Method]]  # "quantum" and the rivals
    hypothesis: str
    best: Best
    kind: Kind = "ising"
    name: str = "optimise"
    margin: float = MARGIN

    def instance(self, key: Key) -> Any:
        """Always the same problem."""
        return self.ising

    def solvers(self) -> Mapping[str, Sequence[Solver]]:
        """Each side's settings, and a guess."""
        sides = {name: [BestOf(name, one, self.kind, self.best) for one in some] for name, some in self.methods.items()}
        return sides | {NOTHING: [Guess(self.kind)]}


@dataclass(frozen=True, eq=False)
class Chosen:
    """One side's setting with the least time to solution, and fresh runs of it."""

    method: Method
    tuning: Bill  # of all its settings
    found: Runs


def score(ising: Ising, energy: float, kind: Kind) -> float:
    """Of Max-Cut the weight of the cut, as a share of all edges' weight without sign: 1 where all are cut. Else how far
    the energy lies below the mean of all assignments, as a share of the sum of the Ising weights: -1 to 1."""
    whole = total(ising)
    found = -energy / (2 * whole) if kind == "max-cut" else (ising.offset - energy) / whole  # an edge's is halved
    return round(found, DIGITS)


def whole_of(kind: Kind) -> str:
    """What a score is a share of, in words."""
    return "the weight of all edges" if kind == "max-cut" else "the sum of all fields and couplings"


def total(ising: Ising) -> float:
    """The sum of all fields and couplings without sign. Raises BadInput where it is 0."""
    if not ising.weight:
        raise BadInput(
            f"all weights of {ising.size} variables are 0 and every assignment is best: give a problem with one"
        )
    return ising.weight


def tally(ising: Ising, found: Runs, lowest: float) -> Tally:
    """How often runs reached the energy `lowest`."""
    hits = int((found.energies <= lowest + EQUAL * total(ising)).sum())
    return Tally(found.energies.size, hits, found.seconds)


def load(
    ising: Ising, methods: Mapping[str, Sequence[Method]], seconds: float, key: Key
) -> dict[str, Sequence[Method]]:
    """The settings of which a run fits into `seconds`. Every rival's is run once here, so that no budget pays for what
    Python loads at a first call; raises BadInput where none of a rival's fits."""
    kept: dict[str, Sequence[Method]] = {}
    for name, some in methods.items():
        if name == QUANTUM:
            kept[name] = some
            continue
        refusals: dict[int, BadInput] = {}
        for i, one in enumerate(some):
            for _ in range(LOADS):
                try:
                    one.runs(ising, HELD * seconds, fold_in(key, "load", name))
                    refusals.pop(i, None)
                    break
                except BadInput as refusal:
                    refusals[i] = refusal
        kept[name] = [one for i, one in enumerate(some) if i not in refusals]
        if not kept[name]:
            raise next(iter(refusals.values()))
    return kept


def quickest(
    ising: Ising, methods: Mapping[str, Sequence[Method]], seconds: float, best: Best, key: Key
) -> dict[str, Chosen]:
    """For every side the setting whose time to solution was the least in half of `seconds`, run for the other half.

    The solution is the best answer that anything found, before or here. Where no setting reached it the one with the
    lowest mean energy is taken. Raises BadInput where the seconds are too few for a side.
    """
    tried: dict[str, list[Runs]] = {}
    for name, some in methods.items():
        each = seconds / 2 / len(some)
        tried[name] = [one.runs(ising, each, fold_in(key, name, i)) for i, one in enumerate(some)]
        for found in tried[name]:
            best.see(name, float(found.energies.min()), found.best)
    chosen: dict[str, Chosen] = {}
    for name, some in methods.items():
        tallies = [[tally(ising, one, best.energy)] for one in tried[name]]
        at = least_time(tallies, [float(one.energies.mean()) for one in tried[name]], key)
        found = some[at].runs(ising, seconds / 2, fold_in(key, name, "again"))
        best.see(name, float(found.energies.min()), found.best)
        chosen[name] = Chosen(some[at], sum((one.bill for one in tried[name]), Bill()), found)
    return chosen
