"""Does quantum help this problem? QAOA on a machine beside its rivals: verdict, time to solution, what each used."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import ceil

import numpy as np

from counterpoint.base import BadInput, Bits, Job, Key, Machine, Verdict, fold_in
from counterpoint.loop.answer import EXACT, GROWTH, Answer, Split, Timed
from counterpoint.loop.jobs import JobSession
from counterpoint.machine.meter import CYCLE_SECONDS
from counterpoint.machine.programs import general
from counterpoint.machine.queued import QueuedMachine
from counterpoint.machine.results import bits_of
from counterpoint.quops.estimate import Estimate
from counterpoint.workloads.cost.breakeven import BreakEven
from counterpoint.workloads.cost.footprint import Assumptions
from counterpoint.workloads.cost.prospects import optimise_break_even
from counterpoint.workloads.cost.scaling import Scaling
from counterpoint.workloads.energy import Power, charged
from counterpoint.workloads.optimise.exact import exact
from counterpoint.workloads.optimise.problems import Problem
from counterpoint.workloads.optimise.qaoa import Qaoa
from counterpoint.workloads.optimise.runs import Method, undisturbed
from counterpoint.workloads.optimise.sampled import Device, Sampled
from counterpoint.workloads.optimise.solution_time import solution_time
from counterpoint.workloads.optimise.task import (
    EQUAL,
    HELD,
    MARGIN,
    RIVALS,
    Best,
    Chosen,
    Optimise,
    load,
    quickest,
    tally,
    total,
    whole_of,
)
from counterpoint.workloads.rivals import weigh
from counterpoint.workloads.workload import QUANTUM, Budget

REPETITIONS = 20  # to tune a setting, and as many others to judge a side
PRICED = 1_000  # shots by which the time of one is asked for
NO_FIGURES = (float("nan"),) * 3
SPARE = 1.5  # times as much budget as choosing angles took: the next time may be slower
WEIGHT_BITS = 16  # of weights that differ, where a break-even's oracle adds them


def optimise(
    session: JobSession,
    machine: Machine,
    problem: Problem,
    settings: Sequence[Qaoa],
    budget: float,
    key: Key,
    state: Callable[[str], None] = lambda _: None,
    say: Callable[[str], None] = lambda _: None,
) -> Answer:
    """Solve `problem` by QAOA with each of `settings` on `machine`, and by its rivals, in `budget` seconds.

    `state` hears the hypothesis before anything is run, `say` what is being done. A machine that cannot run the
    circuits leaves the verdict not shown; the rivals' answers stand. Raises BadInput where the budget is too small for
    a side, and where angles cannot be had for the problem.
    """
    began = time.perf_counter()
    ising = problem.ising
    total(ising)
    device = device_of(session, machine)
    quantum = [Sampled(one, device) for one in settings]
    methods: dict[str, Sequence[Method]] = {QUANTUM: quantum, **RIVALS}
    split = split_of(settings, budget)
    hypothesis = (
        f"QAOA's best answer to {problem.name} in {split.each:.3g} s of machine and processor is better than the best "
        f"rival's, by more than {MARGIN:g} of {whole_of(problem.kind)}, in the mean of {REPETITIONS} paired repetitions"
    )
    state(hypothesis)
    say("loading")
    refused = refusal(quantum, problem, key)
    if refused:
        del methods[QUANTUM]
    with undisturbed():
        methods = load(ising, methods, split.each, fold_in(key, "load"))
    best = Best()
    task = Optimise(ising, methods, hypothesis, best, problem.kind)
    say(EXACT)
    proof = exact(ising, split.proof)
    if proof.bits is not None:
        best.see(EXACT, proof.energy, proof.bits)
    comparison = None
    if not refused:
        say("tuning and judging both sides")
        with undisturbed():
            seconds, weighing = Budget(split.each, "seconds"), fold_in(key, "weigh")
            comparison = weigh(task, seconds, instances=2 * REPETITIONS, key=weighing)
    say("time to solution")
    with undisturbed():
        chosen = quickest(ising, methods, split.timing, best, fold_in(key, "quickest"))
    times = {name: _timed(problem, one, best, fold_in(key, "time", name)) for name, one in chosen.items()}
    return Answer(
        problem,
        machine.name,
        split,
        proof,
        best,
        Verdict(hypothesis, MARGIN, *NO_FIGURES) if comparison is None else comparison.verdict,
        comparison,
        refused,
        times,
        _break_even(problem, times),
        time.perf_counter() - began,
    )


def split_of(settings: Sequence[Qaoa], budget: float) -> Split:
    """How `optimise` divides its budget. Raises BadInput as `Split`."""
    sides = [settings, *RIVALS.values()]
    return Split(budget, REPETITIONS * (sum(map(len, sides)) + len(sides)), len(sides))


def check(problem: Problem, settings: Sequence[Qaoa], budget: float, key: Key) -> None:
    """Whether `optimise` can do it, as far as is known without a machine; angles are chosen on trial.

    Raises BadInput where all weights are 0, the budget is too small for a run, or for choosing angles, and where angles
    cannot be had for the problem.
    """
    split = split_of(settings, budget)
    total(problem.ising)
    for one in settings:
        one.check(problem.ising)
    took: dict[str, float] = {}
    for one in settings:
        with undisturbed():
            one.text(problem.ising, key)  # what Python loads and compiles is not counted
            began = time.process_time()
            one.text(problem.ising, key)
            took[str(one)] = time.process_time() - began
    name, most = max(took.items(), key=lambda item: item[1])
    if most > HELD * split.each:
        least = ceil(SPARE * most / (HELD * split.each) * budget)
        raise BadInput(
            f"choosing angles of {name} takes {most:.2g} s, and a run of the verdict has {split.each:.2g} s of a "
            f"--budget of {budget:g} s: give {least}s or more"
        )


def device_of(session: JobSession, machine: Machine) -> Device:
    """`machine` as workloads know it: every job is permitted, charged and sealed by the session.

    One that tells no time is charged as the ideal machine, a cycle for a shot.
    """

    def run(circuit: str, shots: int, key: Key) -> tuple[Bits, float]:
        found = session.run(machine, circuit, shots, key)
        return bits_of(found, general(circuit).bits).astype(np.uint8), found.seconds or shots * CYCLE_SECONDS

    return Device(run, partial(shot_seconds, machine), simulated=not isinstance(machine, QueuedMachine))


def shot_seconds(machine: Machine, circuit: str) -> float:
    """Of one shot. Raises BadInput where the machine cannot run the circuit."""
    price = machine.price(Job(circuit, machine.space.start[None], PRICED, 1, "", (0,)))
    return price.seconds / PRICED or CYCLE_SECONDS


def refusal(quantum: Sequence[Sampled], problem: Problem, key: Key) -> str:
    """Why the machine cannot run the circuits; "" where it can. Raises BadInput where there are no angles."""
    for one in quantum:
        circuit = one.qaoa.text(problem.ising, key)
        try:
            one.device.seconds(circuit)
        except BadInput as refusal:
            return str(refusal)
    return ""


def _timed(problem: Problem, chosen: Chosen, best: Best, key: Key) -> Timed:
    counted = tally(problem.ising, chosen.found, best.energy)
    bill = charged(chosen.tuning + chosen.found.bill, Power())
    return Timed(str(chosen.method), counted, chosen.found.prepared, solution_time([counted], key), bill)


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
