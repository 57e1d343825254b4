"""CSS codes from their check matrices, and memory experiments of them.

Qubits are numbered: the n data qubits, then a measure qubit for each X check, then one for each Z check;
checks are numbered likewise, X checks first. R, RX, CX, M and MX alone are used, each layer ends with TICK.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import stim

from counterpoint.base import BadInput, Bits
from counterpoint.codes.colouring import colouring
from counterpoint.codes.frame import Basis
from counterpoint.codes.gf2 import beyond, inverse, kernel, product
from counterpoint.codes.rounds import check_memory, in_rounds

Place = tuple[float, float]


@dataclass(frozen=True, eq=False)
class CSSCode:
    """Checks, and a basis of logical operators: row i of either kind anticommutes with row i of the other alone."""

    x_checks: Bits  # (mx, n)
    z_checks: Bits  # (mz, n)
    x_logicals: Bits  # (k, n)
    z_logicals: Bits  # (k, n)
    places: tuple[Place, ...] = ()  # (x, y) of each qubit, measure qubits too; empty where they stand nowhere

    @property
    def n(self) -> int:
        """Number of data qubits."""
        return self.x_checks.shape[1]

    @property
    def k(self) -> int:
        """Number of logical qubits."""
        return len(self.x_logicals)

    @property
    def x_measures(self) -> range:
        """The measure qubits of the X checks."""
        return range(self.n, self.n + len(self.x_checks))

    @property
    def z_measures(self) -> range:
        """The measure qubits of the Z checks."""
        return range(self.x_measures.stop, self.x_measures.stop + len(self.z_checks))


def css_code(x_checks: Bits, z_checks: Bits, places: Iterable[Place] = ()) -> CSSCode:
    """The code of these checks, (mx, n) and (mz, n) zeros and ones, with logical operators found for it.

    `places`, where given, are the (x, y) of all n + mx + mz qubits. Checks may depend on each other.
    Raises BadInput where the shapes do not fit, an entry is neither 0 nor 1, a check acts on no qubit, two
    checks do not commute, or no logical qubit is left.
    """
    x, z = _zeros_and_ones("X", x_checks), _zeros_and_ones("Z", z_checks)
    if x.shape[1] != z.shape[1]:
        raise BadInput(
            f"X checks on {x.shape[1]} qubits were given with Z checks on {z.shape[1]}: "
            "give both as many columns as there are data qubits"
        )
    # Sums of uint8 would wrap at 256.
    overlaps = x.astype(np.int64) @ z.T.astype(np.int64)
    for i, j in np.argwhere(overlaps % 2)[:1].tolist():
        raise BadInput(
            f"X check {i} and Z check {j} overlap on {overlaps[i, j]} qubits, {_listed(x[i] & z[j])}, and so do not "
            "commute: let each X check share an even number of qubits with each Z check"
        )
    x_logicals, z_logicals = beyond(x, kernel(z)), beyond(z, kernel(x))
    if not len(x_logicals):
        raise BadInput(
            f"{len(x)} X checks and {len(z)} Z checks on {x.shape[1]} qubits leave k = 0 logical qubits, and a memory "
            "needs 1 or more: give fewer independent checks than qubits"
        )
    where = tuple(places)
    if where and len(where) != x.shape[1] + len(x) + len(z):
        raise BadInput(
            f"{len(where)} places were given for {x.shape[1] + len(x) + len(z)} qubits: give one to each data "
            "qubit, X check and Z check, or none at all"
        )
    pairing = product(x_logicals, np.ascontiguousarray(z_logicals.T))
    z_logicals = product(np.ascontiguousarray(inverse(pairing).T), z_logicals)
    return CSSCode(x, z, x_logicals, z_logicals, where)


def _zeros_and_ones(kind: str, checks: Bits) -> Bits:
    given = np.asarray(checks)
    if given.ndim != 2 or not given.shape[1]:
        raise BadInput(
            f"{kind} checks of shape {given.shape} were given: give a matrix with a row for each check and a column "
            "for each data qubit"
        )
    for i, j in np.argwhere((given != 0) & (given != 1))[:1].tolist():
        raise BadInput(f"{kind} check {i} has {given[i, j]} at qubit {j}: give 1 where it acts and 0 where not")
    for i in np.flatnonzero(~given.any(axis=1))[:1].tolist():
        raise BadInput(f"{kind} check {i} of {len(given)} acts on none of {given.shape[1]} qubits: leave it out")
    return given.astype(np.uint8)


def _listed(support: Bits) -> str:
    return ", ".join(map(str, np.flatnonzero(support).tolist()))


def memory(code: CSSCode, rounds: int, basis: Basis = "Z") -> stim.Circuit:
    """Noiseless memory experiment: prepare, `rounds` rounds of checks, measure all qubits.

    Each round measures all X checks, then all Z checks, which is a valid order for any code; the gates of
    either kind stand in as few layers as its Tanner graph allows. That order knows nothing of hook errors,
    so the circuit's distance may be smaller than the code's. Detectors have coordinates (x, y, t) of their
    check, or (number of its measure qubit, t) where the code has no places, t in rounds; observable i is
    logical operator i of `basis`. The bulk rounds are one REPEAT block. Raises BadInput for rounds < 1 or
    another basis.
    """
    x, z = code.x_measures, code.z_measures
    gates = [on("CX", ((x[i], q) for i, q in layer)) for layer in colouring(code.x_checks)]
    gates += [on("CX", ((q, z[i]) for i, q in layer)) for layer in colouring(code.z_checks)]
    data = range(code.n)

    def layers(first: bool, last: bool) -> list[str]:
        resets = on("RX", x) + on("R", z)
        results = on("MX", x) + on("M", z)
        return [
            resets + (on(RESET[basis], data) if first else ""),
            *gates,
            results + (on(MEASURE[basis], data) if last else ""),
        ]

    return assemble(code, rounds, basis, layers, range(len(x) + len(z)))


RESET = {"Z": "R", "X": "RX"}
MEASURE = {"Z": "M", "X": "MX"}


def on(gate: str, targets: Iterable[int] | Iterable[tuple[int, int]]) -> str:
    """A line of the circuit: `gate` on qubits or on pairs of them; nothing where there are none."""
    flat = " ".join(str(t) if isinstance(t, int) else f"{t[0]} {t[1]}" for t in targets)
    return f"{gate} {flat}\n" if flat else ""


def assemble(
    code: CSSCode, rounds: int, basis: Basis, layers: Callable[[bool, bool], list[str]], order: Sequence[int]
) -> stim.Circuit:
    """A memory experiment from the layers of its rounds, with detectors and observables as in `memory`.

    `layers(first, last)` gives the text of each layer of a round that is the first, the last, both or
    neither. A round measures each check once, in the sequence `order` of their numbers; the last one measures
    the data qubits after them, 0 to n - 1. Raises BadInput for rounds < 1 or another basis.
    """
    check_memory(rounds, basis)
    records = _Records(code, basis, order)

    def write(first: bool, last: bool) -> list[str]:
        text = ("" if first else "TICK\n") + "TICK\n".join(layers(first, last)) + records.detectors(first, last)
        return [text + records.finish() if last else text]

    places = [f"QUBIT_COORDS({x:g}, {y:g}) {i}" for i, (x, y) in enumerate(code.places)]
    return in_rounds(places, write, rounds)


class _Records:
    """Where each result stands among the records, and what is compared with what."""

    def __init__(self, code: CSSCode, basis: Basis, order: Sequence[int]) -> None:
        self.n = code.n
        self.measures = [*code.x_measures, *code.z_measures]
        self.coordinates = [code.places[q] if code.places else (q,) for q in self.measures]
        self.position = {check: i for i, check in enumerate(order)}
        own, logicals = (code.z_checks, code.z_logicals) if basis == "Z" else (code.x_checks, code.x_logicals)
        start = len(code.x_checks) if basis == "Z" else 0
        self.own = {start + i: np.flatnonzero(row).tolist() for i, row in enumerate(own)}  # known from the start
        self.logicals = [np.flatnonzero(row).tolist() for row in logicals]

    def _detector(self, check: int, offsets: Iterable[int]) -> str:
        place = "".join(f"{c:g}, " for c in self.coordinates[check])
        return f"DETECTOR({place}0) " + " ".join(f"rec[{o}]" for o in offsets) + "\n"

    def _record(self, check: int, rounds_ago: int, later: int) -> int:
        """Record offset of a check's result, with `later` measurements after its round's."""
        return self.position[check] - len(self.measures) * (rounds_ago + 1) - later

    def detectors(self, first: bool, last: bool) -> str:
        """Compare each check with the round before (in the first round, with its known value)."""
        later = self.n if last else 0
        lines = []
        for check in range(len(self.measures)):
            now, before = self._record(check, 0, later), self._record(check, 1, later)
            if not first:
                lines.append(self._detector(check, (now, before)))
            elif check in self.own:
                lines.append(self._detector(check, (now,)))
        zeros = "0, " * len(self.coordinates[0])
        return "".join(lines) + f"SHIFT_COORDS({zeros}1)\n"

    def finish(self) -> str:
        """The detectors that the data qubits' results close, and the observables."""
        lines = []
        for check, support in self.own.items():
            lines.append(self._detector(check, (*(q - self.n for q in support), self._record(check, 0, self.n))))
        for i, support in enumerate(self.logicals):
            lines.append(f"OBSERVABLE_INCLUDE({i}) " + " ".join(f"rec[{q - self.n}]" for q in support) + "\n")
        return "".join(lines)


def exact_readout(noisy: stim.Circuit, data: int) -> stim.Circuit:
    """The circuit with no flips of the results of qubits 0 to `data` - 1 in its last layer.

    Published circuits often read the data qubits out without noise, so that the last round stands for
    those that would follow it.
    """
    last = max((i + 1 for i in range(len(noisy)) if noisy[i].name == "TICK"), default=0)
    out = noisy[:last]
    for instruction in noisy[last:]:
        assert isinstance(instruction, stim.CircuitInstruction)  # a REPEAT block has its TICKs
        if not stim.gate_data(instruction.name).produces_measurements:
            out.append(instruction)
            continue
        for target in instruction.targets_copy():
            out.append(instruction.name, [target], [] if target.value < data else instruction.gate_args_copy())
    return out
