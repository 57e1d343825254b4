"""Errors beyond independent ones: crosstalk, over-rotations that add in amplitude, the exact repetition code."""

from functools import reduce
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from counterpoint.base import BadInput, Floats, Job, Permit, Price, fold_in
from counterpoint.codes import repetition, surface
from counterpoint.codes.faults import Gate
from counterpoint.codes.gates import compile_gates
from counterpoint.codes.sites import detection_fractions, sites_of
from counterpoint.decoders import DECODERS
from counterpoint.explore import EXPLORERS
from counterpoint.govern.charter import EXPERIMENT
from counterpoint.loop.build import build
from counterpoint.loop.session import Session
from counterpoint.loop.settings import Settings
from counterpoint.machine import MACHINES, builds
from counterpoint.machine.meter import CYCLE_SECONDS
from counterpoint.machine.repetition import ANGLE, MOST, CoherentRepetition
from counterpoint.machine.rotations import FLIP, READOUT, logical_angles
from counterpoint.machine.sharing import Coherence, Crosstalk, Sharing

FALSE_ALARM = 1e-6
PAIR = (Gate("1Q", (4,)), Gate("1Q", (9,)), Gate("2Q", (4, 9)))  # two qubits and their coupler
RNG = np.random.default_rng(26)


# Crosstalk


def test_a_knob_feels_the_mean_of_its_neighbours():
    law = Crosstalk(Sharing.of(PAIR, (1, 2, 1)), 0.3)
    a, b, c, z = 1.0, -2.0, 0.5, 4.0  # knobs of 1Q 4, 1Q 9 (two of them), 2Q 4-9
    felt = law.felt(np.array([[a, b, c, z]]))
    expected = [a + 0.3 * z, b + 0.3 * z, c + 0.3 * z, z + 0.3 * (a + b + c) / 3]
    np.testing.assert_allclose(felt, [expected], rtol=1e-14)


def test_a_gate_without_neighbours_feels_none():
    law = Crosstalk(Sharing.of([Gate("1Q", (0,)), Gate("1Q", (1,))], (1, 1)), 0.3)
    np.testing.assert_array_equal(law.felt(np.array([[1.0, 2.0]])), [[1.0, 2.0]])


@pytest.mark.parametrize("each", [1, 2])
def test_crosstalk_chip_against_its_neighbours_one_by_one(each):
    """Every error of the chip against the law written out over names of qubits."""
    circuit = surface.memory(3, 3)
    plain, device = (make(circuit, each, (1,)) for make in (builds.published, builds.crosstalk))
    on = [set(device.gates[i].qubits) for i in device.gate_of_knob]
    x = RNG.uniform(-2, 2, len(on))
    felt = x.copy()
    for k, mine in enumerate(on):
        near = [x[j] for j, his in enumerate(on) if device.gate_of_knob[j] != device.gate_of_knob[k] and mine & his]
        felt[k] += builds.CROSSTALK * np.mean(near)
    optimum = device.start + 0.7
    np.testing.assert_allclose(
        device.rates((optimum + x)[None], optimum), plain.rates((optimum + felt)[None], optimum), rtol=1e-12
    )
    np.testing.assert_array_equal(device.rates(optimum[None], optimum)[0], device.floor)


# Over-rotations that add in amplitude


def test_uses_of_each_gate_in_a_cycle():
    two, three = (compile_gates(surface.memory(5, rounds), ("1Q", "2Q")) for rounds in (2, 3))
    assert two.gates == three.gates
    uses = {gate: n for gate, n in zip(two.gates, three.uses - two.uses, strict=True)}
    assert all(n == builds.CYCLE_USES[gate.kind] for gate, n in uses.items())


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_errors_of_each_qubit_add_as_stated(share):
    """n w e R summed over the gates on a qubit is (1 - c) P + c A^2, both written out."""
    sign, response, uses = (
        np.array([1.0, -1.0, 1.0, -1.0]),
        np.array([1e-3, 2e-3, 3e-3, 5e-3]),
        np.array([2.0, 2.0, 1.0]),
    )
    law = Coherence(Sharing.of(PAIR, (1, 2, 1)), share, uses, sign)
    x = np.array([0.5, -1.0, 2.0, 1.5])
    a = sign * np.sqrt(response) * x
    p4 = 2 * a[0] ** 2 + a[3] ** 2 / 2
    p9 = 2 * (a[1] ** 2 + a[2] ** 2) + a[3] ** 2 / 2
    r4 = 1 - share + share * (np.sqrt(2) * a[0] + a[3] / np.sqrt(2)) ** 2 / p4
    r9 = 1 - share + share * (np.sqrt(2) * (a[1] + a[2]) + a[3] / np.sqrt(2)) ** 2 / p9
    expected = [a[0] ** 2 * r4, (a[1] ** 2 + a[2] ** 2) * r9, a[3] ** 2 * (r4 + r9) / 2]
    np.testing.assert_allclose(law.interfered(x[None], response), [expected], rtol=1e-12)


