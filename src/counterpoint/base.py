"""The vocabulary: the few nouns that everything else in counterpoint is said in. Types only, the field's own
first; what is written down is a frozen dataclass, its identity the SHA-256 of its content.

Letters in shapes: C candidates, N knobs, S sites, D detectors, O observables, M measured bits. A *site*
is a detector with time taken away: detectors of the same stabiliser in successive rounds share one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any, Literal, Protocol, Self

import numpy as np
import stim
from numpy.typing import NDArray

from counterpoint.identity import Key as Key, fold_in as fold_in

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Bits = NDArray[np.uint8]
Program = stim.Circuit | str  # a general circuit travels as OpenQASM 3, in a str


class BadInput(ValueError):
    """What was given cannot be used: one sentence with both values and the way out."""


@dataclass(frozen=True, eq=False)
class ControlSpace:
    """A machine's N knobs, each with its safe range and the sites it touches."""

    names: tuple[str, ...]  # such as "CZ amplitude 3-7"
    units: tuple[str, ...]
    low: Floats  # (N,) safe range, both ends allowed
    high: Floats  # (N,)
    start: Floats  # (N,) where the last full calibration left the knobs
    scale: Floats  # (N,) a natural unit of exploration, from characterising each control; never the truth
    touches: NDArray[np.bool_]  # (N, S) can an error of the knob's gate fire the site?
    sites: tuple[str, ...]

    def problem(self, point: Floats) -> str | None:
        """Why `point` is not in the space, in one clear sentence; None where it is."""
        if point.shape != self.low.shape:
            return f"controls of shape {point.shape} were given to a machine with {self.low.size} knobs"
        for i in np.flatnonzero(~((point >= self.low) & (point <= self.high)))[:1]:  # NaN is caught, too
            at, low, high = (f"{v[i]:.6g}" for v in (point, self.low, self.high))
            who = f"control '{self.names[i]}' is {at} {self.units[i]}"
            return f"{who} and its safe range is {low} to {high}: propose a number inside the range"
        return None


