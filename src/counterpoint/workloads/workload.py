"""The role: a task with a quantum solver and classical rivals, all on the same budget, each with its bill."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from counterpoint.base import Adds, BadInput, Key

Unit = Literal["calls", "shots", "seconds"]


@dataclass(frozen=True)
class Bill(Adds):
    """What one side has used."""

    calls: int = 0  # of an oracle or a gate A and its inverse, each: a Grover power k takes 2 k + 1
    shots: int = 0
    machine: float = 0.0  # seconds of a quantum machine
    processor: float = 0.0  # seconds of one core, its work for the machine (compiling, choosing angles) included
    simulation: float = 0.0  # seconds of one core that stood in for a machine: told, and charged to nobody
    joules: float = 0.0  # measured or modelled, see `energy`


@dataclass(frozen=True)
class Budget:
    """What each side may use of one thing; seconds are those of the machine and the processor together.

    Raises BadInput for an amount that is not a finite number above 0.
    """

    amount: float
    unit: Unit

    def __post_init__(self) -> None:
        if not (math.isfinite(self.amount) and self.amount > 0):
            raise BadInput(f"a budget of {self.amount:g} {self.unit} was given: give a finite number above 0")

    def used(self, bill: Bill) -> float:
        """How much of it `bill` takes."""
        return bill.machine + bill.processor if self.unit == "seconds" else getattr(bill, self.unit)


class Solver(Protocol):
    """One way to solve, with its settings: a frozen dataclass, so that it can be printed."""

    def __call__(self, instance: Any, budget: Budget, key: Key, /) -> tuple[float, Bill]:
        """The score, larger is better, and what was used. Raises BadInput where the budget is too small for it.

        The bill's calls, shots, machine and simulation are the solver's to tell; its processor time and joules are
        measured from outside.
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
        """By name, each with the settings that it is tuned over: "quantum", "nothing" (does nothing), the rivals."""
