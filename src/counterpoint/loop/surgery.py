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


@dataclass(frozen=True)
class Setting:
    """What programs are run with."""

    distance: int
    rounds: int | None  # of each step; None: the distance
    hardware: Hardware
    decoder: sinter.Decoder
    shots: int
    key: Key

    def count(self, circuit: stim.Circuit, decoder: sinter.Decoder, *run: str) -> Failures:
        """Failures of a circuit in hardware's gates; every run has the same machine."""
        noisy, model = self.hardware.run(native(circuit), fold_in(self.key, "machine"))
        return count_failures(Trial.of(noisy, model, decoder), self.shots, fold_in(self.key, *run))


def run_program(program: Program, reading: str, setting: Setting, bare: stim.Circuit | None = None) -> Run:
    """Run a program; `bare` is the same task without error correction, run as often.

    Raises:
        BadInput: see `Program.compile` and `Trial.of`.
    """
    made = program.compile(setting.distance, setting.rounds)
    found = setting.count(made.circuit, setting.decoder, "encoded", reading)
    outcomes = tuple(_outcome(one.name, one.timelike, found.of(i), found) for i, one in enumerate(made.observables))
    whole = _outcome("any", any(one.timelike for one in made.observables), found.any, found)
    beside = None
    if bare is not None:
        seen = setting.count(bare, Vacuous(), "bare", reading)
        beside = _outcome("physical qubits", False, seen.any, seen)
    length = program.rounds(setting.rounds or setting.distance)
    return Run(program.name, reading, setting.distance, length, made.circuit.num_qubits, outcomes, whole, beside)


def run_superdense(setting: Setting) -> list[Run]:
    """Superdense coding with each of its four messages, beside the same over physical qubits."""
    return [
        run_program(superdense(m), f"message {int('Z' in m)}{int('X' in m)}", setting, bare_superdense(m))
        for m in MESSAGES
    ]


def _outcome(name: str, timelike: bool, failures: int, found: Failures) -> Outcome:
    return Outcome(name, timelike, failures, found.shots, error_per_shot(failures, found.shots))
