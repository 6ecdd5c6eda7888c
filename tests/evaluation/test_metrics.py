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

from benchmarks.intervals import SHAPES, draw, true_values
from espnet_samos.evaluation import metrics
from espnet_samos.evaluation.metrics import METRICS, differences, intervals

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
        intervals(*pair)
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


@pytest.mark.parametrize("name", METRICS)
def test_an_interval_is_that_of_leaving_out_each_cluster(name):
    label, prediction = made_up(30)
    clusters = np.repeat(list("abcdefghij"), 3)
    there, back = METRICS[name].scale
    values = [
        there(SCIPY[name](label[clusters != c], prediction[clusters != c]))
        for c in "abcdefghij"
    ]
    error = np.sqrt(9 / 10 * np.sum((values - np.mean(values)) ** 2))
    low, high = stats.t(9, there(SCIPY[name](label, prediction)), error).interval(0.95)
    found = intervals(label, prediction, clusters)[name]
    assert found == pytest.approx((back(low), back(high)))
    # and of independent points it is about that of a bootstrap
    label, prediction = made_up(150)
    resampled = stats.bootstrap(
        (label, prediction),
        SCIPY[name],
        paired=True,
        vectorized=False,
        n_resamples=400,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    found = intervals(label, prediction)[name]
    assert found == pytest.approx(resampled, abs=0.25 * (resampled[1] - resampled[0]))


def test_intervals_of_few_points_and_of_perfect_predictions():
    assert all(np.isnan(limits).all() for limits in intervals([1, 2], [1, 2]).values())
    two = intervals([1.0, 2, 3, 4], [1.0, 2, 4, 3], ["a", "a", "b", "b"])
    assert all(np.isnan(limits).all() for limits in two.values())
    perfect = intervals([1.0, 2, 3, 4, 5], [1.0, 2, 3, 4, 5])
    assert perfect["lcc"] == pytest.approx((1, 1))
    assert perfect["mse"] == pytest.approx((0, 0), abs=1e-9)
    constant = intervals([1.0, 2, 3, 4, 5], [3.0] * 5)
    assert np.isnan(constant["lcc"]).all() and np.isfinite(constant["mse"]).all()


def test_intervals_are_deterministic_and_narrow_with_more_clips():
    small, large = intervals(*made_up(40)), intervals(*made_up(800))
    assert small == intervals(*made_up(40))
    for name, metric in METRICS.items():
        assert small[name][0] < metric.function(*made_up(40)) < small[name][1]
        assert np.ptp(large[name]) < np.ptp(small[name]) / 2


def test_intervals_hold_the_truth_as_often_as_they_say():
    """Of corpora with systems of their own quality, which the predictor favours or not.

    `python -m benchmarks.intervals` has more of each, and how the bootstrap fares.
    """
    rng = np.random.default_rng(0)
    hits = dict.fromkeys(METRICS, 0)
    naive = count = 0
    for shape in (SHAPES[1], SHAPES[2], SHAPES[4], SHAPES[5]):
        truth = true_values(shape)
        for _ in range(50):
            system, label, prediction = draw(shape, rng)
            for name, (low, high) in intervals(label, prediction, system).items():
                hits[name] += low <= truth[name] <= high
            count += 1
            if count % 4 == 0:
                low, high = intervals(label, prediction)["lcc"]
                naive += low <= truth["lcc"] <= high
    assert all(0.9 <= number / count <= 0.99 for number in hits.values()), hits
    # clips taken as independent
    assert naive / (count / 4) < 0.75


def test_differences_are_paired():
    rng = np.random.default_rng(0)
    clusters = np.repeat(np.arange(20), 10)
    label = rng.normal(3, 1, 200)
    shared = rng.normal(0, 0.8, 200)  # what both predictors get wrong
    first = label + shared + rng.normal(0, 0.1, 200)
    second = label + 0.9 * shared + rng.normal(0, 0.1, 200)
    found = differences(label, [first], [second], clusters)
    for name, (difference, low, high) in found.items():
        function = METRICS[name].function
        expected = function(label, second) - function(label, first)
        assert difference == pytest.approx(expected)
        assert low <= difference <= high
    _, low, high = found["lcc"]
    assert low > 0
    # two intervals side by side would not show it
    apart = [intervals(label, p, clusters)["lcc"] for p in (first, second)]
    assert apart[0][1] > apart[1][0]
    swapped = differences(label, [second], [first], clusters)["lcc"]
    assert swapped == pytest.approx((-found["lcc"][0], -high, -low))
    same = differences(label, [first, second], [second, first], clusters)["mse"]
    assert same == pytest.approx((0, 0, 0))


def test_examples_run():
    assert doctest.testmod(metrics).failed == 0
    assert doctest.testmod(metrics).attempted >= 6


def test_metrics_import_no_torch():
    code = (
        "import sys, espnet_samos.evaluation.metrics; sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
