"""Agreement between labels and predictions: MSE, LCC, SRCC and KTAU.

Pure functions on arrays, in numpy and scipy alone. Each metric takes labels (N,)
and predictions (N,): one value per utterance or, at the system level, one mean per
system (`system_means`). It raises ValueError where their shapes differ or a value
is not finite.
"""

from dataclasses import dataclass
from typing import Callable, Dict, Tuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

# Two points always correlate perfectly, which says nothing about a predictor.
MIN_POINTS = 3
LIMITS = (0.025, 0.975)  # quantiles of a 95 % interval
_BLOCK_ROWS = 1024


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


def _has_no_correlation(label: np.ndarray, prediction: np.ndarray) -> bool:
    return len(label) < MIN_POINTS or np.ptp(label) == 0 or np.ptp(prediction) == 0


def mse(label: ArrayLike, prediction: ArrayLike) -> float:
    """Mean squared error.

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
    """Linear (Pearson) correlation coefficient.

    Returns:
        A value in [-1, 1], the larger the better; NaN for constant input or
        N < 3.

    Example:
        >>> round(lcc([1.0, 2.0, 4.0], [1.5, 2.0, 3.0]), 6)
        1.0
    """
    label, prediction = _as_pair(label, prediction)
    if _has_no_correlation(label, prediction):
        return float("nan")
    # Scaled to unit norm one by one: the product of two norms could underflow.
    x = label - label.mean()
    y = prediction - prediction.mean()
    r = np.dot(x / np.linalg.norm(x), y / np.linalg.norm(y))
    return float(np.clip(r, -1.0, 1.0))


def srcc(label: ArrayLike, prediction: ArrayLike) -> float:
    """Spearman's rank correlation coefficient; ties share their mean rank.

    Returns:
        A value in [-1, 1], the larger the better; NaN for constant input or
        N < 3.

    Example:
        >>> round(srcc([1.0, 2.0, 3.0, 5.0], [1.0, 2.0, 4.0, 3.0]), 6)
        0.8
    """
    label, prediction = _as_pair(label, prediction)
    return lcc(stats.rankdata(label), stats.rankdata(prediction))


def ktau(label: ArrayLike, prediction: ArrayLike) -> float:
    """Kendall's rank correlation coefficient tau-b, which allows for ties.

    Returns:
        A value in [-1, 1], the larger the better; NaN for constant input or
        N < 3.

    Example:
        >>> round(ktau([1.0, 2.0, 3.0, 5.0], [1.0, 2.0, 4.0, 3.0]), 6)
        0.666667
    """
    label, prediction = _as_pair(label, prediction)
    if _has_no_correlation(label, prediction):
        return float("nan")
    return float(stats.kendalltau(label, prediction).statistic)


@dataclass(frozen=True)
class Metric:
    """A metric with its bounds and its direction."""

    function: Callable[[ArrayLike, ArrayLike], float]
    lower: float
    upper: float
    higher_is_better: bool


METRICS: Dict[str, Metric] = {
    "mse": Metric(mse, 0.0, float("inf"), higher_is_better=False),
    "lcc": Metric(lcc, -1.0, 1.0, higher_is_better=True),
    "srcc": Metric(srcc, -1.0, 1.0, higher_is_better=True),
    "ktau": Metric(ktau, -1.0, 1.0, higher_is_better=True),
}


def system_means(
    systems: ArrayLike, values: ArrayLike
) -> Tuple[np.ndarray, np.ndarray]:
    """Average the values of each system.

    Args:
        systems: System of each utterance (N,).
        values: One value per utterance (N,).

    Returns:
        The names of the systems, sorted (S,), and their means (S,).

    Raises:
        ValueError: The lengths differ.

    Example:
        >>> names, means = system_means(["b", "a", "b"], [1.0, 2.0, 4.0])
        >>> names.tolist(), means.tolist()
        (['a', 'b'], [2.0, 2.5])
    """
    systems, values = np.asarray(systems), np.asarray(values, dtype=np.float64)
    if systems.ndim != 1 or systems.shape != values.shape:
        raise ValueError(f"{systems.shape} systems for {values.shape} values")
    names, inverse = np.unique(systems, return_inverse=True)
    sums = np.bincount(inverse, weights=values, minlength=len(names))
    return names, sums / np.bincount(inverse, minlength=len(names))


def _tie_counts(
    values: np.ndarray, counts: np.ndarray
) -> Tuple[np.ndarray, np.ndarray]:
    """Count each distinct value in each resample: (R, N) -> (R, U), index (N,)."""
    _, index = np.unique(values, return_inverse=True)
    order = np.argsort(index, kind="stable")
    starts = np.flatnonzero(np.diff(index[order], prepend=-1))
    return np.add.reduceat(counts[:, order], starts, axis=1), index


def _mean_ranks(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Rank of each point, less 1/2, ties sharing the mean: (R, N).

    A constant offset changes no correlation.
    """
    ties, index = _tie_counts(values, counts)
    return (np.cumsum(ties, axis=1) - ties / 2)[:, index]