def test_opposed_over_rotations_cancel():
    law = Coherence(Sharing.of(PAIR, (1, 1, 1)), 1.0, np.array([2.0, 2.0, 1.0]), np.ones(3))
    response = np.full(3, 1e-3)
    np.testing.assert_allclose(law.interfered(np.array([[1.0, 1.0, -2.0]]), response), 0, atol=1e-18)
    aligned = law.interfered(np.array([[1.0, 1.0, 2.0]]), response)
    np.testing.assert_allclose(aligned, 2 * response * np.array([[1, 1, 4]]), rtol=1e-12)


def test_the_mean_over_signs_is_the_quadratic_law():
    sharing, uses = Sharing.of(PAIR, (1, 2, 1)), np.array([2.0, 2.0, 1.0])
    response, x = np.array([1e-3, 2e-3, 3e-3, 5e-3]), np.array([[0.5, -1.0, 2.0, 1.5]])
    every = [Coherence(sharing, 0.7, uses, np.array(s)).interfered(x, response) for s in product([1.0, -1.0], repeat=4)]
    np.testing.assert_allclose(np.mean(every, axis=0), sharing.sum(response * x**2), rtol=1e-12)


@pytest.mark.parametrize("each", [1, 3])
def test_one_knob_off_alone_is_as_on_the_published_chip(each):
    circuit = surface.memory(3, 3)
    plain, device = (make(circuit, each, (1,)) for make in (builds.published, builds.coherent))
    controls = device.start + 2 * np.eye(len(device.knobs))
    np.testing.assert_allclose(device.rates(controls, device.start), plain.rates(controls, device.start), rtol=1e-12)
    np.testing.assert_array_equal(device.rates(device.start[None], device.start)[0], plain.floor)
    both = device.start + RNG.choice([-1.0, 1.0], (1, len(device.knobs)))
    assert not np.isclose(device.rates(both, device.start), plain.rates(both, device.start)).all(axis=1).any()


def test_expected_events_have_the_laws_in_them():
    circuit, sites = surface.memory(3, 6), sites_of(surface.memory(3, 6))
    for name in ("coherent", "crosstalk"):
        chip = MACHINES[name](3, key=(1,), drift="none", epoch_seconds=1.0)
        device = getattr(builds, name)(surface.memory(3, 3), 1, fold_in((1,), "published"))
        controls = chip.space.start + RNG.uniform(-2, 2, (2, chip.space.start.size))
        template = compile_gates(circuit, ("1Q", "2Q"))
        assert template.gates == device.gates
        fractions = [
            detection_fractions(template.circuit(rates).detector_error_model(approximate_disjoint_errors=True))
            for rates in device.rates(controls, chip.space.start)
        ]
        assert chip.twin is not None
        np.testing.assert_allclose(
            chip.twin.expected(circuit, controls), np.array(fractions) @ sites.member / sites.detectors, rtol=1e-6
        )


# The exact repetition code


def machine(distance: int = 3, each: int = 1, drift: str = "none") -> CoherentRepetition:
    return CoherentRepetition(distance, each, key=(1,), drift=drift, epoch_seconds=1.0)


def projectors(d: int) -> dict[int, Floats]:
    """(2^d,) masks of the basis states with each pattern of checks; bit q of a state is qubit q."""
    states = np.arange(2**d)
    checks = (states ^ states >> 1) & (2 ** (d - 1) - 1)
    return {s: (checks == s).astype(float) for s in range(2 ** (d - 1))}


def rotation(half: Floats) -> np.ndarray:
    """(2^d, 2^d) exp(-i theta_q X / 2) on each qubit, as matrices."""
    x = np.array([[0, 1], [1, 0]])
    return reduce(np.kron, [np.cos(h) * np.eye(2) - 1j * np.sin(h) * x for h in half[::-1]])


