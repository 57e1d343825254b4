"""The contract of every workload: instances are a function of their key, and every side plays by the same rules."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from clock import TICKS, Clock
from ising import max_cut

from counterpoint.base import Bits, Key, fold_in
from counterpoint.identity import identity
from counterpoint.workloads.bandit.arms import Near
from counterpoint.workloads.bandit.task import Bandit
from counterpoint.workloads.calibrate.recalibrate import Recalibration
from counterpoint.workloads.optimise.qaoa import Qaoa
from counterpoint.workloads.optimise.sampled import Device, Sampled
from counterpoint.workloads.optimise.task import RIVALS, Best, Optimise
from counterpoint.workloads.workload import NOTHING, QUANTUM, Budget, Workload


def optimise() -> Optimise:
    ising = max_cut(nx.random_regular_graph(3, 8, seed=1))

    def run(circuit: str, shots: int, key: Key) -> tuple[Bits, float]:
        bits, _ = Qaoa(1, "fixed").sample(ising, shots, key)
        return bits, 1e-6 * shots

    quantum = Sampled(Qaoa(1, "fixed"), Device(run, lambda circuit: 1e-6, True))
    return Optimise(ising, {QUANTUM: [quantum], **RIVALS}, "a better cut", Best())


WORKLOADS: dict[str, tuple[Workload, Budget]] = {
    "recalibrate": (Recalibration(), Budget(300, "calls")),
    "bandit": (Bandit.of(Near(2, 0.1), 1000), Budget(1000, "calls")),
    "optimise": (optimise(), Budget(1.0, "seconds")),
}


@pytest.mark.parametrize("name", WORKLOADS)
def test_the_contract(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    workload, budget = WORKLOADS[name]
    Clock(1.0 / TICKS).set(monkeypatch)
    solvers = workload.solvers()
    assert {QUANTUM, NOTHING} < solvers.keys()
    assert workload.hypothesis
    assert workload.margin > 0
    assert identity_of(workload.instance((1,))) == identity_of(workload.instance((1,)))
    one = workload.instance((2,))
    for side, settings in solvers.items():
        assert len({str(setting) for setting in settings}) == len(settings), f"the settings of {side} read alike"
        for setting in settings:
            score, bill = setting(one, budget, fold_in((3,), side))
            assert np.isfinite(score)
            assert min(bill.calls, bill.shots, bill.machine, bill.simulation) >= 0
            assert budget.used(bill) <= budget.amount
            assert setting(one, budget, fold_in((3,), side))[0] == score


def identity_of(instance: object) -> str:
    try:
        return identity(instance)
    except TypeError:  # one with functions
        return repr(instance)
