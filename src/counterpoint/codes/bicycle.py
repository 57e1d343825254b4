"""Bivariate bicycle codes from two polynomials (Bravyi et al., Nature 627, 778 (2024), arXiv:2308.07915).

With x and y the cyclic shifts of Z_ell and Z_m, polynomials A and B in them are matrices of size ell m, and
the checks are X: [A | B] and Z: [B^T | A^T] on a left and a right half of the data qubits. The monomial
x^i y^j has number i m + j within a half, and among the X and among the Z checks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import stim

from counterpoint.base import BadInput, Bits
from counterpoint.codes.css import MEASURE, RESET, CSSCode, Place, assemble, css_code, on
from counterpoint.codes.frame import Basis

Term = tuple[int, int]  # exponents of x and y
_FACTORS = re.compile(r"1|(?=[xy])(?P<x>x(\^(?P<i>-?\d+))?)? ?(?P<y>y(\^(?P<j>-?\d+))?)?")

# X checks act in layers 1 to 6 on a half of the data by a term of a polynomial, Z checks are acted on in layers
# 0 to 5 (table 5 of the paper, which counts layers and terms from 1).
_FROM_X = (("left", 1), ("right", 1), ("right", 0), ("right", 2), ("left", 0), ("left", 2))
_TO_Z = (("right", 0), ("right", 2), ("left", 0), ("left", 1), ("left", 2), ("right", 1))


@dataclass(frozen=True, eq=False)
class BicycleCode:
    """A bivariate bicycle code on the torus Z_ell x Z_m."""

    ell: int
    m: int
    a: tuple[Term, ...]  # in the order given, on which the schedule depends
    b: tuple[Term, ...]
    css: CSSCode


def bicycle_code(ell: int, m: int, a: str, b: str) -> BicycleCode:
    """The code of polynomials such as "x^3+y+y^2" on Z_ell x Z_m, with 2 ell m data qubits.

    Places are on a torus of 2 ell by 2 m: X checks at (2i, 2j), left data qubits at (2i + 1, 2j), right ones
    at (2i, 2j + 1), Z checks at (2i + 1, 2j + 1). Raises BadInput where a size is below 1, a polynomial
    cannot be read or has two equal terms, or no logical qubit is left.
    """
    if min(ell, m) < 1:
        raise BadInput(f"a bicycle code on a torus of {ell} by {m} was asked for: give two sizes of 1 or more")
    terms = polynomial(a, ell, m), polynomial(b, ell, m)
    left, right = (_matrix(t, ell, m) for t in terms)
    try:
        css = css_code(np.hstack([left, right]), np.hstack([right.T, left.T]), _places(ell, m))
    except BadInput as error:  # the checks commute by construction, so it can only be this
        raise BadInput(
            f"A = {a} and B = {b} on a torus of {ell} by {m} give k = 0 logical qubits, and a memory needs 1 or "
            "more: give other polynomials, or sizes for which these have a common factor"
        ) from error
    return BicycleCode(ell, m, *terms, css)


def polynomial(text: str, ell: int, m: int) -> tuple[Term, ...]:
    """The terms of a polynomial in x and y, exponents reduced by x^ell = y^m = 1, in their order.

    Raises BadInput for a term that cannot be read, or two that are equal, which would cancel.
    """
    terms: dict[Term, str] = {}
    for word in (word.strip() for word in text.split("+")):
        factors = _FACTORS.fullmatch(word)
        if factors is None:
            raise BadInput(
                f"the polynomial '{text}' has the term '{word}': write terms as 1, x, y^2 or x^3y^-1, joined by +"
            )
        i, j = (int(factors[power] or 1) if factors[letter] else 0 for letter, power in (("x", "i"), ("y", "j")))
        term = i % ell, j % m
        if term in terms:
            raise BadInput(
                f"the terms '{terms[term]}' and '{word}' of '{text}' are equal for x^{ell} = y^{m} = 1 and cancel: "
                "leave both out, or give a larger torus"
            )
        terms[term] = word
    return tuple(terms)


def _shifted(term: Term, ell: int, m: int) -> list[int]:
    """By number of a monomial, the number of its product with `term`."""
    return [(row + term[0]) % ell * m + (column + term[1]) % m for row in range(ell) for column in range(m)]


def _matrix(terms: Iterable[Term], ell: int, m: int) -> Bits:
    matrix = np.zeros((ell * m, ell * m), np.uint8)
    for term in terms:
        matrix[np.arange(ell * m), _shifted(term, ell, m)] = 1
    return matrix


def _places(ell: int, m: int) -> list[Place]:
    corners = ((1, 0), (0, 1), (0, 0), (1, 1))  # left, right, X checks, Z checks
    return [(2 * i + di, 2 * j + dj) for di, dj in corners for i in range(ell) for j in range(m)]


def memory(code: BicycleCode, rounds: int, basis: Basis = "Z") -> stim.Circuit:
    """Noiseless memory experiment in which a round takes the paper's eight layers.

    X and Z checks are measured side by side: Z checks are reset while the X checks of the round before are
    measured. Each data qubit is prepared just before its first gate. In the last round the Z checks' last
    gates wait for a layer, so that all qubits are measured together, as in the circuits of Müller et al.
    (arXiv:2506.01779).

    Detectors have coordinates (x, y, t) of their check, t in rounds; observable i is logical operator i of
    `basis`; the bulk rounds are one REPEAT block. Raises BadInput for polynomials of other than three terms,
    rounds < 1 or another basis.
    """
    if (len(code.a), len(code.b)) != (3, 3):
        raise BadInput(
            f"polynomials of {len(code.a)} and {len(code.b)} terms were given to a schedule for 3 and 3: schedule "
            "the code's checks by colouring, with css.memory"
        )
    size = code.ell * code.m
    # Of each half: its qubits, by which terms X checks meet it, by which (transposed) Z checks do.
    half = {"left": (range(size), code.a, code.b), "right": (range(size, 2 * size), code.b, code.a)}
    x, z = code.css.x_measures, code.css.z_measures

    def from_x(layer: int) -> str:
        side, term = _FROM_X[layer - 1]
        data, terms, _ = half[side]
        return on("CX", ((x[i], data[j]) for i, j in enumerate(_shifted(terms[term], code.ell, code.m))))

    def to_z(layer: int) -> str:
        side, term = _TO_Z[layer]
        data, _, terms = half[side]
        return on("CX", ((data[i], z[j]) for i, j in enumerate(_shifted(terms[term], code.ell, code.m))))

    def layers(first: bool, last: bool) -> list[str]:
        prepare, measure = RESET[basis], MEASURE[basis]
        before = [on(prepare, half["right"][0]) + on("R", z)] if first else []
        begin = on(prepare, half["left"][0]) if first else ""
        middle = [from_x(layer) + to_z(layer) for layer in range(1, 5)]
        if last:
            end = [from_x(5), from_x(6) + to_z(5), on("M", z) + on("MX", x) + on(measure, range(code.css.n))]
        else:
            end = [from_x(5) + to_z(5), from_x(6) + on("M", z), on("MX", x) + on("R", z)]
        return [*before, begin + on("RX", x) + to_z(0), *middle, *end]

    checks = len(x) + len(z)
    return assemble(code.css, rounds, basis, layers, [*range(len(x), checks), *range(len(x))])
