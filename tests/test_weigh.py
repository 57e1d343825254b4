"""Weighing a workload: an advantage that is there is found, one that is not there is not claimed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from counterpoint.base import BadInput, Price, Verdict, Workload
from counterpoint.loop.weigh import weigh


@dataclass(frozen=True)
class Shifted(Workload):
    """Scores are the instance's own luck plus a fixed skill, so that the difference is known exactly."""

    skills: dict[str, float]
    hypothesis: str = field(default="the quantum skill is larger", init=False)
    margin: float = 0.1
    shots: int = 0

    def instance(self, key):
        return float(np.random.default_rng(key).normal())

    def solvers(self):
        return {n: (lambda luck, budget, key, s=s: (luck + s, Price(shots=self.shots))) for n, s in self.skills.items()}


@pytest.mark.parametrize(("quantum", "status"), [(1.2, "holds"), (1.05, "does not hold"), (0.0, "does not hold")])
def test_a_known_difference(quantum: float, status: str) -> None:
    """Pairing removes the luck: the interval is a point, at the difference to the best rival."""
    found = weigh(Shifted({"quantum": quantum, "a": 0.5, "b": 1.0, "nothing": 0.0}), Price(), instances=20, key=(1,))
    assert found.status == status
    assert found.low == pytest.approx(found.high)
    assert found.value == pytest.approx(quantum - 1.0)


def test_a_straw_man_makes_it_void() -> None:
    found = weigh(Shifted({"quantum": 9.0, "a": -1.0, "nothing": 0.0}), Price(), instances=20, key=(1,))
    assert found.status == "not shown"
    assert np.isnan(found.value)


def test_what_cannot_be_weighed() -> None:
    with pytest.raises(BadInput, match="lacks a rival"):
        weigh(Shifted({"quantum": 1.0, "nothing": 0.0}), Price(), instances=20, key=(1,))
    with pytest.raises(BadInput, match="lacks quantum and nothing"):
        weigh(Shifted({"a": 1.0}), Price(), instances=20, key=(1,))
    with pytest.raises(BadInput, match="2 instances cannot carry a verdict: give at least 20"):
        weigh(Shifted({"quantum": 1.0, "a": 1.0, "nothing": 0.0}), Price(), instances=2, key=(1,))
    greedy = Shifted({"quantum": 1.0, "a": 1.0, "nothing": 0.0}, shots=9)
    with pytest.raises(BadInput, match="'quantum' used 9 shots and the budget is 8"):
        weigh(greedy, Price(shots=8), instances=20, key=(1,))


def test_the_verdict_follows_the_interval() -> None:
    def status(low: float, high: float) -> str:
        return Verdict("h", 0.1, (low + high) / 2, low, high).status

    assert status(0.2, 0.4) == "holds"
    assert status(-0.2, 0.1) == "does not hold"
    assert status(0.0, 0.3) == "not shown"
    assert status(float("nan"), float("nan")) == "not shown"
