import pytest
from lib.stats import (median_ci95, percentile, ratio_ci95, ratio_of_medians, ratio_of_percentiles,
                       ratio_of_percentiles_ci95)


@pytest.mark.parametrize("percent, expected", [(0, 1), (50, 2.5), (90, 3.7), (100, 4)])
def test_percentiles_lie_between_the_ranks(percent, expected):
    assert percentile([4, 1, 3, 2], percent) == pytest.approx(expected)


def test_the_percentile_of_one_value_is_that_value():
    assert percentile([7], 90) == 7


def test_the_ratio_is_of_medians_not_of_means():
    assert ratio_of_medians([(10, 5), (11, 5), (900, 5)]) == pytest.approx(11 / 5)


def test_equal_rounds_leave_no_doubt():
    assert ratio_ci95([(102, 100)] * 5, 200) == pytest.approx((1.02, 1.02))


def test_the_interval_holds_the_ratio_and_widens_with_the_noise():
    quiet = [(100 + i % 3, 100 - i % 2) for i in range(20)]
    noisy = [(100 + 30 * (i % 3), 100 - 30 * (i % 2)) for i in range(20)]
    for pairs in (quiet, noisy):
        low, high = ratio_ci95(pairs, 500)
        assert low <= ratio_of_medians(pairs) <= high
    assert ratio_ci95(noisy, 500)[1] - ratio_ci95(noisy, 500)[0] > ratio_ci95(quiet, 500)[1] - ratio_ci95(quiet, 500)[0]


def test_what_disturbs_a_whole_round_does_not_widen_the_interval():
    """Drawn in pairs: rounds of very different speed, but always of the same ratio."""
    pairs = [(1.5 * speed, speed) for speed in (100, 200, 400, 800, 1600)]
    assert ratio_ci95(pairs, 500) == pytest.approx((1.5, 1.5))


def test_the_same_input_gives_the_same_interval():
    values = [float(i * i % 17) for i in range(20)]
    assert median_ci95(values, 500) == median_ci95(values, 500)


def test_percentiles_are_taken_over_all_rounds():
    rounds = [([10, 20], [100, 200]), ([30, 40], [300, 400])]
    assert ratio_of_percentiles(rounds, 50) == pytest.approx(0.1)


def test_what_slows_a_round_down_does_not_widen_the_interval_of_percentiles():
    rounds = [([2 * speed] * 30, [speed] * 30) for speed in (10, 20, 40)]
    assert ratio_of_percentiles_ci95(rounds, 99, 200) == pytest.approx((2, 2))
