"""Weighing a workload: an advantage that is there is found, one that is not there is not claimed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np
import pytest

from counterpoint.base import BadInput, Verdict
from counterpoint.quops.estimate import student
from counterpoint.workloads.energy import Counters, Power, charged
from counterpoint.workloads.rivals import weigh
from counterpoint.workloads.workload import USES, Bill, Budget, Workload

CALLS = Budget(8, "calls")


@dataclass(frozen=True)
class Skilled:
    """Scores the instance's own luck plus a fixed skill, so that differences are known exactly."""

    skill: float
    calls: int = 0

    def __call__(self, luck, budget, key):
        return luck + self.skill, Bill(calls=self.calls)


@dataclass(frozen=True)
class Shifted(Workload):
    skills: dict[str, tuple[float, ...]]
    name: str = field(default="shifted", init=False)
    hypothesis: str = field(default="the quantum skill is larger", init=False)
    margin: float = 0.1
    calls: int = 0

    def instance(self, key):
        return float(np.random.default_rng(key).normal())

    def solvers(self):
        return {name: [Skilled(s, self.calls) for s in skills] for name, skills in self.skills.items()}


@pytest.mark.parametrize(("quantum", "status"), [(1.2, "holds"), (1.05, "does not hold"), (0.0, "does not hold")])
def test_a_known_difference(quantum: float, status: str) -> None:
    """Pairing removes the luck: the interval is a point, at the difference to the best rival's best setting."""
    workload = Shifted({"quantum": (quantum, -1.0), "a": (0.5,), "b": (-2.0, 1.0, 0.9), "nothing": (0.0,)})
    found = weigh(workload, CALLS, instances=20, key=(1,))
    assert found.verdict.status == status
    assert found.verdict.low == pytest.approx(found.verdict.high)
    assert found.verdict.value == pytest.approx(quantum - 1.0)
    assert (found.rival, found.sides["b"].setting) == ("b", Skilled(1.0))
    assert found.sides["quantum"].setting == Skilled(quantum)
    assert not found.void


def test_both_sides_are_billed_for_tuning_and_for_judging() -> None:
    workload = Shifted({"quantum": (1.0,), "a": (0.1, 0.2, 0.3), "nothing": (0.0,)}, calls=7)
    sides = weigh(workload, CALLS, instances=20, key=(1,)).sides
    assert [sides[name].bill.calls for name in sides] == [70, 70, 70]
    assert [sides[name].tuning.calls for name in sides] == [70, 210, 70]


def test_a_straw_man_makes_it_void() -> None:
    workload = Shifted({"quantum": (9.0,), "a": (-1.0,), "nothing": (0.0,)})
    found = weigh(workload, CALLS, instances=20, key=(1,))
    assert found.void
    assert found.verdict.status == "not shown"


def test_what_cannot_be_weighed() -> None:
    with pytest.raises(BadInput, match="lacks a rival"):
        weigh(Shifted({"quantum": (1.0,), "nothing": (0.0,)}), CALLS, instances=20, key=(1,))
    with pytest.raises(BadInput, match="lacks quantum and nothing"):
        weigh(Shifted({"a": (1.0,), "quantum": ()}), CALLS, instances=20, key=(1,))
    with pytest.raises(BadInput, match="2 instances cannot carry a verdict: give at least 20"):
        weigh(Shifted({"quantum": (1.0,), "a": (1.0,), "nothing": (0.0,)}), CALLS, instances=2, key=(1,))
    greedy = Shifted({"quantum": (1.0,), "a": (1.0,), "nothing": (0.0,)}, calls=9)
    with pytest.raises(BadInput, match="'quantum' used 9 calls and the budget is 8"):
        weigh(greedy, CALLS, instances=20, key=(1,))
    nothing = Shifted({"quantum": (float("nan"),), "a": (1.0,), "nothing": (0.0,)})
    with pytest.raises(BadInput, match="'quantum' scored nan and a finite number is needed"):
        weigh(nothing, CALLS, instances=20, key=(1,))
    for amount in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(BadInput, match="give a finite number above 0"):
            Budget(amount, "seconds")


@dataclass(frozen=True)
class Busy:
    """Keeps the processor busy, all of it in place of a machine."""

    def __call__(self, luck, budget, key):
        began = time.process_time()
        while time.process_time() - began < 0.005:
            pass
        return 1.0, Bill(machine=1.0, simulation=time.process_time() - began)


