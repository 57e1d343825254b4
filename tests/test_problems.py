"""Files of problems: round trips, values against their own definition, and one sentence for each fault."""

from __future__ import annotations

import json
import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from counterpoint.base import BadInput
from counterpoint.workloads.optimise.problems import MOST, Problem, read_problem

NAMES = st.text("abcdefghijklmnoqrstuvwxyz0123456789_-.", min_size=1, max_size=6)
WEIGHTS = st.floats(-1e6, 1e6).filter(lambda w: abs(w) > 1e-6)


@st.composite
def joined(draw: st.DrawFn) -> dict[tuple[str, str], float]:
    """Edges of a connected graph: a tree, and some more."""
    names = draw(st.lists(NAMES, min_size=2, max_size=7, unique=True))
    pairs = {(names[draw(st.integers(0, i - 1))], names[i]) for i in range(1, len(names))}
    more = st.tuples(st.sampled_from(names), st.sampled_from(names)).filter(lambda p: p[0] != p[1])
    for a, b in draw(st.lists(more, max_size=6)):
        if (b, a) not in pairs:
            pairs.add((a, b))
    return {pair: draw(WEIGHTS) for pair in sorted(pairs)}


def read(tmp_path: Path, text: str, name: str = "file.txt") -> Problem:
    file = tmp_path / name
    file.write_text(text)
    return read_problem(file)


def assignments(n: int) -> np.ndarray:
    return np.array(list(product((0, 1), repeat=n)), np.uint8)


def check_cut(found: Problem, edges: dict[tuple[str, str], float]) -> None:
    """Every assignment's cut by its definition, from the names in the answer."""
    assert found.kind == "max-cut"
    all_bits = assignments(len(found.names))
    for bits, energy in zip(all_bits, found.ising.energies(all_bits), strict=True):
        values = found.answer(bits)
        cut = sum(w for (a, b), w in edges.items() if values[a] != values[b])
        size = sum(map(abs, edges.values()))
        assert found.value(energy) == pytest.approx(cut, abs=1e-12 * size)


@settings(max_examples=40, deadline=None)
@given(joined())
def test_an_edge_list_is_the_cut_of_its_graph(tmp_path_factory, edges):
    folder = tmp_path_factory.mktemp("edges")
    lines = "\n".join(f"{a}  {b}\t{w!r}" for (a, b), w in edges.items())
    found = read(folder, f"# a graph\n\n{lines}\n% the end\n")
    assert set(found.names) == {end for pair in edges for end in pair}
    check_cut(found, edges)


@settings(max_examples=40, deadline=None)
@given(joined())
def test_dimacs_and_the_list_with_a_head_are_the_same_cut(tmp_path_factory, edges):
    folder = tmp_path_factory.mktemp("dimacs")
    names = sorted({end for pair in edges for end in pair})
    number = {name: str(i) for i, name in enumerate(names, 1)}
    same = {(number[a], number[b]): w for (a, b), w in edges.items()}
    lines = [f"{a} {b} {w!r}" for (a, b), w in same.items()]
    dimacs = f"c from a test\np max-cut {len(names)} {len(edges)}\n" + "\n".join(f"e {line}" for line in lines)
    check_cut(read(folder, dimacs, "graph.dimacs"), same)
    check_cut(read(folder, f"{len(names)} {len(edges)}\n" + "\n".join(lines)), same)


@settings(max_examples=40, deadline=None)
@given(joined(), st.lists(WEIGHTS, min_size=7, max_size=7), st.sampled_from([",", " ", ", "]))
def test_qubo_matrix_and_ising_have_their_values(tmp_path_factory, edges, linear, comma):
    folder = tmp_path_factory.mktemp("json")
    names = sorted({end for pair in edges for end in pair})
    first = dict(zip(names, linear, strict=False))
    second = {f"{a}{comma}{b}": w for (a, b), w in edges.items()}
    size = 1 + sum(map(abs, [*first.values(), *edges.values()]))
    number = {name: i for i, name in enumerate(names)}
    matrix = np.diag([first[name] for name in names])
    for (a, b), w in edges.items():
        matrix[number[a], number[b]] = w
    given_as = {
        "qubo": {"linear": first, "quadratic": second, "offset": 1.0},
        "ising": {"h": first, "J": second, "offset": 1.0},
    }
    for kind, form in given_as.items():
        found = read(folder, json.dumps(form), "file.json")
        assert found.kind == kind
        for bits in assignments(len(names))[:16]:
            values = found.answer(bits)
            wanted = 1.0 + sum(first[n] * values[n] for n in names)
            wanted += sum(w * values[a] * values[b] for (a, b), w in edges.items())
            assert found.value(found.ising.energies(bits[None])[0]) == pytest.approx(wanted, abs=1e-12 * size)
    for form in (matrix.tolist(), {"matrix": matrix.tolist()}):
        found = read(folder, json.dumps(form), "file.json")
        bits = assignments(len(names))
        wanted = np.einsum("ki,ij,kj->k", bits, matrix, bits)
        assert found.ising.energies(bits) == pytest.approx(wanted, abs=1e-12 * size)
        assert found.names == tuple(map(str, range(len(names))))


def test_weights_default_to_1_and_those_of_0_join_nothing(tmp_path):
    assert read(tmp_path, "a b\nb c\na c\n").ising.couplings.tolist() == [0.5, 0.5, 0.5]
    assert read(tmp_path, "p edge 3 2\ne 1 2\ne 2 3\n").names == ("1", "2", "3")
    assert len(read(tmp_path, "a b 1\nb c 2\na c 0\n").ising.pairs) == 2
    with pytest.raises(BadInput, match=re.escape("falls into 2 parts that nothing joins (a, b | c)")):
        read(tmp_path, "a b 1\nb c 0\n")


