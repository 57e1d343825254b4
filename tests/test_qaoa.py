"""QAOA: the tree's energies against state vectors and closed forms, angles, gradients, circuits, warm starts."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from chances import alike
from ising import max_cut, random_ising

from counterpoint.base import BadInput
from counterpoint.circuits.qasm import read
from counterpoint.circuits.state import probabilities
from counterpoint.workloads.optimise import qaoa_state, tree, warm
from counterpoint.workloads.optimise.angles import Angles, interpolated, of_tree
from counterpoint.workloads.optimise.ising import Ising
from counterpoint.workloads.optimise.qaoa import Qaoa, chances, circuit, cvar, energies
from counterpoint.workloads.optimise.transfer import fixed, scale, transferred

PUBLISHED = (0.6925, 0.7559, 0.7924, 0.8169, 0.8364, 0.8499, 0.8598, 0.8674)  # arXiv:2107.00677, degree 3, p = 1 to 8


def some_angles(depth: int, seed: int) -> Angles:
    return Angles.of(np.random.default_rng(seed).uniform(-1, 1, 2 * depth))


def some_tilts(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.2, 3.0, n)


# The tree


@pytest.mark.parametrize("degree", [2, 3, 4, 7])
def test_one_layer_has_its_closed_form(degree):
    """Of graphs without triangles: 1/2 + sin(4 beta) sin(gamma) cos(gamma)^(D - 1) / 2."""
    for seed in range(5):
        angles = some_angles(1, seed)
        (gamma,), (beta,) = angles.gammas, angles.betas
        expected = 0.5 + np.sin(4 * beta) * np.sin(gamma) * np.cos(gamma) ** (degree - 1) / 2
        assert tree.cut_fraction(angles, degree) == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize(
    ("graph", "degree", "depth"),
    [
        (nx.cycle_graph(8), 2, 3),  # girth 8: its neighbourhoods are trees up to depth 3
        (nx.petersen_graph(), 3, 1),
        (nx.heawood_graph(), 3, 2),  # girth 6
        (nx.complete_bipartite_graph(4, 4), 4, 1),
    ],
    ids=["ring", "Petersen", "Heawood", "K44"],
)
def test_the_tree_is_every_edge_of_a_graph_of_large_girth(graph, degree, depth):
    problem, angles = max_cut(graph), some_angles(depth, 5)
    mean = chances(problem, angles) @ energies(problem)
    assert -mean / graph.number_of_edges() == pytest.approx(tree.cut_fraction(angles, degree), abs=1e-12)


def test_a_short_cycle_is_seen():
    """At depth 2 a graph of girth 5 is no tree, so that the tests above could fail."""
    problem, angles = max_cut(nx.petersen_graph()), of_tree(3, 2)
    mean = chances(problem, angles) @ energies(problem)
    assert abs(-mean / 15 - tree.cut_fraction(angles, 3)) > 1e-4


@pytest.mark.parametrize("depth", [2, 7])
def test_the_gradient_of_the_tree_is_that_of_finite_differences(depth):
    angles, step = some_angles(depth, 1), 1e-5
    value, slope = tree.gradient(angles, 3)
    assert value == pytest.approx(tree.cut_fraction(angles, 3), abs=1e-12)
    for i, unit in enumerate(np.eye(2 * depth) * step):
        up, down = (tree.gradient(Angles.of(angles.flat + sign * unit), 3)[0] for sign in (1, -1))
        assert slope.ravel()[i] == pytest.approx((up - down) / (2 * step), abs=1e-8)


def test_a_ring_reaches_what_is_proved():
    """(2 p + 1) / (2 p + 2): Farhi, Goldstone and Gutmann (arXiv:1411.4028) saw it, Mbeng et al. proved it."""
    for depth in (1, 2):
        found = tree.cut_fraction(tree.best(2, depth), 2)
        assert found == pytest.approx((2 * depth + 1) / (2 * depth + 2), abs=1e-9)


@pytest.mark.parametrize(("degree", "depth"), [(2, 2), (3, 1), (3, 4), (4, 3), (5, 2), (6, 1)])
def test_the_kept_angles_are_optima(degree, depth):
    """To the digits that are kept: the slope is below their rounding, times a curvature below 20."""
    _, slope = tree.gradient(of_tree(degree, depth), degree)
    assert np.abs(slope).max() < 1e-5


@pytest.mark.parametrize("depth", range(1, len(PUBLISHED) + 1))
def test_the_guaranteed_ratios_are_the_published_ones(depth):
    assert tree.cut_fraction(of_tree(3, depth), 3) == pytest.approx(PUBLISHED[depth - 1], abs=1e-4)


def test_optimising_again_gives_the_kept_angles():
    found = tree.best(3, 4)
    assert found.flat == pytest.approx(of_tree(3, 4).flat, abs=1e-5)


def test_interpolation_keeps_a_straight_schedule():
    """Its ends are kept, and what is in between lies on the same line; one layer is doubled."""
    assert interpolated(Angles((0.6,), (0.3,))) == Angles((0.6, 0.6), (0.3, 0.3))
    line = interpolated(Angles((1.0, 2.0, 3.0), (3.0, 2.0, 1.0)))
    assert line.gammas == pytest.approx((1, 5 / 3, 7 / 3, 3))
    assert line.betas == pytest.approx((3, 7 / 3, 5 / 3, 1))


# Angles of other problems


def test_fixed_angles_are_the_trees_by_the_weight():
    graph, kept = nx.heawood_graph(), of_tree(3, 3)
    assert fixed(max_cut(graph), 3) == kept
    heavy = fixed(max_cut(graph, 5.0), 3)
    assert np.multiply(heavy.gammas, 5) == pytest.approx(kept.gammas)
    assert heavy.betas == kept.betas
    assert chances(max_cut(graph, 5.0), heavy) == pytest.approx(chances(max_cut(graph), kept), abs=1e-12)


def test_transferred_angles_are_the_fixed_ones_where_these_are_known():
    for graph in (nx.heawood_graph(), nx.complete_bipartite_graph(4, 4), nx.cycle_graph(7)):
        assert transferred(max_cut(graph, 3.0), 2).flat == pytest.approx(fixed(max_cut(graph, 3.0), 2).flat)


def test_transfer_is_exact_at_one_layer():
    """A tree of degree 9, which is not kept: the best gamma is arctan(1 / sqrt(8))."""
    moved = transferred(max_cut(nx.complete_bipartite_graph(9, 9)), 1)
    assert moved.flat == pytest.approx(tree.best(9, 1).flat, abs=1e-5)


def test_transfer_follows_the_scale_of_a_problem():
    problem = random_ising(8, 3)
    twice = Ising(2 * problem.fields, problem.pairs, 2 * problem.couplings, problem.offset)
    assert scale(twice) == pytest.approx(2 * scale(problem))
    assert chances(twice, transferred(twice, 3)) == pytest.approx(chances(problem, transferred(problem, 3)), abs=1e-12)


def test_transferred_angles_help_on_weighted_problems():
    """On each of twenty, by more than a standard deviation of the energies of random assignments."""
    for seed in range(20):
        problem = random_ising(9, seed)
        table = energies(problem)
        assert chances(problem, transferred(problem, 3)) @ table < table.mean() - table.std()


# The state, its objective and gradient


def test_the_table_has_every_energy():
    problem = random_ising(7, 1)
    bits = (np.arange(2**7)[:, None] >> np.arange(7) & 1).astype(np.uint8)
    assert energies(problem) == pytest.approx(problem.energies(bits), abs=1e-12)


@pytest.mark.parametrize("share", [1.0, 0.2, 0.03])
def test_the_gradient_is_that_of_finite_differences(share):
    problem, angles, start, step = random_ising(6, 2), some_angles(3, 1), some_tilts(6, 1), 1e-6
    table = energies(problem)
    value, slope = qaoa_state.objective(table, angles, start, share)
    assert value == pytest.approx(cvar(table, chances(problem, angles, start), share), abs=1e-12)
    for i, unit in enumerate(np.eye(6) * step):
        up, down = (qaoa_state.objective(table, Angles.of(angles.flat + s * unit), start, share)[0] for s in (1, -1))
        assert slope[i] == pytest.approx((up - down) / (2 * step), abs=1e-7)


def test_the_tail_of_samples():
    values = np.array([3.0, -1.0, 2.0, 0.0])
    assert cvar(values, np.ones(4), 1.0) == pytest.approx(1.0)
    assert cvar(values, np.ones(4), 0.5) == pytest.approx(-0.5)
    assert cvar(values, np.ones(4), 0.375) == pytest.approx((-1 + 0.5 * 0) / 1.5)
    assert cvar(values, np.array([0, 0.2, 0.3, 0.5]), 0.1) == pytest.approx(-1.0)


def test_one_variable_with_a_field_is_solved():
    """A turn of a single qubit reaches the better of two assignments."""
    problem = Ising(np.array([-1.5]), np.zeros((0, 2), np.int64), np.zeros(0))
    bits, _ = Qaoa(1, "optimised").sample(problem, 1_000, (1,))
    assert not bits.any()


def test_optimised_angles_are_a_minimum_of_what_was_asked_for():
    problem = random_ising(6, 4)
    table = energies(problem)
    for share in (1.0, 0.25):
        best, start = Qaoa(2, "optimised", cvar=share).prepared(problem, (1,))
        value, slope = qaoa_state.objective(table, best, start, share)
        assert value < qaoa_state.objective(table, transferred(problem, 2), start, share)[0]
        if share == 1:  # a share has kinks, at which a slope need not vanish
            assert np.abs(slope).max() < 1e-4


# Circuits


@pytest.mark.parametrize("tilted", [False, True])
def test_the_circuit_gives_the_states_chances(tilted):
    problem, angles = random_ising(6, 7), some_angles(2, 7)
    start = some_tilts(6, 7) if tilted else None
    text = circuit(problem, angles, start)
    assert probabilities(read(text), range(6)) == pytest.approx(chances(problem, angles, start), abs=1e-12)


def test_samples_follow_the_exact_chances():
    problem = random_ising(6, 8)
    solver, key = Qaoa(2), (4,)
    angles, _ = solver.prepared(problem, key)
    bits, bill = solver.sample(problem, 20_000, key)
    assert bits.dtype == np.uint8
    assert alike(bits, chances(problem, angles))
    assert bill.shots == 20_000
    assert bill.simulation > 0
    assert bill.machine == 0
    again, _ = solver.sample(problem, 20_000, key)
    assert (bits == again).all()


def test_a_machine_gets_the_circuit_and_gives_the_bits():
    problem = random_ising(5, 9)
    solver = Qaoa(1, warm=0.2, angles=some_angles(1, 9))
    asked = []

    def run(text, shots, key):
        asked.append((text, shots))
        table = probabilities(read(text), range(5))
        drawn = np.random.default_rng(key).choice(32, shots, p=table)
        return (drawn[:, None] >> np.arange(5) & 1).astype(bool)

    bits, bill = solver.sample(problem, 20_000, (2,), run)
    angles, start = solver.prepared(problem, (2,))
    assert asked == [(circuit(problem, angles, start), 20_000)]
    assert alike(bits, chances(problem, angles, start))
    assert bill.simulation == 0
    assert bill.processor > 0


# The warm start


def test_a_warm_start_without_layers_to_speak_of_is_the_relaxed_solution():
    problem = random_ising(7, 2)
    start = warm.tilts(problem, 0.1, (1,))
    ones = (np.arange(2**7)[:, None] >> np.arange(7) & 1).T @ chances(problem, Angles((0.0,), (0.0,)), start)
    assert ones == pytest.approx(np.clip(warm.relaxed(problem, (1,)), 0.1, 0.9), abs=1e-12)


def test_the_mixer_leaves_a_warm_start_as_it_is():
    problem, start = random_ising(5, 3), some_tilts(5, 3)
    still = chances(problem, Angles((0.0, 0.0), (0.7, -0.3)), start)
    assert still == pytest.approx(chances(problem, Angles((0.0,), (0.0,)), start), abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_the_relaxed_solution_rounds_to_the_optimum_where_nothing_is_frustrated(seed):
    """A bipartite graph is cut whole, and of a tree of any weights the relaxation is exact."""
    for graph in (nx.heawood_graph(), nx.random_labeled_tree(12, seed=seed)):
        problem = max_cut(graph)
        bits = (warm.relaxed(problem, (seed,)) > 0.5).astype(np.uint8)
        assert problem.energies(bits[None])[0] == -graph.number_of_edges()


def test_a_field_says_which_way_round():
    problem = Ising(np.array([0.0, 0.1, 0.0]), np.array([[0, 1], [1, 2]]), np.array([1.0, 1.0]))
    assert (warm.relaxed(problem, (1,)) > 0.5).tolist() == [False, True, False]


# What is refused


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Qaoa(0), "depth 0 was given with angles of depth 0"),
        (lambda: Qaoa(2, some_angles(3, 1)), "depth 2 was given with angles of depth 3"),
        (lambda: Qaoa(2, "optimised", cvar=0.0), "a share of 0 of the energies"),
        (lambda: Qaoa(2, "optimised", cvar=float("nan")), "a share of nan"),
        (lambda: Qaoa(2, cvar=0.5), "no angles are optimised"),
        (lambda: Qaoa(2, "fixed", warm=0.2), r"warm start was asked for with fixed angles"),
        (lambda: Angles((0.1,), ()), "1 angles gamma and 0 angles beta"),
        (lambda: Angles((float("inf"),), (0.0,)), "finite numbers of radians"),
        (lambda: tree.best(1, 1), "a tree of degree 1"),
        (lambda: tree.best(3, 99), "depth 99 was asked for"),
        (lambda: of_tree(30, 1), "angles of degree 30 were asked for"),
        (lambda: of_tree(3, 40), "angles of depth 40 were asked for and those of degree 3 are kept up to 11"),
        (
            lambda: transferred(random_ising(5, 1), 40),
            "angles of depth 40 were asked for and 11 is the most: give --depth 1 to 11",
        ),
        (lambda: fixed(random_ising(5, 1), 1), "fixed angles are those of regular graphs of equal weights"),
        (lambda: fixed(max_cut(nx.path_graph(3)), 1), "degrees 1 to 2"),
        (lambda: warm.tilts(random_ising(5, 1), 0.6, (1,)), "epsilon 0.6"),
        (lambda: Qaoa(1).sample(random_ising(5, 1), 0, (1,)), "0 shots were asked for"),
        (lambda: Qaoa(1).sample(random_ising(25, 1), 1, (1,)), "a problem of 25 variables"),
        (lambda: Qaoa(1, some_angles(1, 1)).sample(random_ising(0, 1), 1, (1,)), "a problem of 0 variables"),
        (lambda: Qaoa(1, "optimised").prepared(random_ising(25, 1), (1,)), "a problem of 25 variables"),
        (lambda: transferred(Ising(np.zeros(3), np.zeros((0, 2), int), np.zeros(0)), 1), "all fields and couplings"),
        (lambda: scale(Ising(np.array([1e308]), np.zeros((0, 2), int), np.zeros(0))), "when it is doubled"),
        (lambda: Qaoa(1).sample(random_ising(5, 1), 3, (1,), lambda *_: np.zeros((3, 4))), r"bits of shape \(3, 4\)"),
    ],
)
def test_what_cannot_be_used_is_refused(make, message):
    with pytest.raises(BadInput, match=message):
        make()


def test_a_machine_takes_more_variables_than_a_state_vector():
    problem = random_ising(40, 1)
    bits, _ = Qaoa(2).sample(problem, 3, (1,), lambda text, shots, key: np.zeros((shots, 40), bool))
    assert bits.shape == (3, 40)
