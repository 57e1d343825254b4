"""Counts to errors to reliable operations: closed forms, then coverage of the intervals."""

from __future__ import annotations

import json
import math
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.stats import binom, binomtest

from counterpoint.base import BadInput
from counterpoint.quops.cycle import error_per_cycle, fit_per_cycle, per_cycle
from counterpoint.quops.estimate import Estimate, binomial_interval, error_per_shot
from counterpoint.quops.operation import quops
from counterpoint.quops.paired import failure_ratio, mcnemar

FALSE_ALARM = 1e-6


@pytest.mark.parametrize("shots", [1, 10, 50_000])
def test_no_failure_gives_the_closed_form_bound(shots: int) -> None:
    low, high = binomial_interval(0, shots)
    assert low == 0
    assert high == pytest.approx(1 - 0.025 ** (1 / shots), rel=1e-12)
    assert binomial_interval(shots, shots) == pytest.approx((1 - high, 1.0), rel=1e-9)


@given(st.integers(2, 500), st.data())
def test_interval_ends_are_where_the_tails_are_a_fortieth(shots: int, data: st.DataObject) -> None:
    failures = data.draw(st.integers(1, shots - 1))
    low, high = binomial_interval(failures, shots)
    assert binom.sf(failures - 1, shots, low) == pytest.approx(0.025, rel=1e-6)
    assert binom.cdf(failures, shots, high) == pytest.approx(0.025, rel=1e-6)


def test_interval_covers_every_rate_at_least_95_percent_of_the_time() -> None:
    """Summed over all counts of 30 shots: an exact truth, not a simulation."""
    ends = np.array([binomial_interval(k, 30) for k in range(31)])
    for rate in np.linspace(0.003, 0.997, 300):
        covering = (ends[:, 0] <= rate) & (rate <= ends[:, 1])
        assert binom.pmf(np.flatnonzero(covering), 30, rate).sum() >= 0.95


