"""Optimisation problems in common files: edge lists and DIMACS graphs, which become Max-Cut, and QUBO or Ising JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from counterpoint.base import BadInput, Bits
from counterpoint.workloads.optimise.ising import Ising
from counterpoint.workloads.optimise.quadratic import read_json

MOST = 2_000  # variables: solvers here keep their couplings as a square matrix
FORMS = 'an edge list with lines "a b [weight]", DIMACS, or JSON with a QUBO or an Ising problem'

Kind = Literal["max-cut", "qubo", "ising"]
Edges = Mapping[tuple[str, str], float]

_DIMACS = re.compile(r"^p\s+(edge|col|max-?cut|mc|cut)\s+(\d+)\s+(\d+)\s*$", re.MULTILINE)
_OTHER = re.compile(r"^p\s+(\S+)\s+\d+\s+\d+\s*$", re.MULTILINE)  # such as p cnf


@dataclass(frozen=True, eq=False)
class Problem:
    """A problem as a person gave it, and as the Ising problem that solvers minimise."""

    name: str
    kind: Kind
    names: tuple[str, ...]  # (n,) of the variables, in the order of the bits
    ising: Ising

    def value(self, energy: float) -> float:
        """What a person asked for: the weight of the cut, which is to be large, else the energy, to be small."""
        return -energy if self.kind == "max-cut" else energy

    def answer(self, bits: Bits) -> dict[str, int]:
        """The values of the variables by name: 0 or 1, of an Ising problem the spins 1 or -1."""
        values = 1 - 2 * bits.astype(int) if self.kind == "ising" else bits
        return dict(zip(self.names, map(int, values), strict=True))


def read_problem(file: Path) -> Problem:
    """The problem in a file, told by its content; edges and couplings of weight 0 are left out.

    Raises:
        BadInput: it cannot be read or is of another kind; it has fewer than 2 variables or more than 2,000, edges
            twice or from a vertex to itself, weights that are not finite; or it falls apart.
    """
    if not file.is_file():
        raise BadInput(f"{file} {'is a folder: give a file' if file.is_dir() else 'does not exist: check the path'}")
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file} cannot be read as text ({error}): give {FORMS}") from None
    name = file.name
    if text.lstrip()[:1] in ("{", "["):
        kind, names, ising = read_json(text, name)
        return checked(Problem(name, kind, names, ising))
    if other := _OTHER.search(text):
        if not _DIMACS.search(text):
            raise BadInput(f"{name} is DIMACS of the kind '{other[1]}': give p edge, p col or p max-cut")
        return max_cut(name, *_dimacs(text, name))
    return max_cut(name, *_edge_list(text, name))


def max_cut(name: str, names: Sequence[str], edges: Edges) -> Problem:
    """Max-Cut of a graph: each edge whose ends differ gives its weight. Raises BadInput as `read_problem`."""
    kept = {pair: w for pair, w in edges.items() if w}
    number = {vertex: i for i, vertex in enumerate(names)}
    pairs = np.array([sorted((number[a], number[b])) for a, b in kept], np.int64).reshape(-1, 2)
    with np.errstate(over="ignore"):
        weights = np.array(list(kept.values()), np.float64)
        ising = Ising(np.zeros(len(names)), pairs, weights / 2, -float(weights.sum()) / 2)
    return checked(Problem(name, "max-cut", tuple(names), ising))


def checked(problem: Problem) -> Problem:
    """The same, where it can be solved as a whole. Raises BadInput where it has too few or many variables, or parts."""
    n, pairs = problem.ising.size, problem.ising.pairs
    if not 2 <= n <= MOST:
        raise BadInput(f"{problem.name} has {n:,} {'variable' if n == 1 else 'variables'}: give 2 to {MOST:,}")
    joined = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    count, part = connected_components(joined, directed=False)
    if count > 1:
        parts = [[problem.names[i] for i in np.flatnonzero(part == k)] for k in range(min(count, 3))]
        told = " | ".join(", ".join(one[:4]) + (f" and {len(one) - 4} more" if len(one) > 4 else "") for one in parts)
        raise BadInput(
            f"{problem.name} falls into {count:,} parts that nothing joins ({told}{' | ...' if count > 3 else ''}): "
            "give each part by itself, their answers stand side by side"
        )
    return problem


def _dimacs(text: str, name: str) -> tuple[Sequence[str], dict[tuple[str, str], float]]:
    """Vertices 1 to n and edges ``e a b [weight]``; of max-cut the weight is given.

    Of p edge and p col an edge may be repeated, as in graphs to be coloured that list both directions; p counts lines
    or edges.
    """
    heads = list(_DIMACS.finditer(text))
    if len(heads) > 1:
        raise BadInput(f"{name} has {len(heads)} lines that begin with p: give one problem in a file")
    n, m = int(heads[0][2]), int(heads[0][3])
    if n > MOST:
        raise BadInput(f"{name} has {n:,} variables: give a problem of 2 to {MOST:,}")
    names = [str(i) for i in range(1, n + 1)]
    edges: dict[tuple[str, str], float] = {}
    lines = [(at, words) for at, words in _lines(text, "c") if words[0] != "p"]
    for at, words in lines:
        words = words[1:] if words[0] in ("e", "a") else words
        _add(edges, words, name, at, repeats=heads[0][1] in ("edge", "col"))
        for vertex in words[:2]:
            if not (vertex.isascii() and vertex.isdecimal() and 1 <= int(vertex) <= n and vertex[0] != "0"):
                raise BadInput(f"{name}, line {at}: vertex '{vertex}' is not one of 1 to {n}, which its p line allows")
    if m not in (len(edges), len(lines)):
        raise BadInput(f"{name} has {len(edges):,} edges and its p line says {m:,}: mend one of them")
    return names, edges


def _edge_list(text: str, name: str) -> tuple[Sequence[str], dict[tuple[str, str], float]]:
    """Lines ``a b [weight]``; a first line ``n m`` before m lines with weights is a head (vertices 1 to n)."""
    lines = _lines(text, "#%")
    counts = [len(words) for _, words in lines]
    head = len(lines) > 1 and counts[0] == 2 and set(counts[1:]) == {3} and all(w.isdecimal() for w in lines[0][1])
    if head:
        return _dimacs("\n".join([f"p mc {' '.join(lines[0][1])}", *(" ".join(w) for _, w in lines[1:])]), name)
    edges: dict[tuple[str, str], float] = {}
    for at, words in lines:
        _add(edges, words, name, at)
    return list(dict.fromkeys(vertex for pair in edges for vertex in pair)), edges


def _lines(text: str, comment: str) -> list[tuple[int, list[str]]]:
    """Number and words of each line that says something; a comment begins with one of the marks."""
    found = []
    for at, line in enumerate(text.splitlines(), 1):
        said = re.split("[#%]", line)[0] if "#" in comment else line
        words = said.split()
        if words and words[0] not in comment:
            found.append((at, words))
    return found


def _add(
    edges: dict[tuple[str, str], float], words: Sequence[str], name: str, at: int, *, repeats: bool = False
) -> None:
    """One more edge, in the order in which it was written; the same once more is nothing new where it `repeats`."""
    if len(words) not in (2, 3):
        raise BadInput(f"{name}, line {at} has {len(words)} {'word' if len(words) == 1 else 'words'}: give {FORMS}")
    a, b = words[:2]
    try:
        weight = float(words[2]) if len(words) == 3 else 1.0
    except ValueError:
        raise BadInput(f"{name}, line {at}: the weight '{words[2]}' is not a number: give {FORMS}") from None
    if not np.isfinite(weight):
        raise BadInput(f"{name}, line {at}: the weight of {a} {b} is {words[2]}: give a finite number")
    if a == b:
        raise BadInput(f"{name}, line {at}: an edge joins {a} with itself, which no cut can part: leave it out")
    if (known := edges.get((a, b), edges.get((b, a)))) is not None:
        if repeats and known == weight:
            return
        raise BadInput(f"{name}, line {at}: the edge {a} {b} is there twice: give it once, with the sum as its weight")
    edges[a, b] = weight