def _untied_pairs(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Ordered pairs of unequal values in each resample: (R,)."""
    ties, _ = _tie_counts(values, counts)
    return counts.sum(axis=1) ** 2 - (ties**2).sum(axis=1)


def _resampled_lcc(x: np.ndarray, y: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """LCC of each resample: x, y (N,) or (R, N); counts (R, N) -> (R,)."""
    n = counts.sum(axis=1, keepdims=True)
    x = x - (counts * x).sum(axis=1, keepdims=True) / n
    y = y - (counts * y).sum(axis=1, keepdims=True) / n
    covariance = (counts * x * y).sum(axis=1)
    return covariance / np.sqrt(
        (counts * x**2).sum(axis=1) * (counts * y**2).sum(axis=1)
    )


def resampled_metrics(
    label: ArrayLike, prediction: ArrayLike, counts: ArrayLike
) -> Dict[str, np.ndarray]:
    """Every metric on many resamples at once.

    A resample is given by how often it draws each point. So a rank is a
    cumulative sum of counts, and KTAU a quadratic form in them, and a thousand
    resamples cost a few matrix products.

    Args:
        label: Labels (N,), finite.
        prediction: Predictions (N,), finite.
        counts: How often each of R resamples holds each point (R, N).

    Returns:
        For each name in `METRICS` its values (R,); correlations are NaN where
        a resample's labels or predictions are all the same.

    Raises:
        ValueError: The shapes differ, or a value is not finite.
    """
    label, prediction = _as_pair(label, prediction)
    counts = np.asarray(counts, dtype=np.float64)
    untied = _untied_pairs(label, counts) * _untied_pairs(prediction, counts)
    concordance = np.zeros(len(counts))
    # In blocks of rows, so that memory grows with N and not with its square.
    for first in range(0, len(label), _BLOCK_ROWS):
        rows = slice(first, first + _BLOCK_ROWS)
        agreement = np.sign(label - label[rows, None]) * np.sign(
            prediction - prediction[rows, None]
        )
        concordance += ((counts @ agreement.T) * counts[:, rows]).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        values = {
            "mse": counts @ (label - prediction) ** 2 / counts.sum(axis=1),
            "lcc": _resampled_lcc(label, prediction, counts),
            "srcc": _resampled_lcc(
                _mean_ranks(label, counts), _mean_ranks(prediction, counts), counts
            ),
            "ktau": concordance / np.sqrt(untied),
        }
    # Rounding makes the variance of equal values a tiny number, not always zero.
    for name in ("lcc", "srcc", "ktau"):
        values[name] = np.where(
            untied > 0, np.clip(values[name], -1.0, 1.0), float("nan")
        )
    return values


def bootstrap_intervals(
    label: ArrayLike,
    prediction: ArrayLike,
    num_resamples: int = 1000,
    seed: int = 0,
) -> Dict[str, Tuple[float, float]]:
    """95 % percentile bootstrap interval of every metric.

    The points given are what is drawn with replacement: utterances at the
    utterance level, systems (their means) at the system level. A system-level
    figure is meant to hold for systems yet unheard, so the systems are the
    sample; what a mean owes to its few clips is part of the scatter of those
    means and needs no second draw.

    Resamples without a correlation (all labels or all predictions the same)
    are dropped and do not count.

    Args:
        label: Labels (N,), finite.
        prediction: Predictions (N,), finite.
        num_resamples: Number of resamples.
        seed: Seed; the same seed and points give the same intervals.

    Returns:
        For each name in `METRICS` its lower and upper limit; NaN for N < 3
        and where every resample was dropped.

    Raises:
        ValueError: The shapes differ, or a value is not finite.

    Example:
        >>> label = [1.0, 2.0, 3.0, 4.0, 5.0]
        >>> low, high = bootstrap_intervals(label, [1.2, 1.9, 3.5, 3.6, 5.0])["lcc"]
        >>> 0.5 < low < high <= 1.0
        True
    """
    label, prediction = _as_pair(label, prediction)
    n = len(label)
    if n < MIN_POINTS:
        return {name: (float("nan"), float("nan")) for name in METRICS}
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(n, np.full(n, 1 / n), size=num_resamples)
    intervals = {}
    for name, values in resampled_metrics(label, prediction, counts).items():
        values = values[~np.isnan(values)]
        low, high = np.quantile(values, LIMITS) if len(values) else [np.nan] * 2
        intervals[name] = (float(low), float(high))
    return intervals
