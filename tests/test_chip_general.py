"""General circuits on the simulated chip: layers, places, and outcomes with its errors, against exact ones."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from math import pi

import numpy as np
import pytest
import stim
from chances import ALL, CLIFFORD, FALSE_ALARM, alike, random_circuit
from scipy.stats import binom

from counterpoint.base import BadInput, Floats, Job, Permit, Program
from counterpoint.circuits import tags
from counterpoint.circuits.circuit import Circuit, Operation
from counterpoint.circuits.layers import layered
from counterpoint.circuits.matrices import MATRICES, u
from counterpoint.circuits.qasm import write
from counterpoint.circuits.state import probabilities
from counterpoint.codes import surface
from counterpoint.codes.gates import compile_gates
from counterpoint.machine import builds, chip as machine_chip
from counterpoint.machine.chip import SimulatedChip, published, willow
from counterpoint.machine.drift import parse
from counterpoint.machine.measured import bits
from counterpoint.machine.protocols import PROTOCOLS
from counterpoint.machine.results import bits_of
from counterpoint.machine.routing import Errors, placed

RATES = {"1Q": 0.1, "2Q": 0.15, "M": 0.07, "R": 0.05, "idle": 0.2, "wait": 0.0, "stray": 0.0}
NONE = dict.fromkeys(RATES, 0.0)


def chip(rates: dict[str, float]) -> SimulatedChip:
    """Willow with one rate for all gates of a kind, whatever the settings."""
    circuit = surface.memory(3, 3)
    device = builds.willow(circuit, (1,))
    floor = np.array([rates[gate.kind] for gate in device.gates])
    same = replace(device, floor=floor, response=np.zeros_like(device.response))
    return SimulatedChip(same, circuit, key=(1,), drift=parse("none"), epoch_seconds=1.0)


def misreading(qubit: int, rate: float) -> SimulatedChip:
    """No errors but in reading one qubit."""
    device = chip(NONE)._device
    floor = np.array([rate if gate.name == f"M {qubit}" else 0.0 for gate in device.gates])
    device = replace(device, floor=floor)
    return SimulatedChip(device, surface.memory(3, 3), key=(1,), drift=parse("none"), epoch_seconds=1.0)


def job(on: SimulatedChip, circuit: Program, shots: int = 20_000, key: tuple[int, ...] = (1,)) -> Job:
    return Job(circuit, on.space.start[None], shots, 1, "the action", key)


# Layers


@pytest.mark.parametrize("names", [CLIFFORD, ALL])
@pytest.mark.parametrize("seed", range(3))
def test_layers_do_what_the_circuit_does(names, seed):
    circuit = random_circuit(4, 40, seed, names)
    run = layered(circuit)
    assert tags.plain(run.circuit) == (names == CLIFFORD)
    assert alike(bits(run, 10_000, (seed,)), probabilities(circuit, range(4)))


@pytest.mark.parametrize("seed", range(3))
def test_layers_are_those_of_hardware(seed):
    """Reset first and measured last, each in one layer; no qubit twice in one; one gate between two CZ at most."""
    run = layered(random_circuit(4, 60, seed, ALL))
    layers = [[i for i in part if i.name != "TICK"] for part in split(run.circuit)]
    assert {i.name for i in layers[0]} == {"R"}
    assert {i.name for i in layers[-1]} == {"M"}
    turned: set[int] = set()
    for layer in layers[1:-1]:
        used = [t.value for i in layer for t in i.targets_copy()]
        assert len(used) == len(set(used))
        for i in layer:
            qubits = {t.value for t in i.targets_copy()}
            assert i.name == "CZ" or not turned & qubits
            turned = turned - qubits if i.name == "CZ" else turned | qubits


def split(circuit: stim.Circuit) -> list[stim.Circuit]:
    parts = [stim.Circuit()]
    for one in circuit:
        if one.name == "TICK":
            parts.append(stim.Circuit())
        else:
            parts[-1].append(one)
    return parts


def test_gates_are_merged_but_not_across_a_barrier():
    h, read = Operation("h", (0,)), Operation("measure", (0,), bit=0)
    assert str(layered(Circuit(1, 1, (h, h, read))).circuit) == "R 0\nTICK\nM 0"
    fenced = layered(Circuit(1, 1, (h, Operation("barrier", (0,)), h, read)))
    assert str(fenced.circuit) == "R 0\nTICK\nH 0\nTICK\nH 0\nTICK\nM 0"


TELEPORTED = (
    Operation("u", (0,), (0.7, 0.3, 0.1)),
    Operation("h", (1,)),
    Operation("cx", (1, 2)),
    Operation("cx", (0, 1)),
    Operation("h", (0,)),
    Operation("measure", (0,), bit=0),
    Operation("measure", (1,), bit=1),
    Operation("x", (2,), condition=(1, 1)),
    Operation("z", (2,), condition=(0, 1)),
    Operation("z", (2,), condition=(3, 1)),  # never
    Operation("u", (2,), (-0.7, -0.1, -0.3)),
    Operation("reset", (1,)),
    Operation("cx", (2, 1), condition=(0, 0)),
    Operation("measure", (1,), bit=0),  # 0, in the place of a result that was read before
    Operation("measure", (2,), bit=2),
)


def test_what_depends_on_a_result_waits_for_it():
    found = bits(layered(Circuit(3, 4, TELEPORTED)), 2_000, (1,))
    assert not found[:, [0, 2, 3]].any()
    assert alike(found[:, [1]], np.array([0.5, 0.5]))
    with pytest.raises(BadInput, match="'measure' of qubit 0 depends on bit 0"):
        layered(Circuit(1, 1, (BELL.operations[1], Operation("measure", (0,), bit=0, condition=(0, 1)))))


def test_what_waits_for_one_bit_is_done_at_once():
    """R, H, M, five gates on the result in one layer, M; the bit is written again meanwhile, and read then, too."""
    flips = tuple(Operation("x", (q,), condition=(0, 1)) for q in range(1, 6))
    again = Operation("measure", (6,), bit=0), Operation("x", (6,), condition=(0, 0))
    read = tuple(Operation("measure", (q,), bit=q) for q in range(1, 7))
    run = layered(Circuit(7, 7, (Operation("h", (0,)), Operation("measure", (0,), bit=0), *flips, *again, *read)))
    assert run.circuit.num_ticks == 4
    found = bits(run, 200, (1,))
    assert found[:, 6].all()
    assert not found[:, 0].any()
    assert (found[:, 1:6] == found[:, 1:2]).all()
    assert len(set(found[:, 1].tolist())) == 2


def test_qubits_are_prepared_once():
    fresh = Operation("reset", (0,)), Operation("reset", (1,)), Operation("barrier", (0, 1))
    assert layered(Circuit(2, 2, (*fresh, *BELL.operations))) == layered(BELL)
    assert str(layered(Circuit(2, 1, (*fresh, BELL.operations[1]))).circuit) == "R 0\nTICK\nM 0"
    used = layered(Circuit(1, 1, (Operation("x", (0,)), Operation("reset", (0,)), BELL.operations[1])))
    assert str(used.circuit) == "R 0\nTICK\nX 0\nTICK\nR 0\nTICK\nM 0"


def test_barriers_of_qubits_that_nothing_uses_are_nothing():
    fences = Operation("barrier", (1, 2)), Operation("barrier", (2,))
    fenced = Circuit(3, 1, (*fences, Operation("x", (0,)), *fences, BELL.operations[1]))
    assert all(one.name != "barrier" for one in placed(fenced, line(0.1, 0.1), "test").operations)
    assert str(layered(fenced).circuit) == "R 0\nTICK\nX 0\nTICK\nM 0"


def test_tags_and_their_order_outlast_the_noise():
    """What a tag says of result k is true of the noisy circuit, too: noise adds no results."""
    run = layered(Circuit(3, 4, TELEPORTED)).circuit
    noisy = compile_gates(run).circuit(np.full(len(compile_gates(run).gates), 1e-3))
    assert noisy.without_noise() == run
    assert not tags.plain(noisy)


# Places


def line(*couplers: float) -> Errors:
    """Qubits in a row."""
    n = len(couplers) + 1
    return Errors({(i, i + 1): error for i, error in enumerate(couplers)}, dict.fromkeys(range(n), 0.0))


BELL = Circuit(2, 2, (Operation("cx", (0, 1)), *(Operation("measure", (q,), bit=q) for q in (0, 1))))


def test_the_best_place_is_taken():
    assert set(placed(BELL, line(0.3, 0.2, 0.1, 0.2), "test").operations[0].qubits) == {2, 3}
    costly = replace(line(0.3, 0.2, 0.1, 0.2), alone={0: 0, 1: 0, 2: 1, 3: 0, 4: 0})
    assert set(placed(BELL, costly, "test").operations[0].qubits) == {3, 4}
    chain = Circuit(3, 0, (Operation("cz", (0, 2)), Operation("cz", (1, 2)), Operation("cz", (1, 2))))
    (a, b), (c, d), _ = (one.qubits for one in placed(chain, line(0.3, 0.2, 0.1, 0.3), "test").operations)
    assert (a, b, c, d) == (1, 2, 3, 2)


def test_the_best_place_for_a_pair_is_the_best_of_all_on_willow():
    on = willow(3, key=(3,), drift="none", epoch_seconds=1.0)
    rates = on.calibrated_rates()
    alone = {q: sum(rates[g] for g in rates if g.qubits == (q,) and g.kind in ("1Q", "M", "R")) for q in range(17)}
    couplers = {(g.qubits[0], g.qubits[1]): rate for g, rate in rates.items() if g.kind == "2Q"}
    best = min(couplers, key=lambda pair: couplers[pair] + alone[pair[0]] + alone[pair[1]])
    found = placed(BELL, Errors(couplers, alone), "willow")
    assert set(found.operations[0].qubits) == set(best)


def test_qubits_that_are_apart_are_brought_together():
    triangle = tuple(Operation("cx", pair) for pair in ((0, 1), (1, 2), (2, 0)))
    read = tuple(Operation("measure", (q,), bit=q) for q in range(3))
    circuit = Circuit(3, 3, (Operation("ry", (0,), (0.7,)), *triangle, *read))
    found = placed(circuit, line(0.1, 0.1), "test")
    pairs = [one.qubits for one in found.operations if len(one.qubits) == 2]
    assert len(pairs) == 4
    assert all(abs(a - b) == 1 for a, b in pairs)
    sources = {one.bit: one.qubits[0] for one in found.operations if one.bit is not None}
    again = probabilities(found, [sources[bit] for bit in range(3)])
    np.testing.assert_allclose(again, probabilities(circuit, range(3)), atol=1e-12)


# Without errors


@pytest.mark.parametrize("names", [CLIFFORD, ALL])
@pytest.mark.parametrize("seed", range(2))
def test_a_chip_without_errors_gives_the_exact_chances(names, seed):
    on, circuit = chip(NONE), random_circuit(4, 20, seed, names)
    found = bits_of(on.sample(job(on, write(circuit), 5_000)), 4)
    assert alike(found, probabilities(circuit, range(4)))


def test_a_chip_without_errors_acts_on_results():
    on = chip(NONE)
    found = bits_of(on.sample(job(on, write(Circuit(3, 4, TELEPORTED)), 1_000)), 4)
    assert not found[:, [0, 2, 3]].any()


def test_all_qubits_of_the_chip_can_be_used():
    on, n = chip(NONE), 17
    operations = [Operation("h", (0,)), *(Operation("cx", (q, q + 1)) for q in range(n - 1))]
    read = [Operation("measure", (q,), bit=q) for q in range(n)]
    found = bits_of(on.sample(job(on, write(Circuit(n, n, (*operations, *read))), 200)), n)
    assert (found.all(axis=1) | ~found.any(axis=1)).all()
    assert 0 < found[:, 0].sum() < 200


# With errors


def depolarised(rho: np.ndarray, q: int, p: float) -> np.ndarray:
    """(4, 4) with qubit q mixed: p / 3 of each Pauli."""
    paulis = [on(MATRICES[name](), q) for name in "xyz"]
    return (1 - p) * rho + p / 3 * sum(m @ rho @ m.conj().T for m in paulis)


def on(matrix: np.ndarray, q: int) -> np.ndarray:
    """(4, 4) of a gate on one of two qubits, qubit 0 the lowest bit."""
    return np.kron(np.eye(2), matrix) if q == 0 else np.kron(matrix, np.eye(2))


def by_density_matrix(rates: dict[str, float], turn: tuple[float, float, float]) -> Floats:
    """(4,) chances of a Bell pair whose qubit 1 is turned: R, H, CZ, one gate on qubit 1, M, each with its errors."""
    flip = np.array([[1 - rates["R"], rates["R"]], [rates["R"], 1 - rates["R"]]])
    rho = np.diag(np.kron(flip[0], flip[0])).astype(complex)
    h, cz = MATRICES["h"](), MATRICES["cz"]()
    for q in (0, 1):
        rho = depolarised(on(h, q) @ rho @ on(h, q), q, rates["1Q"])
    rho = cz @ rho @ cz
    mixed = rates["2Q"] * 16 / 15
    rho = (1 - mixed) * rho + mixed * np.eye(4) / 4
    gate = on(u(*turn) @ h, 1)
    rho = depolarised(gate @ rho @ gate.conj().T, 1, rates["1Q"])
    rho = depolarised(rho, 0, rates["idle"])
    p = rates["M"]
    wrong = np.array([[1 - p, p], [p, 1 - p]])
    return np.kron(wrong, wrong) @ np.diag(rho).real


@pytest.mark.parametrize("turn", [(0.0, 0.0, 0.0), (pi / 4, 0.0, pi / 4), (0.9, 0.4, 1.1)])
def test_outcomes_with_errors_are_those_of_the_density_matrix(turn):
    """A Bell pair by stim; with T and with a rotation by trajectories."""
    on, shots = chip(RATES), 400_000
    gates = (Operation("h", (0,)), Operation("cx", (0, 1)), Operation("u", (1,), turn))
    circuit = Circuit(2, 2, (*gates, *(Operation("measure", (q,), bit=q) for q in (0, 1))))
    expected = by_density_matrix(RATES, turn)
    assert alike(bits_of(on.sample(job(on, write(circuit), shots)), 2), expected)


def test_zz_of_a_bell_pair_is_what_stims_error_model_says():
    """On willow's own, uneven errors: every independent error that flips the parity multiplies its mean by 1 - 2 p."""
    on, shots = willow(3, key=(1,), drift="none", epoch_seconds=1.0), 200_000
    circuit = Circuit(2, 2, (Operation("h", (0,)), *BELL.operations))
    rates = on.calibrated_rates()
    alone = {q: sum(rates[g] for g in rates if g.qubits == (q,) and g.kind in ("1Q", "M", "R")) for q in range(17)}
    couplers = {(g.qubits[0], g.qubits[1]): rate for g, rate in rates.items() if g.kind == "2Q"}
    run = layered(placed(circuit, Errors(couplers, alone), "willow")).circuit
    noisy = compile_gates(run, fixed=rates).circuit(np.zeros(0))
    noisy += stim.Circuit("OBSERVABLE_INCLUDE(0) rec[-1] rec[-2]")
    errors = noisy.detector_error_model().flattened()
    flips = (1 - np.prod([1 - 2 * e.args_copy()[0] for e in errors if e.type == "error"])) / 2
    assert 0.02 < flips < 0.04
    unequal = int(np.diff(bits_of(on.sample(job(on, write(circuit), shots)), 2).astype(int)).astype(bool).sum())
    tail = FALSE_ALARM / 2
    assert binom.ppf(tail, shots, flips) <= unequal <= binom.isf(tail, shots, flips)