@dataclass(frozen=True)
class Adds:
    """A record whose fields add one by one."""

    def __add__(self, other: Self) -> Self:
        return type(self)(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


@dataclass(frozen=True)
class Price(Adds):
    """What an action may use, or has used."""

    cycles: int = 0  # error-correction cycles
    shots: int = 0
    seconds: float = 0.0  # machine time
    spend: float = 0.0  # money, in the charter's currency


class Action(ABC):
    """What an explorer asks for; `summary` is what it is, in a few words for a person."""

    @property
    @abstractmethod
    def summary(self) -> str: ...


@dataclass(frozen=True, eq=False)
class TryControls(Action):
    """One epoch: run the same circuit under each of C candidate settings."""

    centre: Floats  # (N,) what the explorer now believes best
    candidates: Floats  # (C, N)

    @property
    def summary(self) -> str:
        return f"try {len(self.candidates)} settings of {self.centre.size} knobs"


@dataclass(frozen=True)
class RunCircuit(Action):
    """One job on a machine whose knobs stay as they are."""

    circuit: Program
    shots: int

    @property
    def summary(self) -> str:
        return f"run a circuit for {self.shots:,} shots"


@dataclass(frozen=True, eq=False)
class Scan(Action):
    """A calibration scan: one circuit under each of C settings of a few knobs."""

    centre: Floats  # (N,) where the knobs stand otherwise
    candidates: Floats  # (C, N)
    circuit: Program
    shots: int  # of each setting

    @property
    def summary(self) -> str:
        return f"scan {len(self.candidates)} settings for {self.shots:,} shots each"


@dataclass(frozen=True)
class Permit:
    """Leave to carry out one action once. Only `govern` makes one, after the ledger holds it."""

    action: str  # identity of the action
    price: Price  # the most that it may use
    entry: int  # number of the ledger entry that granted it
    digest: str  # SHA-256 of that entry


@dataclass(frozen=True)
class Denial:
    """An action that was not carried out; "ask" where a human must decide first."""

    verdict: Literal["deny", "ask"]
    reason: str


@dataclass(frozen=True, eq=False)
class Job:
    """What a machine is given: a noiseless circuit, to be run under each row of controls."""

    circuit: Program  # one of error correction has detectors (with coordinates) and observables
    controls: Floats  # (C, N)
    shots: int  # of each candidate
    cycles: int  # error-correction cycles in one shot, 1 where nothing is corrected
    action: str  # identity of the action that it carries out
    key: Key  # randomness of a simulated machine


@dataclass(frozen=True, eq=False)
class Shots:
    """What a machine gives back: of a circuit with detectors or observables these, else its measurements."""

    detection_events: Bits  # (C, shots, ceil(D / 8)) bit-packed, little-endian, as in .b8
    observables: Bits  # (C, shots, ceil(O / 8)) likewise: the flips that happened
    measurements: Bits  # (C, shots, ceil(M / 8)) likewise: stim's record, or all bits as OpenQASM declares them
    controls: Floats  # (C, N) in force
    started: float  # machine time in seconds
    seconds: float  # machine time used


class Twin(Protocol):
    """What only a simulated machine has; it bounds every comparison at no cost to the machine."""

    def optimum(self) -> Floats: ...  # (N,) the best controls at this moment: the truth
    def run(self, job: Job) -> Shots: ...  # what the machine would give at this moment; its clock stands still
    def expected(self, circuit: stim.Circuit, controls: Floats) -> Floats: ...  # (C, S) events a detector, exact means


class Machine(ABC):
    """Runs jobs, each under a permit that is spent by it."""

    name: str
    space: ControlSpace
    twin: Twin | None  # None for a real machine

    @property
    @abstractmethod
    def clock(self) -> float:
        """Machine time in seconds since it was switched on."""

    @abstractmethod
    def price(self, job: Job) -> Price:
        """What `job` will use."""

    @abstractmethod
    def run(self, job: Job, permit: Permit) -> Shots:
        """Carry out `job`. Raises BadInput where the permit does not cover it or is spent."""

    @abstractmethod
    def resume(self, clock: float) -> None:
        """Go on at `clock` seconds after an interruption (a real machine never stopped: nothing to do)."""


@dataclass(frozen=True, eq=False)
class Outcome(Adds):
    """What came of a job, in counts."""

    events: Counts  # (C, S) detection events of each candidate at each site
    opportunities: Counts  # (C, S) detectors that were looked at for these
    shots: Counts  # (C,)
    cycles: Counts  # (C,)
    decoded: Counts  # (C,) shots that a decoder saw
    failures: Counts  # (C,) of these, with any observable wrong
    seconds: float  # machine time


@dataclass(frozen=True, eq=False)
class Seen:
    """What an explorer may look at when it asks."""

    epoch: int
    clock: float  # machine time in seconds
    candidates: int  # the most settings that may be tried in one epoch
    optimum: Floats | None = None  # (N,) the truth, for the bounding player *oracle* alone


class Explorer(ABC):
    """A frozen record of settings; asking changes nothing, telling does, and the same state asks the same."""

    citation: str = ""  # BibTeX of the method's sources

    @abstractmethod
    def init(self, space: ControlSpace, key: Key) -> Any:
        """The first state."""

    @abstractmethod
    def ask(self, key: Key, state: Any, seen: Seen) -> Action:
        """What to do next."""

    @abstractmethod
    def tell(self, state: Any, action: Action, outcome: Outcome | Denial) -> Any:
        """The state after `action` had this outcome, or was not allowed."""


@dataclass(frozen=True)
class Verdict:
    """What a comparison shows; hypothesis and margin were stated before it ran."""

    hypothesis: str
    margin: float
    value: float  # the figure; larger speaks for the hypothesis
    low: float  # 95 % interval; NaN where the comparison is void
    high: float

    @property
    def status(self) -> Literal["holds", "does not hold", "not shown"]:
        """Holds with the whole interval beyond the margin, does not with none of it beyond."""
        return "holds" if self.low > self.margin else "does not hold" if self.high <= self.margin else "not shown"