@dataclass(frozen=True)
class Simulated(Workload):
    name: str = "simulated"
    hypothesis: str = "nobody pays for a simulation"
    margin: float = 0.0

    def instance(self, key):
        return 0.0

    def solvers(self):
        return {"quantum": [Busy()], "a": [Skilled(0.5)], "nothing": [Skilled(0.0)]}


def test_a_simulation_is_told_and_charged_to_nobody() -> None:
    found = weigh(Simulated(), Budget(2.0, "seconds"), instances=20, key=(1,), power=Power(core=0.0, machine=3.0))
    bill = found.sides["quantum"].bill
    assert bill.simulation >= 10 * 0.005
    assert bill.machine == 10.0
    assert bill.processor < bill.simulation
    assert found.measured or bill.joules == 30.0


@dataclass(frozen=True)
class OnGpu:
    """Works for a second on a GPU, and says so."""

    def __call__(self, luck, budget, key):
        return 0.5, Bill(accelerator=1.0)


@dataclass(frozen=True)
class Accelerated(Workload):
    name: str = "accelerated"
    hypothesis: str = "a GPU is not free"
    margin: float = 0.0

    def instance(self, key):
        return 0.0

    def solvers(self):
        return {"quantum": [Skilled(1.0)], "a": [OnGpu()], "nothing": [Skilled(0.0)]}


def test_a_gpu_is_charged_by_its_power_and_takes_of_the_seconds() -> None:
    power = Power(core=0.0, accelerator=300.0)
    bill = weigh(Accelerated(), Budget(1.5, "seconds"), instances=20, key=(1,), power=power).sides["a"].bill
    assert bill.accelerator == 10.0
    assert charged(bill, power, measured=0.0).joules == charged(bill, power).joules == 3000.0
    with pytest.raises(BadInput, match=r"'a' used 1.* seconds and the budget is 0\.5"):
        weigh(Accelerated(), Budget(0.5, "seconds"), instances=20, key=(1,))


def test_students_interval_in_closed_form() -> None:
    """Of three values the quantile is 4.30265 (2 degrees of freedom): sqrt(2) (1 - 2 q) / sqrt(4 q (1 - q))."""
    quantile = 0.95 * 2**0.5 / (1 - 0.95**2) ** 0.5
    found = student(np.array([1.0, 2.0, 3.0]))
    assert found.value == 2.0
    assert found.high - 2.0 == pytest.approx(quantile / 3**0.5)
    assert 2.0 - found.low == pytest.approx(quantile / 3**0.5)
    for values, told in (([1.0], "1 finite values of 1"), ([1.0, np.nan], "1 finite values of 2")):
        with pytest.raises(BadInput, match=told):
            student(np.array(values))


def test_every_use_of_a_bill_has_its_words() -> None:
    assert list(USES) == [one.name for one in fields(Bill)]


def test_the_verdict_follows_the_interval() -> None:
    def status(low: float, high: float) -> str:
        return Verdict("h", 0.1, (low + high) / 2, low, high).status

    assert status(0.2, 0.4) == "holds"
    assert status(-0.2, 0.1) == "does not hold"
    assert status(0.0, 0.3) == "not shown"
    assert status(float("nan"), float("nan")) == "not shown"


def test_joules_by_the_model_and_by_the_counters(tmp_path: Path) -> None:
    bill = Bill(machine=2.0, processor=3.0, simulation=1.0)
    power = Power(core=10.0, machine=100.0)
    assert charged(bill, power).joules == 230.0
    assert charged(bill, power, measured=40.0).joules == 40.0 * 3 / 4 + 200.0
    assert str(power) == "10 W a core, 700 W a GPU, 0.1 kW for a whole cryogenic machine"
    assert Counters.found(tmp_path) is None
    for name, energy in (("intel-rapl:0", 990), ("intel-rapl:1", 5), ("intel-rapl:0:0", 7)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "energy_uj").write_text(f"{energy}\n")
        (tmp_path / name / "max_energy_range_uj").write_text("999\n")
    counters = Counters.found(tmp_path)
    assert counters is not None
    before = counters.read()
    assert before == (990, 5)
    (tmp_path / "intel-rapl:0" / "energy_uj").write_text("10\n")
    assert counters.since(before) == pytest.approx(20e-6)  # wrapped around after 999
    with pytest.raises(BadInput, match="a power of nan W was given for the core"):
        Power(core=float("nan"))
