"""Simulated annealing, by D-Wave's own sampler."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from counterpoint.base import BadInput, Bits, Key
from counterpoint.workloads.optimise.dwave_samplers import SAMPLERS, bits_of, model_of, seed_of
from counterpoint.workloads.optimise.ising import Ising
from counterpoint.workloads.optimise.runs import Runs, filled

citation = (
    "@article{Kirkpatrick1983, title={Optimization by simulated annealing}, author={Kirkpatrick, S. and Gelatt, C. D."
    " and Vecchi, M. P.}, journal={Science}, volume={220}, pages={671--680}, year={1983}}\n" + SAMPLERS
)


@final
@dataclass(frozen=True)
class Anneal:
    """One run is one anneal from a random start, over D-Wave's default range of temperatures (geometric).

    Raises BadInput for fewer than 1 sweep.
    """

    sweeps: int  # of a run; one looks at every variable once

    def __post_init__(self) -> None:
        if self.sweeps < 1:
            raise BadInput(f"annealing with {self.sweeps} sweeps was asked for: give 1 or more")

    def __str__(self) -> str:
        return f"annealing with {self.sweeps} sweeps"

    def runs(self, ising: Ising, seconds: float, key: Key) -> Runs:
        """As `Method.runs`."""
        return filled(ising, seconds, key, str(self), lambda: self._start(ising))

    def _start(self, ising: Ising) -> Callable[[int, Key], Bits]:
        from dwave.samplers import SimulatedAnnealingSampler  # takes half a second to import

        model, sampler = model_of(ising), SimulatedAnnealingSampler()

        def batch(count: int, key: Key) -> Bits:
            found = sampler.sample(model, num_reads=count, num_sweeps=self.sweeps, seed=seed_of(key))
            return bits_of(found)

        return batch
