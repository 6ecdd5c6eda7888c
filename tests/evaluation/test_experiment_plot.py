import numpy as np
import pytest
from matplotlib.collections import LineCollection

from espnet_samos.evaluation.experiment import plot_runs

ROWS = {"ssl_layer_mos/train": "A", "sa_ssl_mos/train": "B"}


def run(lcc, srcc):
    metrics = {"lcc": {"value": lcc}, "srcc": {"value": srcc}}
    return {"groups": {"overall": {"utterance": metrics}}}


RUNS = {
    "ssl_layer_mos/train": [run(0.5, 0.4), run(0.7, None)],
    "sa_ssl_mos/train": [run(0.9, 0.8)],
}


def test_every_run_is_a_mark_and_the_mean_a_line():
    figure = plot_runs(ROWS, RUNS, {}, "some set", "made up")
    lcc, srcc = figure.axes
    marks = [line.get_xdata().tolist() for line in lcc.lines]
    assert marks == [[0.5, 0.7], [0.9]]
    assert [line.get_xdata().tolist() for line in srcc.lines] == [[0.4], [0.8]]
    means = [c for c in lcc.collections if isinstance(c, LineCollection)]
    assert [c.get_segments()[0][0, 0] for c in means] == pytest.approx([0.6, 0.9])
    assert lcc.yaxis_inverted() and not lcc.patches and not figure.legends
    names = [label.get_text() for label in lcc.get_yticklabels()]
    assert names == ["A", "B"]


def test_published_figures_are_a_band():
    published = {"sa_ssl_mos/train": {"utterance": {"lcc": (0.8, 0.05)}}}
    figure = plot_runs(ROWS, RUNS, published, "some set")
    (band,) = figure.axes[0].patches
    np.testing.assert_allclose(
        [band.get_x(), band.get_x() + band.get_width()], [0.75, 0.85]
    )
    assert band.get_y() < 1 < band.get_y() + band.get_height()
    assert not figure.axes[1].patches
    assert len(figure.legends) == 1
