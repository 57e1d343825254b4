"""Edge colouring of a bipartite graph: which edges may share a layer of gates."""

from __future__ import annotations

import numpy as np

from counterpoint.base import Bits

Edge = tuple[int, int]


def colouring(matrix: Bits) -> list[list[Edge]]:
    """The nonzero entries (row, column) of `matrix` (m, n), parted into as few layers as there can be.

    No layer has two entries in one row or one column; there are as many as the fullest row or column has
    entries, which bipartite graphs allow (Kőnig, Math. Ann. 77, 453 (1916)). Edge by edge: where the two
    ends have no free colour in common, the path of the two colours from the column's end changes them.
    """
    rows, columns = matrix.shape
    if not matrix.any():
        return []
    degree = int(max(matrix.sum(axis=0, dtype=int).max(), matrix.sum(axis=1, dtype=int).max()))
    # Vertices: the rows, then the columns. Of each, its neighbour by every colour, -1 for none.
    neighbour = np.full((rows + columns, degree), -1).tolist()
    for row, column in np.argwhere(matrix).tolist():
        u, v = row, rows + column
        mine, other = neighbour[u].index(-1), neighbour[v].index(-1)
        if neighbour[v][mine] != -1:
            _swap(neighbour, v, mine, other)
        neighbour[u][mine], neighbour[v][mine] = v, u
    return [
        [(row, neighbour[row][colour] - rows) for row in range(rows) if neighbour[row][colour] != -1]
        for colour in range(degree)
    ]


def _swap(neighbour: list[list[int]], start: int, a: int, b: int) -> None:
    """Exchange colours a and b along the path from `start`, where b is free."""
    path = [start]
    colour = a
    while (following := neighbour[path[-1]][colour]) != -1:
        path.append(following)
        colour = b if colour == a else a
    for vertex in path:
        neighbour[vertex][a], neighbour[vertex][b] = neighbour[vertex][b], neighbour[vertex][a]
