"""Programs of lattice surgery run on a simulated machine: how often each certain outcome comes out wrong."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import sinter
import stim

from counterpoint.base import Key, fold_in
from counterpoint.codes.native import native
from counterpoint.codes.programs import MESSAGES, bare_superdense, superdense
from counterpoint.codes.surgery import Program
from counterpoint.decoders.vacuous import Vacuous
from counterpoint.machine.failures import Failures, Trial, count_failures
from counterpoint.machine.hardware import Hardware
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


def run_program(
    program: Program,
    reading: str,
    distance: int,
    rounds: int | None,
    hardware: Hardware,
    decoder: sinter.Decoder,
    shots: int,
    key: Key,
    bare: stim.Circuit | None = None,
) -> Run:
    """Run a program in hardware's gates `shots` times; `bare` is the same task without error correction, run as often.

    Raises:
        BadInput: see `Program.compile` and `count_failures`.
    """
    made = program.compile(distance, rounds)
    found = _count(made.circuit, hardware, decoder, shots, key, ("encoded", reading))
    outcomes = tuple(_outcome(one.name, one.timelike, found.of(i), found) for i, one in enumerate(made.observables))
    whole = _outcome("any", any(one.timelike for one in made.observables), found.any, found)
    beside = None
    if bare is not None:
        seen = _count(bare, hardware, Vacuous(), shots, key, ("bare", reading))
        beside = _outcome("physical qubits", False, seen.any, seen)
    length = program.rounds(rounds or distance)
    return Run(program.name, reading, distance, length, made.circuit.num_qubits, outcomes, whole, beside)


def run_superdense(
    distance: int,
    rounds: int | None,
    hardware: Hardware,
    decoder: sinter.Decoder,
    shots: int,
    key: Key,
) -> list[Run]:
    """Superdense coding with each of its four messages, beside the same over physical qubits."""
    return [
        run_program(
            superdense(message),
            f"message {int('Z' in message)}{int('X' in message)}",
            distance,
            rounds,
            hardware,
            decoder,
            shots,
            key,
            bare_superdense(message),
        )
        for message in MESSAGES
    ]


def _count(
    circuit: stim.Circuit, hardware: Hardware, decoder: sinter.Decoder, shots: int, key: Key, run: tuple[str, str]
) -> Failures:
    noisy, model = hardware.run(native(circuit), fold_in(key, "machine"))  # the same machine for every run
    return count_failures(Trial.of(noisy, model, decoder), shots, fold_in(key, *run))


def _outcome(name: str, timelike: bool, failures: int, found: Failures) -> Outcome:
    return Outcome(name, timelike, failures, found.shots, error_per_shot(failures, found.shots))
