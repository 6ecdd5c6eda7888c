"""Plots of labels, of predictions against them and of training, for reports.

Figures are made without pyplot: no display, no backend, no global state.
"""

from typing import Any, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from espnet_samos.comparison import Comparison
from espnet_samos.metrics import METRICS, lcc, system_means
from espnet_samos.result import WindowScore
from espnet_samos.spectrogram import MAX_HZ, Spectrogram

# Okabe and Ito's palette: told apart with any colour vision.
PALETTE = ["#E69F00", "#009E73", "#0072B2", "#CC79A7", "#D55E00", "#56B4E9"]
TRAIN_COLOUR, VALID_COLOUR, GREY = "#E69F00", "#0072B2", "#555555"
DPI = 150
SHOWN_DB = 90.0  # of a spectrogram, down from its loudest point


def rate_name(fs: int) -> str:
    """Write a sampling rate in Hz as people say it: 44100 -> `44.1 kHz`."""
    return f"{fs / 1000:g} kHz"


def new_figure(width: float, height: float, title: str, note: str) -> Figure:
    """Start a figure of this size in inches, with a title and a line at its foot."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    figure.suptitle(title, fontsize=13)
    if note:
        figure.supxlabel(note, fontsize=9, color=GREY, style="italic")
    return figure


def _frame(axes: Axes, clips: pd.DataFrame) -> None:
    """Show the whole scale on both axes, and where a prediction is the label."""
    values = clips[["label", "prediction"]].to_numpy()
    limits = min(1.0, values.min()) - 0.1, max(5.0, values.max()) + 0.1
    axes.plot(limits, limits, color=GREY, linewidth=1, linestyle="--", zorder=1)
    axes.set(xlim=limits, ylim=limits, aspect="equal")
    axes.set(xlabel="label", ylabel="prediction")
    axes.grid(alpha=0.25)


def _points(
    axes: Axes, x: np.ndarray, y: np.ndarray, fs: int, colour: str, size: float
) -> None:
    r = lcc(x, y)
    legend = f"{rate_name(fs)}: n = {len(x)}, LCC " + (
        "–" if np.isnan(r) else f"{r:.2f}"
    )
    # Marks of a large set overlap: they are paler, so that density shows.
    alpha = np.clip(10 / np.sqrt(len(x)), 0.2, 0.9)
    axes.scatter(x, y, s=size, color=colour, alpha=alpha, linewidths=0, label=legend)


def scatter(clips: pd.DataFrame, title: str, note: str = "") -> Figure:
    """Plot predictions against labels, clip by clip and system by system.

    Args:
        clips: Columns `system`, `fs` (Hz), `label`, `prediction` and, where the
            predictor gives it, `std`.
        title: Title of the figure.
        note: A line at the foot: what the labels are.

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
        label, prediction = group[["label", "prediction"]].to_numpy().T
        if "std" in group:
            left.errorbar(
                *(label, prediction, group["std"].to_numpy()),
                fmt="none",
                ecolor=colour,
                elinewidth=0.8,
                alpha=0.15,
            )
        _points(left, label, prediction, fs, colour, size=18)
        systems = group["system"].to_numpy(dtype=str)
        _, label = system_means(systems, label)
        _, prediction = system_means(systems, prediction)
        _points(right, label, prediction, fs, colour, size=60)
    bars = ", with one predicted standard deviation" if "std" in clips else ""
    left.set_title(f"Clips{bars}", fontsize=11)
    right.set_title("Systems, mean of the clips at each rate", fontsize=11)
    for axes in (left, right):
        _frame(axes, clips)
        for handle in axes.legend(loc="upper left", fontsize=9).legend_handles:
            handle.set(alpha=1, sizes=[40])
    return figure


def label_histogram(
    labels: Mapping[int, Sequence[float]], title: str, note: str = ""
) -> Figure:
    """Plot how many clips have which label.

    Args:
        labels: Labels (1..5) of the clips at each sampling rate in Hz.
        title: Title of the figure.
        note: A line at the foot: what the labels are.

    Returns:
        A figure with bars of a quarter of a point, one rate upon the other.
    """
    figure = new_figure(5.6, 3.6, title, note)
    axes = figure.subplots()
    axes.hist(
        list(labels.values()),
        bins=np.arange(1, 5.01, 0.25),
        stacked=True,
        color=[PALETTE[i % len(PALETTE)] for i in range(len(labels))],
        label=[f"{rate_name(fs)}: n = {len(values)}" for fs, values in labels.items()],
    )
    axes.set(xlim=(1, 5), xlabel="label", ylabel="clips")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.25)
    axes.legend(fontsize=9)
    return figure


