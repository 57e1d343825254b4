"""Programs of lattice surgery run on a simulated machine: how often each certain outcome comes out wrong."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import sinter
import stim

from counterpoint.base import Key, fold_in
from counterpoint.codes.native import native
from counterpoint.codes.noise import NoiseModel
from counterpoint.codes.programs import MESSAGES, bare_superdense, superdense
from counterpoint.codes.surgery import Program
from counterpoint.decoders.vacuous import Vacuous
from counterpoint.machine.failures import Failures, count_failures
from counterpoint.quops.estimate import Estimate, error_per_shot


@dataclass(frozen=True)
class Outcome:
    """One certain outcome, or all of them."""

    name: str
    timelike: bool
    failures: int
    shots: int
    error: Estimate  # a shot


@dataclass(frozen=True)
class Run:
    """A program that was run."""

    program: str
    reading: str  # the basis of its ends, or the message
    distance: int
    rounds: int  # in all
    qubits: int
    outcomes: tuple[Outcome, ...]
    whole: Outcome  # any outcome wrong
    bare: Outcome | None  # the same over physical qubits

    def plain(self) -> dict[str, Any]:
        return asdict(self)


def ready(circuit: stim.Circuit, noise: NoiseModel, hardware: bool) -> stim.Circuit:
    """The circuit with noise; on hardware, in its gates."""
    return noise.noisy(native(circuit) if hardware else circuit)


def run_program(
    program: Program,
    reading: str,
    distance: int,
    rounds: int | None,
    noise: NoiseModel,
    decoder: sinter.Decoder,
    shots: int,
    key: Key,
    hardware: bool,
    bare: stim.Circuit | None = None,
) -> Run:
    """Run a program `shots` times; `bare` is the same task without error correction, run as often.

    Raises:
        BadInput: see `Program.compile` and `count_failures`.
    """
    made = program.compile(distance, rounds)
    found = count_failures(ready(made.circuit, noise, hardware), decoder, shots, fold_in(key, "encoded"))
    outcomes = tuple(_outcome(one.name, one.timelike, found.of(i), found) for i, one in enumerate(made.observables))
    whole = _outcome("any", any(one.timelike for one in made.observables), found.any, found)
    beside = None
    if bare is not None:
        seen = count_failures(ready(bare, noise, hardware), Vacuous(), shots, fold_in(key, "bare"))
        beside = _outcome("physical qubits", False, seen.any, seen)
    length = program.rounds(rounds or distance)
    return Run(program.name, reading, distance, length, made.circuit.num_qubits, outcomes, whole, beside)


def run_superdense(
    distance: int,
    rounds: int | None,
    noise: NoiseModel,
    decoder: sinter.Decoder,
    shots: int,
    key: Key,
    hardware: bool,
) -> list[Run]:
    """Superdense coding with each of its four messages, beside the same over physical qubits."""
    return [
        run_program(
            superdense(message),
            f"message {int('Z' in message)}{int('X' in message)}",
            distance,
            rounds,
            noise,
            decoder,
            shots,
            fold_in(key, message or "none"),
            hardware,
            bare_superdense(message),
        )
        for message in MESSAGES
    ]


def _outcome(name: str, timelike: bool, failures: int, found: Failures) -> Outcome:
    return Outcome(name, timelike, failures, found.shots, error_per_shot(failures, found.shots))
