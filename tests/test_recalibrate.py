"""Recalibrating a gate by trains of pulses: what each way finds, its charges, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from math import comb, log, pi

import numpy as np
import pytest
from chances import FALSE_ALARM
from scipy.stats import binom, norm

from counterpoint.base import BadInput, Job, Key, Permit
from counterpoint.machine.chip import willow
from counterpoint.machine.meter import CYCLE_SECONDS
from counterpoint.machine.pulses import KNOB, Train, chances, ones
from counterpoint.machine.results import bits_of
from counterpoint.workloads.calibrate.amplification import FEWEST, ErrorAmplification, fitted
from counterpoint.workloads.calibrate.recalibrate import FLOOR, Recalibration, Task
from counterpoint.workloads.calibrate.repetition import (
    ERRORS,
    SCANS,
    TURNS,
    VISIBLE,
    CoherentRepetition,
    Plan,
    Posterior,
    posterior,
)
from counterpoint.workloads.calibrate.singles import PLACES, SinglePulses
from counterpoint.workloads.calibrate.trains import LEAST, TURN, TURN_SPREAD, Dial, Finder, Row, Search
from counterpoint.workloads.rivals import weigh
from counterpoint.workloads.workload import Bill, Budget, Workload

DIAL = Dial(start=1.0, low=0.94, high=1.06, scale=0.015, error=1e-3)
WAYS: dict[str, Finder] = {
    "quantum": CoherentRepetition(),
    "amplified": ErrorAmplification(),
    "gp-ucb": SinglePulses(),
}


FAR = norm.isf(FALSE_ALARM / 2) / norm.isf(0.025)  # half widths that hold all answers but one in a million


def told_by_single_pulses(uses: float) -> float:
    """The half width, in scales, of which no way with single pulses is below: each two uses tell sin(3 delta / 2)."""
    return norm.isf(0.025) / (TURN * np.sqrt(uses * 9 / 8))


def scan_of(optimum: float, turn: float = TURN, exact: bool = False):
    """Trains of a gate with no error but its over-rotation; `exact` ones give their means."""

    def scan(settings: np.ndarray, pulses: int, shots: int, key: Key) -> np.ndarray:
        chance = ones(Train(0, pulses), turn * (settings - optimum) / DIAL.scale, 1e-3, 0.003, 0.015)
        if exact:
            return np.rint(shots * chance).astype(np.int64)
        return np.random.default_rng(key).binomial(shots, chance)

    return scan


# What is found


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("x", [-4.0, -1.3, 0.0, 0.4, 4.0])
def test_without_shot_noise_the_optimum_is_found(name: str, x: float) -> None:
    """Its half width is that of the counted shots, so that an answer without their noise is well inside.

    Long trains tell more than single pulses could. A bandit on single pulses tells at least what it would had it spread
    its shots evenly, by those at the place next to the optimum alone, whose contrast is above 0.9.
    """
    optimum = DIAL.start + x * DIAL.scale
    found = WAYS[name].find(scan_of(optimum, exact=True), DIAL, 10**6, (1,))
    assert abs(found.setting - optimum) <= found.half_width
    assert DIAL.low <= found.setting <= DIAL.high
    told = told_by_single_pulses(0.9**2 * 10**6 / PLACES if name == "gp-ucb" else 10**6)
    assert found.half_width < told * DIAL.scale
    assert 0 < found.bill.calls <= 10**6


@pytest.mark.parametrize("name", ["quantum", "amplified"])
def test_intervals_hold_the_optimum_as_often_as_they_say(name: str) -> None:
    n, held = 60, 0
    for i in range(n):
        rng = np.random.default_rng(i)
        optimum = DIAL.start + DIAL.scale * rng.uniform(-3, 3)
        turn = TURN * np.exp(TURN_SPREAD * rng.standard_normal())
        found = WAYS[name].find(scan_of(optimum, turn), DIAL, 5000, (i,))
        held += abs(found.setting - optimum) <= found.half_width
    assert binom.cdf(held, n, 0.95) > FALSE_ALARM


def test_long_trains_tell_what_single_pulses_cannot() -> None:
    """Coherent repetition at half of the least standard deviation of single pulses would leave more than a quarter of
    that in most cases."""
    uses, n = 20_000, 30
    single = TURN * told_by_single_pulses(uses) / norm.isf(0.025)
    less = 0
    for i in range(n):
        optimum = DIAL.start + DIAL.scale * np.random.default_rng(i).uniform(-3, 3)
        found = CoherentRepetition().find(scan_of(optimum), DIAL, uses, (i,))
        less += TURN * abs(found.setting - optimum) / DIAL.scale < single / 4
    chance = norm.cdf(0.5) - norm.cdf(-0.5)
    assert binom.sf(less - 1, n, chance) < FALSE_ALARM


def test_fringes_of_deep_trains_are_told_apart() -> None:
    """After a deep scan alone many roots are as likely; with a shallow one there is one."""
    angle, optimum = 100.5, 1.5
    deep = [row_at(x, 100, 50, optimum) for x in (-0.3, 0.0, 0.3)]
    shallow = [row_at(x, 4, 5000, optimum) for x in (-2.0, 2.0)]
    alone, both = (posterior(rows, DIAL, DIAL.ends) for rows in (deep, deep + shallow))
    fringe = pi / (angle * TURN)
    assert alone.deviation > fringe
    assert both.deviation * norm.isf(FALSE_ALARM / 2) < fringe / 2
    assert abs(both.mean - optimum) < both.deviation  # rows have their means


def row_at(x: float, pulses: int, shots: int, optimum: float) -> Row:
    """The row that has its mean, of a gate with the mean law."""
    chance = float(ones(Train(0, pulses), np.array(TURN * (x - optimum)), DIAL.error, 0.003, 0.015))
    return Row(x, pulses, shots, round(shots * chance))


def test_the_posterior_is_bayes_rule() -> None:
    """On its own grid, against the binomial probabilities of every combination."""
    rows = [Row(0.5, 3, 9, 4), Row(-1.0, 2, 7, 6)]
    found = posterior(rows, DIAL, (-4.0, 4.0))
    total = np.zeros(found.roots.size)
    for i, root in enumerate(found.roots.tolist()):
        for t in TURNS:
            for factor in ERRORS:
                for visible in VISIBLE:
                    p = np.exp(-(t**2) / 2)
                    for row in rows:
                        delta = np.array(TURN * np.exp(TURN_SPREAD * t) * (row.x - root))
                        chance = ones(Train(0, row.pulses), delta, DIAL.error * factor, (1 - visible) / 2, 0.0)
                        p *= comb(row.shots, row.ones) * chance**row.ones * (1 - chance) ** (row.shots - row.ones)
                    total[i] += p
    assert found.weight == pytest.approx(total / total.sum(), abs=1e-12)


def test_a_plan_counts_fisher_information() -> None:
    """At the root with lasting contrast, shots s at two settings of u uses each: 1 / sd^2 grows by 2 s (u - 1/2)^2 c^2,
    less what their phase costs."""
    known = Posterior(np.array([-1e-4, 0.0, 1e-4]), np.ones(3) / 3, TURN, 1e-3, 0.96)
    plan = Plan(known, 0.7)
    apart, left = np.array([1e-4]), np.array([1e9])
    uses = plan.uses(apart, left)
    phase = plan.phase(apart, uses)
    near, step = np.array([-1e-6, 0.0, 1e-6]), 1e-6
    told = 0.0
    for sign in (-1, 1):
        delta = near + sign * phase / (uses - 0.5)
        p = ones(Train(0, int(uses[0]) - 1), delta, 1e-3, 0.02, 0.0)
        told += ((p[2] - p[0]) / (2 * step)) ** 2 / (p[1] * (1 - p[1]))
    after, rest = plan.after(apart, left, np.array([10.0]))
    assert after[0] ** -2 - apart[0] ** -2 == pytest.approx(10 * told, rel=1e-5)
    assert rest[0] == left[0] - 20 * uses[0]


def test_the_fit_of_exact_means_is_exact() -> None:
    """The row at the root has no slope but the root's: it alone tells (shots)^(1/2) (k + 1/2) turn c."""
    rows = [row_at(x, k, 10**8, 0.7) for k in (2, 10, 60) for x in (0.5, 0.6, 0.7, 0.8, 0.9)]
    root, half_width = fitted(rows, DIAL, None)
    contrast = 2 * float(ones(Train(0, 60), np.array(pi / 2 / 60.5), DIAL.error, 0.003, 0.015)) - 1
    assert abs(root - 0.7) < half_width < norm.isf(0.025) / (1e4 * 60.5 * TURN * contrast)