def training_curve(
    stats: Mapping[int, Mapping[str, Mapping[str, Any]]], title: str, note: str = ""
) -> Figure:
    """Plot loss, LCC and SRCC by epoch.

    Args:
        stats: `stats[epoch]["train" or "valid"][key]`, as ESPnet's reporter
            keeps them; keys other than `loss`, `lcc` and `srcc` are ignored.
        title: Title of the figure.
        note: A line at the foot: what the labels are.

    Returns:
        A figure with a panel for each of the three that was reported; the best
        epoch in validation is marked.

    Raises:
        ValueError: None of the three was reported.
    """
    curves = {
        key: {
            part: {
                epoch: stats[epoch][part][key]
                for epoch in sorted(stats)
                if key in stats[epoch].get(part, {})
            }
            for part in ("train", "valid")
        }
        for key in ("loss", "lcc", "srcc")
    }
    curves = {key: parts for key, parts in curves.items() if any(parts.values())}
    if not curves:
        raise ValueError("no epoch reports loss, lcc or srcc")
    figure = new_figure(4.2 * len(curves), 3.8, title, note)
    panels = figure.subplots(1, len(curves), squeeze=False)[0]
    for axes, (key, parts) in zip(panels, curves.items(), strict=True):
        higher_is_better = key in METRICS and METRICS[key].higher_is_better
        for part, colour in (("train", TRAIN_COLOUR), ("valid", VALID_COLOUR)):
            epochs, values = list(parts[part]), list(parts[part].values())
            if epochs:
                axes.plot(epochs, values, color=colour, marker=".", label=part)
        if parts["valid"]:
            choose = max if higher_is_better else min
            best = choose(parts["valid"], key=parts["valid"].__getitem__)
            value = parts["valid"][best]
            axes.plot(
                *(best, value),
                linestyle="none",
                marker="o",
                markersize=9,
                markerfacecolor="none",
                color=VALID_COLOUR,
                label=f"best: {value:.3f}, epoch {best}",
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
) -> Figure:
    """Plot two systems' scores on the same utterances.

    Args:
        a: Scores of system A (NPairs,).
        b: Those of B (NPairs,), in the same order.
        name_a: What A is called.
        name_b: What B is called.
        comparison: What `compare` says of them.
        note: A line at the foot: what the scores are.

    Returns:
        A figure of two panels: B against A, and the histogram of their differences
        with the mean and its confidence interval.
    """
    a, b = np.asarray(a), np.asarray(b)
    figure = new_figure(10, 4.9, f"{name_b} against {name_a}", note)
    left, right = figure.subplots(1, 2)
    limits = min(a.min(), b.min()) - 0.1, max(a.max(), b.max()) + 0.1
    left.plot(limits, limits, color=GREY, linewidth=1, linestyle="--")
    left.scatter(a, b, s=18, color=VALID_COLOUR, alpha=0.6, linewidths=0)
    left.set(xlim=limits, ylim=limits, aspect="equal")
    left.set(xlabel=f"score of {name_a}", ylabel=f"score of {name_b}")
    left.set_title(f"{comparison.num_pairs} utterances", fontsize=11)
    right.hist(b - a, bins="auto", color=VALID_COLOUR, alpha=0.5)
    right.axvline(0, color=GREY, linewidth=1, linestyle="--")
    right.axvspan(comparison.low, comparison.high, color=TRAIN_COLOUR, alpha=0.4)
    right.axvline(comparison.difference, color=TRAIN_COLOUR, linewidth=2)
    right.set(xlabel=f"score of {name_b} - score of {name_a}", ylabel="utterances")
    right.yaxis.set_major_locator(MaxNLocator(integer=True))
    right.set_title(
        f"mean {comparison.difference:+.3f}, 95 % confidence "
        f"{comparison.low:+.3f} .. {comparison.high:+.3f}",
        fontsize=11,
    )
    for axes in (left, right):
        axes.grid(alpha=0.25)
    return figure


def score_track(scores: Sequence[WindowScore], title: str, note: str = "") -> Figure:
    """Plot the score of a clip over time.

    Args:
        scores: What `MosPredictor.predict_windows` gives.
        title: Title of the figure.
        note: A line at the foot: what the scores are.

    Returns:
        A figure with the mean at the middle of each window and a band of one predicted
        standard deviation; silent windows are gaps.
    """
    figure = new_figure(9, 3.4, title, note)
    draw_score_track(figure.subplots(), scores)
    return figure


