"""What every simulated machine checks before it acts: the permit, the job, the time."""

from __future__ import annotations

import numpy as np
import stim

from counterpoint.base import BadInput, ControlSpace, Job, Permit, Price


class Unavailable(BadInput):
    """The machine, and not the job, is at fault: the same job may go to another."""


def check_permit(job: Job, price: Price, permit: Permit, spent: set[str]) -> None:
    """Raise BadInput where `permit` is for another action, covers less than `price`, or is among the `spent`."""
    if permit.action != job.action:
        raise BadInput(
            f"the permit is for action {permit.action[:12]} and the job is for {job.action[:12]}: "
            "ask for a permit for this action"
        )
    for name in ("cycles", "shots", "seconds", "spend"):
        most, needed = getattr(permit.price, name), getattr(price, name)
        # Seconds are sums of floats: a permit for the very same price may differ in the last digits.
        if needed > most * (1 + 1e-9):
            raise BadInput(
                f"the job needs {needed:g} {name} and its permit allows {most:g}: "
                "ask for a permit that covers the price"
            )
    if permit.digest in spent:
        raise BadInput(
            f"the permit of ledger entry {permit.entry} was used before: a permit is good for one run, "
            "ask for a new one"
        )


def check_job(job: Job, space: ControlSpace) -> None:
    """Raise BadInput where `job` has no shots or cycles, or controls outside `space`."""
    if job.shots < 1 or job.cycles < 1:
        raise BadInput(f"a job of {job.shots} shots of {job.cycles} cycles was given: give 1 or more of each")
    for row in job.controls:
        problem = space.problem(row)
        if problem:
            raise BadInput(problem)


def stim_circuit(job: Job, machine: str) -> stim.Circuit:
    """The job's circuit; raises BadInput where it is a general one."""
    if isinstance(job.circuit, str):
        raise BadInput(
            f"an OpenQASM circuit of {len(job.circuit.splitlines())} lines was given and the {machine} machine runs "
            "stim circuits alone: give one, or take another machine"
        )
    return job.circuit


def check_epoch(seconds: float) -> None:
    """Raise BadInput where an epoch of `seconds` cannot be."""
    if not (np.isfinite(seconds) and seconds > 0):
        raise BadInput(f"an epoch of {seconds} seconds was asked for: give a number above 0")


def check_clock(clock: float) -> None:
    """Raise BadInput where machine time cannot be `clock` seconds."""
    if not (np.isfinite(clock) and clock >= 0):
        raise BadInput(f"the machine cannot go on at {clock} seconds: give a time of 0 or more")
