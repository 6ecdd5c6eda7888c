"""Plots of predictions against labels, of training and of paired scores.

Each takes a note, which becomes a line at the figure's foot: what the labels are.
"""

from typing import Any, Mapping, Optional, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from espnet_samos.evaluation.metrics import METRICS, lcc
from espnet_samos.evaluation.paired import Comparison
from espnet_samos.utils.figures import (
    GREY,
    PALETTE,
    TRAIN_COLOUR,
    VALID_COLOUR,
    new_figure,
    rate_name,
)


def _diagonal(axes: Axes, low: float, high: float) -> None:
    """Show this range on both axes, and where they are equal."""
    limits = low - 0.1, high + 0.1
    axes.plot(limits, limits, color=GREY, linewidth=1, linestyle="--", zorder=1)
    axes.set(xlim=limits, ylim=limits, aspect="equal")


def _points(
    axes: Axes, points: pd.DataFrame, fs: int, colour: str, size: float
) -> None:
    x, y = points["label"], points["prediction"]
    r = lcc(x, y)
    legend = f"{rate_name(fs)}: n = {len(x)}, LCC " + (
        "–" if np.isnan(r) else f"{r:.2f}"
    )
    # Marks of a large set overlap: they are paler, so that density shows.
    alpha = np.clip(10 / np.sqrt(len(x)), 0.2, 0.9)
    axes.scatter(x, y, s=size, color=colour, alpha=alpha, linewidths=0, label=legend)


def scatter(
    clips: pd.DataFrame, title: str, note: str = "", one_scale: bool = True
) -> Figure:
    """Plot predictions against labels, clip by clip and system by system.

    Args:
        clips: Columns `system`, `fs` (Hz), `label`, `prediction` and, where the
            predictor gives it, `std`.
        one_scale: Labels and predictions are on 1..5, and where they are equal has
            a line.

    Returns:
        A figure of two panels. Left: a mark for each clip, with a bar of one
        predicted standard deviation up and down if there is one. Right: the mean
        of each system within its rate. Colours are native rates; the legends give
        the number of marks and the LCC of each.
    """
    figure = new_figure(10.5, 6.1, title, note)
    left, right = figure.subplots(1, 2)
    for i, (fs, group) in enumerate(clips.groupby("fs")):
        colour = PALETTE[i % len(PALETTE)]
        if "std" in group:
            left.errorbar(
                group["label"],
                group["prediction"],
                group["std"],
                fmt="none",
                ecolor=colour,
                elinewidth=0.8,
                alpha=0.15,
            )
        _points(left, group, fs, colour, size=18)
        systems = group.groupby("system")[["label", "prediction"]].mean()
        _points(right, systems, fs, colour, size=60)
    bars = ", with one predicted standard deviation" if "std" in clips else ""
    left.set_title(f"Clips{bars}", fontsize=11)
    right.set_title("Systems, mean of the clips at each rate", fontsize=11)
    values = clips[["label", "prediction"]].to_numpy()
    for axes in (left, right):
        if one_scale:
            _diagonal(axes, min(1.0, values.min()), max(5.0, values.max()))
        axes.grid(alpha=0.25)
        axes.set(xlabel="label", ylabel="prediction")
        for handle in axes.legend(loc="upper left", fontsize=9).legend_handles:
            handle.set(alpha=1, sizes=[40])
    return figure


def training_curve(
    stats: Mapping[int, Mapping[str, Mapping[str, Any]]], title: str, note: str = ""
) -> Figure:
    """Plot loss, LCC and SRCC by epoch.

    Args:
        stats: `stats[epoch]["train" or "valid"][key]`, as ESPnet's reporter
            keeps them; keys other than `loss`, `lcc` and `srcc` are ignored.

    Returns:
        A figure with a panel for each of the three that was reported; the best
        epoch in validation is marked.

    Raises:
        ValueError: None of the three was reported.
    """
    keys = [
        key
        for key in ("loss", "lcc", "srcc")
        if any(key in values for parts in stats.values() for values in parts.values())
    ]
    if not keys:
        raise ValueError("no epoch reports loss, lcc or srcc")
    figure = new_figure(4.2 * len(keys), 3.8, title, note)
    panels = figure.subplots(1, len(keys), squeeze=False)[0]
    for axes, key in zip(panels, keys, strict=True):
        choose = max if key in METRICS and METRICS[key].higher_is_better else min
        for part, colour in (("train", TRAIN_COLOUR), ("valid", VALID_COLOUR)):
            curve = {
                epoch: stats[epoch][part][key]
                for epoch in sorted(stats)
                if key in stats[epoch].get(part, {})
            }
            if not curve:
                continue
            epochs, values = list(curve), list(curve.values())
            axes.plot(epochs, values, color=colour, marker=".", label=part)
            if part == "valid":
                best = choose(curve, key=curve.__getitem__)
                axes.plot(
                    best,
                    curve[best],
                    linestyle="none",
                    marker="o",
                    markersize=9,
                    markerfacecolor="none",
                    color=colour,
                    label=f"best: {curve[best]:.3f}, epoch {best}",
                )
        axes.set(title=key if key == "loss" else key.upper(), xlabel="epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.25)
        axes.legend(fontsize=9)
    return figure


def paired_scores(
    a: Sequence[float],
    b: Sequence[float],
    name_a: str,
    name_b: str,
    comparison: Comparison,
    note: str = "",
    differences: Optional[Sequence[float]] = None,
) -> Figure:
    """Plot the scores of systems A and B on the same utterances, (NPairs,) each.

    Args:
        comparison: What `compare` says of them.
        note: A line at the foot.
        differences: B - A, learnt from comparisons, in which case the scores are
            utilities; without it, the difference of the scores.

    Returns:
        A figure of two panels: B against A, and the histogram of their differences
        with the mean and its confidence interval.
    """
    x, y = np.asarray(a), np.asarray(b)
    figure = new_figure(10, 4.9, f"{name_b} against {name_a}", note)
    left, right = figure.subplots(1, 2)
    _diagonal(left, min(x.min(), y.min()), max(x.max(), y.max()))
    left.scatter(x, y, s=18, color=VALID_COLOUR, alpha=0.6, linewidths=0)
    left.grid(alpha=0.25)
    score = "score" if differences is None else "utility"
    left.set(xlabel=f"{score} of {name_a}", ylabel=f"{score} of {name_b}")
    left.set_title(f"{comparison.num_pairs} utterances", fontsize=11)
    shown = y - x if differences is None else differences
    right.hist(shown, bins="auto", color=VALID_COLOUR, alpha=0.5)
    right.axvline(0, color=GREY, linewidth=1, linestyle="--")
    right.axvspan(comparison.low, comparison.high, color=TRAIN_COLOUR, alpha=0.4)
    right.axvline(comparison.difference, color=TRAIN_COLOUR, linewidth=2)
    label = f"score of {name_b} - score of {name_a}"
    if differences is not None:
        label = f"comparison, above 0: {name_b} is better"
    right.set(xlabel=label, ylabel="utterances")
    right.yaxis.set_major_locator(MaxNLocator(integer=True))
    right.set_title(
        f"mean {comparison.difference:+.3f}, 95 % confidence "
        f"{comparison.low:+.3f} .. {comparison.high:+.3f}",
        fontsize=11,
    )
    right.grid(alpha=0.25)
    return figure
