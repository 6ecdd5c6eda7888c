"""Plots of a clip: its score over time, and its spectrogram."""

from typing import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from espnet_samos.inference.result import WindowScore
from espnet_samos.inference.spectrogram import MAX_HZ, Spectrogram
from espnet_samos.utils.figures import PALETTE, VALID_COLOUR, new_figure, rate_name

SHOWN_DB = 90.0  # of a spectrogram, down from its loudest point


def score_track(scores: Sequence[WindowScore], title: str, note: str = "") -> Figure:
    """Plot the score of a clip over time.

    Args:
        scores: What `MosPredictor.predict_windows` gives.
        title: Title of the figure.
        note: A line at the foot: what the scores are.

    Returns:
        A figure with the mean at the middle of each window and a band of one predicted
        standard deviation; silent windows are gaps. Further scores are lines.
    """
    figure = new_figure(9, 3.4, title, note)
    draw_score_track(figure.subplots(), scores)
    return figure


def draw_score_track(axes: Axes, scores: Sequence[WindowScore]) -> None:
    """Draw the score over time, as `score_track` does, into axes."""
    marker = "." if 1 < len(scores) < 100 else None
    if len(scores) == 1:
        # a line as long as the clip, not a lonely dot
        (score,) = scores
        scores = [score._replace(start=at, end=at) for at in (score.start, score.end)]
    time = np.array([(score.start + score.end) / 2 for score in scores])
    mean = np.array([score.mean for score in scores])
    std = np.array([score.std for score in scores])
    axes.plot(time, mean, color=VALID_COLOUR, marker=marker, linewidth=1)
    axes.fill_between(
        *(time, mean - std, mean + std), color=VALID_COLOUR, alpha=0.2, linewidth=0
    )
    others = [colour for colour in PALETTE if colour != VALID_COLOUR]
    for i, name in enumerate(scores[0].scores if scores else ()):
        further = [score.scores[name].mean for score in scores]
        colour = others[i % len(others)]
        axes.plot(time, further, color=colour, linewidth=1, label=name)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=9)
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
