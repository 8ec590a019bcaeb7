"""The bootstrap against the normal theory, and what it does with several causes of spread."""

import math

import numpy as np
import pytest

from lab.measures import Estimate, estimate, paired_difference, paired_ratio
from stylecrafter_core.errors import InputError


def test_the_interval_is_that_of_the_normal_theory():
    values = np.random.default_rng(0).normal(2.0, 0.5, 400)
    found = estimate(values)
    assert (found.mean, found.n) == (pytest.approx(values.mean()), 400)
    assert found.std == pytest.approx(values.std(ddof=1))
    reach = 1.96 * found.std / math.sqrt(400)
    assert found.low == pytest.approx(found.mean - reach, abs=0.06 * reach)
    assert found.high == pytest.approx(found.mean + reach, abs=0.06 * reach)


def test_the_interval_holds_the_truth_about_19_times_in_20():
    rng = np.random.default_rng(1)
    estimates = [estimate(rng.normal(0, 1, 40)) for _ in range(100)]
    held = sum(found.low <= 0 <= found.high for found in estimates)
    assert 88 <= held <= 99


def test_the_same_values_give_the_same_interval():
    values = np.random.default_rng(4).normal(0, 1, 40)
    assert estimate(values) == estimate(values)
    assert estimate(values) != estimate(values, seed=1)


def test_many_items_do_not_hide_that_there_are_few_seeds():
    rng = np.random.default_rng(2)
    seeds = rng.normal(0, 1, (6, 1))
    values = seeds + rng.normal(0, 0.1, (6, 200))
    crossed, flat = estimate(values), estimate(values.ravel())
    assert crossed.mean == pytest.approx(flat.mean)
    assert crossed.n == flat.n == 1200
    theory = 2 * 1.96 * float(seeds.std()) / math.sqrt(6)
    assert crossed.high - crossed.low == pytest.approx(theory, rel=0.15)
    assert flat.high - flat.low < 0.15 * theory


def test_one_value_has_no_interval():
    found = estimate([0.7])
    assert (found.mean, found.n) == (0.7, 1)
    assert all(math.isnan(number) for number in (found.std, found.low, found.high))


def test_pairs_take_out_what_both_share():
    rng = np.random.default_rng(3)
    shared = rng.normal(0, 5, 50)
    baseline, better = shared + rng.normal(0, 0.1, 50), shared + 0.3 + rng.normal(0, 0.1, 50)
    found = paired_difference(better, baseline)
    assert found.mean == pytest.approx(float((better - baseline).mean()))
    assert 0 < found.low < 0.3 < found.high < 0.5
    alone = estimate(better)
    assert alone.high - alone.low > 10 * (found.high - found.low)


def test_equal_values_have_an_interval_of_no_width():
    assert estimate([2.0, 2.0, 2.0]) == Estimate(2.0, 0.0, 3, 2.0, 2.0)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([], r"an array \[0\]"),
        ([1.0, math.nan], "1 of 2 values are NaN"),
        ([[1.0, 2.0], [3.0]], "rows of different lengths"),
    ],
)
def test_bad_values_are_refused(values, words):
    with pytest.raises(InputError, match=words):
        estimate(values)


def test_pairs_of_different_items_are_refused():
    with pytest.raises(InputError, match=r"\[2\] and \[3\]"):
        paired_difference([1.0, 2.0], [1.0, 2.0, 3.0])


def test_a_ratio_takes_both_means_over_the_same_items():
    rng = np.random.default_rng(5)
    baseline = rng.uniform(0.1, 4.0, (20, 10))
    found = paired_ratio(0.6 * baseline, baseline)
    assert (found.mean, found.n) == (pytest.approx(0.6), 200)
    assert (found.low, found.high) == (pytest.approx(0.6), pytest.approx(0.6))
    independent = paired_ratio(0.6 * rng.permuted(baseline), baseline)
    assert independent.low < 0.58
    assert independent.high > 0.62


def test_a_ratio_to_nothing_is_no_number():
    found = paired_ratio([1.0, 0.0], [0.0, 0.0])
    assert math.isnan(found.mean)
    assert math.isnan(found.low)
    assert found.n == 2


def test_draws_without_a_baseline_are_left_out():
    found = paired_ratio([1.0, 1.0, 0.0], [1.0, 0.0, 0.0])
    assert found.mean == pytest.approx(2.0)
    assert math.isfinite(found.low)
    assert math.isfinite(found.high)