def draw_score_track(axes: Axes, scores: Sequence[WindowScore]) -> None:
    """Draw the score over time, as `score_track` does, into axes."""
    marker = "." if 1 < len(scores) < 100 else None
    if len(scores) == 1:
        # a line as long as the clip, not a lonely dot
        start, end, mean, std = scores[0]
        scores = [WindowScore(at, at, mean, std) for at in (start, end)]
    time = np.array([(score.start + score.end) / 2 for score in scores])
    mean = np.array([score.mean for score in scores])
    std = np.array([score.std for score in scores])
    axes.plot(time, mean, color=VALID_COLOUR, marker=marker, linewidth=1)
    axes.fill_between(
        *(time, mean - std, mean + std), color=VALID_COLOUR, alpha=0.2, linewidth=0
    )
    axes.set(xlabel="time in seconds", ylabel="score", ylim=(1, 5))
    axes.grid(alpha=0.25)


def clip_view(
    spectrogram: Spectrogram,
    bandwidth: float,
    scores: Sequence[WindowScore],
    title: str,
    note: str = "",
) -> Figure:
    """Show a clip: its spectrogram and, below it, its score at the same times.

    Args:
        spectrogram: What `SpectrogramMonitor` gives.
        bandwidth: Its measured bandwidth in Hz, which is drawn as a line; 0 for none.
        scores: What `MosPredictor.predict_windows` gives.
        title: Title of the figure.
        note: A line at the foot: what the scores are.

    Returns:
        A figure of two panels with one time axis, in seconds. The upper one always
        ends at 24 kHz; what is above half the sampling rate, where the clip cannot
        have anything, is hatched. The lower one is that of `score_track`.
    """
    figure = new_figure(8, 6, title, note)
    # the colour bar has a column of its own: the panels stay equally wide
    (top, bar), (bottom, empty) = figure.subplots(
        2, 2, sharex="col", width_ratios=[40, 1], height_ratios=[3, 2]
    )
    empty.remove()
    _draw_spectrogram(top, bar, spectrogram)
    _draw_bandwidth(top, bandwidth)
    draw_score_track(bottom, scores)
    bottom.set(xlim=(0, spectrogram.duration))
    bottom.set_title("Score, with one predicted standard deviation", fontsize=11)
    return figure


def _draw_spectrogram(axes: Axes, bar: Axes, spectrogram: Spectrogram) -> None:
    level, fs = spectrogram.level, spectrogram.fs
    loudest = float(level.max(initial=-SHOWN_DB))
    image = axes.imshow(
        level,
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=loudest - SHOWN_DB,
        vmax=loudest,
        extent=(
            *(0, level.shape[1] * spectrogram.column_seconds),
            # a bin's frequency is that of its middle
            *((np.array([0, len(level)]) - 0.5) * spectrogram.bin_hz / 1000),
        ),
    )
    axes.figure.colorbar(image, cax=bar, label="dB re full scale")
    if fs / 2 < MAX_HZ:
        axes.axhspan(
            *(fs / 2000, MAX_HZ / 1000),
            facecolor="#EEEEEE",
            edgecolor="#BBBBBB",
            hatch="//",
            linewidth=0,
        )
    if fs / 2 < MAX_HZ - 3000:  # room for a line
        axes.text(
            *(0.5, (fs / 2 + MAX_HZ) / 2000),
            f"a file of {rate_name(fs)} has nothing here",
            transform=axes.get_yaxis_transform(),
            ha="center",
            va="center",
            bbox=dict(facecolor="white", edgecolor="none", alpha=0.9),
        )
    axes.set(ylabel="kHz", ylim=(0, MAX_HZ / 1000), yticks=range(0, 25, 4))
    axes.set_title(f"Spectrogram, native rate {rate_name(fs)}", fontsize=11)


def _draw_bandwidth(axes: Axes, bandwidth: float) -> None:
    if bandwidth == 0:
        return  # silent: there was nothing to measure
    bandwidth = min(bandwidth, MAX_HZ) / 1000
    colour = PALETTE[5]
    axes.axhline(bandwidth, color=colour, linestyle="--", clip_on=False)
    above = bandwidth < MAX_HZ / 2000
    axes.annotate(
        f"bandwidth {bandwidth:.1f} kHz",
        (0.01, bandwidth),
        xycoords=("axes fraction", "data"),
        xytext=(0, 5 if above else -5),
        textcoords="offset points",
        va="bottom" if above else "top",
        color=colour,
        bbox=dict(facecolor="black", edgecolor="none", alpha=0.7, pad=2),
    )