# Which circuits are placed


def test_a_stim_circuit_on_the_chips_own_couplers_stays_where_it_is():
    """The one that is given, and not the best: qubit 3 reads wrong and no other does."""
    on, shots = misreading(3, 0.5), 1_000
    own = bits_of(on.sample(job(on, stim.Circuit("R 3\nTICK\nH 3\nTICK\nH 3\nTICK\nM 3"), shots)), 1)
    assert binom.ppf(FALSE_ALARM / 2, shots, 0.5) <= own.sum() <= binom.isf(FALSE_ALARM / 2, shots, 0.5)
    moved = bits_of(on.sample(job(on, stim.Circuit("R 3\nR 40\nCZ 3 40\nM 3 !40"), shots)), 2)
    assert (moved == [False, True]).all()


def test_t_in_a_stim_circuit_is_a_gate():
    on = chip(NONE)
    text = "RX 0\n" + "S[T] 0\n" * 3 + "S_DAG[T] 0\nS 0\nMX 0"
    assert bits_of(on.sample(job(on, stim.Circuit(text), 100)), 1).all()


def test_candidates_have_their_own_errors_and_equal_ones_share_a_circuit():
    on = published(3, key=(1,), drift="none", epoch_seconds=1.0)
    off = np.array([on.space.start, on.space.start, on.space.start + 4 * on.space.scale])
    circuit = Circuit(2, 2, (Operation("h", (0,)), *BELL.operations))
    got = on.sample(Job(write(circuit), off, 20_000, 1, "a", (1,)))
    assert got.measurements.shape == (3, 20_000, 1)
    assert (got.measurements[0] != got.measurements[1]).any()
    wrong = [int(np.isin(one, (1, 2)).sum()) for one in got.measurements]
    assert wrong[2] > binom.isf(FALSE_ALARM, 20_000, wrong[0] / 20_000)


