"""Linear algebra over the field of two elements: matrices of zeros and ones, uint8, sums modulo 2."""

from __future__ import annotations

import numpy as np

from counterpoint.base import Bits


def reduced(matrix: Bits) -> tuple[Bits, list[int]]:
    """The reduced row echelon form of `matrix` (m, n) without its zero rows (r, n), and the r pivot columns."""
    rows = matrix.copy()
    pivots: list[int] = []
    for column in range(rows.shape[1]):
        below = np.flatnonzero(rows[len(pivots) :, column])
        if not below.size:
            continue
        here, found = len(pivots), len(pivots) + int(below[0])
        rows[[here, found]] = rows[[found, here]]
        others = np.flatnonzero(rows[:, column])
        rows[others[others != here]] ^= rows[here]
        pivots.append(column)
        if len(pivots) == len(rows):
            break
    return rows[: len(pivots)], pivots


def kernel(matrix: Bits) -> Bits:
    """A basis of the vectors v with matrix v = 0, for `matrix` (m, n) of rank r: (n - r, n)."""
    rows, pivots = reduced(matrix)
    free = np.setdiff1d(np.arange(matrix.shape[1]), pivots)
    basis = np.zeros((free.size, matrix.shape[1]), np.uint8)
    basis[np.arange(free.size), free] = 1
    basis[:, pivots] = rows[:, free].T
    return basis


def beyond(known: Bits, more: Bits) -> Bits:
    """The first rows of `more` (b, n) that enlarge what the rows of `known` (a, n) span, each in turn."""
    # Pivot columns of the transpose are the rows that depend on none before them.
    _, independent = reduced(np.ascontiguousarray(np.vstack([known, more]).T))
    return more[[i - len(known) for i in independent if i >= len(known)]]


def inverse(matrix: Bits) -> Bits:
    """The inverse of an invertible `matrix` (k, k)."""
    k = len(matrix)
    rows, pivots = reduced(np.hstack([matrix, np.eye(k, dtype=np.uint8)]))
    assert pivots == list(range(k))  # else it has none
    return rows[:, k:]


def product(left: Bits, right: Bits) -> Bits:
    """The matrix product (a, b) (b, c) modulo 2."""
    # Sums run in floats, which numpy multiplies fast and which hold these integers exactly.
    return (left.astype(np.float64) @ right.astype(np.float64) % 2).astype(np.uint8)
