"""Agreement between labels and predictions: MSE, LCC, SRCC and KTAU.

Pure functions on arrays, in numpy and scipy alone. Each metric takes labels (N,)
and predictions (N,): one value per utterance or, at the system level, one mean per
system. It raises ValueError where their shapes differ or a value is not finite.
"""

import warnings
from dataclasses import dataclass
from typing import Any, Callable, Dict, Tuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

# Two points always correlate perfectly, which says nothing about a predictor.
MIN_POINTS = 3
LIMITS = (0.025, 0.975)  # quantiles of a 95 % interval


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


def _resampled_lcc(label: np.ndarray, prediction: np.ndarray, axis: int) -> np.ndarray:
    return stats.pearsonr(label, prediction, axis=axis).statistic


def _resampled_srcc(label: np.ndarray, prediction: np.ndarray, axis: int) -> np.ndarray:
    label_ranks = stats.rankdata(label, axis=axis)
    return _resampled_lcc(label_ranks, stats.rankdata(prediction, axis=axis), axis)


def _resampled_mse(label: np.ndarray, prediction: np.ndarray, axis: int) -> np.ndarray:
    return np.mean((label - prediction) ** 2, axis=axis)


# those that compute many resamples at once
_VECTORIZED = {"mse": _resampled_mse, "lcc": _resampled_lcc, "srcc": _resampled_srcc}


def bootstrap_intervals(
    label: ArrayLike,
    prediction: ArrayLike,
    num_resamples: int = 1000,
    seed: int = 0,
) -> Dict[str, Tuple[float, float]]:
    """Compute the 95 % percentile bootstrap interval of every metric.

    The points given are what is drawn with replacement: utterances at the
    utterance level, systems (their means) at the system level. A system-level
    figure is meant to hold for other systems, so the systems are the
    sample; what a mean owes to its few clips is part of the scatter of those
    means and needs no second draw.

    Resamples without a correlation (all labels or all predictions the same)
    are dropped and do not count. The same seed and points give the same intervals.

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
    if len(label) < MIN_POINTS:
        return {name: (float("nan"), float("nan")) for name in METRICS}
    intervals = {}
    for name, metric in METRICS.items():
        with warnings.catch_warnings():
            # of resamples without a correlation, and of points without any
            warnings.simplefilter("ignore")
            values = stats.bootstrap(
                (label, prediction),
                _VECTORIZED.get(name, metric.function),
                n_resamples=num_resamples,
                vectorized=name in _VECTORIZED,
                paired=True,
                method="percentile",
                rng=np.random.default_rng(seed),
            ).bootstrap_distribution
            low, high = np.nanquantile(values, LIMITS)
        intervals[name] = (float(low), float(high))
    return intervals
