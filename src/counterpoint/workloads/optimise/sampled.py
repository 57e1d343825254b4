"""QAOA on a machine, as one more heuristic: each shot is a run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import final

import numpy as np

from counterpoint.base import BadInput, Bits, Key, fold_in
from counterpoint.workloads.optimise.ising import Ising
from counterpoint.workloads.optimise.qaoa import Qaoa
from counterpoint.workloads.optimise.runs import Runs
from counterpoint.workloads.workload import Bill

SHOTS = 100_000  # of one job at most


@dataclass(frozen=True, eq=False)
class Device:
    """What runs circuits, without the machine itself."""

    run: Callable[[str, int, Key], tuple[Bits, float]]  # OpenQASM 3, shots -> (shots, n) bits, machine seconds
    seconds: Callable[[str], float]  # of one shot; raises BadInput where the machine cannot run the circuit
    simulated: bool  # whether this processor's seconds in `run` stand in for a machine


@final
@dataclass(frozen=True)
class Sampled:
    """As many shots as fit into the seconds, at most 100,000, with the time to choose angles taken off first."""

    qaoa: Qaoa
    device: Device

    def __str__(self) -> str:
        return str(self.qaoa)

    def runs(self, ising: Ising, seconds: float, key: Key) -> Runs:
        """As `Method.runs`; what simulates the machine is in the bill and takes none of the seconds.

        Raises BadInput where not one shot fits, and as the machine does.
        """
        began = time.process_time()
        text = self.qaoa.text(ising, key)
        chosen = time.process_time() - began
        shot = self.device.seconds(text)
        shots = SHOTS if shot <= 0 else min(SHOTS, int((seconds - chosen) / shot))
        if shots < 1:
            raise BadInput(
                f"choosing angles took {chosen:.3g} s, one shot takes {shot:.3g} s, and QAOA's share of the budget is "
                f"{seconds:.3g} s: give a --budget {ceil((chosen + shot) / seconds):,} times as large or "
                "larger"
            )
        bits, machine = self.device.run(text, shots, fold_in(key, "shots"))
        energies = ising.energies(bits)
        spent = time.process_time() - began
        simulation = spent - chosen if self.device.simulated else 0.0
        bill = Bill(shots=shots, machine=machine, processor=spent - simulation, simulation=simulation)
        return Runs(energies, bits[energies.argmin()].astype(np.uint8), chosen, bill)
