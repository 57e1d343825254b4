"""Ising problems for several tests: drawn at random, and Max-Cut of graphs."""

from __future__ import annotations

from itertools import product

import networkx as nx
import numpy as np

from counterpoint.workloads.optimise.ising import Ising


def random_ising(n: int, seed: int, scale: float = 1.0, fields: bool = True) -> Ising:
    """Fields, half of them 0, and couplings of both signs on a random connected graph."""
    rng = np.random.default_rng(seed)
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n) if j == i + 1 or rng.random() < 0.4]
    given = np.where(rng.random(n) < 0.5, rng.normal(size=n), 0) if fields else np.zeros(n)
    couplings = rng.normal(size=len(pairs))
    return Ising(scale * given, np.array(pairs, np.int64).reshape(-1, 2), scale * couplings, 0.7 * scale)


def max_cut(graph: nx.Graph, weight: float = 1.0) -> Ising:
    """The energy of an assignment is minus the weight of its cut; `weight` is that of edges that have none."""
    edges = sorted((*sorted((a, b)), w) for a, b, w in graph.edges(data="weight", default=weight))
    weights = np.array([w for _, _, w in edges])
    pairs = np.array([(a, b) for a, b, _ in edges], np.int64)
    return Ising(np.zeros(len(graph)), pairs, weights / 2, -float(weights.sum()) / 2)


def every(n: int) -> np.ndarray:
    """(2^n, n) all assignments."""
    return np.array(list(product((0, 1), repeat=n)), np.uint8)