def test_a_ladder_is_as_deep_as_the_budget_allows() -> None:
    way = ErrorAmplification(deepest=256, settings=5, last=0.5, growth=4)
    assert way.ladder(10**6, DIAL) == [4, 16, 64, 256]
    given = (LEAST, 1000, 5000, 20_000, 10**6)
    depths = [way.ladder(uses, DIAL)[-1] for uses in given]
    assert depths == sorted(depths)
    for uses, depth in zip(given, depths, strict=True):
        assert FEWEST * way.settings * (depth + 1) <= uses
    for setting in Recalibration().solvers()["amplified"]:
        assert isinstance(setting, ErrorAmplification)
        assert len(setting.ladder(10**7, DIAL)) <= SCANS, "each is one permit"


# Charges


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("uses", [LEAST, 333, 10_000])
def test_every_use_is_charged_and_none_beyond_the_budget(name: str, uses: int) -> None:
    scans: list[tuple[int, int, int]] = []
    inner = scan_of(1.01)

    def scan(settings: np.ndarray, pulses: int, shots: int, key: Key) -> np.ndarray:
        assert ((settings >= DIAL.low) & (settings <= DIAL.high)).all()
        scans.append((settings.size, pulses, shots))
        return inner(settings, pulses, shots, key)

    bill = WAYS[name].find(scan, DIAL, uses, (1,)).bill
    assert bill.calls == sum(c * (k + 1) * n for c, k, n in scans) <= uses
    c, k, _ = scans[-1]
    assert uses - bill.calls < c * (k + 1), "what is left has room for one more shot of each setting"
    assert bill.shots == sum(c * n for c, _, n in scans)
    assert bill.machine == pytest.approx(sum(c * n * Train(0, k).cycles for c, k, n in scans) * CYCLE_SECONDS)
    if name != "gp-ucb":
        assert len(scans) <= SCANS
        assert max(c for c, _, _ in scans) <= 20


