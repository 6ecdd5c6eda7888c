"""Plots of several predictors on clips that people rated."""

import math
from typing import Any, Dict, List, Sequence, Tuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from espnet_samos.evaluation.metrics import lcc
from espnet_samos.evaluation.rated import EvaluatedSet, errors
from espnet_samos.utils.figures import GREY, PALETTE, new_figure
from espnet_samos.utils.mos_scale import ACR

COLUMNS = 4  # of panels, at most
MARKERS = "osD^v"
MIN_CLIPS = 10  # of a group, for a correlation within it
Style = Dict[str, Any]


def _styles(names: Sequence[str]) -> Dict[str, Style]:
    """Return a colour for each name and, where colours run out, another marker."""
    return {
        name: dict(
            color=PALETTE[i % len(PALETTE)],
            marker=MARKERS[i // len(PALETTE) % len(MARKERS)],
        )
        for i, name in enumerate(names)
    }


def _in_order(names: Sequence[str]) -> List[str]:
    """Sort names, `c10` after `c9`: shorter ones first where they differ in digits."""
    return sorted(
        set(names), key=lambda name: (name.rstrip("0123456789"), len(name), name)
    )


def condition_means(rated: EvaluatedSet) -> Figure:
    """Plot the mean prediction of each system against the mean of its ratings.

    Returns:
        A figure with a panel for each predictor. Colours are groups of systems; where
        ratings are on 1..5, a line marks where both are equal.
    """
    count = len(rated.clips)
    rows = -(-count // COLUMNS)
    columns = -(-count // rows)
    title = f"{rated.name}: means of systems"
    figure = new_figure(3.1 * columns + 1.6, 3.2 * rows + 0.9, title, rated.note)
    panels = figure.subplots(rows, columns, squeeze=False).flatten()
    groups = _in_order(next(iter(rated.clips.values()))["group"])
    styles = _styles(groups)
    limits = _limits(rated)
    for axes, (name, clips) in zip(panels, rated.clips.items(), strict=False):
        means = clips.groupby(["group", "system"])[["label", "prediction"]].mean()
        for group in groups:
            points = means.loc[group]
            axes.scatter(
                points["label"],
                points["prediction"],
                s=26,
                alpha=0.8,
                linewidths=0,
                **styles[group],
            )
        systems = clips.groupby("system")[["label", "prediction"]].mean()
        r = lcc(systems["label"], systems["prediction"])
        axes.set_title(f"{name}: LCC " + ("–" if math.isnan(r) else f"{r:.2f}"))
        axes.title.set_fontsize(10)
        if rated.scale == ACR:
            axes.plot(limits, limits, color=GREY, linewidth=1, linestyle="--", zorder=1)
            axes.set(xlim=limits, ylim=limits, aspect="equal")
        else:
            axes.set(ylim=limits)
        axes.grid(alpha=0.25)
    for i, axes in enumerate(panels):
        axes.set_visible(i < count)
        if i % columns == 0:
            axes.set_ylabel("prediction")
        if i >= count - columns:
            axes.set_xlabel("rating")
    _legend(figure, styles)
    return figure


def _limits(rated: EvaluatedSet) -> Tuple[float, float]:
    """Return the range of the predictions; on 1..5, all of that and of the ratings."""
    columns = ["label", "prediction"] if rated.scale == ACR else ["prediction"]
    means = [
        c.groupby("system")[columns].mean().to_numpy() for c in rated.clips.values()
    ]
    low, high = min(x.min() for x in means), max(x.max() for x in means)
    if rated.scale == ACR:
        low, high = min(1.0, low), max(5.0, high)
    margin = 0.04 * (high - low)
    return float(low) - margin, float(high) + margin


def _legend(figure: Figure, styles: Dict[str, Style]) -> None:
    handles = [
        Line2D([], [], linestyle="none", markersize=6, label=name, **style)
        for name, style in styles.items()
    ]
    figure.legend(handles=handles, loc="outside right upper", fontsize=8)


def errors_by_group(rated: EvaluatedSet) -> Figure:
    """Plot how each predictor errs on each group of systems.

    Returns:
        A figure of two panels: the mean error, which is how far a predictor is above or
        below the ratings, and the LCC of clips within the group or, where no group has
        enough clips for that, the root of the mean squared error. Where ratings are not
        on 1..5, the error is that after a linear map, as a share of the scale.
    """
    sizes = next(iter(rated.clips.values()))["group"].value_counts()
    groups, enough = _in_order(sizes.index), sizes.max() >= MIN_CLIPS
    title = f"{rated.name}: errors by group"
    height = 1.7 + 0.36 * max(len(groups), len(rated.clips) // 2)
    figure = new_figure(10.5, height, title, rated.note)
    left, right = figure.subplots(1, 2, sharey=True)
    styles = _styles(list(rated.clips))
    for i, (name, clips) in enumerate(rated.clips.items()):
        error = errors(clips, rated.scale)
        means, seconds = [], []
        for group in groups:
            chosen = (clips["group"] == group).to_numpy()
            means.append(error[chosen].mean())
            if not enough:
                seconds.append(float(np.sqrt(np.mean(error[chosen] ** 2))))
            elif sizes[group] < MIN_CLIPS:
                seconds.append(math.nan)
            else:
                seconds.append(lcc(clips["label"][chosen], clips["prediction"][chosen]))
        # beside each other, so that equal ones show
        places = np.arange(len(groups)) + 0.5 * ((i + 0.5) / len(rated.clips) - 0.5)
        _dots(left, means, places, styles[name])
        _dots(right, seconds, places, styles[name])
    left.axvline(0, color=GREY, linewidth=1, linestyle="--")
    shares = "" if rated.scale == ACR else ", fitted, share of the scale"
    left.set_xlabel(f"mean error{shares}")
    within = "LCC of clips within the group"
    right.set_xlabel(within if enough else f"RMS error{shares}")
    right.set_xlim(min(0.0, right.get_xlim()[0]), 1.02 if enough else None)
    left.set_yticks(range(len(groups)), groups)
    left.set_ylim(len(groups) - 0.5, -0.5)
    for axes in (left, right):
        axes.grid(axis="x", alpha=0.25)
        for place in range(1, len(groups)):
            axes.axhline(place - 0.5, color=GREY, linewidth=0.4, alpha=0.4)
    _legend(figure, styles)
    return figure


def _dots(axes: Axes, x: Sequence[float], y: np.ndarray, style: Style) -> None:
    axes.plot(x, y, linestyle="none", markersize=6, alpha=0.85, **style)
