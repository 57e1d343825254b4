"""QuOps of a simulated machine: failures of each kind of operation, counted; Lambda, reliability and a forecast."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import sinter
import stim

from counterpoint.base import BadInput, Key, fold_in
from counterpoint.codes import surface
from counterpoint.codes.frame import Basis
from counterpoint.codes.native import native
from counterpoint.codes.programs import PROGRAMS
from counterpoint.loop.own import blaming
from counterpoint.machine.failures import Trial
from counterpoint.machine.hardware import Hardware
from counterpoint.machine.meter import CYCLE_SECONDS
from counterpoint.quops.cycle import error_per_cycle
from counterpoint.quops.estimate import Estimate, error_per_shot
from counterpoint.quops.forecast import Forecast, Operation, forecast
from counterpoint.quops.operation import QuOps, accumulated, reliable
from counterpoint.quops.suppression import Suppression, Tally, fit_suppression

BASES: tuple[Basis, ...] = ("Z", "X")
MEMORY_ROUNDS = 25  # of a memory experiment, from which the error of d cycles is taken
BATCH = 1024  # shots of each basis between two looks at the clock


@dataclass(frozen=True)
class Kind:
    """A kind of logical operation: what one is, and how it is run."""

    name: str
    told: str  # what one operation is
    operation: Operation
    circuit: Callable[[int, Basis], stim.Circuit]  # noiseless, by distance, in the gates of the machine
    rounds: int | None = None  # cycles in a shot; None where a shot is one operation

    def rounds_at(self, distance: int) -> int:
        """Cycles in one shot."""
        return self.operation.cycles_at(distance) if self.rounds is None else self.rounds


def _memory(distance: int, basis: Basis) -> stim.Circuit:
    return surface.memory(distance, MEMORY_ROUNDS, basis)


def _surgery(name: str, told: str, operation: Operation) -> Kind:
    def circuit(distance: int, basis: Basis) -> stim.Circuit:
        return native(PROGRAMS[name](basis).circuit(distance))

    return Kind(name, told, operation, circuit)


KINDS = {
    kind.name: kind
    for kind in (
        Kind("idle", "d cycles of one patch", Operation(), _memory, MEMORY_ROUNDS),
        _surgery("parity-zz", "ZZ of two patches, d cycles", Operation(area=(4, 2, -1))),
        _surgery("parity-xx", "XX of two patches, d cycles", Operation(area=(4, 2, -1))),
        _surgery("cnot", "CNOT over an ancilla, 4 d cycles", Operation(4, area=(6, 4, -1))),
    )
}


@dataclass(frozen=True)
class Limits:
    """When a cell (one kind at one distance) has been run enough."""

    failures: int
    shots: int
    seconds: float  # of all cells together


@dataclass(eq=False)
class _Cell:
    """One kind at one distance while it is run: equally many shots in both bases."""

    kind: Kind
    distance: int
    trials: Mapping[Basis, Trial]
    failures: dict[Basis, int] = field(default_factory=lambda: dict.fromkeys(BASES, 0))
    shots: int = 0  # of each basis
    seconds: float = 0.0

    def done(self, limits: Limits) -> bool:
        return sum(self.failures.values()) >= limits.failures or 2 * self.shots >= limits.shots

    @property
    def tally(self) -> Tally:
        """Both bases together; an answer that knows nothing errs with the mean of 1 - 2**-observables."""
        guess = sum(1 - 0.5**trial.circuit.num_observables for trial in self.trials.values()) / len(self.trials)
        rounds = self.kind.rounds_at(self.distance)
        return Tally(self.distance, rounds, sum(self.failures.values()), 2 * self.shots, guess)

    def batch(self, key: Key) -> None:
        key = fold_in(key, self.kind.name, self.distance, self.shots)
        for basis, trial in self.trials.items():
            with blaming(trial.who):
                self.failures[basis] += trial.run(BATCH, fold_in(key, basis)).any
        self.shots += BATCH


@dataclass(frozen=True)
class Counted:
    """One kind at one distance. A failure: any observable wrong, in the basis Z or X, half of the shots each."""

    distance: int
    rounds: int  # cycles in a shot
    shots: int
    failures: int
    failures_of: Mapping[Basis, int]
    error: Estimate  # of one operation, from these counts alone
    quops: QuOps


@dataclass(frozen=True)
class Reliability:
    """What is known of one kind of operation."""

    kind: str
    operation: str  # what one is
    counted: tuple[Counted, ...]
    suppression: Suppression | None  # None where a distance fails as often as guessing: nothing is suppressed
    forecast: tuple[Forecast, ...]
    cycle: tuple[Forecast, ...]  # the same where one operation is one cycle; of a patch alone


def check_distances(distances: Sequence[int]) -> None:
    """Raises BadInput for fewer than two distances, or one that no patch has."""
    for distance in distances:
        surface.layout(distance)
    if len(set(distances)) < 2:
        raise BadInput(
            f"Lambda compares distances, and {sorted(set(distances))} holds {len(set(distances))} of the 2 that it "
            "needs: name another distance"
        )


def measure(
    hardware: Hardware,
    distances: Sequence[int],
    decoder: tuple[str, sinter.Decoder],
    limits: Limits,
    floor: float,
    key: Key,
    tell: Callable[[str], None],
) -> list[Reliability]:
    """Run every kind of operation at every distance, and say what follows.

    The cell that has run least gets the next batch, until it has its failures or shots, or the time is up.

    Args:
        decoder: its name and itself.
        floor: error a cycle that no distance suppresses, for the forecast alone.
        tell: is told what is done, in a few words.

    Raises:
        BadInput: as `check_distances`, or a decoder that fails.
    """
    check_distances(distances)
    who = f"decoder '{decoder[0]}'"
    cells: list[_Cell] = []
    for kind in KINDS.values():
        for distance in sorted(set(distances)):
            tell(f"building {kind.name} at distance {distance}")
            cells.append(_cell(kind, distance, hardware, who, decoder[1], key))
    started = time.perf_counter()
    while waiting := [cell for cell in cells if not cell.done(limits)]:
        cell = min(waiting, key=lambda cell: (cell.shots > 0, cell.seconds))
        if cell.shots and time.perf_counter() - started > limits.seconds:
            break
        tell(f"{cell.kind.name} at distance {cell.distance}: {sum(cell.failures.values()):,} failures so far")
        began = time.perf_counter()
        cell.batch(key)
        cell.seconds += time.perf_counter() - began
    return [_reliability(kind, [c for c in cells if c.kind is kind], floor) for kind in KINDS.values()]


def _cell(kind: Kind, distance: int, hardware: Hardware, who: str, decoder: sinter.Decoder, key: Key) -> _Cell:
    # One key for both bases, whose gates are the same: one machine.
    machine = fold_in(key, "machine", kind.name, distance)
    with blaming(who):
        trials: dict[Basis, Trial] = {
            b: Trial.of(*hardware.run(kind.circuit(distance, b), machine), decoder, who) for b in BASES
        }
    return _Cell(kind, distance, trials)


def _reliability(kind: Kind, cells: Sequence[_Cell], floor: float) -> Reliability:
    tallies = [cell.tally for cell in cells]
    guessing = any(tally.failures >= tally.ceiling * tally.shots for tally in tallies)
    fit = None if guessing else fit_suppression(tallies)
    return Reliability(
        kind=kind.name,
        operation=kind.told,
        counted=tuple(_counted(kind, c, tally) for c, tally in zip(cells, tallies, strict=True)),
        suppression=fit,
        forecast=_forecast(fit, kind.operation, floor),
        cycle=() if kind.rounds is None else _forecast(fit, Operation(cycles=1), floor),
    )


def _forecast(fit: Suppression | None, operation: Operation, floor: float) -> tuple[Forecast, ...]:
    return () if fit is None else forecast(fit, operation, CYCLE_SECONDS, floor)


def _counted(kind: Kind, cell: _Cell, tally: Tally) -> Counted:
    if kind.rounds is None:
        error = error_per_shot(tally.failures, tally.shots)
    else:
        cycles = kind.operation.cycles_at(cell.distance)
        error = error_per_cycle(tally.failures, tally.shots, tally.rounds).through(lambda e: accumulated(e, cycles))
    return Counted(
        cell.distance, tally.rounds, tally.shots, tally.failures, dict(cell.failures), error, reliable(error, kind.told)
    )


def fitted(kind: str, fit: Suppression, distance: int) -> Estimate:
    """Error of one operation of `kind` at any distance, by its fit."""
    most = max(tally.ceiling for tally in fit.tallies)
    cycles = KINDS[kind].operation.cycles_at(distance)
    return fit.error(distance).through(lambda error: accumulated(error, cycles, most))