def test_the_same_key_gives_the_same_shots_and_permits_are_spent():
    on = willow(3, key=(1,), drift="none", epoch_seconds=1.0)
    circuit = Circuit(2, 2, (Operation("ry", (0,), (0.4,)), *BELL.operations))
    task = job(on, write(circuit), 500)
    permit = Permit(task.action, on.price(task), 1, "d")
    first = on.run(task, permit)
    assert on.clock == first.seconds > 0
    assert (first.measurements == on.sample(task).measurements).all()
    assert (first.measurements != on.sample(job(on, write(circuit), 500, (2,))).measurements).any()
    with pytest.raises(BadInput, match="was used before"):
        on.run(task, permit)


def test_bad_input():
    on = chip(NONE)
    flat = tuple(Operation("h", (q,)) for q in range(18))
    with pytest.raises(BadInput, match="uses 18 qubits and the willow chip has 17"):
        on.sample(job(on, write(Circuit(18, 0, flat))))
    turned = tuple(Operation("ry", (q,), (0.1,)) for q in range(13))
    with pytest.raises(BadInput, match="on 13 qubits and its shots are followed exactly up to 12"):
        on.sample(job(on, write(Circuit(13, 1, (*turned, Operation("measure", (0,), bit=0))))))
    with pytest.raises(BadInput, match="noise"):
        on.sample(job(on, stim.Circuit("X_ERROR(0.1) 0\nM 0")))


