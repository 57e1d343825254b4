"""Measured errors of logical operations: programs of lattice surgery run under noise, decoded, and counted.

Each operation is a program of `codes.programs`, run in both bases. Which observables fail in a shot says which Pauli
the operation left behind, and whether a joint parity was read wrong: in basis Z those of X errors, in basis X those of
Z errors, taken as independent. The figures contain the program's own preparation and readout; how well they add up to
what whole programs do is measured in `benchmarks/logical.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import sinter

from counterpoint.base import BadInput, Key, fold_in
from counterpoint.codes.frame import Basis
from counterpoint.codes.native import native
from counterpoint.codes.programs import PROGRAMS
from counterpoint.machine.failures import Trial
from counterpoint.machine.hardware import Hardware
from counterpoint.quops.estimate import Estimate, error_per_shot

BATCH = 8192  # shots between two looks at the failures
BASES: tuple[Basis, ...] = ("Z", "X")
WRONG = "M"  # a joint parity is read wrong
Fault = tuple[str, ...]  # what went wrong in one shot: ("X0", "M") is X on the first patch, and the parity wrong


@dataclass(frozen=True)
class Operation:
    """A program, and what it means for each of its patches that a logical outcome is wrong."""

    program: str  # in PROGRAMS
    meaning: Mapping[Basis, Mapping[str, str]]  # by the first of an observable's terms that stands here

    @property
    def steps(self) -> int:
        """How many times d rounds it takes."""
        return len(PROGRAMS[self.program]("Z").steps)


_ONE: Mapping[Basis, Mapping[str, str]] = {"Z": {"Z a": "X0"}, "X": {"X a": "Z0"}}
OPERATIONS: dict[str, Operation] = {
    "hold": Operation("idle", _ONE),
    "hadamard": Operation("hadamard", _ONE),
    "merge-zz": Operation("parity-zz", {"Z": {"ZZ a-b @1": WRONG, "Z a": "X0", "Z b": "X1"}, "X": {"X a": "Z0"}}),
    "merge-xx": Operation("parity-xx", {"Z": {"Z a": "X0"}, "X": {"XX a-b @1": WRONG, "X a": "Z0", "X b": "Z1"}}),
    "cnot": Operation("cnot", {"Z": {"Z control": "X0", "Z target": "X1"}, "X": {"X control": "Z0", "X target": "Z1"}}),
}


@dataclass(frozen=True)
class Measured:
    """Counts of one operation, from as many shots in either basis."""

    operation: str
    distance: int
    seen: Mapping[Basis, Mapping[Fault, int]]  # failed shots by what went wrong
    shots: int  # in each basis

    @property
    def failures(self) -> int:
        """Failed shots of both bases."""
        return sum(sum(counts.values()) for counts in self.seen.values())

    @property
    def error(self) -> Estimate:
        """Probability of any error in one operation, with its exact 95 % interval.

        The sum of both bases' rates, never below the probability of either. Its interval is that of their mean,
        counted over all shots, which is rather too wide: two rates scatter less than their mean would (Hoeffding,
        Ann. Math. Stat. 27, 713 (1956)).
        """
        return error_per_shot(self.failures, 2 * self.shots).through(lambda mean: min(1.0, 2 * mean))

    @property
    def bounded(self) -> bool:
        """Whether no failure was seen, so that the upper bound is charged."""
        return self.failures == 0

    @property
    def charged(self) -> float:
        """What one operation is charged: its error, or where no failure was seen the upper bound."""
        return self.error.high if self.bounded else self.error.value

    @property
    def faults(self) -> tuple[Mapping[Fault, float], ...]:
        """For each basis the probability of each fault; of all alike where no failure was seen and the bound stands."""
        if not self.bounded:
            return tuple({fault: k / self.shots for fault, k in sorted(self.seen[b].items())} for b in BASES)
        rate = error_per_shot(0, 2 * self.shots).high
        every = [_every(list(OPERATIONS[self.operation].meaning[b].values())) for b in BASES]
        return tuple(dict.fromkeys(faults, rate / len(faults)) for faults in every)


def _every(single: list[str]) -> list[Fault]:
    chosen = [[one for i, one in enumerate(single) if number >> i & 1] for number in range(1, 2 ** len(single))]
    return [tuple(sorted(some)) for some in chosen]


@dataclass(frozen=True)
class Bench:
    """On what operations are measured."""

    distance: int
    hardware: Hardware
    decoder: sinter.Decoder

    def measure(self, names: Iterable[str], *, failures: int, shots: int, key: Key) -> dict[str, Measured]:
        """Measure each of `names` in both bases until `failures` shots failed, or in `shots` of each.

        Raises:
            BadInput: no such operation, fewer than 1 failure or shot, a distance that no program has, or a decoder
                that gives no answer.
        """
        if failures < 1 or shots < 1:
            raise BadInput(f"{failures} failures in at most {shots} shots were asked for: give 1 or more of each")
        found: dict[str, Measured] = {}
        for name in names:
            if name not in OPERATIONS:
                raise BadInput(f"operation '{name}' is not known: measure one of {', '.join(OPERATIONS)}")
            found[name] = self._measure(name, failures, shots, fold_in(key, name))
        return found

    def _measure(self, name: str, failures: int, shots: int, key: Key) -> Measured:
        # One key for both bases, whose gates are the same: one machine.
        cells = [_Cell(self, OPERATIONS[name], basis, fold_in(key, "machine")) for basis in BASES]
        seen: dict[Basis, Counter[Fault]] = {basis: Counter() for basis in BASES}
        done = 0
        while done < shots and sum(counts.total() for counts in seen.values()) < failures:
            batch = min(BATCH, shots - done)
            for cell in cells:
                seen[cell.basis] += cell.run(batch, fold_in(key, cell.basis, done))
            done += batch
        return Measured(name, self.distance, {basis: dict(counts) for basis, counts in seen.items()}, done)


class _Cell:
    """One program in one basis, ready to be sampled and decoded."""

    def __init__(self, bench: Bench, operation: Operation, basis: Basis, key: Key) -> None:
        surgery = PROGRAMS[operation.program](basis).compile(bench.distance)
        meaning = operation.meaning[basis]
        self.basis: Basis = basis
        self.meaning = [next(meaning[t] for t in meaning if t in one.terms) for one in surgery.observables]
        self.trial = Trial.of(*bench.hardware.run(native(surgery.circuit), key), bench.decoder)

    def run(self, shots: int, key: Key) -> Counter[Fault]:
        """Failed shots by what went wrong."""
        patterns = self.trial.run(shots, key).patterns
        return Counter(
            {
                tuple(sorted(one for i, one in enumerate(self.meaning) if pattern >> i & 1)): int(patterns[pattern])
                for pattern in range(1, patterns.size)
                if patterns[pattern]
            }
        )
