"""Trains of pulses: the closed form against density matrices, against the chip's own law, and on the chip."""

from __future__ import annotations

from dataclasses import replace
from math import e, pi

import numpy as np
import pytest
import stim
from chances import FALSE_ALARM
from scipy.optimize import minimize_scalar
from scipy.stats import binom

from counterpoint.base import BadInput, Job, Permit
from counterpoint.codes import surface
from counterpoint.machine import builds
from counterpoint.machine.chip import SimulatedChip, published, willow
from counterpoint.machine.drift import parse
from counterpoint.machine.meter import CYCLE_SECONDS
from counterpoint.machine.pulses import PULSE_SECONDS, Train, best_uses, chances, ones, read_train, tunes
from counterpoint.machine.results import bits_of

X = np.array([[0, 1], [1, 0]], complex)
TRAINS = [Train(3, k, quarter) for k in (0, 1, 2, 5, 40) for quarter in (True, False) if k or quarter]
DEVICE = builds.willow(surface.memory(3, 3), (1,))


def by_matrices(train: Train, delta: float, error: float, preparing: float, reading: float) -> float:
    """P(1) from a density matrix, pulse by pulse, each followed by the three Paulis with error / 3 each."""
    y, z = np.array([[0, -1j], [1j, 0]]), np.diag([1, -1]).astype(complex)
    rho = np.diag([1 - preparing, preparing]).astype(complex)
    for half in [0.5] * train.quarter + [1.0] * train.pulses:
        turn = half * (pi + delta)
        u = np.cos(turn / 2) * np.eye(2) - 1j * np.sin(turn / 2) * X
        rho = u @ rho @ u.conj().T
        rho = (1 - error) * rho + error / 3 * sum(p @ rho @ p.conj().T for p in (X, y, z))
    one = rho[1, 1].real
    return one * (1 - reading) + (1 - one) * reading


@pytest.mark.parametrize("train", TRAINS)
def test_closed_form_is_that_of_density_matrices(train: Train) -> None:
    rng = np.random.default_rng(train.pulses)
    for _ in range(20):
        delta, error, preparing, reading = rng.uniform(-0.4, 0.4), *rng.uniform(0, 0.5, 3)
        found = ones(train, np.array(delta), error, preparing, reading)
        assert found == pytest.approx(by_matrices(train, delta, error, preparing, reading), abs=1e-12)


def test_a_pulse_s_twirl_has_the_chip_s_error() -> None:
    """Of a pi pulse that is delta off the Pauli twirl is an X error of sin^2(delta / 2): response x^2 to second order,
    and 0.047 rad at one scale."""
    for x in (0.01, 0.1, 1.0):
        knob = DEVICE.knobs.index("XY amplitude 3")
        delta = 2 * np.sqrt(DEVICE.response[knob]) * x
        excess = DEVICE.response[knob] * x**2
        u = np.cos(delta / 2) * np.eye(2) - 1j * np.sin(delta / 2) * X
        twirled = abs(np.trace(X @ u) / 2) ** 2
        assert twirled == pytest.approx(excess, rel=excess / 3 + 1e-12)
    assert 2 * np.sqrt(builds.WILLOW_KNOBS[0].response) == pytest.approx(pi * 0.015)


@pytest.mark.parametrize("k", [0, 1])
def test_short_trains_are_what_the_twirled_chip_gives(k: int) -> None:
    """At the optimum exactly; off it an over-rotation shows whole, and two thirds of a depolarising error do."""
    controls = DEVICE.start[None].copy()
    assert twirled(k, controls) == pytest.approx(chances(DEVICE, Train(3, k, k == 0), controls, DEVICE.start)[0])
    knob = DEVICE.knobs.index("XY amplitude 3")
    controls[0, knob] += 0.1 * DEVICE.scale[knob]
    excess = DEVICE.response[knob] * 0.01
    coherent = chances(DEVICE, Train(3, k, k == 0), controls, DEVICE.start)[0]
    if k:
        assert (twirled(k, controls) - coherent) / excess == pytest.approx(1 / 3, rel=0.1)
    else:
        assert (coherent - 0.5) ** 2 == pytest.approx(excess / 4, rel=0.1)  # linear: what a twirl cannot show


def twirled(k: int, controls: np.ndarray) -> float:
    """Exact P(1) of R, X or SQRT_X, M where each gate errs by Pauli errors at the device's rates."""
    rates = dict(zip(DEVICE.gates, DEVICE.rates(controls, DEVICE.start)[0], strict=True))
    shrunk = 1.0
    for gate, rate in rates.items():
        if gate.qubits == (3,) and gate.kind in ("R", "M", "1Q"):
            shrunk *= 1 - 2 * rate if gate.kind != "1Q" else 1 - 4 / 3 * rate
    return (1 + shrunk) / 2 if k else 0.5


