"""Costs as real circuits count them, and footprints: in closed form, and near published studies."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest
from chances import FALSE_ALARM, chances
from scipy.stats import norm

from counterpoint.base import BadInput
from counterpoint.circuits.circuit import Circuit, Operation
from counterpoint.explore.amplitude import Amplitude, estimate
from counterpoint.workloads.cost.footprint import FORMULA, Assumptions, footprint
from counterpoint.workloads.cost.logical_cost import (
    PUBLISHED,
    TUNED,
    Estimation,
    LogicalCost,
    Repeated,
    amplified,
    amplitude_estimation,
    counted,
    grover_iteration,
    ising_oracle,
    minimum_finding,
    qaoa,
    qaoa_layer,
    reflection,
    rotation_ts,
)

STATED = Assumptions()


# Logical costs


def complete_qaoa(n: int, layers: int, fields: bool) -> Circuit:
    """QAOA on a complete graph, n even, its couplings in n - 1 rounds (a tournament's)."""
    made = [Operation("h", (q,)) for q in range(n)]
    for _ in range(layers):
        for turn in range(n - 1):
            ring = [(turn + k) % (n - 1) for k in range(n - 1)]
            for a, b in [(n - 1, ring[0]), *((ring[k], ring[-k]) for k in range(1, n // 2))]:
                made += [Operation("cx", (a, b)), Operation("rz", (b,), (0.3,)), Operation("cx", (a, b))]
        made += [Operation("rz", (q,), (0.7,)) for q in range(n) if fields]
        made += [Operation("rx", (q,), (0.2,)) for q in range(n)]
    return Circuit(n, 0, tuple(made))


@pytest.mark.parametrize(("n", "layers", "fields"), [(2, 1, False), (4, 3, True), (6, 2, False)])
def test_qaoa_costs_what_its_circuit_counts(n: int, layers: int, fields: bool) -> None:
    couplings = n * (n - 1) // 2
    closed = qaoa(n, couplings, layers, 1e-6, fields=n if fields else 0)
    assert closed == counted(complete_qaoa(n, layers, fields), 1e-6)
    assert closed.ts == layers * (couplings + n + n * fields) * rotation_ts(1e-6)


def test_one_layer_without_couplings_is_its_mixer() -> None:
    assert qaoa_layer(3, 0, 2**-10) == LogicalCost(3, 0, 90, 30)


def test_gates_count_as_told() -> None:
    def cost(name: str, *angles: float) -> tuple[float, float, float]:
        qubits = {"cx": 2, "swap": 2, "cp": 2, "ccx": 3, "cswap": 3}.get(name, 1)
        found = counted(Circuit(3, 0, (Operation(name, tuple(range(qubits)), angles),)), 2**-10)
        return found.toffolis, found.ts, found.depth

    assert cost("x") == cost("swap") == cost("rz", 2 * math.pi) == cost("p", math.pi) == (0, 0, 0)
    assert cost("h") == cost("s") == cost("rx", -math.pi / 2) == (0, 0, 1)
    assert cost("t") == cost("p", math.pi / 4) == cost("rz", -3 * math.pi / 4) == (0, 1, 1)
    assert cost("cx") == (0, 0, 2)
    assert cost("ry", 0.1) == (0, 30, 30)
    assert cost("u", 0.1, 0.0, math.pi / 4) == (0, 31, 31)
    assert cost("ccx") == (1, 0, 1)
    assert cost("cswap") == (1, 0, 5)
    assert cost("cp", math.pi / 2) == (0, 3, 6)  # three turns by pi / 4, on two qubits, and two CX


def test_operations_wait_for_each_other_and_for_bits() -> None:
    made = (
        Operation("h", (0,)),
        Operation("measure", (0,), bit=0),
        Operation("t", (1,), condition=(0, 1)),
        Operation("barrier", (1, 2)),
        Operation("h", (2,)),
        Operation("reset", (0,)),
        Operation("h", (0,)),
    )
    assert counted(Circuit(3, 1, made), 0.1) == LogicalCost(3, 0, 1, 3)


def conjunction(a: int, b: int, out: int, measured: bool) -> list[Operation]:
    """A temporary AND undone: by measuring it in X and a CZ, or by the Toffoli that made it."""
    if not measured:
        return [Operation("ccx", (a, b, out))]
    fix = Operation("cz", (a, b), condition=(0, 1))
    return [Operation("h", (out,)), Operation("measure", (out,), bit=0), fix, Operation("reset", (out,))]


def addition(load: list[int], total: list[int], carries: list[int], measured: bool) -> list[Operation]:
    """`total` += `load` modulo 2^len(total), by Gidney's adder."""
    up: list[Operation] = []
    down: list[Operation] = []
    for i in range(len(total) - 1):
        if i:
            up += [Operation("cx", (carries[i - 1], load[i])), Operation("cx", (carries[i - 1], total[i]))]
        up.append(Operation("ccx", (load[i], total[i], carries[i])))
        undo = conjunction(load[i], total[i], carries[i], measured)
        if i:
            up.append(Operation("cx", (carries[i - 1], carries[i])))
            undo = [Operation("cx", (carries[i - 1], carries[i])), *undo, Operation("cx", (carries[i - 1], load[i]))]
        down = [*undo, Operation("cx", (load[i], total[i])), *down]
    return [*up, Operation("cx", (carries[-1], total[-1])), Operation("cx", (load[-1], total[-1])), *down]


def oracle(n: int, terms: dict[tuple[int, ...], int], threshold: int, bits: int, measured: bool) -> Circuit:
    """A Z on the sign of sum of weights of terms with odd parity, less the threshold; all else is undone."""
    width = (len(terms) * (2**bits - 1)).bit_length()
    total, load = [*range(n, n + width + 1)], [*range(n + width + 1, n + 2 * width + 2)]
    carries = [*range(n + 2 * width + 2, n + 3 * width + 2)]

    def set_to(value: int) -> list[Operation]:
        return [Operation("x", (q,)) for j, q in enumerate(total) if value >> j & 1]

    def add(sign: int) -> Iterator[Operation]:
        for variables, weight in list(terms.items())[::sign]:
            parity = [Operation("cx", pair) for pair in pairwise(variables)]
            number = sign * weight % 2 ** (width + 1)
            loads = [Operation("cx", (variables[-1], q)) for j, q in enumerate(load) if number >> j & 1]
            yield from [*parity, *loads, *addition(load, total, carries, measured), *loads, *reversed(parity)]

    start = set_to(-threshold % 2 ** (width + 1))
    made = [*start, *add(1), Operation("z", (total[-1],)), *add(-1), *start]
    return Circuit(n + 3 * width + 2, 1, tuple(made))


TERMS = {(0, 1): 3, (1, 2): 1, (0,): 2, (2,): 3}


def test_the_oracle_marks_what_is_below_the_threshold_and_undoes_the_rest() -> None:
    """Its gates map basis states to basis states, so that bits and a sign are all there is to follow."""
    for threshold, x in product(range(10), product((0, 1), repeat=3)):
        circuit = oracle(3, TERMS, threshold, 2, measured=False)
        state, sign = [*x, *[0] * (circuit.qubits - 3)], 1
        for one in circuit.operations:
            *controls, target = one.qubits
            if one.name == "z":
                sign *= -1 if state[target] else 1
            elif all(state[q] for q in controls):
                state[target] ^= 1
        energy = sum(w for v, w in TERMS.items() if sum(x[q] for q in v) % 2)
        assert (sign, state[3:]) == (-1 if energy < threshold else 1, [0] * (circuit.qubits - 3))
        assert tuple(state[:3]) == x


def test_the_oracle_costs_what_its_circuit_counts() -> None:
    circuit = oracle(3, TERMS, 4, 2, measured=True)
    found, closed = counted(circuit, 0.1), ising_oracle(3, 4, 2)
    assert (closed.qubits, closed.toffolis, closed.ts) == (circuit.qubits, found.toffolis, 0)
    assert closed.depth < found.depth  # CNOT between the Toffoli are taken as free
    assert ising_oracle(100, 300, 8).toffolis == 2 * 300 * 17  # 300 * 255 has 17 bits


def test_undoing_by_measuring_leaves_no_phase() -> None:
    """Without its Z, the oracle on a uniform superposition does nothing: H brings it back to 0 for certain."""
    circuit = oracle(2, {(0, 1): 1, (1,): 1}, 1, 1, measured=True)
    n = circuit.qubits
    inner = tuple(one for one in circuit.operations if one.name != "z")
    turn = tuple(Operation("h", (q,)) for q in (0, 1))
    last = tuple(Operation("measure", (q,), bit=1 + q) for q in range(2))
    found = chances(Circuit(n, 3, (*turn, *inner, *turn, *last)))
    assert found.reshape(4, 2)[0].sum() == pytest.approx(1, abs=1e-9)  # bit 0 is that of the measured ANDs


def test_a_reflection_costs_what_its_tree_counts() -> None:
    for n in (2, 3, 5, 8):
        level, spare, up, down = [*range(n)], n, [], []
        while len(level) > 2:
            rest = level[2:]
            up.append(Operation("ccx", (level[0], level[1], spare)))
            down = [*conjunction(level[0], level[1], spare, True), *down]
            level, spare = [*rest, spare], spare + 1
        found = counted(Circuit(spare, 1, (*up, Operation("cz", tuple(level)), *down)), 0.1)
        closed = reflection(n)
        assert (closed.qubits, closed.toffolis, closed.ts) == (found.qubits, found.toffolis, 0)
        assert closed.depth <= found.depth + 2


def test_parts_add_up() -> None:
    start = LogicalCost(9, 0, 0, 1)
    whole = grover_iteration(9, 12, 1, start)
    parts = (ising_oracle(9, 12, 1), start, reflection(9), start)
    assert whole.toffolis == sum(one.toffolis for one in parts)
    assert whole.depth == sum(one.depth for one in parts)
    assert whole.qubits == max(one.qubits for one in parts)
    assert whole.operations == whole.qubits * whole.depth
    assert LogicalCost(1, 3, 8, 1).magic == 7
    assert whole.times(3) == whole + whole + whole


@pytest.mark.parametrize("tries", [2.0, 10.0, 1e3, 1e6])
def test_amplification_reaches_its_target_whatever_the_probability_is_exactly(tries: float) -> None:
    """Boyer et al., lemma 2: the mean success of j < m is at least a quarter, from the sum over j itself."""
    work = amplified(LogicalCost(1, 0, 0, 0), LogicalCost(1, 0, 0, 1), tries, 0.99)
    angle = math.asin(math.sqrt(1 / tries))
    j = np.arange(math.ceil(work.run.depth))
    success = float((np.sin((2 * j + 1) * angle) ** 2).mean())
    assert success >= 0.25
    assert (1 - success) ** (2 * work.times) <= 1 - 0.99 + 1e-12
    assert work.run.depth == pytest.approx(1 / math.sin(2 * angle))


def test_an_unknown_minimum_costs_what_duerr_and_hoyer_bound() -> None:
    work = minimum_finding(LogicalCost(1, 0, 0, 0), LogicalCost(1, 0, 0, 1), 2.0**40, 0.5)
    assert work.run.depth * work.times == pytest.approx(22.5 * 2**20)
    assert minimum_finding(work.run, work.run, 4.0, 0.99).times == pytest.approx(22.5 * math.log2(100))


@pytest.mark.parametrize("precision", [0.05, 1e-2, 1e-3, 1e-6])
def test_estimation_uses_its_oracle_as_often_as_was_measured(precision: float) -> None:
    for one in (TUNED, PUBLISHED):
        work = amplitude_estimation(LogicalCost(2, 1, 0, 1), precision, one)
        assert work.run.toffolis * work.times == pytest.approx(one.uses / precision)  # reflecting 2 qubits is free
        assert work.run.toffolis <= math.pi / (4 * precision) + 1


def test_thirty_shots_a_round_use_and_err_as_was_measured() -> None:
    """Means of 300 runs at a = 1/2; a spread of the runs' own, and both figures with that of the 3,000 behind them."""
    rng, error, runs = np.random.default_rng(3), 1e-3, 300
    spread = float(norm.isf(FALSE_ALARM / 4)) * math.sqrt(1 + runs / 3_000)
    found = [
        estimate(
            Amplitude(error, 30),
            lambda power, shots: int(rng.binomial(shots, math.sin((2 * power + 1) * math.pi / 4) ** 2)),
        ).estimated
        for _ in range(runs)
    ]
    for values, expected in (
        ([error * one.calls for one in found], TUNED.uses),
        ([((one.value - 0.5) / error) ** 2 for one in found], TUNED.error**2),
    ):
        assert abs(np.mean(values) - expected) < spread * np.std(values, ddof=1) / math.sqrt(runs)


@pytest.mark.parametrize("figures", [(0.0, 0.2), (21.9, -1.0), (math.nan, 0.2), (21.9, math.inf)])
def test_an_estimation_that_cannot_be(figures: tuple[float, float]) -> None:
    with pytest.raises(BadInput, match=r"uses and error .* was given: give finite numbers above 0"):
        Estimation(*figures)


# Footprints


def test_the_footprint_in_closed_form() -> None:
    run = LogicalCost(50, 1e6, 0, 2e6)
    found = footprint(Repeated(run, 3.0), STATED)
    assert found is not None
    d = found.distance
    left = STATED.failure - 1e6 * 28 * (35 * 1e-9) ** 2
    assert found.quops == pytest.approx(100 * 2e6 / left)
    assert d == FORMULA.distance("1e-3", math.ceil(found.quops))
    assert found.seconds == pytest.approx(3 * 2e6 * d * 1e-6 / 0.99)
    assert found.factories == 3  # half a CCZ a step, 5.5 steps each
    assert found.qubits == (100 + 3 * 72) * (2 * d * d - 1)
    assert found.joules == pytest.approx(found.seconds * 6.25 * found.qubits)


def test_one_factory_takes_165_cycles_for_a_toffoli_at_distance_30() -> None:
    """Babbush et al. take 170 us for 30 x 5.5 cycles of 1 us; ours is at its own distance."""
    found = footprint(Repeated(LogicalCost(100, 1e6, 0, 1e6), 1), replace(STATED, factories=1))
    assert found is not None
    assert found.seconds * 0.99 / 1e6 == pytest.approx(5.5e-6 * found.distance)
    assert found.factories == 1


def test_a_step_lasts_a_reaction_where_that_is_longer() -> None:
    fast = replace(STATED, cycle=1e-7)
    found = footprint(Repeated(LogicalCost(2, 0, 0, 1000), 1), fast)
    assert found is not None
    assert found.seconds * 0.99 == pytest.approx(1000 * 1e-5)
    assert found.factories == 0
    assert found.joules == pytest.approx(found.seconds * 25_000)  # the least that a machine draws


def test_what_no_distance_or_factory_reaches_is_none() -> None:
    assert footprint(Repeated(LogicalCost(1, 1e13, 0, 1e13), 1), STATED) is None  # 3.4e-14 an error of a CCZ state
    assert footprint(Repeated(LogicalCost(1, 0, 0, 1e13), 1), replace(STATED, error=9.9e-3)) is None


def test_a_footprint_near_gidney_and_ekera() -> None:
    """RSA-2048 in 8 h on 20 million qubits (arXiv:1905.09749), from its printed formulas of the logical cost.

    Seconds within a factor of 4, as their layout spends space to take a reaction of 10 us for a step where ours takes d
    cycles; qubits within a factor of 2.
    """
    n, lg = 2048, 11
    run = LogicalCost(math.ceil(3 * n + 0.002 * n * lg), 0.3 * n**3 + 0.0005 * n**3 * lg, 0, 500 * n**2 + n**2 * lg)
    found = footprint(Repeated(run, 1), replace(STATED, failure=0.3))
    assert found is not None
    assert 8 / 4 <= found.seconds / 3600 <= 8 * 4
    assert 20e6 / 2 <= found.qubits <= 20e6 * 2
    assert found.distance in (25, 27, 29)  # theirs is 27


def test_a_footprint_near_omanakuttan() -> None:
    """QAOA of 623 layers amplified on 8-SAT of 179 variables: 14.99 h on 73.91 million qubits (arXiv:2504.01897).

    The cost is built from what they say: 176 clauses a variable, in batches that do not share a variable and follow
    each other step by step; a clause takes 7 Toffoli and a rotation, in 27 + 12 steps; success 2^(-0.69 p^-0.32 n)
    (Boulebnane and Montanaro, PRX Quantum 5, 030348). Seconds within a factor of 4, as they amplify on another
    schedule; qubits within an order of magnitude, as most are factories and ours are those of 2019.
    """
    n, layers, turn, tree = 179, 623, 27, 12
    clauses, batches = 176 * n, 176 * 8
    flying = (turn + tree) * n // 8  # clauses at once, each with 7 helpers
    layer = LogicalCost(n + 7 * flying, 7 * clauses, (clauses + n) * turn, batches + tree + 2 * turn)
    start = layer.times(layers)
    marks = LogicalCost(n + 7 * flying, 8 * clauses, 0, 4 * batches * math.log2(n))
    iteration = start + marks + reflection(n) + start
    found = footprint(amplified(start, iteration, 2 ** (0.69 * layers**-0.32 * n), 0.99), STATED)
    assert found is not None
    assert 14.99 / 4 <= found.seconds / 3600 <= 14.99 * 4
    assert 73.91e6 / 10 <= found.qubits <= 73.91e6 * 10
