"""The per-gate noise model: every gate of a circuit has an error rate of its own.

A circuit's faults are found once and written into a text template, which turns a vector of rates into
a noisy circuit in microseconds: an exploring epoch builds one for each candidate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
import stim

from counterpoint.base import Counts, Floats
from counterpoint.codes.faults import KINDS, Again, Fault, Gate, Kind, Step, faults_of, read


@dataclass(frozen=True)
class Template:
    """A circuit with a blank where each rate goes; compiled once, filled often."""

    gates: tuple[Gate, ...]  # G of them, whose rates may vary: by kind in the order of KINDS, then by qubits
    text: str
    blanks: tuple[int, ...]  # for each blank in `text`, the gate whose rate goes there

    @property
    def uses(self) -> Counts:
        """(G,) how often each gate stands in the text, in a REPEAT block once."""
        return np.bincount(self.blanks, minlength=len(self.gates)).astype(np.int64)

    def circuit(self, rates: Floats) -> stim.Circuit:
        """The circuit with each gate's error rate, `rates` (G,), nine digits each, put in its places.

        Rates must not exceed `MIXING`; stim raises ValueError where they do.
        """
        words = ["%.9g" % rate for rate in rates.tolist()]  # noqa: UP031 - twice as fast as format()
        # itemgetter gives a tuple for several blanks, for one the bare word: `%` takes either.
        chosen = itemgetter(*self.blanks)(words) if self.blanks else ()
        return stim.Circuit(self.text % chosen)


def compile_gates(
    circuit: stim.Circuit, kinds: Iterable[Kind] = KINDS, fixed: Mapping[Gate, float] | None = None
) -> Template:
    """Find the gates of `kinds` in a noiseless `circuit` and make its template.

    Gates in `fixed` get the rate given there once and for all, and no blanks. Raises BadInput where the
    circuit has noise already or an operation outside one- and two-qubit gates, resets and one-qubit
    measurements.
    """
    fixed = fixed or {}
    program = read(circuit, kinds)
    found = {fault.gate for fault in faults_of(program)} - fixed.keys()
    gates = tuple(sorted(found, key=lambda g: (KINDS.index(g.kind), g.qubits)))
    number = {gate: i for i, gate in enumerate(gates)}
    lines: list[str] = []
    blanks: list[int] = []

    def write(steps: Sequence[Step]) -> None:
        for step in steps:
            if isinstance(step, Fault) and step.gate in fixed:
                start = f"{step.channel}({fixed[step.gate]:.9g})"
                if lines and lines[-1].startswith(start):  # one line for all: shorter to read each time
                    lines[-1] += f" {step.targets}"
                else:
                    lines.append(f"{start} {step.targets}")
            elif isinstance(step, Fault):
                lines.append(step.template)
                blanks.append(number[step.gate])
            elif isinstance(step, Again):
                lines.append(f"REPEAT {step.count} {{")
                write(step.body)
                lines.append("}")
            else:
                lines.append(step.replace("%", "%%"))

    write(program)
    return Template(gates, "\n".join(lines), tuple(blanks))
