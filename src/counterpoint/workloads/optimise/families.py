"""Families of problems by name, such as ``regular:degree=3,n=8-16``: to see how a time grows with the size."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, final

import networkx as nx
import numpy as np

from counterpoint.base import BadInput, Key
from counterpoint.workloads.optimise.problems import MOST, Problem, max_cut

KINDS = ("regular", "weighted")
FORM = "write regular:degree=3,n=8-16 or weighted:degree=3,n=8-16"
SIZES = 5  # of a range, spread evenly


@final
@dataclass(frozen=True)
class Family:
    """Max-Cut of random regular graphs, connected: of weights 1, or weighted by the normal distribution.

    Raises BadInput for a degree below 2, and sizes that no graph has.
    """

    kind: Literal["regular", "weighted"] | str
    degree: int
    sizes: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise BadInput(f"family '{self.kind}' is not known: {FORM}")
        if self.degree < 2:
            raise BadInput(f"graphs of degree {self.degree} fall apart: give 2 or more")
        for n in self.sizes:
            if not self.degree < n <= MOST or n * self.degree % 2:
                raise BadInput(
                    f"no graph of degree {self.degree} has {n} vertices here: give more than {self.degree}, at most "
                    f"{MOST:,}, and an even number for an odd degree"
                )

    def problem(self, size: int, key: Key) -> Problem:
        """One of `size` vertices."""
        rng = np.random.default_rng(key)
        while True:
            graph = nx.random_regular_graph(self.degree, size, seed=int(rng.integers(2**31)))
            if nx.is_connected(graph):
                break
        pairs = [(str(a), str(b)) for a, b in sorted(map(sorted, graph.edges))]
        weights = np.ones(len(pairs)) if self.kind == "regular" else rng.normal(size=len(pairs))
        names = [str(i) for i in range(size)]
        return max_cut(f"{self.kind} {size}", names, dict(zip(pairs, weights.tolist(), strict=True)))


def family_named(text: str) -> Family | None:
    """The family that `text` names; None where it is not a name, a colon and a degree or sizes.

    A range of sizes is spread over at most 5 that are possible. Raises BadInput as `Family`, for a family that is not
    known, and where an option is missing or not a number.
    """
    kind, colon, rest = text.partition(":")
    if not colon or (kind not in KINDS and not re.match(r"(degree|n)=", rest)):
        return None
    if kind not in KINDS:
        raise BadInput(f"family '{kind}' is not known: {FORM}")
    options = dict(re.findall(r"(?:^|,)(\w+)=([\w-]+)(?=,|$)", rest))
    span = re.fullmatch(r"([0-9]+)(?:-([0-9]+))?", options.get("n", ""))
    whole = re.fullmatch(r"[0-9]{1,6}", options.get("degree", ""))
    if set(options) != {"degree", "n"} or len(rest.split(",")) != 2 or not whole or not span:
        raise BadInput(f"family '{text}' is not of the form that is known: {FORM}")
    degree, (low, high) = int(options["degree"]), (int(end) for end in (span[1], span[2] or span[1]))
    if high > MOST:
        raise BadInput(f"family '{text}' has up to {high:,} vertices and {MOST:,} are the most: {FORM}")
    possible = [n for n in range(low, high + 1) if degree < n and n * degree % 2 == 0]
    if len(possible) < 3:
        raise BadInput(
            f"family '{text}' has {len(possible)} of the 3 or more sizes that are needed to see a time grow (above the "
            f"degree, and even where that is odd): {FORM}"
        )
    at = np.unique(np.linspace(0, len(possible) - 1, SIZES).round().astype(int))
    return Family(kind, degree, tuple(possible[i] for i in at))