def test_the_same_key_finds_the_same() -> None:
    for way in WAYS.values():
        first, again = (way.find(scan_of(1.01), DIAL, 2000, (3,)).setting for _ in range(2))
        assert first == again


# On a chip, under permits


def test_a_chip_is_recalibrated_under_permits() -> None:
    chip = willow(3, key=(1,), drift="none", epoch_seconds=1.0)
    knob = chip.space.names.index(f"{KNOB} 4")
    space, truth = chip.space, chip.optimum()
    start = space.start[knob] + 1.5 * space.scale[knob]  # somebody turned it
    dial = Dial(start, space.low[knob], space.high[knob], space.scale[knob], 1e-3)
    entries = iter(range(100))

    def scan(settings: np.ndarray, pulses: int, shots: int, key: Key) -> np.ndarray:
        controls = np.tile(space.start, (settings.size, 1))
        controls[:, knob] = settings
        action = f"scan {pulses} {settings}"
        job = Job(Train(4, pulses).circuit(), controls, shots, 1, action, key)
        got = chip.run(job, Permit(action, chip.price(job), 1, f"entry {next(entries)}"))
        return np.array([bits_of(replace(got, measurements=m[None]), 1).sum() for m in got.measurements])

    found = CoherentRepetition().find(scan, dial, 20_000, (5,))
    assert found.bill.machine == pytest.approx(chip.clock)
    assert abs(found.setting - truth[knob]) < FAR * found.half_width
    assert found.half_width < told_by_single_pulses(20_000) * space.scale[knob]


# The workload


