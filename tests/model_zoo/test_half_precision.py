"""Weights in half the space: what is rounded, and that both engines agree on it."""

import numpy as np
import onnx
import pytest
import torch

from espnet_samos import MosPredictor
from espnet_samos.bin.mos_halve import main as halve
from espnet_samos.integrations.onnx import export_onnx
from espnet_samos.model_zoo.half_precision import store_in_half
from tests.tiny_model import LIGHT_CONFIG, save_model, speechlike

NAME = "valid.lcc.best.pth"


@pytest.fixture
def folder(tmp_path):
    return save_model(tmp_path / "model", LIGHT_CONFIG)


def scores(folder, engine):
    predictor = MosPredictor.from_pretrained(folder, engine=engine)
    results = [predictor.predict(speechlike(s, 48000, s), 48000) for s in (1, 2, 5)]
    return np.array([(result.mean, result.std) for result in results])


def test_a_rounded_model_scores_as_before_and_so_do_its_graphs(folder, tmp_path):
    before = scores(folder, "torch")
    predictor = MosPredictor.from_pretrained(folder, engine="torch")
    whole = {path.name: path for path in export_onnx(predictor, tmp_path / "whole")}

    halve([str(folder / NAME), str(folder / NAME)])
    rounded = scores(folder, "torch")
    np.testing.assert_allclose(rounded, before, atol=5e-3)
    assert (rounded != before).any()

    predictor = MosPredictor.from_pretrained(folder, engine="torch")
    for path in export_onnx(predictor, folder / "onnx"):
        types = {w.data_type for w in onnx.load(path).graph.initializer if w.dims}
        if path.stem != "spectrogram":  # it has no weights of its own
            assert onnx.TensorProto.FLOAT16 in types
            assert path.stat().st_size < whole[path.name].stat().st_size
    np.testing.assert_allclose(scores(folder, "onnx"), rounded, atol=1e-4)


def test_vectors_stay_as_they_are(folder, tmp_path):
    before = torch.load(folder / NAME, weights_only=True)
    store_in_half(folder / NAME, tmp_path / "half.pth")
    after = torch.load(tmp_path / "half.pth", weights_only=True)
    assert before.keys() == after.keys()
    for name, weight in before.items():
        if weight.ndim > 1:
            assert after[name].dtype == torch.float16
        else:
            assert torch.equal(after[name], weight)


def test_weights_beyond_the_range_are_refused(folder, tmp_path):
    weights = torch.load(folder / NAME, weights_only=True)
    name = next(name for name, weight in weights.items() if weight.ndim > 1)
    weights[name][0] = 1e6
    torch.save(weights, folder / NAME)
    with pytest.raises(ValueError, match=f"{name} is beyond the range of float16"):
        store_in_half(folder / NAME, tmp_path / "half.pth")
    assert not (tmp_path / "half.pth").exists()