@pytest.mark.parametrize(
    ("failures", "shots", "told"),
    [(1, 0, "1 failures in 0 shots"), (5, 4, "5 failures were counted in 4 shots")],
)
def test_impossible_counts_are_refused(failures: int, shots: int, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        error_per_shot(failures, shots)


@given(st.floats(1e-12, 0.49), st.integers(1, 300))
def test_per_cycle_undoes_the_accumulation_of_cycles(error: float, rounds: int) -> None:
    accumulated = -math.expm1(rounds * math.log1p(-2 * error)) / 2
    if accumulated < 0.49:
        assert per_cycle(accumulated, rounds) == pytest.approx(error, rel=1e-9)


def test_per_cycle_of_one_cycle_is_the_error_itself_and_of_half_is_half() -> None:
    assert per_cycle(0.7, 1) == 0.7
    assert per_cycle(0.5, 9) == 0.5
    assert per_cycle(0.8, 9) == 0.5


def test_interval_goes_through_to_the_cycle_exactly() -> None:
    low, high = binomial_interval(1000, 50_000)
    found = error_per_cycle(1000, 50_000, 25)
    assert found == Estimate(per_cycle(0.02, 25), per_cycle(low, 25), per_cycle(high, 25))
    assert error_per_cycle(0, 100, 25).high > 0


def counts_of(error: float, rounds: list[int], shots: int, preparation: float = 0.98) -> list[int]:
    return [round(shots * (1 - preparation * (1 - 2 * error) ** r) / 2) for r in rounds]


def test_fit_finds_the_error_whatever_preparation_costs() -> None:
    rounds, shots = [1, 3, 5, 7, 9, 13], 10**12
    failures = counts_of(0.03, rounds, shots)
    failures[0] = shots // 4  # one round is left out of the fit, so even nonsense there changes nothing
    found = fit_per_cycle(rounds, failures, [shots] * 6)
    assert found.value == pytest.approx(0.03, rel=1e-9)
    assert found.low < 0.03 < found.high
    assert found == fit_per_cycle(rounds, failures, [shots] * 6)  # the same key, the same interval


def test_fit_of_no_failures_is_a_bound() -> None:
    found = fit_per_cycle([3, 5, 7], [0, 0, 0], [1000] * 3)
    assert found.value == found.low == 0
    assert 0 < found.high < 0.01


def test_fit_interval_covers_as_often_as_it_says() -> None:
    """300 simulated data sets; the count that cover is binomial with 0.95, both ends at a millionth."""
    rounds, shots, sets = [3, 5, 9], 2000, 300
    rates = (1 - 0.98 * (1 - 2 * 0.02) ** np.array(rounds)) / 2
    drawn = np.random.default_rng(11).binomial(shots, rates, (sets, 3))
    covered = 0
    for i, failures in enumerate(drawn):
        found = fit_per_cycle(rounds, failures.tolist(), [shots] * 3, (i,))
        covered += found.low <= 0.02 <= found.high
    assert binom.ppf(FALSE_ALARM, sets, 0.95) <= covered <= binom.ppf(1 - FALSE_ALARM, sets, 0.95)


def test_fit_refuses_what_has_no_slope() -> None:
    with pytest.raises(BadInput, match=r"\[1, 3\] has 1"):
        fit_per_cycle([1, 3, 3], [1, 2, 3], [100] * 3)
    with pytest.raises(BadInput, match="50 of 100 shots fail after 5 rounds"):
        fit_per_cycle([3, 5], [10, 50], [100] * 2)
    with pytest.raises(BadInput, match="7 failures were counted in 5 shots"):
        fit_per_cycle([3, 5], [7, 1], [5] * 2)
    with pytest.raises(BadInput, match="experiment of 0 cycles"):
        per_cycle(0.1, 0)


def test_quops_of_one_cycle_is_the_inverse_of_the_error() -> None:
    found = quops(Estimate(0.01, 0.008, 0.0125), 1)
    assert (found.value, found.low, found.high) == pytest.approx((100, 80, 125), rel=1e-12)


def test_quops_of_an_operation_counts_all_its_cycles() -> None:
    found = quops(Estimate(0.003, 0.002, 0.004), 5)
    assert found.value == pytest.approx(2 / (1 - 0.994**5), rel=1e-12)
    assert found.operation == "5 cycles of one patch"
    assert quops(Estimate(0.5, 0.4, 0.5), 3).value == 2


def test_quops_without_a_failure_are_bounded_from_below_only() -> None:
    found = quops(error_per_cycle(0, 10_000, 25), 3)
    assert found.value is None
    assert found.high is None
    assert 0 < found.low < math.inf
    json.dumps(asdict(found), allow_nan=False)


def test_quops_refuse_percentages_and_empty_operations() -> None:
    with pytest.raises(BadInput, match=r"from 1\.2 to 1\.4"):
        quops(Estimate(1.3, 1.2, 1.4), 3)
    with pytest.raises(BadInput, match="operation of 0 cycles"):
        quops(Estimate(0.1, 0.09, 0.11), 0)
    with pytest.raises(BadInput, match="exactly 0 to 0"):
        quops(Estimate(0, 0, 0), 3)


@given(st.integers(0, 400), st.integers(0, 400))
def test_mcnemar_is_the_exact_binomial_test(this: int, other: int) -> None:
    expected = binomtest(this, this + other, 0.5).pvalue if this + other else 1.0
    assert mcnemar(this, other) == pytest.approx(expected, rel=1e-9)
    assert mcnemar(this, other) == mcnemar(other, this)


def test_mcnemar_of_one_sided_counts_is_a_power_of_two() -> None:
    assert mcnemar(0, 10) == pytest.approx(2.0**-9, rel=1e-12)
    assert mcnemar(0, 0) == 1
    with pytest.raises(BadInput, match="-1 and 3"):
        mcnemar(-1, 3)


def test_failure_ratio_turns_over_with_the_players() -> None:
    ratio, turned = failure_ratio(80, 10, 30), failure_ratio(80, 30, 10)
    assert ratio.value == pytest.approx(90 / 110, rel=1e-12)
    assert turned.value == pytest.approx(1 / ratio.value, rel=1e-12)
    assert turned.low == pytest.approx(1 / ratio.high, rel=1e-12)
    assert failure_ratio(80, 0, 0) == Estimate(1, 1, 1)
    with pytest.raises(BadInput, match="0 and 5 failures"):
        failure_ratio(0, 0, 5)


def test_failure_ratio_covers_as_often_as_it_says() -> None:
    """500 simulated tables of 3,000 shots with a true ratio of 0.06 / 0.07; ends at a millionth."""
    tables = np.random.default_rng(17).multinomial(3000, [0.04, 0.02, 0.03, 0.91], 500)
    covered = 0
    for both, this, other, _ in tables.tolist():
        found = failure_ratio(both, this, other)
        covered += found.low <= 0.06 / 0.07 <= found.high
    assert binom.ppf(FALSE_ALARM, 500, 0.95) <= covered <= binom.ppf(1 - FALSE_ALARM, 500, 0.95)
