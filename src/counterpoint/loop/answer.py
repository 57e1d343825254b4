"""What came of one problem: both sides' answers, the verdict, times to solution, and what each used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from counterpoint.base import BadInput, Verdict
from counterpoint.quops.estimate import Estimate
from counterpoint.workloads.cost.breakeven import BreakEven
from counterpoint.workloads.energy import Power, charged
from counterpoint.workloads.optimise.exact import Exact
from counterpoint.workloads.optimise.problems import Problem
from counterpoint.workloads.optimise.solution_time import Bounded, Tally
from counterpoint.workloads.optimise.task import EQUAL, Best, total
from counterpoint.workloads.rivals import Comparison
from counterpoint.workloads.workload import Bill

PROOF, TIMING = 0.1, 0.3  # of the budget: HiGHS's, and that of time to solution; the rest is the verdict's
LEAST = 0.02  # seconds of one run below which the clock and the first batch decide
EXACT = "HiGHS"

# Of annealing's time to solution, by one more vertex of random graphs of degree 3, measured at 40 to 120 vertices:
# docs/optimise.md.
GROWTH = Estimate(1.048, 1.040, 1.057)


@dataclass(frozen=True)
class Split:
    """How a budget of machine and processor seconds is divided, the same for every side. Raises BadInput where a run
    of the verdict would have less than 0.02 s."""

    total: float
    runs: int  # of the verdict, tuning included
    sides: int

    def __post_init__(self) -> None:
        if not self.each >= LEAST:
            least = LEAST * self.runs / (1 - PROOF - TIMING)
            raise BadInput(
                f"a budget of {self.total:g} s leaves {max(self.each, 0):.2g} s for each of {self.runs} runs and one "
                f"needs {LEAST:g} s: give --budget {np.ceil(least):.0f}s or more"
            )

    @property
    def proof(self) -> float:
        """Seconds that HiGHS may take."""
        return PROOF * self.total

    @property
    def each(self) -> float:
        """Seconds of one run of the verdict."""
        return (1 - PROOF - TIMING) * self.total / self.runs

    @property
    def timing(self) -> float:
        """Seconds of one side for its time to solution, tuning included."""
        return TIMING * self.total / self.sides


@dataclass(frozen=True, eq=False)
class Timed:
    """How long one side takes to the best known answer."""

    setting: str
    tally: Tally
    prepared: float  # seconds before the first run, which the time to solution is without
    time: Bounded  # seconds
    bill: Bill  # tuning included


@dataclass(frozen=True, eq=False)
class Answer:
    """What came of it."""

    problem: Problem
    machine: str
    split: Split
    proof: Exact
    best: Best
    verdict: Verdict
    comparison: Comparison | None  # None where the machine could not run the circuits
    refused: str  # why
    times: Mapping[str, Timed]
    breakeven: BreakEven | None
    seconds: float  # of wall time

    @property
    def proved(self) -> bool:
        """Whether the best known answer is the optimum, by HiGHS's bound."""
        return self.proof.proved and self.best.energy >= self.proof.energy - EQUAL * total(self.problem.ising)

    @property
    def prospect(self) -> str:
        """One sentence on break-even, with what is assumed of the rival."""
        if self.breakeven is None:
            return ""
        return (
            f"{self.breakeven.sentence} The rival's time is assumed to grow by {GROWTH.value:g} a variable "
            f"({GROWTH.low:g}-{GROWTH.high:g})."
        )

    @property
    def bills(self) -> dict[str, Bill]:
        """What each side used in all."""
        judged = {} if self.comparison is None else self.comparison.sides
        names = dict.fromkeys([*judged, *self.times])
        found = {name: Bill() for name in names}
        for name in names:
            if name in judged:
                found[name] += judged[name].tuning + judged[name].bill
            if name in self.times:
                found[name] += self.times[name].bill
        return found | {EXACT: charged(Bill(processor=self.proof.seconds), Power())}

    @property
    def plain(self) -> dict[str, Any]:
        """JSON values."""
        value, bits = self.problem.value, self.best.bits
        sides = {} if self.comparison is None else self.comparison.sides
        return {
            "problem": self.problem.name,
            "kind": self.problem.kind,
            "variables": self.problem.ising.size,
            "couplings": len(self.problem.ising.pairs),
            "machine": self.machine,
            "budget": asdict(self.split) | {"each": self.split.each, "timing": self.split.timing},
            "best": {
                "value": value(self.best.energy),
                "by": self.best.by,
                "proved": self.proved,
                "bound": value(self.proof.bound) if np.isfinite(self.proof.bound) else None,
                "answer": None if bits is None else self.problem.answer(bits),
            },
            "best_of_each": {name: value(energy) for name, energy in self.best.each.items()},
            "verdict": {k: v if v == v else None for k, v in asdict(self.verdict).items()}
            | {"status": self.verdict.status, "rival": self.comparison and self.comparison.rival},
            "refused": self.refused,
            "sides": {name: {"setting": str(one.setting), "score": one.mean} for name, one in sides.items()},
            "time_to_solution": {
                name: {"setting": one.setting}
                | asdict(one.tally)
                | {"prepared": one.prepared, "seconds_to_99": asdict(one.time)}
                for name, one in self.times.items()
            },
            "used": {name: asdict(bill) for name, bill in self.bills.items()},
            "joules_measured": self.comparison is not None and self.comparison.measured,
            "break_even": self.prospect or None,
            "seconds": self.seconds,
        }
