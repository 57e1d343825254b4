"""What every simulated machine keeps of its runs: machine time, and the permits that were spent."""

from __future__ import annotations

from collections.abc import Callable

from counterpoint.base import Job, Permit, Price, Shots
from counterpoint.machine.checks import check_clock, check_permit

CYCLE_SECONDS = 1.1e-6  # of an error-correction cycle; Willow: 909,000 a second (spec sheet, December 2024)


def price_of(job: Job, cycles: int) -> Price:
    """Cycles, shots and machine seconds of all candidates, `cycles` in each shot; no money."""
    shots = len(job.controls) * job.shots
    return Price(cycles=shots * cycles, shots=shots, seconds=shots * cycles * CYCLE_SECONDS)


class Meter:
    """A clock that a job advances by its price, once for each permit."""

    def __init__(self) -> None:
        self.clock = 0.0  # seconds
        self._spent: set[str] = set()  # digests of ledger entries whose permits were used

    def resume(self, clock: float) -> None:
        """Go on at `clock` seconds. Raises BadInput where time cannot be that."""
        check_clock(clock)
        self.clock = clock

    def carry_out(self, job: Job, price: Price, permit: Permit, sample: Callable[[Job], Shots]) -> Shots:
        """What `sample` gives for `job`; then the permit is spent. Raises BadInput as `check_permit` and `sample`."""
        check_permit(job, price, permit, self._spent)
        shots = sample(job)
        self._spent.add(permit.digest)
        self.clock += price.seconds
        return shots
