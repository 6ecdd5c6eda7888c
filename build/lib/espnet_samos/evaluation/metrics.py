"""Agreement between labels and predictions: MSE, LCC, SRCC, KTAU and what limits it.

Pure functions on arrays, in numpy and scipy alone. Each metric takes labels (N,)
and predictions (N,): one value per utterance or, at the system level, one mean per
system. It raises ValueError where their shapes differ or a value is not finite.
"""

import math
from dataclasses import dataclass
from typing import Any, Callable, Dict, Optional, Sequence, Tuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

# Two points always correlate perfectly, which says nothing about a predictor.
MIN_POINTS = 3
# More clusters than these are left out several at a time, which costs less
MAX_GROUPS = 200
ALMOST_ONE = 1 - 1e-12
SMALLEST = 1e-12
Interval = Tuple[float, float]


def _as_pair(label: ArrayLike, prediction: ArrayLike) -> Tuple[np.ndarray, np.ndarray]:
    label = np.asarray(label, dtype=np.float64)
    prediction = np.asarray(prediction, dtype=np.float64)
    if label.ndim != 1 or label.shape != prediction.shape:
        raise ValueError(
            "labels and predictions must be two vectors of one length, "
            f"not {label.shape} and {prediction.shape}"
        )
    for name, values in (("labels", label), ("predictions", prediction)):
        if not np.isfinite(values).all():
            raise ValueError(f"{name} hold NaN or infinity")
    return label, prediction


def _correlation(
    function: Callable[..., Any], label: ArrayLike, prediction: ArrayLike
) -> float:
    label, prediction = _as_pair(label, prediction)
    if len(label) < MIN_POINTS or np.ptp(label) == 0 or np.ptp(prediction) == 0:
        return float("nan")
    return float(function(label, prediction).statistic)


def mse(label: ArrayLike, prediction: ArrayLike) -> float:
    """Compute the mean squared error.

    Returns:
        A value in [0, inf), the smaller the better; NaN for N = 0.

    Example:
        >>> mse([1.0, 2.0, 4.0], [1.0, 3.0, 4.0])
        0.3333333333333333
    """
    label, prediction = _as_pair(label, prediction)
    if len(label) == 0:
        return float("nan")
    return float(np.mean((label - prediction) ** 2))


def lcc(label: ArrayLike, prediction: ArrayLike) -> float:
    """Compute the linear (Pearson) correlation coefficient.

    Returns:
        A value in [-1, 1], the larger the better; NaN for constant input or N < 3.

    Example:
        >>> round(lcc([1.0, 2.0, 4.0], [1.5, 2.0, 3.0]), 6)
        1.0
    """
    return _correlation(stats.pearsonr, label, prediction)


def srcc(label: ArrayLike, prediction: ArrayLike) -> float:
    """Compute Spearman's rank correlation coefficient; ties share their mean rank.

    Returns:
        A value in [-1, 1], the larger the better; NaN for constant input or N < 3.

    Example:
        >>> round(srcc([1.0, 2.0, 3.0, 5.0], [1.0, 2.0, 4.0, 3.0]), 6)
        0.8
    """
    return _correlation(stats.spearmanr, label, prediction)


def ktau(label: ArrayLike, prediction: ArrayLike) -> float:
    """Compute Kendall's rank correlation coefficient tau-b, which allows for ties.

    Returns:
        A value in [-1, 1], the larger the better; NaN for constant input or N < 3.

    Example:
        >>> round(ktau([1.0, 2.0, 3.0, 5.0], [1.0, 2.0, 4.0, 3.0]), 6)
        0.666667
    """
    return _correlation(stats.kendalltau, label, prediction)


def fitted_mse(label: ArrayLike, prediction: ArrayLike) -> float:
    """Compute the mean squared error after the best linear map of the predictions.

    Returns:
        A value in [0, inf), the smaller the better; NaN where the LCC is.

    Example:
        >>> round(fitted_mse([1.0, 2.0, 3.0], [20.0, 40.0, 60.0]), 6)
        0.0
    """
    label, prediction = _as_pair(label, prediction)
    unexplained = 1 - lcc(label, prediction) ** 2
    return (
        float("nan") if math.isnan(unexplained) else float(np.var(label)) * unexplained
    )


def lcc_within(
    label: ArrayLike, prediction: ArrayLike, groups: ArrayLike
) -> Tuple[float, int]:
    """Compute the mean over groups, such as speakers, of the LCC within each.

    Returns:
        The mean, in [-1, 1], and the number of groups that it is over: those where the
        LCC is defined. NaN and 0 without such a group.

    Example:
        >>> label, prediction = [1, 2, 3, 2, 3, 4], [4, 5, 6, 1, 2, 3]
        >>> value, count = lcc_within(label, prediction, [0, 0, 0, 1, 1, 1])
        >>> round(value, 6), count
        (1.0, 2)
    """
    label, prediction = _as_pair(label, prediction)
    members = [np.asarray(groups) == group for group in np.unique(np.asarray(groups))]
    found = [lcc(label[chosen], prediction[chosen]) for chosen in members]
    known = [value for value in found if not math.isnan(value)]
    return (float(np.mean(known)) if known else float("nan")), len(known)


def correlation_ceiling(label: ArrayLike, label_error: ArrayLike) -> float:
    """Compute the LCC that a predictor of the true labels would have with these.

    It is the square root of the labels' reliability, the share of their variance that
    is not the error of a mean of few ratings.

    Args:
        label: Labels (N,).
        label_error: Their standard errors (N,).

    Returns:
        A value in [0, 1]; NaN for constant labels or N < 3.

    Example:
        >>> round(correlation_ceiling([1.0, 3.0, 5.0], [1.0, 1.0, 1.0]), 3)
        0.866
    """
    label, label_error = _as_pair(label, label_error)
    if len(label) < MIN_POINTS or np.ptp(label) == 0:
        return float("nan")
    unreliable = float(np.mean(label_error**2) / np.var(label, ddof=1))
    return math.sqrt(max(0.0, 1 - unreliable))