BAD = {
    "empty": ("# nothing\n", "has 0 variables: give 2 to 2,000"),
    "one variable": ('{"linear": {"a": 1}, "quadratic": {}}', "has 1 variable: give"),
    "parts": ("a b\nb c\nd e\n", "falls into 2 parts that nothing joins (a, b, c | d, e): give each part by itself"),
    "many parts": ("\n".join(f"a{i} b{i}" for i in range(9)), "9 parts that nothing joins (a0, b0 | a1, b1 | a2"),
    "a vertex alone": ("p edge 3 1\ne 1 2\n", "falls into 2 parts that nothing joins (1, 2 | 3)"),
    "self-loop": ("a b\na a\n", "line 2: an edge joins a with itself"),
    "double edge": ("a b 1\nb a 1\n", "line 2: the edge b a is there twice: give it once"),
    "NaN": ("a b nan\n", "the weight of a b is nan: give a finite number"),
    "infinite": ("a b 1e999\n", "the weight of a b is 1e999: give a finite number"),
    "overflow": ("a b 1e308\nb c 1e308\na c 1e308\n", "must be finite in double precision: scale them down"),
    "too small": ("a b 1e-320\nb c -1e-321\n", "the largest field or coupling of the spins is 4.99994e-321 and one"),
    "no weight": ("a b heavy\n", "the weight 'heavy' is not a number: give an edge list"),
    "prose": ("This is no graph at all.\n", "line 1 has 6 words: give an edge list with lines"),
    "another DIMACS": ("p cnf 3 2\n1 2 0\n", "is DIMACS of the kind 'cnf': give p edge, p col or p max-cut"),
    "two heads": ("p edge 2 1\np edge 2 1\ne 1 2\n", "has 2 lines that begin with p"),
    "too few edges": ("p edge 3 3\ne 1 2\ne 2 3\n", "has 2 edges and its p line says 3"),
    "vertex beyond": ("p edge 2 1\ne 1 3\n", "vertex '3' is not one of 1 to 2"),
    "vertex 0": ("p col 2 1\ne 0 1\n", "vertex '0' is not one of 1 to 2"),
    "too large": (f"p edge {MOST + 1} 1\ne 1 2\n", "has 2,001 variables"),
    "broken JSON": ("{", "is not JSON"),
    "deep JSON": ("[" * 100_000, "is not JSON"),
    "no keys": ("{}", "has no keys: give QUBO {"),
    "no rows": ("[]", "a matrix of 0 rows: give a square one"),
    "linear alone": ('{"linear": {"a": 1}}', "has 'linear' and no 'quadratic' to join its variables: give"),
    "h alone": ('{"h": {"a": 1}, "offset": 1}', "has 'h' and no 'J'"),
    "one word": ("a b\nhello\n", "line 2 has 1 word: give"),
    "repeated otherwise": ("p col 2 2\ne 1 2\ne 2 1 3\n", "line 3: the edge 2 1 is there twice"),
    "repeated cut": ("p max-cut 2 2\ne 1 2 1\ne 2 1 1\n", "line 3: the edge 2 1 is there twice"),
    "other keys": ('{"nodes": [], "links": []}', "has the keys 'nodes', 'links': give QUBO {"),
    "not square": ("[[1, 2], [3]]", "a matrix of 2 rows, of which row 1 has the length 1: give a square one"),
    "numbers alone": ("[1, 2]", "is a list in which 1 is no row of a matrix: give QUBO {"),
    "JSON NaN": ('{"linear": {"a": NaN}, "quadratic": {"a,b": 1}}', "the weight of 'a' is nan"),
    "JSON huge": ('{"quadratic": {"a,b": 1' + "0" * 400 + "}}", "give a finite number"),
    "JSON text": ('{"quadratic": {"a,b": "1"}}', "the weight of 'a,b' is 1: give a finite number"),
    "JSON true": ('{"quadratic": {"a,b": true}}', "the weight of 'a,b' is True"),
    "JSON list": ('{"quadratic": [1]}', "gives its terms as a list"),
    "pair of one": ('{"quadratic": {"a,a": 1}}', "has the pair 'a,a': write two different names"),
    "pair twice": ('{"quadratic": {"a,b": 1, "b,a": 1}}', "has the pair b, a twice"),
    "key twice": ('{"quadratic": {"a,b": 1, "a,b": 2}}', "has 'a,b' twice in one object"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_each_fault_gets_one_sentence_with_the_way_out(case, tmp_path):
    text, told = BAD[case]
    with pytest.raises(BadInput, match=re.escape(told)) as problem:
        read(tmp_path, text)
    assert "\n" not in str(problem.value)


def test_a_file_of_another_kind(tmp_path):
    (tmp_path / "picture.png").write_bytes(bytes(range(256)))
    for path, told in (
        (tmp_path / "picture.png", "cannot be read as text"),
        (tmp_path, "is a folder: give a file"),
        (tmp_path / "missing.txt", r"missing\.txt does not exist: check the path"),
    ):
        with pytest.raises(BadInput, match=told):
            read_problem(path)


@pytest.mark.parametrize("count", [3, 6])
@pytest.mark.parametrize("kind", ["edge", "col"])
def test_graphs_to_be_coloured_may_list_both_directions(tmp_path, kind, count):
    lines = "".join(f"e {a} {b}\ne {b} {a}\n" for a, b in ((1, 2), (2, 3), (1, 3)))
    found = read(tmp_path, f"p {kind} 3 {count}\n{lines}")
    check_cut(found, {("1", "2"): 1.0, ("2", "3"): 1.0, ("1", "3"): 1.0})
