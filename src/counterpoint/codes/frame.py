"""The Pauli frame of logical qubits: which logical measurements are certain, and from which results."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from counterpoint.base import BadInput

Basis = Literal["X", "Z"]
NONE: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Known:
    """A logical Pauli string whose sign is the parity of results."""

    paulis: frozenset[tuple[Basis, str]]  # such as ("X", "control"); both of a qubit for its Y
    results: frozenset[int]  # numbers of physical measurements
    terms: frozenset[str]  # the same parity, in logical measurements, for a person

    def __xor__(self, other: Known) -> Known:
        return Known(self.paulis ^ other.paulis, self.results ^ other.results, self.terms ^ other.terms)

    def anticommutes(self, other: Known) -> bool:
        """Whether they differ on an odd number of qubits."""
        turned = {("Z" if basis == "X" else "X", qubit) for basis, qubit in self.paulis}
        return len(turned & other.paulis) % 2 == 1


class Frame:
    """What is known of the logical state: as many independent commuting strings as there are qubits.

    Lattice surgery is, at the level of logical qubits, a stabiliser circuit with random outcomes. Corrections are not
    applied but kept in the frame (Knill, Nature 434, 39 (2005)): a measured string that the known ones generate must
    have the parity of their results; any other becomes known itself, in place of one that anticommutes with it
    (Gottesman, arXiv:quant-ph/9807006). Signs beyond results are not kept: no product here has a Y.
    """

    def __init__(self) -> None:
        self.known: list[Known] = []

    def prepare(self, qubit: str, basis: Basis) -> None:
        """A new qubit in the +1 state of X or Z."""
        self.known.append(Known(frozenset({(basis, qubit)}), NONE, frozenset()))

    def measure(self, basis: Basis, qubits: Iterable[str], results: Iterable[int], term: str) -> Known | None:
        """Measure the product of `basis` on `qubits`; `results` are the physical measurements that give it.

        Returns what must have even parity where the outcome was certain, None where it was random.
        """
        new = Known(frozenset((basis, q) for q in qubits), frozenset(results), frozenset({term}))
        against = [one for one in self.known if one.anticommutes(new)]
        if against:
            first = against[0]
            self.known = [one ^ first if one in against else one for one in self.known if one is not first]
            self.known.append(new)
            return None
        return self._certain(new)[0]

    def finish(self, qubit: str, basis: Basis, results: Iterable[int], term: str) -> Known | None:
        """As `measure` of one qubit, which is left out of the frame."""
        own = Known(frozenset({(basis, qubit)}), frozenset(results), frozenset({term}))
        parity = self.measure(basis, [qubit], results, term)
        if parity is None:
            rest = self.known[:-1]
        else:
            _, used = self._certain(own)
            rest = [one for i, one in enumerate(self.known) if i != used]
        self.known = [one ^ own if (basis, qubit) in one.paulis else one for one in rest]
        return parity

    def turn(self, qubit: str) -> None:
        """H of a qubit: its X and Z change places."""
        other: dict[Basis, Basis] = {"X": "Z", "Z": "X"}
        for i, one in enumerate(self.known):
            paulis = frozenset((other[basis] if q == qubit else basis, q) for basis, q in one.paulis)
            self.known[i] = replace(one, paulis=paulis)

    def correct(self, qubits: Iterable[str], basis: Basis, results: Iterable[int]) -> None:
        """Strings with `basis` on all of `qubits` change sign by `results`: what splitting them does."""
        whole = frozenset((basis, q) for q in qubits)
        extra = Known(frozenset(), frozenset(results), frozenset())
        self.known = [one ^ extra if whole <= one.paulis else one for one in self.known]

    def _certain(self, wanted: Known) -> tuple[Known, int]:
        """`wanted` times the known strings that make it, and one of these; the known strings are put in echelon form.

        Raises BadInput where they do not make it: a qubit was not prepared.
        """
        rows, pivots, parity, used = list(self.known), [], wanted, 0
        while rows:
            row = rows.pop()
            bit = min(row.paulis)
            rows = [one ^ row if bit in one.paulis else one for one in rows]
            if bit in parity.paulis:
                parity ^= row
                used = len(pivots)
            pivots.append(row)
        if parity.paulis:
            raise BadInput(f"{sorted(wanted.paulis)} was measured and not all of it was prepared: prepare it first")
        self.known = pivots
        return parity, used