def _fisher(value: float) -> float:
    return float(np.arctanh(np.clip(value, -ALMOST_ONE, ALMOST_ONE)))


def _precision(value: float) -> float:
    return -float(max(value, SMALLEST) ** -0.5)


def _squared_error(precision: float) -> float:
    return float("inf") if precision >= 0 else precision**-2


@dataclass(frozen=True)
class Metric:
    """A metric with its bounds and its direction.

    Attributes:
        scale: Maps a value to where its error is about the same everywhere, and
            symmetric; and back.
    """

    function: Callable[[ArrayLike, ArrayLike], float]
    lower: float
    upper: float
    higher_is_better: bool
    scale: Tuple[Callable[[float], float], Callable[[float], float]]


_CORRELATION = (-1.0, 1.0, True, (_fisher, math.tanh))
METRICS: Dict[str, Metric] = {
    "mse": Metric(mse, 0.0, float("inf"), False, (_precision, _squared_error)),
    "lcc": Metric(lcc, *_CORRELATION),
    "srcc": Metric(srcc, *_CORRELATION),
    "ktau": Metric(ktau, *_CORRELATION),
}


def intervals(
    label: ArrayLike, prediction: ArrayLike, clusters: Optional[ArrayLike] = None
) -> Dict[str, Interval]:
    """Compute the 95 % interval of every metric, for other clusters than these.

    A delete-one jackknife: what each cluster does to a metric, when all its points are
    left out, says how much the metric depends on which clusters there are. The interval
    is Student's, on a scale where errors are symmetric: Fisher's z for correlations,
    1 / RMSE for the MSE. Clips of one system are alike, so that an interval that takes
    them for independent is far too narrow; and of few systems, percentiles of a
    bootstrap over systems are too narrow as well (`benchmarks/intervals.py`).

    Args:
        label: Labels (N,).
        prediction: Predictions (N,).
        clusters: What each point belongs to, (N,); by default each is independent.

    Returns:
        For each name in `METRICS` its lower and upper limit; NaN for less than 3
        clusters, and where the metric or one of those without a cluster is undefined.

    Raises:
        ValueError: The shapes differ, or a value is not finite.

    Example:
        >>> label = [1.0, 2.0, 3.0, 4.0, 5.0]
        >>> low, high = intervals(label, [1.2, 1.9, 3.5, 3.6, 5.0])["lcc"]
        >>> 0.2 < low < high < 1.0
        True
    """
    label, prediction = _as_pair(label, prediction)
    groups = _groups(clusters, len(label))
    result = {}
    for name, metric in METRICS.items():
        there, back = metric.scale

        def value(kept: np.ndarray, function=metric.function) -> float:
            return function(label[kept], prediction[kept])

        low, high = _jackknife(value, groups, there)[1:]
        result[name] = (back(low), back(high))
    return result


def differences(
    label: ArrayLike,
    first: Sequence[ArrayLike],
    second: Sequence[ArrayLike],
    clusters: Optional[ArrayLike] = None,
) -> Dict[str, Tuple[float, float, float]]:
    """Compute how the metrics of two predictors of the same clips differ.

    Args:
        label: Labels (N,).
        first: Predictions (N,) of the first one, from one or several seeds, whose
            metrics are averaged.
        second: Those of the second.
        clusters: As `intervals` takes them.

    Returns:
        For each name in `METRICS` the difference, second minus first, and the limits
        of its 95 % interval, made as those of `intervals`; NaN likewise.

    Raises:
        ValueError: The shapes differ, or a value is not finite.
    """
    pairs = [[_as_pair(label, p)[1] for p in one] for one in (first, second)]
    known = np.asarray(label, dtype=np.float64)
    groups = _groups(clusters, len(known))
    result = {}
    for name, metric in METRICS.items():

        def value(kept: np.ndarray, function=metric.function) -> float:
            means = [
                np.mean([function(known[kept], p[kept]) for p in one]) for one in pairs
            ]
            return float(means[1] - means[0])

        result[name] = _jackknife(value, groups, float)
    return result


def _groups(clusters: Optional[ArrayLike], num_points: int) -> np.ndarray:
    """Return the number of each point's group, (N,): its cluster, or several of them.

    Hundreds of clusters are put into groups at random, the same ones every time.
    """
    if clusters is None:
        clusters = np.arange(num_points)
    _, numbers = np.unique(np.asarray(clusters), return_inverse=True)
    count = int(numbers.max(initial=-1)) + 1
    if count <= MAX_GROUPS:
        return numbers
    order = np.random.default_rng(0).permutation(count)
    return order[numbers] % MAX_GROUPS


def _jackknife(
    value: Callable[[np.ndarray], float],
    groups: np.ndarray,
    there: Callable[[float], float],
) -> Tuple[float, float, float]:
    """Return a figure of all points, and its 95 % limits, on the scale of `there`.

    Args:
        value: Computes the figure of those points that a mask keeps.
        groups: The group of each point.
        there: Maps a figure to that scale.
    """
    figure = there(value(np.ones(len(groups), dtype=bool)))
    count = int(groups.max(initial=-1)) + 1
    if count < MIN_POINTS:
        return figure, float("nan"), float("nan")
    without = np.array([there(value(groups != group)) for group in range(count)])
    # Quenouille and Tukey
    spread = np.square(without - without.mean()).sum() * (count - 1) / count
    margin = float(stats.t.ppf(0.975, count - 1) * np.sqrt(spread))
    return figure, figure - margin, figure + margin
