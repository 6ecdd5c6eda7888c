import numpy as np
import onnxruntime
import pytest
import torch

from espnet_samos import MosPredictor
from espnet_samos.integrations import onnx
from espnet_samos.integrations.onnx import export_onnx
from tests.frontend.checkpoints import make_checkpoint, make_hugging_face
from tests.model_zoo.test_pack import save_with_local_ssl
from tests.tiny_model import speechlike


def score_with_onnx(folder, windows):
    """Score as another program would, with the files alone."""

    def run(name, x):
        session = onnxruntime.InferenceSession(folder / f"{name}.onnx")
        return session.run(None, {session.get_inputs()[0].name: x})

    vectors = [
        run(branch, windows[name][None])[0]
        for branch, name in (("ssl", "speech_16k"), ("spectrogram", "speech_48k"))
    ]
    mean, variance = run("head", np.concatenate(vectors, axis=1))
    return mean[0], np.sqrt(variance[0])


def save(folder, source):
    """Save a model whose SSL model comes from there."""
    if source == "hugging_face":
        conf = dict(upstream=make_hugging_face(folder, "wav2vec2", pre_norm=True))
    else:
        path = make_checkpoint(folder, "wav2vec2_local", pre_norm=True)
        conf = dict(upstream="wav2vec2_local", path_or_url=path)
    save_with_local_ssl(folder / "exp", conf, source)
    return MosPredictor.from_pretrained(folder / "exp")


@pytest.mark.parametrize("source", ["packaged", "hugging_face", "s3prl"])
def test_the_graphs_score_as_the_model_does(tmp_path, source):
    if source == "packaged":
        predictor = MosPredictor.from_pretrained()
    else:
        predictor = save(tmp_path, source)
    files = export_onnx(predictor, tmp_path / "onnx")
    assert [file.name for file in files] == [
        "ssl.onnx",
        "spectrogram.onnx",
        "head.onnx",
    ]
    for fs in (16000, 44100):
        clip = speechlike(0.8, fs)
        windows = predictor.preprocess("x", dict(speech=clip, fs=np.array([fs])))
        expected = predictor.predict(clip, fs)
        assert score_with_onnx(tmp_path / "onnx", windows) == pytest.approx(
            (expected.mean, expected.std), abs=1e-3
        )


def test_graphs_that_give_other_scores_are_refused(tmp_path, monkeypatch):
    predictor = save(tmp_path, "hugging_face")
    export = onnx._export

    def spoil(part, *args):
        with torch.no_grad():
            for parameter in part.parameters():
                parameter.mul_(1.1)
        export(part, *args)
        with torch.no_grad():
            for parameter in part.parameters():
                parameter.div_(1.1)

    monkeypatch.setattr(onnx, "_export", spoil)
    with pytest.raises(ValueError, match="differ from the model's"):
        export_onnx(predictor, tmp_path / "onnx")


def test_a_model_that_cannot_be_exported_says_what_can(tmp_path):
    save_with_local_ssl(tmp_path / "exp", dict(upstream="fbank"), "s3prl", layer=0)
    predictor = MosPredictor.from_pretrained(tmp_path / "exp")
    with pytest.raises(ValueError, match="ssl cannot be .* wav2vec 2.0 family"):
        export_onnx(predictor, tmp_path / "onnx")
