import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread

from espnet_samos.corpora.prepare import label_histogram
from espnet_samos.evaluation.metrics import lcc
from espnet_samos.evaluation.plots import scatter, training_curve
from espnet_samos.utils.figures import rate_name
from tests.scored import RATES


@pytest.fixture
def clips():
    rng = np.random.default_rng(0)
    system = np.repeat(np.arange(12), 5)
    label = rng.uniform(1, 5, 60)
    return pd.DataFrame(
        {
            "system": [f"sys{s}" for s in system],
            "fs": [RATES[s % 4] for s in system],
            "label": label,
            "prediction": label + rng.normal(0, 0.8, 60),
            "std": 0.8,
        }
    )


def test_rate_name():
    assert [rate_name(fs) for fs in (8000, 44100)] == ["8 kHz", "44.1 kHz"]


def test_scatter_shows_every_clip_and_system(clips, tmp_path):
    figure = scatter(clips, "mini_test", "labels are made up")
    for axes, n in zip(figure.axes, (60, 12), strict=True):
        marks = [c for c in axes.collections if hasattr(c, "get_sizes")]
        offsets = np.concatenate([c.get_offsets() for c in marks])
        assert len(offsets) == n
        low, high = axes.get_xlim()
        assert axes.get_ylim() == (low, high)
        assert low < min(offsets.min(), 1) and high > max(offsets.max(), 5)
        assert len({tuple(c.get_facecolor()[0][:3]) for c in marks}) == 3
    bars = [c for c in figure.axes[0].collections if hasattr(c, "get_segments")]
    lengths = [np.ptp(s[:, 1]) for c in bars for s in c.get_segments()]
    assert np.allclose(lengths, 1.6) and len(lengths) == 60
    wide = clips[clips["fs"] == 48000]
    legend = figure.axes[0].get_legend().get_texts()[2].get_text()
    r = lcc(wide["label"], wide["prediction"])
    assert legend == f"48 kHz: n = {len(wide)}, LCC {r:.2f}"
    assert figure.get_supxlabel() == "labels are made up"
    figure.savefig(tmp_path / "scatter.png")
    height, width, _ = imread(tmp_path / "scatter.png").shape
    assert width > 1200 and height > 600


def test_scatter_without_standard_deviations(clips):
    left = scatter(clips.drop(columns="std"), "mini_test").axes[0]
    assert left.get_title() == "Clips"
    assert not [c for c in left.collections if hasattr(c, "get_segments")]


def test_scatter_of_one_clip(clips):
    legend = scatter(clips.head(1), "one").axes[0].get_legend()
    assert legend.get_texts()[0].get_text() == "16 kHz: n = 1, LCC –"


def test_label_histogram_counts_every_clip():
    labels = {16000: [1.0, 1.1, 5.0], 48000: [1.2, 3.0]}
    (axes,) = label_histogram(labels, "mini_test", "made up").axes
    heights = [[bar.get_height() for bar in bars] for bars in axes.containers]
    assert [sum(bars) for bars in heights] == [3, 2]
    # The lowest and the highest label are in the first and the last bar.
    assert heights[0][0] == 2 and heights[0][-1] == 1
    # One rate stands upon the other.
    assert axes.containers[1][0].get_y() == 2
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts == ["16 kHz: n = 3", "48 kHz: n = 2"]


def test_training_curve(tmp_path):
    stats = {
        epoch: {
            "train": {"loss": 1 / epoch, "time": {"__timedelta_seconds__": 2.0}},
            "valid": {"loss": 1 / epoch, "lcc": 0.9 - 0.1 * abs(epoch - 3), "mse": 1.0},
        }
        for epoch in (2, 1, 4, 3)
    }
    figure = training_curve(stats, "mos_a")
    assert [axes.get_title() for axes in figure.axes] == ["loss", "LCC"]
    loss, correlation = (
        {line.get_label(): line for line in axes.get_lines()} for axes in figure.axes
    )
    assert list(loss["train"].get_xdata()) == [1, 2, 3, 4]
    assert np.allclose(loss["valid"].get_ydata(), [1, 1 / 2, 1 / 3, 1 / 4])
    assert "best: 0.250, epoch 4" in loss and "best: 0.900, epoch 3" in correlation
    assert "train" not in correlation
    figure.savefig(tmp_path / "curve.png")
    assert imread(tmp_path / "curve.png").shape[1] > 1000


def test_training_curve_without_values():
    with pytest.raises(ValueError, match="no epoch reports"):
        training_curve({1: {"train": {"time": 1.0}}}, "mos_a")
