"""The predictor on ONNX Runtime."""

import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from espnet_samos import MosPredictor
from espnet_samos.inference.onnx_engine import takes_any_length, without_padding
from espnet_samos.integrations.onnx import export_onnx
from tests.tiny_model import LIGHT_CONFIG, save_model, speechlike


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model with graphs beside it."""
    pytest.importorskip("onnxscript")
    config = dict(
        LIGHT_CONFIG, preprocessor_conf=dict(window_seconds=2.0, pad_short_clips=True)
    )
    folder = save_model(tmp_path_factory.mktemp("model"), config)
    export_onnx(MosPredictor.from_pretrained(folder, engine="torch"), folder / "onnx")
    return folder


@pytest.fixture(scope="module")
def predictors(folder):
    return [MosPredictor.from_pretrained(folder, engine=e) for e in ("torch", "onnx")]


def test_both_engines_give_one_score(predictors):
    for seconds, fs in ((1.0, 16000), (3.0, 48000), (7.3, 44100), (4.0, 8000)):
        clip = speechlike(seconds, fs)
        torch_result, onnx_result = (p.predict(clip, fs) for p in predictors)
        assert onnx_result.mean == pytest.approx(torch_result.mean, abs=1e-4)
        assert onnx_result.std == pytest.approx(torch_result.std, abs=1e-4)
        assert onnx_result.num_windows == torch_result.num_windows
        assert onnx_result.warnings == torch_result.warnings


def test_batches_and_silent_windows(predictors):
    speech = speechlike(4.0, 16000)
    clip = np.concatenate([speech, np.zeros(5 * 16000), speech])
    for batch_size in (1, 3):
        torch_scores, onnx_scores = (
            list(p.predict_windows(clip, 16000, batch_size=batch_size))
            for p in predictors
        )
        assert len(onnx_scores) == len(torch_scores) > 3
        np.testing.assert_allclose(
            [s.mean for s in onnx_scores], [s.mean for s in torch_scores], atol=1e-4
        )


@settings(max_examples=20, deadline=None)
@given(
    seconds=st.lists(st.floats(0.1, 2.5), min_size=1, max_size=4),
    fs=st.sampled_from([8000, 16000, 44100, 48000]),
    seed=st.integers(0, 99),
)
def test_silence_after_a_clip_is_left_out(predictors, seconds, fs, seed):
    clips = [
        (f"{i}", (speechlike(length, fs, seed=seed + i), fs))
        for i, length in enumerate(seconds)
    ]
    expected, found = (list(p.predict_clips(clips, num_workers=0)) for p in predictors)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.mean == pytest.approx(theirs.mean, abs=1e-4)
        assert ours.std == pytest.approx(theirs.std, abs=1e-4)


def test_the_graphs_take_what_the_longest_clip_of_a_batch_needs(predictors):
    sessions = predictors[1].engine.sessions
    assert takes_any_length(sessions["ssl"])
    assert takes_any_length(sessions["spectrogram"])
    batch = np.zeros((3, 32000), dtype=np.float32)
    batch[0, :1000] = batch[2, :9001] = 0.1
    short = without_padding(batch, 16000)
    assert short.shape == (3, 12800)  # a step of 1280 more than 9001 + 3200
    np.testing.assert_array_equal(batch[:, :12800], short)
    batch[1, -1] = 0.1
    assert without_padding(batch, 16000).shape == batch.shape
    assert without_padding(0 * batch, 16000).shape == batch.shape


def test_graphs_are_used_where_they_can_be(folder):
    assert MosPredictor.from_pretrained(folder).engine.name == "onnx"
    chosen = MosPredictor.from_pretrained(folder, engine="torch")
    assert chosen.engine.name == "torch"


def test_the_model_in_pytorch_is_there_when_it_is_asked_for(folder):
    predictor = MosPredictor.from_pretrained(folder, engine="onnx")
    assert sum(p.numel() for p in predictor.model.parameters()) > 1000


def test_no_torch_is_imported(folder):
    script = (
        "import sys, numpy as np; from espnet_samos import MosPredictor; "
        f"p = MosPredictor.from_pretrained({str(folder)!r}); "
        "r = p.predict(np.random.default_rng(0).standard_normal(16000) / 10, 16000); "
        "assert r.mean > 0; "
        "print([m for m in ('torch', 'espnet2') if m in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


def test_what_an_engine_cannot_do_is_said(folder, tmp_path):
    with pytest.raises(ValueError, match="engine onnx computes on the CPU in float32"):
        MosPredictor.from_pretrained(folder, engine="onnx", dtype="bfloat16")
    with pytest.raises(ValueError, match="engine must be one of auto, torch, onnx"):
        MosPredictor.from_pretrained(folder, engine="tensorrt")
    without = save_model(tmp_path / "model")
    assert MosPredictor.from_pretrained(without).engine.name == "torch"
    with pytest.raises(
        ValueError, match="has no folder onnx with graphs of .*pth.*samos exp"
    ):
        MosPredictor.from_pretrained(without, engine="onnx")


def test_graphs_of_other_weights_are_not_used(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "model")
    other = tmp_path / "model/valid.lcc.best.pth"
    weights = torch.load(other, weights_only=True)
    torch.save({name: 0.9 * value for name, value in weights.items()}, other)
    predictor = MosPredictor.from_pretrained(tmp_path / "model")
    assert predictor.engine.name == "torch"
    with pytest.raises(ValueError, match="no folder onnx with graphs of valid.lcc"):
        MosPredictor.from_pretrained(tmp_path / "model", engine="onnx")


def test_a_damaged_graph_is_named(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "model")
    graph = tmp_path / "model/onnx/ssl.onnx"
    graph.write_bytes(graph.read_bytes()[:500])
    with pytest.raises(ValueError, match=r"ssl\.onnx cannot be read as a graph"):
        MosPredictor.from_pretrained(tmp_path / "model")