@pytest.mark.parametrize(("d", "rounds"), [(3, 4), (5, 2)])
def test_logical_angles_add_up_along_every_history(d, rounds):
    """State vector, all histories: outcomes as of independent sin^2 flips, logical flips sin^2 of the summed angle."""
    half = np.linspace(-0.9, 0.7, d)
    turn, masks, angles = rotation(half), projectors(d), logical_angles(half)
    p = np.sin(half) ** 2
    start = np.zeros(2**d, complex)
    start[0] = 1
    for history in product(range(2 ** (d - 1)), repeat=rounds):
        state, frame, chance, angle = start, 0, 1.0, 0.0
        for outcome in history:  # number of E: its qubits without qubit 0
            pattern = 2 * outcome
            frame ^= pattern
            state = masks[(frame ^ frame >> 1) & (2 ** (d - 1) - 1)] * (turn @ state)
            has = np.array([pattern >> q & 1 for q in range(d)], bool)
            chance *= np.where(has, p, 1 - p).prod() + np.where(has, 1 - p, p).prod()
            angle += angles[outcome]
        ends = np.abs(state) ** 2
        np.testing.assert_allclose(ends.sum(), chance, rtol=1e-10)
        np.testing.assert_allclose(ends[frame ^ (2**d - 1)] / ends.sum(), np.sin(angle) ** 2, atol=1e-10)


def test_without_events_the_logical_amplitude_grows_with_the_cycles():
    half, rounds = np.full(3, 0.3), 7
    state = np.eye(8, 1, dtype=complex)[:, 0]
    for _ in range(rounds):
        state = projectors(3)[0] * (rotation(half) @ state)
    flip = np.abs(state[7]) ** 2 / (np.abs(state) ** 2).sum()
    assert flip == pytest.approx(np.sin(rounds * np.arctan(np.tan(0.3) ** 3)) ** 2, rel=1e-10)


def test_shots_are_those_of_the_density_matrix():
    """Every pattern of three rounds of results and final data, noise included: binomial counts."""
    rounds, shots = 3, 200_000
    made = machine()
    controls = np.array([[3.5, -4.0, 3.0]])
    half = made.angles(controls)[0] / 2
    turn, masks = rotation(half), projectors(3)
    # (results so far) -> unnormalised density matrix
    flip = np.eye(8)[np.arange(8)[:, None] ^ np.array([1, 2, 4])].transpose(1, 0, 2)  # (3, 8, 8): X on each qubit
    branches = {(): np.diag(np.eye(8)[0]).astype(complex)}
    wrong = np.array([[(1 - READOUT), READOUT], [READOUT, 1 - READOUT]])
    for _ in range(rounds):
        after = {}
        for told, rho in branches.items():
            rho = turn @ rho @ turn.conj().T
            for x in flip:
                rho = (1 - FLIP) * rho + FLIP * x @ rho @ x
            for said in range(4):
                seen = [
                    wrong[s & 1, said & 1] * wrong[s >> 1, said >> 1] * np.outer(mask, mask) * rho
                    for s, mask in masks.items()
                ]
                after[(*told, said)] = sum(seen)
        branches = after
    exact = np.zeros((4,) * (rounds + 1) + (2,))
    bits = np.arange(8)[:, None] >> np.arange(3) & 1
    read = wrong[bits[:, None], bits[None, :]].prod(axis=2)  # (true, read) of the data
    for told, rho in branches.items():
        for data, chance in enumerate(np.real(np.diag(rho)) @ read):
            parity = (data ^ data >> 1) & 3
            events = np.array([*told, parity]) ^ np.array([0, *told])
            exact[(*events, data & 1)] += chance
    circuit = made.memory(rounds)
    got = made.sample(Job(circuit, controls, shots, rounds, "a", (3,)))
    fired = np.unpackbits(got.detection_events[0], axis=1, count=8, bitorder="little").reshape(shots, 4, 2)
    number = fired @ np.array([1, 2])
    counts = np.zeros_like(exact)
    np.add.at(counts, (*number.T, got.observables[0, :, 0]), 1)
    assert exact.sum() == pytest.approx(1)
    low, high = binom.interval(1 - FALSE_ALARM / exact.size, shots, exact)
    assert ((low <= counts) & (counts <= high)).all()


