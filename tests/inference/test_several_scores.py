"""A model of several scores, in the predictor, the commands, graphs and pages."""

import csv
import io
import json
import logging
import math

import numpy as np
import pytest
import soundfile

from espnet_samos import ScoreAudio
from espnet_samos.bin.samos import main
from espnet_samos.inference.plots import score_track
from espnet_samos.inference.predictor import MosPredictor
from espnet_samos.inference.result import mixture
from espnet_samos.integrations.gradio import result_html
from espnet_samos.integrations.onnx import export_onnx
from espnet_samos.integrations.static_page import description
from tests.tiny_model import LIGHT_CONFIG, save_model, speechlike

SCORES = ["mos", "noi", "low"]


@pytest.fixture(scope="module", params=["gaussian", "composed"])
def folder(request, tmp_path_factory):
    head = dict(head=request.param, head_conf=dict(hidden_sizes=[8], scores=SCORES))
    return save_model(tmp_path_factory.mktemp("several"), {**LIGHT_CONFIG, **head})


@pytest.fixture(scope="module")
def predictor(folder):
    return MosPredictor.from_pretrained(folder, engine="torch")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Long enough for several windows; one of them is silent."""
    samples = speechlike(9.0, 24000)
    samples[24000 * 3 : 24000 * 6] = 0
    path = tmp_path_factory.mktemp("clip") / "clip.wav"
    soundfile.write(path, samples, 24000, subtype="FLOAT")
    return path


def test_a_long_clips_scores_are_mixtures_of_its_windows(predictor, clip):
    assert predictor.scores == tuple(SCORES)
    (result,) = predictor.predict_files([clip])
    hop = predictor.window_seconds
    windows = list(predictor.predict_windows(clip, hop_seconds=hop))
    assert len(windows) > 3 and any(math.isnan(w.scores["noi"].std) for w in windows)
    for name in SCORES[1:]:
        of_it = [window.of(name) for window in windows]
        expected = mixture(of_it, predictor.window_seconds)
        assert result.scores[name] == pytest.approx(expected, abs=1e-5)
    values = {result.mean, *(score.mean for score in result.scores.values())}
    assert len(values) == 3


def test_a_clip_without_a_score_has_none_of_any(predictor):
    (result,) = predictor.predict_clips([("x", (np.zeros(48000, "f4"), 24000))])
    assert result.error and list(result.scores) == SCORES[1:]
    assert all(math.isnan(x) for score in result.scores.values() for x in score)


def test_commands_print_them(folder, predictor, clip, capsys, caplog):
    # so that it is what it was afterwards: commands change it
    caplog.set_level(logging.getLogger().level)
    (result,) = predictor.predict_files([clip])
    options = ["--model", str(folder), "--engine", "torch"]

    def output(command, *options):
        with pytest.raises(SystemExit, match="0"):
            main([command, *options, str(clip)])
        return capsys.readouterr().out

    for form, read in (
        ("csv", lambda text: next(csv.DictReader(io.StringIO(text)))),
        ("json", json.loads),
    ):
        row = read(output("score", *options, "--format", form))
        for name, score in result.scores.items():
            found = float(row[f"mos_{name}"]), float(row[f"mos_{name}_std"])
            assert found == pytest.approx(score, abs=1e-3)
    head, line = output("score", *options).splitlines()
    assert "noi" in head and f"{result.scores['noi'].mean:.2f}±" in line
    rows = list(csv.DictReader(io.StringIO(output("track", *options))))
    windows = list(predictor.predict_windows(clip))
    for row, window in zip(rows, windows, strict=True):
        found = float(row["mos_low"]), float(row["mos_low_std"])
        assert found == pytest.approx(window.scores["low"], abs=1e-3, nan_ok=True)


def test_graphs_have_them(folder, predictor, clip):
    export_onnx(predictor, folder / "onnx")
    onnx = MosPredictor.from_pretrained(folder, engine="onnx")
    assert onnx.scores == tuple(SCORES)
    (ours,), (theirs,) = (p.predict_files([clip]) for p in (onnx, predictor))
    assert ours.mean == pytest.approx(theirs.mean, abs=1e-4)
    for name in SCORES[1:]:
        assert ours.scores[name] == pytest.approx(theirs.scores[name], abs=1e-4)
    assert description(onnx)["scores"] == SCORES[1:]


def test_the_page_the_plot_and_datasets_show_them(predictor, clip):
    (result,) = predictor.predict_files([clip])
    mean, std = result.scores["noi"]
    assert f"<span>noi<b>{mean:.2f} ± {std:.2f}</b></span>" in result_html(result)
    windows = list(predictor.predict_windows(clip))
    (axes,) = score_track(windows, "clip").axes
    lines = {line.get_label(): line for line in axes.get_lines()}
    expected = [window.scores["low"].mean for window in windows]
    np.testing.assert_allclose(lines["low"].get_ydata(), expected)
    row = ScoreAudio(predictor)({"audio": str(clip)})
    assert row["mos_noi"] == pytest.approx(mean, abs=1e-5)
    assert row["mos_noi_std"] == pytest.approx(std, abs=1e-5)
