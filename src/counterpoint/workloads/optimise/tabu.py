"""Tabu search, by D-Wave's own sampler."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from counterpoint.base import BadInput, Bits, Key
from counterpoint.workloads.optimise.dwave_samplers import SAMPLERS, bits_of, model_of, seed_of
from counterpoint.workloads.optimise.ising import Ising
from counterpoint.workloads.optimise.runs import Runs, filled

citation = (
    "@article{Palubeckis2004, title={Multistart tabu search strategies for the unconstrained binary quadratic"
    " optimization problem}, author={Palubeckis, Gintaras}, journal={Annals of Operations Research}, volume={131},"
    " pages={259--282}, year={2004}}\n" + SAMPLERS
)


@final
@dataclass(frozen=True)
class Tabu:
    """One run is one search from a random start without restarts; its list holds a quarter of the variables, at most
    20 (D-Wave's default).

    Raises BadInput for fewer than 1 step.
    """

    steps: int  # changes that are looked at in a run, for each variable

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise BadInput(f"tabu search with {self.steps} steps a variable was asked for: give 1 or more")

    def __str__(self) -> str:
        return f"tabu search with {self.steps} steps a variable"

    def runs(self, ising: Ising, seconds: float, key: Key) -> Runs:
        """As `Method.runs`."""
        return filled(ising, seconds, key, str(self), lambda: self._start(ising))

    def _start(self, ising: Ising) -> Callable[[int, Key], Bits]:
        from dwave.samplers import TabuSampler  # takes half a second to import

        model, sampler = model_of(ising), TabuSampler()
        length = {"coefficient_z_first": self.steps, "lower_bound_z": 1, "num_restarts": 0, "timeout": None}

        def batch(count: int, key: Key) -> Bits:
            return bits_of(sampler.sample(model, num_reads=count, seed=seed_of(key), **length))

        return batch
