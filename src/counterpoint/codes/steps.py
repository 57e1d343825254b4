"""The steps of a program of lattice surgery, and which of them can be run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from counterpoint.base import BadInput
from counterpoint.codes.frame import Basis

Cell = tuple[int, int]  # column, row


@dataclass(frozen=True)
class Step:
    """What happens in d rounds, by the patches' names."""

    begin: Mapping[str, Basis] = field(default_factory=dict)  # prepared before the first round
    turn: Sequence[str] = ()  # an H on every data qubit: the logical H, after which X and Z checks are exchanged
    paulis: Mapping[str, str] = field(default_factory=dict)  # "X", "Z" or "XZ", applied to the data qubits
    merge: Sequence[Sequence[str]] = ()  # each group neighbours in one line; split after the last round
    end: Mapping[str, Basis] = field(default_factory=dict)  # measured with the last round


def line(cells: Mapping[str, Cell], group: Sequence[str]) -> Basis:
    """What merging `group` measures: Z of patches in one column, X of patches in one row."""
    return "Z" if len({cells[q][0] for q in group}) == 1 else "X"


def check_steps(name: str, cells: Mapping[str, Cell], steps: Sequence[Step]) -> None:
    """Raises BadInput where `steps` cannot be run on patches in `cells`."""
    taken: dict[Cell, str] = {}
    for qubit, cell in cells.items():
        if cell in taken:
            raise BadInput(f"patches '{taken[cell]}' and '{qubit}' overlap in cell {cell}: give each a cell of its own")
        taken[cell] = qubit
    alive: set[str] = set()
    turned: set[str] = set()
    for number, step in enumerate(steps, 1):
        where = f"step {number} of program '{name}'"
        merged: set[str] = set()
        for qubit in [*step.begin, *step.turn, *step.paulis, *step.end, *(q for group in step.merge for q in group)]:
            if qubit not in cells:
                raise BadInput(f"{where} names patch '{qubit}', and the grid has {', '.join(cells)}: name these")
        for qubit in step.begin:
            if qubit in alive:
                raise BadInput(f"{where} prepares patch '{qubit}', which is in use: measure it first")
        alive |= step.begin.keys()
        turned = (turned - step.begin.keys()) ^ set(step.turn)
        for qubit in [*step.turn, *step.paulis, *(q for group in step.merge for q in group), *step.end]:
            if qubit not in alive:
                raise BadInput(f"{where} uses patch '{qubit}', which was measured or never prepared: prepare it first")
        for group in step.merge:
            _check_seams(cells, group, where)
            if again := merged & set(group):
                raise BadInput(f"{where} merges patch '{min(again)}' twice: merge 1 group at a time")
            if away := turned & set(group):
                raise BadInput(
                    f"{where} merges patch '{min(away)}', whose borders an H has exchanged: turn it back by another H"
                )
            merged |= set(group)
        alive -= step.end.keys()
    if alive:
        raise BadInput(f"program '{name}' ends with patch '{min(alive)}' in use: measure it in its last step")


def _check_seams(cells: Mapping[str, Cell], group: Sequence[str], where: str) -> None:
    if len(group) < 2:
        raise BadInput(f"{where} merges {len(group)} patch: name 2 or more")
    for a, b in pairwise(group):
        (x, y), (u, v) = cells[a], cells[b]
        if abs(x - u) + abs(y - v) != 1:
            raise BadInput(
                f"{where} merges '{a}' in cell {x, y} with '{b}' in cell {u, v}, and no seam lies between them: "
                "merge neighbours in a row or a column"
            )
    columns, rows = zip(*(cells[q] for q in group), strict=True)
    if min(len(set(columns)), len(set(rows))) > 1:
        raise BadInput(f"{where} merges {', '.join(group)} around a corner: merge patches of one row or one column")
