import doctest
import math
import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from espnet_samos.evaluation import metrics
from espnet_samos.evaluation.metrics import METRICS, bootstrap_intervals

SCIPY = {
    "mse": lambda x, y: np.mean((x - y) ** 2),
    "lcc": lambda x, y: stats.pearsonr(x, y).statistic,
    "srcc": lambda x, y: stats.spearmanr(x, y).statistic,
    "ktau": lambda x, y: stats.kendalltau(x, y).statistic,
}
# Eighths, as the mean of eight ratings: with ties, and far enough apart that a
# rounded affine or monotone map keeps their order.
scores = st.integers(8, 40).map(lambda i: i / 8)
pairs = st.lists(st.tuples(scores, scores), min_size=3, max_size=30).map(
    lambda rows: np.array(rows).T
)


def made_up(n: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    label = rng.integers(8, 41, n) / 8
    return label, np.round(label + rng.normal(0, 0.7, n), 1)


def same(a: float, b: float) -> bool:
    return math.isclose(a, b, abs_tol=1e-9) or (math.isnan(a) and math.isnan(b))


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("n", [3, 17, 400])
def test_parity_with_scipy(name, n):
    label, prediction = made_up(n, seed=n)
    expected = SCIPY[name](label, prediction)
    assert METRICS[name].function(label, prediction) == pytest.approx(expected)


@given(pairs)
@settings(deadline=None)
def test_bounds_and_symmetry(pair):
    label, prediction = pair
    for metric in METRICS.values():
        value = metric.function(label, prediction)
        assert math.isnan(value) or metric.lower <= value <= metric.upper
        assert same(value, metric.function(prediction, label))


@given(pairs, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_order_of_clips_does_not_matter(pair, random):
    order = list(range(pair.shape[1]))
    random.shuffle(order)
    for metric in METRICS.values():
        assert same(metric.function(*pair), metric.function(*pair[:, order]))


@given(pairs, st.floats(0.1, 10), st.floats(-5, 5))
@settings(deadline=None)
def test_lcc_ignores_affine_and_ranks_ignore_monotone_maps(pair, slope, offset):
    label, prediction = pair
    lcc = METRICS["lcc"].function
    assert same(lcc(label, prediction), lcc(label, slope * prediction + offset))
    assert same(lcc(label, prediction), -lcc(label, -prediction))
    for name in ("srcc", "ktau"):
        value = METRICS[name].function(label, prediction)
        assert same(value, METRICS[name].function(label, np.exp(prediction)))


def test_direction():
    label, _ = made_up(50)
    for metric in METRICS.values():
        best = metric.function(label, label)
        worse = metric.function(label, label[::-1])
        assert (best > worse) == metric.higher_is_better


@pytest.mark.parametrize(
    "pair", [([], []), ([1, 2], [1, 2]), ([3, 3, 3], [1, 2, 3]), ([1, 2, 3], [0.1] * 3)]
)
def test_no_correlation_is_nan_without_warnings(pair):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in ("lcc", "srcc", "ktau"):
            assert math.isnan(METRICS[name].function(*pair))
        bootstrap_intervals(*pair)
        assert math.isnan(METRICS["mse"].function([], []))


@pytest.mark.parametrize(
    "pair, message",
    [
        (([1, 2, 3], [1, 2]), "one length"),
        (([[1, 2, 3]], [[1, 2, 3]]), "vectors"),
        (([1, 2, math.nan], [1, 2, 3]), "labels hold NaN"),
        (([1, 2, 3], [1, 2, math.inf]), "predictions hold NaN"),
    ],
)
def test_bad_input_is_refused(pair, message):
    for metric in METRICS.values():
        with pytest.raises(ValueError, match=message):
            metric.function(*pair)


def test_intervals_are_those_of_resamples_one_by_one():
    label, prediction = made_up(30)
    rng = np.random.default_rng(5)
    values = {name: [] for name in METRICS}
    for _ in range(2000):
        drawn = rng.integers(0, 30, 30)
        for name in METRICS:
            values[name].append(SCIPY[name](label[drawn], prediction[drawn]))
    intervals = bootstrap_intervals(label, prediction, num_resamples=2000)
    for name, (low, high) in intervals.items():
        expected = np.quantile(values[name], [0.025, 0.975])
        assert [low, high] == pytest.approx(expected, abs=0.1 * np.ptp(expected))


def test_degenerate_resamples_are_dropped():
    # One resample in nine of these three points holds a single point.
    intervals = bootstrap_intervals([1.0, 2.0, 3.0], [1.1, 1.9, 3.0])
    assert intervals["ktau"] == pytest.approx((1.0, 1.0))
    assert intervals["srcc"] == pytest.approx((1.0, 1.0))


def test_intervals_are_deterministic_and_narrow_with_more_clips():
    small, large = bootstrap_intervals(*made_up(40)), bootstrap_intervals(*made_up(800))
    assert small == bootstrap_intervals(*made_up(40))
    assert small != bootstrap_intervals(*made_up(40), seed=1)
    for name, metric in METRICS.items():
        assert small[name][0] < metric.function(*made_up(40)) < small[name][1]
        assert np.ptp(large[name]) < np.ptp(small[name]) / 2


def test_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(100):
        x, y = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], size=80).T
        low, high = bootstrap_intervals(x, y, num_resamples=100)["lcc"]
        hits += low <= 0.6 <= high
    assert 0.86 <= hits / 100 <= 0.99


def test_examples_run():
    assert doctest.testmod(metrics).failed == 0
    assert doctest.testmod(metrics).attempted >= 6


def test_metrics_import_no_torch():
    code = (
        "import sys, espnet_samos.evaluation.metrics; sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