@pytest.mark.parametrize("basis", ["Z", "X"])
@pytest.mark.parametrize(("distance", "rounds"), [(3, 1), (3, 2), (5, 6)])
def test_expected_events_are_those_of_flips(distance, rounds, basis):
    """The error model on day zero, with spoiled controls: independent flips fire detectors as often."""
    made = machine(distance, drift="spoiled")
    circuit = made.memory(rounds, basis)
    sites = sites_of(circuit)
    fractions = detection_fractions(made.error_model(circuit))
    expected = made.expected(circuit, made.space.start[None])
    np.testing.assert_allclose(expected[0], fractions @ sites.member / sites.detectors, rtol=1e-6)
    assert (expected > made.expected(circuit, made.optimum()[None])).all()


def test_knobs_of_a_qubit_add_and_touch_its_checks():
    made = machine(3, each=2)
    assert made.space.names[:3] == ("XY amplitude 0 #0", "XY amplitude 0 #1", "XY amplitude 2 #0")
    assert made.space.sites == ("1", "3")
    np.testing.assert_array_equal(made.space.touches[::2], [[True, False], [True, True], [False, True]])
    one, two, all_off = made.angles(made.space.start + np.array([[1, 0] * 3, [0, 1] * 3, [1, 1] * 3]))
    np.testing.assert_allclose(one + two, all_off)
    assert machine().angles(np.ones((1, 3))).mean() == pytest.approx(ANGLE)


def test_the_machine_acts_on_permits_and_its_optima_move():
    made = machine(drift="step:at=1")
    job = Job(made.memory(25), made.space.start[None], 10, 25, "a", (1,))
    assert made.price(job) == Price(250, 10, 250 * CYCLE_SECONDS)
    with pytest.raises(BadInput, match="permit is for action b and the job is for a"):
        made.run(job, Permit("b", made.price(job), 1, "d"))
    first = made.run(job, Permit("a", made.price(job), 1, "d"))
    assert made.clock == first.seconds == 250 * CYCLE_SECONDS
    with pytest.raises(BadInput, match="entry 1 was used before"):
        made.run(job, Permit("a", made.price(job), 1, "d"))
    np.testing.assert_array_equal(made.optimum(), 0)
    made.resume(1.0)
    np.testing.assert_array_equal(made.optimum(), 1)
    made.resume(0.0)
    np.testing.assert_array_equal(made.sample(job).detection_events, first.detection_events)


def test_what_the_machine_refuses():
    made = machine()
    with pytest.raises(BadInput, match=r"on 17 qubits with 48 detectors .* on 5 qubits only"):
        made.expected(surface.memory(3, 6), made.space.start[None])
    with pytest.raises(BadInput, match="on 9 qubits with 16 detectors"):
        made.error_model(repetition.memory(5, 3))
    with pytest.raises(BadInput, match=f"distance {MOST + 2} was asked for, .* up to {MOST}"):
        machine(MOST + 2)
    with pytest.raises(BadInput, match="distance 4 was asked for"):
        machine(4)
    with pytest.raises(BadInput, match="0 controls a gate"):
        machine(3, each=0)
    with pytest.raises(BadInput, match=r"'XY amplitude 2' is 4.5 .* -4 to 4"):
        made.sample(Job(made.memory(3), np.array([[0, 4.5, 0]]), 1, 3, "a", (1,)))
    with pytest.raises(BadInput, match="0 shots of 3 cycles"):
        made.sample(Job(made.memory(3), made.space.start[None], 0, 3, "a", (1,)))
    with pytest.raises(BadInput, match="go on at nan"):
        made.resume(np.nan)
    with pytest.raises(BadInput, match="epoch of 0 seconds"):
        CoherentRepetition(3, key=(1,), drift="none", epoch_seconds=0)


def test_the_loop_runs_the_machines_own_circuit(tmp_path: Path):
    settings = Settings(machine="repetition", distance=3, candidates=4, cycles=50, turns=2, decoder="matching")
    made = build(settings, MACHINES["repetition"], EXPLORERS["gradient"], DECODERS["matching"])
    assert made.circuit == repetition.memory(3, settings.rounds)
    with Session.begin(tmp_path, EXPERIMENT, settings, made) as session:
        turns = list(session)
    assert [set(turn.bounds) for turn in turns] == [{"fixed", "oracle"}] * 2
