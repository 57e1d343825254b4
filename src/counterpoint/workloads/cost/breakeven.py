"""Break-even: the size at which an error-corrected machine takes as long, or as many joules, as its rival."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

from counterpoint.base import BadInput
from counterpoint.quops.estimate import Estimate
from counterpoint.workloads.cost.footprint import Assumptions, Footprint, footprint
from counterpoint.workloads.cost.logical_cost import Repeated
from counterpoint.workloads.cost.times import told

citation = (
    "@article{Babbush2021, title={Focus beyond quadratic speedups for error-corrected quantum advantage},"
    " author={Babbush, Ryan and McClean, Jarrod R. and Newman, Michael and Gidney, Craig and Boixo, Sergio and Neven,"
    " Hartmut}, journal={PRX Quantum}, volume={2}, pages={010103}, year={2021}}"
)

WHAT_IFS: Mapping[str, Mapping[str, Any]] = {
    "as stated": {},
    "physical error 1e-4": {"error": 1e-4},
    "cycle 100 ns": {"cycle": 1e-7},
    "cycle 100 ns, reaction 1 us": {"cycle": 1e-7, "reaction": 1e-6},
    "one factory": {"factories": 1},
    "rival on 1,000 cores": {"cores": 1000},
}

Quantum = Callable[[float], Repeated]  # by size
Rival = Callable[[float], Estimate]  # seconds of one core by size, with their 95 % interval
Thing = Literal["seconds", "joules"]
End = Literal["value", "low", "high"]


@dataclass(frozen=True)
class Crossing:
    """Where both sides are equal: the first size looked at where the machine needs no more."""

    size: float
    machine: Footprint
    seconds: float  # of the rival, on all its cores
    joules: float  # of the rival
    first: bool  # whether it is the smallest size looked at, so that both may be equal further below


@dataclass(frozen=True)
class BreakEven:
    """What came of it; None is never within the horizon, and `why` says why."""

    task: str
    sized: str  # what a size is
    assumed: Assumptions
    time: Crossing | None
    low: float | None  # 95 % interval of the size at which the seconds are equal, from those of both sides' times
    high: float | None
    energy: Crossing | None
    why: str = ""

    @property
    def sentence(self) -> str:
        """For a person, with the assumptions that matter most."""
        if self.time is None:
            may = "" if self.low is None else f"; at the ends of the 95 % intervals they meet from {self.low:,.0f}"
            return f"{self.task}: {self.why}{may}."
        at, a = self.time, self.assumed
        ends = [f"{end:,.0f}" if end else "never" for end in (self.low, self.high)]
        span = "" if ends[0] == ends[1] else f" (95 %: {' to '.join(ends)})"
        joules = "at no size within the horizon" if self.energy is None else f"from {self.energy.size:,.0f}"
        return (
            f"{self.task}: equal in time from {at.size:,.0f} {self.sized}{span}{' or below' if at.first else ''}, "
            f"{told(at.machine.seconds)} on {at.machine.qubits:,} physical qubits at distance {at.machine.distance} "
            f"({at.machine.quops:.2g} QuOps); equal in joules {joules}; if a physical operation errs with {a.error:g}, "
            f"a cycle takes {told(a.cycle)}, a reaction {told(a.reaction)}, and the rival has {a.cores:,g} "
            f"{'core' if a.cores == 1 else 'cores'}."
        )


def break_even(
    task: str,
    quantum: Quantum,
    rival: Rival,
    sizes: Sequence[float],
    assumed: Assumptions,
    *,
    sized: str = "variables",
    best: Quantum | None = None,
    worst: Quantum | None = None,
) -> BreakEven:
    """The first of `sizes` at which the machine needs no more seconds, and no more joules, than its rival.

    Sizes ascend in difficulty; those count at which the machine is done within the horizon. The search is by bisection:
    the ratio of both sides falls but for small steps, where the code distance grows.

    Args:
        best, worst: the machine's work at the ends of its own 95 % interval, where it has one. The interval of the size
            is with both sides at opposite ends at once, which is rather too wide.

    Raises:
        BadInput: fewer than 2 sizes, sizes that do not ascend, or a rival whose seconds are no numbers above 0.
    """
    if len(sizes) < 2 or any(a >= b for a, b in pairwise(sizes)):
        raise BadInput(f"{len(sizes)} sizes were given: give at least 2, ascending")
    game = _Game(quantum, rival, sizes, assumed)
    time = game.crossing("seconds", "value")
    low = replace(game, quantum=best or quantum).crossing("seconds", "high")
    high = replace(game, quantum=worst or quantum).crossing("seconds", "low")
    return BreakEven(
        task,
        sized,
        assumed,
        time,
        low and low.size,
        high and high.size,
        game.crossing("joules", "value"),
        "" if time else game.shortfall(sized),
    )


def what_if(solve: Callable[[Assumptions], BreakEven], assumed: Assumptions) -> dict[str, BreakEven]:
    """`solve` as stated and under each of `WHAT_IFS`, one change at a time."""
    return {name: solve(replace(assumed, **changes)) for name, changes in WHAT_IFS.items()}


@dataclass(frozen=True)
class _Game:
    """Both sides under the same assumptions."""

    quantum: Quantum
    rival: Rival
    sizes: Sequence[float]
    assumed: Assumptions

    @property
    def inside(self) -> Sequence[float]:
        """The sizes that the machine does within the horizon."""
        return self.sizes[: bisect_left(self.sizes, True, key=self.beyond)]

    def machine(self, size: float) -> Footprint | None:
        try:
            return footprint(self.quantum(size), self.assumed)
        except OverflowError:
            return None

    def beyond(self, size: float) -> bool:
        """Whether no machine does it within the horizon."""
        made = self.machine(size)
        return made is None or made.seconds > self.assumed.horizon

    def core_seconds(self, size: float, end: End) -> float:
        """Seconds of one core."""
        found = getattr(self.rival(size), end)
        if not found > 0:
            raise BadInput(f"the rival takes {found:g} s at size {size:g}: give a number above 0")
        return found

    def ratio(self, size: float, thing: Thing, end: End = "value") -> float:
        """Machine over rival."""
        made = self.machine(size)
        assert made is not None  # sizes are inside
        work = self.core_seconds(size, end)
        if thing == "seconds":
            return made.seconds * self.assumed.cores / work
        return made.joules / (work * self.assumed.power.core)

    def crossing(self, thing: Thing, end: End) -> Crossing | None:
        """The first size at which the machine needs no more than the rival at the end of its interval."""
        inside = self.inside
        at = bisect_left(inside, True, key=lambda size: self.ratio(size, thing, end) <= 1)
        if at == len(inside):
            return None
        size, made = inside[at], self.machine(inside[at])
        assert made is not None
        work = self.core_seconds(size, end)
        return Crossing(size, made, work / self.assumed.cores, work * self.assumed.power.core, at == 0)

    def shortfall(self, sized: str) -> str:
        """Why they do not meet."""
        inside = self.inside
        within = f"never within {told(self.assumed.horizon)}"
        if not inside:
            return f"{within}: the machine takes longer even at {self.sizes[0]:,.0f} {sized}, the least looked at"
        middle, last = (self.ratio(inside[k], "seconds") for k in (len(inside) // 2, -1))
        scale = (
            "and up to there the gap does not close with the size"
            if last >= middle
            else "though the gap closes with the size"
        )
        good = len(inside) == len(self.sizes) or self.machine(self.sizes[len(inside)])
        limit = " in that time" if good else ", as no distance or factory is good enough for more"
        return (
            f"{within}: at {inside[-1]:,.0f} {sized}, the most that the machine does{limit}, it takes {last:.2g} times "
            f"as long as its rival, {scale}"
        )