def test_what_is_a_train() -> None:
    for train in TRAINS:
        assert read_train(train.circuit()) == train
    for text, pulses, quarter in [
        ("R 0\nX 0 0 0\nM 0", 3, False),
        ("R 0\nTICK\nSQRT_X 0\nTICK\nX 0\nTICK\nX 0\nM 0", 2, True),
        ("R 0\nREPEAT 4 {\nX 0 0\nTICK\n}\nX 0\nM 0", 9, False),
    ]:
        assert read_train(stim.Circuit(text)) == Train(0, pulses, quarter)
    for text in (
        "R 0\nM 0",
        "X 0\nM 0",
        "R 0\nX 0",
        "R 0 1\nX 0\nM 0",
        "R 0\nX 1\nM 0",
        "R 0\nX 0\nM !0",
        "R 0\nX 0\nM 0 0",
        "R 0\nX 0\nM(0.1) 0",
        "R 0\nX 0\nSQRT_X 0\nM 0",
        "R 0\nSQRT_X 0 0\nM 0",
        "R 0\nH 0\nM 0",
        "R 0\nX[tag] 0\nM 0",
        "R 0\nX 0\nM 0\nM 0",
        "R 0\nX 0\nM 0\nDETECTOR rec[-1]",
        "R 0\nREPEAT 2 {\nX 0\nM 0\n}",
        "R 0\nREPEAT 2 {\nREPEAT 2 {\nX 0\n}\n}\nM 0",
        "M 0\nX 0\nR 0",
    ):
        assert read_train(stim.Circuit(text)) is None, text
    with pytest.raises(BadInput, match="0 pulses"):
        Train(0, 0, quarter=False).circuit()
    with pytest.raises(BadInput, match="-1 pulses"):
        Train(0, -1).circuit()


@pytest.mark.parametrize("train", [Train(3, 40), Train(3, 1, quarter=False), Train(8, 300)])
def test_the_chip_samples_trains_under_each_setting(train: Train) -> None:
    chip = willow(3, key=(1,), drift="none", epoch_seconds=1.0)
    knob = chip.space.names.index(f"XY amplitude {train.qubit}")
    controls = np.tile(chip.space.start, (5, 1))
    controls[:, knob] += chip.space.scale[knob] * np.linspace(-2, 2, 5)
    controls[:, knob + 1] += chip.space.scale[knob + 1] * 0.5  # its frequency, too
    shots = 20_000
    job = Job(train.circuit(), controls, shots, 1, "the action", (2,))
    price = chip.price(job)
    cycles = 1 + int(np.ceil(train.uses * PULSE_SECONDS / CYCLE_SECONDS))
    assert (price.shots, price.cycles) == (5 * shots, 5 * shots * cycles)
    found = chip.run(job, Permit("the action", price, 1, "digest"))
    assert chip.clock == pytest.approx(price.seconds) == pytest.approx(found.seconds)
    with pytest.raises(BadInput, match="used before"):
        chip.run(job, Permit("the action", price, 1, "digest"))
    for c, p in enumerate(chances(chip._device, train, controls, chip.optimum())):
        seen = int(np.unpackbits(found.measurements[c], axis=1, count=1, bitorder="little").sum())
        assert 2 * min(binom.cdf(seen, shots, p), binom.sf(seen - 1, shots, p)) > FALSE_ALARM / 15


def test_the_same_key_gives_the_same_shots() -> None:
    chip = willow(3, key=(1,), drift="none", epoch_seconds=1.0)
    job = Job(Train(3, 9).circuit(), chip.space.start[None], 100, 1, "a", (2,))
    assert (bits_of(chip.twin.run(job), 1) == bits_of(chip.twin.run(job), 1)).all()
    other = chip.twin.run(replace(job, key=(3,)))
    assert (bits_of(other, 1) != bits_of(chip.twin.run(job), 1)).any()
    bad = replace(job, controls=chip.space.start[None] + 1e9)
    for call in (chip.price, chip.twin.run):
        with pytest.raises(BadInput, match="safe range"):
            call(bad)


def test_only_chips_with_the_knob_add_up() -> None:
    """The published chip has no knob of amplitude, and a qubit that is not there has none: all is as it was."""
    plain = published(3, key=(1,), drift="none", epoch_seconds=1.0)
    assert not tunes(plain._device, Train(3, 2))
    job = Job(Train(3, 2).circuit(), plain.space.start[None], 10, 7, "a", (2,))
    assert plain.price(job).cycles == 70
    assert not tunes(DEVICE, Train(99, 2))
    chip = SimulatedChip(DEVICE, surface.memory(3, 3), key=(1,), drift=parse("none"), epoch_seconds=1.0)
    h = replace(job, circuit=stim.Circuit("R 3\nH 3\nM 3"), controls=chip.space.start[None])
    assert chip.price(h).cycles == 70


@pytest.mark.parametrize("error", [1e-5, 6.2e-4, 0.01, 0.1])
def test_the_best_length_maximises_the_information_of_a_use(error: float) -> None:
    shrink = 1 - 4 * error / 3

    def told(u: float) -> float:
        return -((u - 0.5) ** 2) * shrink ** (2 * u) / u

    best = minimize_scalar(told, bounds=(0.6, 10 / error), method="bounded", options={"xatol": 1e-6 / error})
    assert best_uses(error) == pytest.approx(best.x, rel=1e-4)
    if error < 1e-3:
        assert best_uses(error) == pytest.approx(3 / 8 / error, rel=0.01)
        assert -told(best_uses(error)) == pytest.approx(best_uses(error) / e, rel=0.01)


def test_the_information_is_that_of_the_closed_form() -> None:
    train, error, step = Train(0, 30), 1e-3, 1e-6
    p = ones(train, np.array([-step, 0.0, step]), error, 0.01, 0.02)
    slope = (p[2] - p[0]) / (2 * step)
    contrast = 0.98 * 0.96 * (1 - 4e-3 / 3) ** 31
    assert slope**2 / (p[1] * (1 - p[1])) == pytest.approx((30.5 * contrast) ** 2, rel=1e-6)


@pytest.mark.parametrize("error", [0.0, -0.1, 0.75, float("nan")])
def test_errors_without_a_best_length_are_refused(error: float) -> None:
    with pytest.raises(BadInput, match=r"error of .* a pulse"):
        best_uses(error)