def test_instances_are_qubits_of_a_chip() -> None:
    task = Recalibration().instance((1,))
    assert isinstance(task, Task)
    settings = task.dial.start + task.dial.scale * np.linspace(-1, 1, 3)
    controls = np.tile(task.device.start, (3, 1))
    controls[:, task.knob] = settings
    expected = chances(task.device, Train(task.qubit, 20), controls, task.optimum)
    shots = 10**5
    for seen, p in zip(task.scan(settings, 20, shots, (1,)).tolist(), expected.tolist(), strict=True):
        assert 2 * min(binom.cdf(seen, shots, p), binom.sf(seen - 1, shots, p)) > FALSE_ALARM / 3
    truth = float(task.optimum[task.knob])
    assert task.score(truth) == -log(FLOOR)
    off = truth + task.dial.scale
    assert task.score(off) == pytest.approx(-log(task.over_rotation(off)))
    assert task.over_rotation(off) == pytest.approx(2 * np.sqrt(task.device.response[task.knob]))


def test_a_comparison_is_made_and_billed() -> None:
    workload = Recalibration()
    assert workload.margin > 0
    found = weigh(_Small(workload), Budget(1000, "calls"), instances=20, key=(1,))
    assert not found.void
    assert set(found.sides) == {"quantum", "amplified", "gp-ucb", "nothing"}
    for name, side in found.sides.items():
        assert side.bill.calls <= 10 * 1000
        assert (side.bill.calls > 0) == (name != "nothing")


class _Small(Workload):
    """The workload with one setting of each way."""

    def __init__(self, whole: Recalibration) -> None:
        self.whole = whole
        self.name, self.hypothesis, self.margin = whole.name, whole.hypothesis, whole.margin

    def instance(self, key: Key):
        return self.whole.instance(key)

    def solvers(self):
        return {name: settings[:1] for name, settings in self.whole.solvers().items()}


def test_every_setting_of_every_way_is_told_in_words_and_cited() -> None:
    for name, settings in Recalibration().solvers().items():
        assert len({str(setting) for setting in settings}) == len(settings)
        for setting in settings:
            assert name == "nothing" or "@" in setting.citation


# What is refused


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("uses", [0, LEAST - 1, -5, 10**13])
def test_budgets_too_small_or_too_large_are_refused(name: str, uses: int) -> None:
    with pytest.raises(BadInput, match=rf"uses of the gate was given: give {LEAST} or more"):
        WAYS[name].find(scan_of(1.0), DIAL, uses, (1,))


@pytest.mark.parametrize("unit", ["shots", "seconds"])
def test_budgets_in_other_units_are_refused(unit) -> None:
    with pytest.raises(BadInput, match=f"1000 {unit} was given: give it in calls"):
        CoherentRepetition()(Recalibration().instance((1,)), Budget(1000, unit), (1,))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"start": 2.0}, "a setting of 2 .*0.94 to 1.06"),
        ({"start": float("nan")}, "a setting of nan"),
        ({"high": float("inf")}, "finite"),
        ({"scale": 0.0}, "a scale of 0 "),
        ({"scale": float("nan")}, "a scale of nan"),
        ({"low": 1.0, "high": 1.0}, "not empty"),
        ({"high": 2.0}, "a safe range of 70.67 scales .* beyond 42"),
        ({"error": 0.0}, "an error of 0 a pulse"),
        ({"error": float("nan")}, "an error of nan a pulse"),
    ],
)
def test_a_knob_that_cannot_be_is_refused(changes: dict[str, float], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        replace(DIAL, **changes)


def test_settings_that_lead_nowhere_are_refused() -> None:
    for changes in ({"growth": 1}, {"settings": 1}, {"deepest": 0}, {"last": 1.0}, {"last": float("nan")}):
        with pytest.raises(BadInput, match="a ladder to"):
            replace(ErrorAmplification(), **changes)
    for reach in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(BadInput, match="a reach of"):
            CoherentRepetition(reach)


@pytest.mark.parametrize("counts", [[1], [1, -1], [1, 99], [1, float("nan")]])
def test_counts_that_cannot_be_are_refused(counts: list[float]) -> None:
    search = Search(lambda settings, pulses, shots, key: np.array(counts), DIAL, 1000, (1,))
    with pytest.raises(BadInput, match="a scan of 2 settings for 10 shots each gave"):
        search.take(np.zeros(2), 3, 10)
    assert search.bill == Bill()
