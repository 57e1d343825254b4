"""QUBO and Ising problems as JSON."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Literal

import numpy as np

from counterpoint.base import BadInput, Floats
from counterpoint.workloads.optimise.ising import Ising

FORMS = (
    'QUBO {"linear": {"a": 1}, "quadratic": {"a,b": -2}, "offset": 0}, a square matrix Q of x Q x as [[...]] or '
    '{"matrix": [[...]]}, or Ising {"h": {"a": 1}, "J": {"a,b": -2}, "offset": 0}'
)

Found = tuple[Literal["qubo", "ising"], tuple[str, ...], Ising]


def read_json(text: str, name: str) -> Found:
    """Kind, names of the variables and the Ising problem of one of `FORMS`; the objective is to be small.

    QUBO is over x in {0, 1}, Ising over s in {1, -1} with energy offset + sum h s + sum J s s'; `linear`, `h` and
    `offset` may be left out, and terms that are 0 are. Names are in order of appearance, a matrix's are 0, 1, ...

    Raises BadInput where it is not of these forms, and where a term is there twice, or is not a finite number.
    """
    try:
        given = json.loads(text, object_pairs_hook=lambda pairs: _once(pairs, name))
    except (ValueError, RecursionError) as error:
        raise (
            error if isinstance(error, BadInput) else BadInput(f"{name} is not JSON ({error}): give {FORMS}")
        ) from None
    if isinstance(given, dict) and "matrix" in given and len(given) == 1:
        given = given["matrix"]
    if isinstance(given, list):
        matrix = _matrix(given, name)
        names = tuple(map(str, range(len(matrix))))
        upper = np.triu(matrix, 1) + np.tril(matrix, -1).T
        pairs = np.argwhere(upper)
        return "qubo", names, qubo(np.diag(matrix).copy(), pairs, upper[pairs[:, 0], pairs[:, 1]])
    for kind, one, two in (("qubo", "linear", "quadratic"), ("ising", "h", "J")):
        if isinstance(given, dict) and two in given and set(given) <= {one, two, "offset"}:
            return _named(given.get(one, {}), given[two], _number(given.get("offset", 0), "offset", name), name, kind)
    if not isinstance(given, dict):
        raise BadInput(f"{name} is a {type(given).__name__}: give {FORMS}")
    for one, two in (("linear", "quadratic"), ("h", "J")):
        if one in given and two not in given:
            raise BadInput(f"{name} has '{one}' and no '{two}' to join its variables: give {FORMS}")
    keys = ", ".join(map(repr, given))
    raise BadInput(f"{name} has {f'the keys {keys}' if keys else 'no keys'}: give {FORMS}")


def qubo(linear: Floats, pairs: np.ndarray, quadratic: Floats, offset: float = 0.0) -> Ising:
    """The Ising problem with the same values: sum a_i x_i + sum b_k x x' + offset, with x = (1 - s) / 2."""
    with np.errstate(over="ignore", invalid="ignore"):
        fields = -linear / 2
        for end in (0, 1):
            np.add.at(fields, pairs[:, end], -quadratic / 4)
        total = offset + float(linear.sum()) / 2 + float(quadratic.sum()) / 4
    return Ising(fields, pairs, quadratic / 4, total)


def _named(linear: Any, quadratic: Any, offset: float, name: str, kind: Literal["qubo", "ising"] | str) -> Found:
    """The form with names."""
    if not (isinstance(linear, dict) and isinstance(quadratic, dict)):
        raise BadInput(f"{name} gives its terms as a {type(quadratic).__name__}: give {FORMS}")
    joined: dict[tuple[str, str], float] = {}
    for key, value in quadratic.items():
        ends = [part for part in re.split(r"[,\s]+", key) if part]
        if len(ends) != 2 or ends[0] == ends[1]:
            raise BadInput(f"{name} has the pair '{key}': write two different names, such as \"a,b\"")
        a, b = ends
        if (a, b) in joined or (b, a) in joined:
            raise BadInput(f"{name} has the pair {a}, {b} twice: give it once, with the sum as its weight")
        joined[a, b] = _number(value, key, name)
    names = tuple(dict.fromkeys([*linear, *(end for pair in joined for end in pair)]))
    number = {one: i for i, one in enumerate(names)}
    first = np.zeros(len(names))
    for one, value in linear.items():
        first[number[one]] = _number(value, one, name)
    kept = {pair: w for pair, w in joined.items() if w}
    pairs = np.array([sorted((number[a], number[b])) for a, b in kept], np.int64).reshape(-1, 2)
    weights = np.array(list(kept.values()), np.float64)
    if kind == "ising":
        return "ising", names, Ising(first, pairs, weights, offset)
    return "qubo", names, qubo(first, pairs, weights, offset)


def _matrix(rows: list[Any], name: str) -> Floats:
    for row in rows:
        if not isinstance(row, list):
            raise BadInput(f"{name} is a list in which {json.dumps(row)[:40]} is no row of a matrix: give {FORMS}")
    odd = next((i for i, row in enumerate(rows) if len(row) != len(rows)), None)
    if odd is not None or not rows:
        last = f", of which row {odd} has the length {len(rows[odd])}" if odd is not None else ""
        raise BadInput(f"{name} has a matrix of {len(rows)} rows{last}: give a square one")
    return np.array([[_number(value, f"{i},{j}", name) for j, value in enumerate(row)] for i, row in enumerate(rows)])


def _number(value: Any, key: str, name: str) -> float:
    try:
        number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise BadInput(f"{name}: the weight of '{key}' is {str(value)[:40]}: give a finite number")
    return number


def _once(pairs: list[tuple[str, Any]], name: str) -> dict[str, Any]:
    """An object, none of whose keys is there twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in found if keys.count(key) > 1)
        raise BadInput(f"{name} has '{twice}' twice in one object: give it once")
    return found
