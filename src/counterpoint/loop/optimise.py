"""Does quantum help this problem? QAOA on a machine beside its rivals: verdict, time to solution, what each used."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from counterpoint.base import BadInput, Bits, Job, Key, Machine, Verdict, fold_in
from counterpoint.loop.jobs import JobSession
from counterpoint.machine.programs import general
from counterpoint.machine.queued import QueuedMachine
from counterpoint.machine.results import bits_of
from counterpoint.quops.estimate import Estimate
from counterpoint.workloads.breakeven import BreakEven
from counterpoint.workloads.energy import Power, charged
from counterpoint.workloads.exact import Exact, exact
from counterpoint.workloads.footprint import Assumptions
from counterpoint.workloads.optimise import (
    EQUAL,
    MARGIN,
    RIVALS,
    Attempt,
    Best,
    Chosen,
    Optimise,
    load,
    quickest,
    tally,
    total,
)
from counterpoint.workloads.problems import Problem
from counterpoint.workloads.prospects import optimise_break_even
from counterpoint.workloads.qaoa import Qaoa
from counterpoint.workloads.rivals import QUANTUM, Comparison, weigh
from counterpoint.workloads.runs import Method
from counterpoint.workloads.sampled import Device, Sampled
from counterpoint.workloads.scaling import Scaling
from counterpoint.workloads.solution_time import Bounded, Tally, solution_time
from counterpoint.workloads.workload import Bill, Budget

REPETITIONS = 20  # to tune a setting, and as many others to judge a side
PROOF, TIMING = 0.1, 0.3  # of the budget: HiGHS's, and that of time to solution; the rest is the verdict's
LEAST = 0.01  # seconds of one run below which the clock and the first batch decide
PRICED = 1_000  # shots by which the time of one is asked for
EXACT = "HiGHS"
NO_FIGURES = (float("nan"),) * 3
WEIGHT_BITS = 16  # of weights that differ, where a break-even's oracle adds them

# Of annealing's time to solution on random 3-regular graphs, by one more vertex: docs/optimise.md says how measured.
GROWTH = Estimate(1.05, 1.03, 1.07)


@dataclass(frozen=True)
class Split:
    """How a budget of machine and processor seconds is divided, the same for every side. Raises BadInput where a run
    of the verdict would have less than 0.01 s."""

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
            "sides": {name: {"setting": said(one.setting), "score": one.mean} for name, one in sides.items()},
            "time_to_solution": {
                name: {"setting": one.setting}
                | asdict(one.tally)
                | {"prepared": one.prepared, "seconds_to_99": asdict(one.time)}
                for name, one in self.times.items()
            },
            "used": {name: asdict(bill) for name, bill in self.bills.items()},
            "joules_measured": self.comparison is not None and self.comparison.measured,
            "break_even": None if self.breakeven is None else self.breakeven.sentence,
            "seconds": self.seconds,
        }


def optimise(
    session: JobSession,
    machine: Machine,
    problem: Problem,
    settings: Sequence[Qaoa],
    budget: float,
    key: Key,
    say: Callable[[str], None] = lambda _: None,
) -> Answer:
    """Solve `problem` by QAOA with each of `settings` on `machine`, and by its rivals, in `budget` seconds.

    `say` hears the hypothesis before anything is run. A machine that cannot run the circuits leaves the verdict not
    shown; the rivals' answers stand. Raises BadInput where the budget is too small for a side, and where angles cannot
    be had for the problem.
    """
    began = time.perf_counter()
    ising = problem.ising
    total(ising)
    device = device_of(session, machine)
    quantum = [Sampled(one, device) for one in settings]
    methods: dict[str, Sequence[Method]] = {QUANTUM: quantum, **RIVALS}
    count = sum(map(len, methods.values())) + len(methods)
    split = Split(budget, REPETITIONS * count, len(methods))
    hypothesis = (
        f"QAOA's best answer to {problem.name} in {split.each:.3g} s of machine and processor is better than the best "
        f"rival's, by more than {MARGIN:g} of the sum of all weights, in the mean of {REPETITIONS} paired repetitions"
    )
    say(hypothesis)
    refused = refusal(quantum, problem, key)
    if refused:
        del methods[QUANTUM]
    methods = load(ising, methods, split.each, fold_in(key, "load"))
    task = Optimise(ising, methods, hypothesis)
    proof = exact(ising, split.proof)
    if proof.bits is not None:
        task.best.see(EXACT, proof.energy, proof.bits)
    comparison = None
    if not refused:
        comparison = weigh(task, Budget(split.each, "seconds"), instances=2 * REPETITIONS, key=fold_in(key, "weigh"))
    chosen = quickest(ising, methods, split.timing, task.best, fold_in(key, "quickest"))
    times = {name: _timed(problem, one, task.best, fold_in(key, "time", name)) for name, one in chosen.items()}
    return Answer(
        problem,
        machine.name,
        split,
        proof,
        task.best,
        Verdict(hypothesis, MARGIN, *NO_FIGURES) if comparison is None else comparison.verdict,
        comparison,
        refused,
        times,
        _break_even(problem, times),
        time.perf_counter() - began,
    )


def device_of(session: JobSession, machine: Machine) -> Device:
    """`machine` as workloads know it: every job is permitted, charged and sealed by the session."""

    def run(circuit: str, shots: int, key: Key) -> tuple[Bits, float]:
        found = session.run(machine, circuit, shots, key)
        return bits_of(found, general(circuit).bits).astype(np.uint8), found.seconds

    def seconds(circuit: str) -> float:
        return machine.price(Job(circuit, machine.space.start[None], PRICED, 1, "", (0,))).seconds / PRICED

    return Device(run, seconds, simulated=not isinstance(machine, QueuedMachine))


def said(setting: object) -> str:
    """A setting, for a person."""
    return repr(setting.method) if isinstance(setting, Attempt) else repr(setting)


def refusal(quantum: Sequence[Sampled], problem: Problem, key: Key) -> str:
    """Why the machine cannot run the circuits; "" where it can. Raises BadInput where there are no angles."""
    for one in quantum:
        circuit = one.circuit(problem.ising, key)
        try:
            one.device.seconds(circuit)
        except BadInput as refusal:
            return str(refusal)
    return ""


def _timed(problem: Problem, chosen: Chosen, best: Best, key: Key) -> Timed:
    counted = tally(problem.ising, chosen.found, best.energy)
    bill = charged(chosen.tuning + chosen.found.bill, Power())
    return Timed(repr(chosen.method), counted, chosen.found.prepared, solution_time([counted], key), bill)


def _break_even(problem: Problem, times: Mapping[str, Timed]) -> BreakEven | None:
    """Against the quickest rival on this problem, whose time is assumed to grow as on regular graphs; None where no
    rival's time is known on both sides."""
    known = [
        Estimate(one.time.value, one.time.low, one.time.high)
        for name, one in times.items()
        if name != QUANTUM and one.time.value is not None and one.time.high is not None
    ]
    if not known:
        return None
    ising = problem.ising
    weights = np.abs(np.append(ising.couplings, ising.fields[ising.fields != 0]))
    alike = np.ptp(weights) <= EQUAL * weights.max()
    return optimise_break_even(
        Scaling(min(known, key=lambda one: one.value), GROWTH, centre=ising.size),
        Assumptions(),
        couplings=lambda n: round(n * len(ising.pairs) / ising.size),
        bits=1 if alike else WEIGHT_BITS,
    )
