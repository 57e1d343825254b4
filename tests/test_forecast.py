"""From counts to what a size would need: Lambda by likelihood, forecasts, the published formulas."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import binom

from counterpoint.base import BadInput
from counterpoint.quops.forecast import FARTHEST, IDLE, TARGETS, Operation, distance_for, forecast, reaches
from counterpoint.quops.formulas import FORMULAS
from counterpoint.quops.suppression import Suppression, Tally, fit_suppression

FALSE_ALARM = 1e-6
CYCLE = Operation(cycles=1)


def tallies(amplitude: float, factor: float, shots: int, rounds: int = 25) -> list[Tally]:
    """What the law itself gives, rounded to whole failures, at distance 3, 5 and 7."""
    found = []
    for d in (3, 5, 7):
        p = (1 - (1 - 2 * amplitude * factor ** (-(d + 1) / 2)) ** rounds) / 2
        found.append(Tally(d, rounds, round(p * shots), shots))
    return found


def test_the_fit_of_exact_counts_is_exact() -> None:
    fit = fit_suppression(tallies(0.03, 2.14, 10**14))
    assert fit.factor == pytest.approx(2.14, rel=1e-7)
    assert fit.amplitude == pytest.approx(0.03, rel=1e-7)
    assert fit.deviance < 0.1
    assert fit.p == pytest.approx(1, abs=0.3)
    for d in (3, 9, 27):
        assert fit.error(d).value == pytest.approx(0.03 * 2.14 ** (-(d + 1) / 2), rel=1e-5)


def test_two_distances_of_one_cycle_give_the_ratio_of_their_rates() -> None:
    fit = fit_suppression([Tally(3, 1, 900, 10_000), Tally(5, 1, 300, 10_000)])
    assert fit.factor == pytest.approx(3, rel=1e-7)
    assert fit.deviance == pytest.approx(0, abs=1e-8)
    assert fit.freedom == 0
    assert fit.p is None


def test_the_interval_is_where_the_profile_deviance_says() -> None:
    """At two distances of one cycle the profile has a closed form: both rates on the line of a given Lambda."""
    k, n = (90, 30), 10_000
    fit = fit_suppression([Tally(3, 1, k[0], n), Tally(5, 1, k[1], n)])
    for end in (fit.low, fit.high):
        assert end is not None
        # The best first rate q under q2 = q / Lambda: the root of a quadratic (score = 0).
        a, b, c = 2 * n / end, -(k[0] * (1 + 1 / end) + k[1] * (1 + 1 / end) + (n - k[0]) + (n - k[1]) / end), sum(k)
        q = (-b - math.sqrt(b * b - 4 * a * c)) / (2 * a)
        deviance = 2 * sum(
            x * math.log(x / (n * r)) + (n - x) * math.log((1 - x / n) / (1 - r))
            for x, r in zip(k, (q, q / end), strict=True)
        )
        assert deviance == pytest.approx(3.8414588, rel=1e-5)


def test_experiments_at_one_distance_are_pooled_by_their_likelihood() -> None:
    whole = fit_suppression([Tally(3, 5, 90, 3000), Tally(5, 5, 20, 2000)])
    split = fit_suppression([Tally(3, 5, 30, 1000), Tally(3, 5, 60, 2000), Tally(5, 5, 20, 2000)])
    assert split.factor == pytest.approx(whole.factor, rel=1e-6)
    assert split.low == pytest.approx(whole.low, rel=1e-5)


def test_the_ceiling_of_several_observables() -> None:
    """Three observables of which any may be wrong: eps / (7/8) takes the place of 2 eps."""
    ceiling = 7 / 8
    counts = [Tally(d, 10, round(ceiling * (1 - (1 - e / ceiling) ** 10) * 1e14), 10**14, ceiling)
              for d, e in ((3, 0.12), (5, 0.04))]  # fmt: skip
    assert fit_suppression(counts).factor == pytest.approx(3, rel=1e-6)


def test_failures_at_the_smallest_distance_alone_give_a_lower_bound() -> None:
    fit = fit_suppression([Tally(3, 1, 100, 10_000), Tally(5, 1, 0, 10_000), Tally(7, 1, 0, 10_000)])
    assert (fit.factor, fit.high, fit.amplitude) == (None, None, None)
    assert 1 < fit.low < math.inf
    assert 0 < fit.error(5).high < 1e-3
    found = forecast(fit, IDLE, 1e-6)
    assert [one.size for one in found] == [None] * 3
    assert found[0].high is not None


def test_failures_at_the_largest_distance_alone_give_an_upper_bound() -> None:
    fit = fit_suppression([Tally(3, 1, 0, 10_000), Tally(5, 1, 10, 10_000)])
    assert (fit.factor, fit.low) == (0, 0)
    assert fit.high is not None
    assert fit.high < 1
    assert [one.size for one in forecast(fit, IDLE, 1e-6)] == [None] * 3


def test_no_failure_at_all_is_a_bound_and_never_zero() -> None:
    fit = fit_suppression([Tally(3, 1, 0, 1000), Tally(5, 1, 0, 2000)])
    assert (fit.factor, fit.low, fit.high) == (None, 0, None)
    assert fit.error(5).high == pytest.approx(1 - 0.025 ** (1 / 2000), rel=1e-12)
    assert fit.error(7).high == 0.5
    assert [(one.size, one.high) for one in forecast(fit, IDLE, 1e-6)] == [(None, None)] * 3


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ([Tally(3, 1, 5, 100), Tally(3, 1, 6, 100)], r"\[3\] holds 1 of the 2"),
        ([Tally(3, 1, 50, 100), Tally(5, 1, 6, 100)], r"50 of 100 shots fail at distance 3, and guessing fails 0\.5"),
        ([Tally(3, 0, 5, 100), Tally(5, 1, 6, 100)], "experiment of 0 cycles"),
        ([Tally(3, 1, 7, 5), Tally(5, 1, 6, 100)], "7 failures were counted in 5 shots"),
    ],
)
def test_counts_that_say_nothing_of_lambda_are_refused(counts: list[Tally], told: str) -> None:
    with pytest.raises(BadInput, match=told):
        fit_suppression(counts)


@pytest.fixture(scope="module")
def simulated() -> list[Suppression]:
    """400 data sets with Lambda = 2 and some 60, 30 and 15 failures."""
    rates = [0.12 * 2 ** (-(d + 1) / 2) for d in (3, 5, 7)]
    drawn = np.random.default_rng(5).binomial(2000, rates, (400, 3))
    return [fit_suppression([Tally(d, 1, k, 2000) for d, k in zip((3, 5, 7), row, strict=True)]) for row in drawn]


def test_the_interval_of_lambda_covers_as_often_as_it_says(simulated: list[Suppression]) -> None:
    """The number that cover is binomial with 0.95, both ends at a millionth."""
    covered = sum(fit.low <= 2 <= (fit.high or math.inf) for fit in simulated)
    n = len(simulated)
    assert binom.ppf(FALSE_ALARM, n, 0.95) <= covered <= binom.ppf(1 - FALSE_ALARM, n, 0.95)


def test_the_interval_of_an_extrapolated_error_covers_as_often_as_it_says(simulated: list[Suppression]) -> None:
    truth = 0.12 * 2 ** (-(15 + 1) / 2)
    found = [fit.error(15) for fit in simulated[:200]]
    covered, n = sum(one.low <= truth <= one.high for one in found), len(found)
    assert binom.ppf(FALSE_ALARM, n, 0.95) <= covered <= binom.ppf(1 - FALSE_ALARM, n, 0.95)


def test_goodness_of_fit_is_uniform_where_lambda_is_constant_and_small_where_not(simulated: list[Suppression]) -> None:
    below = sum(fit.p is not None and fit.p < 0.1 for fit in simulated)
    n = len(simulated)
    assert binom.ppf(FALSE_ALARM, n, 0.1) <= below <= binom.ppf(1 - FALSE_ALARM, n, 0.1)
    bent = fit_suppression([Tally(3, 1, 800, 10_000), Tally(5, 1, 200, 10_000), Tally(7, 1, 190, 10_000)])
    assert bent.p is not None
    assert bent.p < FALSE_ALARM


def test_gidney_and_fowler_need_13_19_25_and_beverland_11_17_23() -> None:
    """One operation is d rounds at p = 1e-3."""
    found = {name: [f.distance("1e-3", n) for n in TARGETS.values()] for name, f in FORMULAS.items()}
    assert found == {"gidney-fowler": [13, 19, 25], "beverland": [11, 17, 23]}


def test_a_tie_counts_as_reached() -> None:
    """0.1 * 10**-5 is 1e-6 in fractions; in floats it is a little more, and two distances would be lost."""
    formula = FORMULAS["gidney-fowler"]
    assert [formula.distance(0.001, n, CYCLE) for n in TARGETS.values()] == [9, 15, 21]
    assert formula.error(0.001, 9) == Fraction(1, 10**6)
    assert 0.1 * 0.1**5 > 1e-6
    assert not reaches(0.1 * 0.1**5, 1, 10**6)


def test_willow_needs_27_45_63() -> None:
    """Lambda = 2.14, eps_7 = 1.43e-3, one operation is one cycle; constant Lambda."""
    error = {d: Fraction("1.43e-3") * Fraction("2.14") ** (-(d - 7) // 2) for d in range(3, FARTHEST + 1, 2)}
    assert [distance_for(error.__getitem__, n, CYCLE) for n in TARGETS.values()] == [27, 45, 63]
    fit = fit_suppression(tallies(1.43e-3 * 2.14**4, 2.14, 10**7))
    sizes = [one.size for one in forecast(fit, CYCLE, 1.1e-6)]
    assert [size and (size.distance, size.qubits) for size in sizes] == [(27, 1457), (45, 4049), (63, 7937)]


def test_the_range_of_a_forecast_is_that_of_the_likelihood_region() -> None:
    """Beside a scan of the region itself: (ln A, ln Lambda) whose deviance is within 3.84 of the best."""
    counts = [Tally(3, 1, 200, 10_000), Tally(5, 1, 90, 10_000), Tally(7, 1, 50, 10_000)]
    fit = fit_suppression(counts)
    assert fit.amplitude is not None
    assert fit.factor is not None
    steps = np.array([2.0, 3.0, 4.0])
    k, n = np.array([200, 90, 50]), 10_000
    a, b = np.meshgrid(
        np.linspace(-1, 1, 801) + math.log(fit.amplitude), np.linspace(-0.4, 0.4, 801) + math.log(fit.factor)
    )
    p = np.exp(a[..., None] - b[..., None] * steps)
    own = (k * np.log(k / n) + (n - k) * np.log(1 - k / n)).sum()
    deviance = 2 * (own - (k * np.log(p) + (n - k) * np.log1p(-p)).sum(axis=-1))
    inside = deviance <= fit.deviance + 3.8414588
    needed = 2 * np.ceil((a[inside] + math.log(1e6)) / b[inside]) - 1  # of one cycle
    (mega, *_) = forecast(fit, CYCLE, 1.0)
    assert mega.size is not None
    assert mega.low is not None
    assert mega.high is not None
    # The scan sees points inside only, some 0.3 % apart: it may stop one odd distance short.
    assert needed.min() - 2 <= mega.low.distance <= needed.min()
    assert needed.max() <= mega.high.distance <= needed.max() + 2


def test_a_floor_of_bursts_puts_targets_out_of_reach() -> None:
    fit = fit_suppression(tallies(0.03, 2.14, 10**7))
    mega, giga, tera = forecast(fit, IDLE, 1.1e-6, floor=1e-10)
    assert mega.size is not None
    assert giga.size is tera.size is giga.low is tera.high is None
    assert forecast(fit, CYCLE, 1.1e-6, floor=1e-10)[1].size is not None
    assert not reaches(0, 10, 10**9, Fraction(1, 10**10) * 2)
    assert reaches(0, 10, 10**9, Fraction(1, 10**10))
    with pytest.raises(BadInput, match=r"a floor of 0\.5 a cycle"):
        distance_for(lambda d: 0.1, 10**6, floor=0.5)


def test_an_operation_counts_its_cycles_and_qubits() -> None:
    assert (IDLE.cycles_at(7), IDLE.qubits_at(7)) == (7, 97)
    assert Operation(steps=4, area=(6, 4, -1)).cycles_at(5) == 20
    mega, *_ = forecast(fit_suppression(tallies(0.03, 2.14, 10**7)), IDLE, 1.1e-6)
    assert mega.size is not None
    assert mega.size.seconds == pytest.approx(mega.size.distance * 1.1e-6, rel=1e-12)


def test_formulas_refuse_what_they_do_not_hold_for() -> None:
    formula = FORMULAS["beverland"]
    assert formula.suppression("0.002") == 5
    with pytest.raises(BadInput, match=r"error of 0\.01 .* threshold 0\.01"):
        formula.error(0.01, 3)
    with pytest.raises(BadInput, match="distance 4"):
        formula.error(0.001, 4)
