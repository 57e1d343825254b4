"""The role: a task with a quantum solver and classical rivals, all on the same budget, each with its bill."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from counterpoint.base import Adds, BadInput, Key

Unit = Literal["calls", "shots", "seconds"]
QUANTUM, NOTHING = "quantum", "nothing"  # names of solvers


@dataclass(frozen=True)
class Bill(Adds):
    """What one side has used."""

    calls: int = 0  # of an oracle or a gate A and its inverse, each: a Grover power k takes 2 k + 1
    shots: int = 0
    machine: float = 0.0  # seconds of a quantum machine
    processor: float = 0.0  # seconds of one core, its work for the machine (compiling, choosing angles) included
    accelerator: float = 0.0  # seconds of a GPU, which a solver that uses one tells
    simulation: float = 0.0  # seconds of one core that stood in for a machine: told, and charged to nobody
    joules: float = 0.0  # measured or modelled, see `energy`


USES: Mapping[str, tuple[str, str]] = {  # of a bill: its words, and how a figure is written
    "calls": ("calls of the oracle", "{:,.0f}"),
    "shots": ("shots", "{:,.0f}"),
    "machine": ("machine, s", "{:,.4g}"),
    "processor": ("processor, s", "{:,.4g}"),
    "accelerator": ("accelerator, s", "{:,.4g}"),
    "simulation": ("simulated in its place, s", "{:,.4g}"),
    "joules": ("joules", "{:,.4g}"),
}


@dataclass(frozen=True)
class Budget:
    """What each side may use of one thing; seconds are those of machine, processor and accelerator together.

    Raises BadInput for an amount that is not a finite number above 0.
    """

    amount: float
    unit: Unit

    def __post_init__(self) -> None:
        if not (math.isfinite(self.amount) and self.amount > 0):
            raise BadInput(f"a budget of {self.amount:g} {self.unit} was given: give a finite number above 0")

    def used(self, bill: Bill) -> float:
        """How much of it `bill` takes."""
        if self.unit == "seconds":
            return bill.machine + bill.processor + bill.accelerator
        return getattr(bill, self.unit)


class Solver(Protocol):
    """One way to solve: a frozen dataclass of its settings, whose `str` is the settings in words."""

    def __call__(self, instance: Any, budget: Budget, key: Key, /) -> tuple[float, Bill]:
        """The score, larger is better, and what was used. Raises BadInput where the budget is too small for it.

        The bill's calls, shots, machine, accelerator and simulation are the solver's to tell; its processor time and
        joules are measured from outside.
        """
        ...


class Workload(ABC):
    """A task. What it claims was written down before anything ran."""

    name: str
    hypothesis: str
    margin: float  # by how much the quantum score must exceed the best rival's

    @abstractmethod
    def instance(self, key: Key) -> Any:
        """A new instance of the task."""

    @abstractmethod
    def solvers(self) -> Mapping[str, Sequence[Solver]]:
        """By name, each with the settings that it is tuned over: `QUANTUM`, `NOTHING` (does nothing), rivals."""