def test_what_would_be_refused_has_no_price():
    """In the words of the circuit: its own qubits, and how many SWAPs make them, past the one that reads badly."""
    on = misreading(6, 0.4)
    late = Operation("measure", (9,), bit=0), Operation("measure", (9,), bit=0, condition=(0, 1))
    turned = tuple(Operation("t", (q,)) for q in range(12))
    met = tuple(Operation("cx", pair) for pair in combinations(range(12), 2))
    tag = stim.Circuit("".join(f"CX 0 {q}\n" for q in range(1, 13)) + "S[T] 0\nM 0")
    wide = stim.Circuit("".join(f"CX 0 {q}\n" for q in range(1, 18)) + "M 0")
    for circuit, said in (
        (write(Circuit(18, 0, tuple(Operation("h", (q,)) for q in range(18)))), "uses 18 qubits and the willow chip"),
        (write(Circuit(10, 1, late)), "'measure' of qubit 9 depends on bit 0"),
        (
            write(Circuit(12, 1, (*turned, *met, *BELL.operations[1:2]))),
            r"on 12 qubits, which are 13 of the willow",
        ),
        (wide, "uses 18 qubits and the willow chip has 17"),
        (tag, "on 13 qubits and its shots are followed exactly up to 12"),
        (stim.Circuit("CX 0 40"), "needs '.* 0-40'"),
    ):
        for refuses in (on.price, on.sample):
            with pytest.raises(BadInput, match=said):
                refuses(job(on, circuit, 1))
    with pytest.raises(BadInput, match="to a machine with"):
        on.price(replace(job(on, write(BELL), 1), controls=np.zeros((1, 2))))


def test_a_circuit_is_placed_once_for_its_price_and_its_shots(monkeypatch):
    on, times = chip(NONE), []
    monkeypatch.setattr(machine_chip, "placed", lambda *given: times.append(1) or placed(*given))
    task = job(on, write(BELL), 10)
    on.run(task, Permit(task.action, on.price(task), 1, "d"))
    assert len(times) == 1


def test_every_circuit_of_the_check_on_a_pair_is_on_the_same_pair() -> None:
    chip = willow(3, key=(1,), drift="none", epoch_seconds=1.0)
    found = {chip.placed(text) for protocol in PROTOCOLS.values() for text in protocol.circuits()}
    assert sorted(len(qubits) for qubits in found) == [1, 2, 3]
