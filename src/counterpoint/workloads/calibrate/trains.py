"""Finding the setting at which a gate neither over- nor under-rotates, from trains of its pulses: what all ways share.

The law is that of `machine.pulses`: after a quarter turn and k pulses at the setting s a qubit gives 1 with
(1 + (-1)^k c sin((k + 1/2) delta)) / 2, where delta = turn (s - optimum) / scale in rad is the pulse's over-rotation
and c the contrast. Every pulse is a use of the gate, the quarter turn one more.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol, final

import numpy as np

from counterpoint.base import BadInput, Counts, Floats, Key, fold_in
from counterpoint.machine.builds import WILLOW_KNOBS
from counterpoint.machine.device import SPREAD
from counterpoint.machine.meter import CYCLE_SECONDS
from counterpoint.machine.pulses import KNOB, Train, best_uses
from counterpoint.workloads.workload import Bill, Budget

TURN = 2 * float(np.sqrt(next(k.response for k in WILLOW_KNOBS if k.label == KNOB)))  # rad at one scale: 0.047
TURN_SPREAD = SPREAD / 2  # standard deviation of its logarithm between gates: it goes as the root of the response
WIDEST = 2 / TURN  # scales: over more than 2 rad even trains of one pulse have several roots
LEAST = 200  # uses: fewer cannot tell where in the safe range the optimum is
MOST = 10**12  # uses, seven hours of pulses: as far as double precision tells fringes apart


class Scanner(Protocol):
    """What runs trains: how many of `shots` shots gave 1 at each of C settings, after a quarter turn and `pulses`."""

    def __call__(self, settings: Floats, pulses: int, shots: int, key: Key, /) -> Counts: ...


@dataclass(frozen=True)
class Dial:
    """The knob of a gate's amplitude, as a last full calibration knows it.

    Raises BadInput where the start is not in the safe range, the scale is not above 0, the range is wider than 42
    scales, or the error of a pulse is not between 0 and 3/4.
    """

    start: float  # the present setting
    low: float  # safe range, both ends allowed
    high: float
    scale: float  # a natural unit of settings
    error: float  # measured depolarising error of a pulse

    def __post_init__(self) -> None:
        if not (np.isfinite([self.low, self.high]).all() and self.low <= self.start <= self.high):
            raise BadInput(
                f"a setting of {self.start:g} was given with a safe range of {self.low:g} to {self.high:g}: give "
                "finite numbers, the setting inside the range"
            )
        if not (0 < self.scale < np.inf and self.low < self.high):
            raise BadInput(
                f"a scale of {self.scale:g} was given for a range of {self.low:g} to {self.high:g}: give a scale above "
                "0 and a range that is not empty"
            )
        wide = (self.high - self.low) / self.scale
        if wide > WIDEST:
            raise BadInput(
                f"a safe range of {wide:.4g} scales was given, and beyond {WIDEST:.0f} of them settings look alike to "
                "every train: give a narrower range"
            )
        best_uses(self.error)

    @property
    def ends(self) -> tuple[float, float]:
        """The safe range in scales from the start."""
        return (self.low - self.start) / self.scale, (self.high - self.start) / self.scale

    def setting(self, x: Floats) -> Floats:
        """Settings that are x scales from the start, held to the safe range."""
        return np.clip(self.start + self.scale * x, self.low, self.high)


@dataclass(frozen=True)
class Found:
    """Where the optimum is believed to be, with the half of a 95 % interval, and what was used to find it."""

    setting: float
    half_width: float
    bill: Bill


@dataclass(frozen=True, eq=False)
class Row:
    """One setting of one scan."""

    x: float  # scales from the start
    pulses: int
    shots: int
    ones: int

    @property
    def angle(self) -> float:
        """(k + 1/2): how much of an over-rotation adds up."""
        return self.pulses + 0.5

    @property
    def signal(self) -> int:
        """(-1)^k (ones - zeros): its mean is c sin((k + 1/2) delta) a shot."""
        return (1 - 2 * (self.pulses % 2)) * (2 * self.ones - self.shots)


@final
class Search:
    """The scans of one search, held to its budget of uses and billed."""

    def __init__(self, scan: Scanner, dial: Dial, uses: int, key: Key) -> None:
        self.dial = dial
        self.left = uses
        self.rows: list[Row] = []
        self.scans = 0
        self.bill = Bill()
        self._scan = scan
        self._key = key

    def shots(self, settings: int, pulses: int, uses: float) -> int:
        """How many shots of each of so many settings `uses`, or what is left, allow."""
        return int(min(uses, self.left) // (settings * (pulses + 1)))

    def take(self, x: Floats, pulses: int, shots: int) -> None:
        """Scan the settings x (C,) scales from the start. Raises BadInput for counts that cannot be."""
        train = Train(0, pulses)
        settings = self.dial.setting(x)
        began = time.process_time()
        ones = np.asarray(self._scan(settings, pulses, shots, fold_in(self._key, "scan", self.scans)))
        took = time.process_time() - began
        if ones.shape != settings.shape or not ((ones >= 0) & (ones <= shots)).all():
            raise BadInput(
                f"a scan of {settings.size} settings for {shots} shots each gave {ones.tolist()}: it must count, for "
                f"each setting, from 0 to {shots} shots with the result 1"
            )
        at = (settings - self.dial.start) / self.dial.scale
        self.rows += [Row(a, pulses, shots, int(n)) for a, n in zip(at.tolist(), ones.tolist(), strict=True)]
        self.scans += 1
        all_shots = shots * settings.size
        self.left -= all_shots * train.uses
        machine = all_shots * train.cycles * CYCLE_SECONDS
        self.bill += Bill(calls=all_shots * train.uses, shots=all_shots, machine=machine, simulation=took)

    def found(self, x: float, half_width: float) -> Found:
        """The answer, x and its half width in scales."""
        return Found(float(self.dial.setting(np.array(x))), half_width * self.dial.scale, self.bill)


class Tunable(Protocol):
    """An instance of the task: a knob, a way to scan it, and the score of a setting."""

    @property
    def dial(self) -> Dial: ...
    def scan(self, settings: Floats, pulses: int, shots: int, key: Key, /) -> Counts: ...
    def score(self, setting: float) -> float: ...


class Finder(ABC):
    """A way to find the optimum: a frozen record of settings."""

    citation: str = ""  # BibTeX of the method's sources

    @abstractmethod
    def search(self, search: Search) -> tuple[float, float]:
        """The optimum in scales from the start, and half of its 95 % interval, from scans in `search`."""

    @final
    def find(self, scan: Scanner, dial: Dial, uses: int, key: Key) -> Found:
        """The optimum from at most so many uses of the gate. Raises BadInput for fewer than 200 uses."""
        if not LEAST <= uses <= MOST:
            raise BadInput(
                f"a budget of {uses:g} uses of the gate was given: give {LEAST} or more, which is what it takes to "
                f"tell where in its safe range a knob is, and at most {MOST:,}"
            )
        search = Search(scan, dial, int(uses), key)
        return search.found(*self.search(search))

    @final
    def __call__(self, instance: Tunable, budget: Budget, key: Key) -> tuple[float, Bill]:
        """As a workload's solver. Raises BadInput as `find`, and for a budget that is not in calls."""
        if budget.unit != "calls":
            raise BadInput(
                f"a budget of {budget.amount:g} {budget.unit} was given: give it in calls, one for each use of the gate"
            )
        found = self.find(instance.scan, instance.dial, int(min(budget.amount, MOST)), key)
        return instance.score(found.setting), found.bill
