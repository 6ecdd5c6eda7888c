import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

from espnet_samos.bin import samos
from espnet_samos.bin.samos import import_ as samos_import
from espnet_samos.inference.predictor import MosPredictor
from espnet_samos.model_zoo.find import MODEL_FILE
from espnet_samos.model_zoo.published import load_published, model_name
from espnet_samos.model_zoo.weights import WeightsError, read_weights
from tests.parity import (
    DATA,
    WIDTH,
    load_expected,
    load_model,
    load_weights,
    make_inputs,
    make_model,
)
from tests.torchscript import save_torchscript

EXPECTED = dict(sa_ssl_mos="expected_mean_var", ssl_layer_mos="expected_ssl_layer_mos")
FORMS = ("script", "trace", "state_dict")


def save_checkpoint(name, form, path):
    if form == "state_dict":
        torch.save(load_weights(name), path)
        return path
    return save_torchscript(load_model(name), make_inputs(), path, form)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", EXPECTED)
@torch.no_grad()
def test_a_checkpoint_scores_as_published(name, form, tmp_path):
    weights = read_weights(save_checkpoint(name, form, tmp_path / "model.pt"))
    assert model_name(weights) == name
    torch.manual_seed(1)
    model = make_model(name)
    load_published(model, weights)
    ssl, spectrogram = make_inputs()
    mean_var = torch.stack(model.predict(speech_16k=ssl, speech_48k=spectrogram), dim=1)
    np.testing.assert_allclose(mean_var, load_expected()[EXPECTED[name]], atol=1e-5)


def test_every_problem_is_listed_and_nothing_is_loaded():
    model = make_model("sa_ssl_mos")
    before = {name: x.clone() for name, x in model.state_dict().items()}
    weights = load_weights("sa_ssl_mos")
    del weights["_spm.encoder.0.1.running_mean"]
    del weights["_mos_mapping_module._mu_head.0.bias"]
    weights["_fpm._encoder.0.0.weight"] = torch.zeros(128, 1920, 5)
    weights["_ssl.encoder.layers.0.weight"] = torch.zeros(1)
    weights["head.mean_mlp.0.bias"] = torch.zeros(64)  # our name, not the published one
    with pytest.raises(WeightsError) as error:
        load_published(model, weights)
    assert str(error.value).splitlines()[1:] == [
        "  missing: _spm.encoder.0.1.running_mean",
        "  missing: _mos_mapping_module._mu_head.0.bias",
        "  unexpected: _ssl.encoder.layers.0.weight",
        "  unexpected: head.mean_mlp.0.bias",
        "  other shape: _fpm._encoder.0.0.weight is (128, 1920, 5), and (128, 64, 5) "
        "in the model",
    ]
    for name, x in model.state_dict().items():
        torch.testing.assert_close(x, before[name], rtol=0, atol=0)


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """conf/paper/model.yaml over an SSL model that is as small as the weights want."""
    folder = tmp_path_factory.mktemp("ssl")
    torch.manual_seed(0)
    ssl = Wav2Vec2Config(
        num_hidden_layers=2,
        hidden_size=WIDTH,
        intermediate_size=WIDTH,
        num_attention_heads=2,
        conv_dim=[16] * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4,
    )
    Wav2Vec2Model(ssl).save_pretrained(folder / "model")
    Wav2Vec2FeatureExtractor().save_pretrained(folder / "model")
    frontend_conf = dict(upstream=str(folder / "model"))
    frontend = dict(source="hugging_face", frontend_conf=frontend_conf, layer=1)
    (folder / "small_ssl.yaml").write_text(
        yaml.safe_dump(dict(ssl_frontend_conf=frontend))
    )
    return [str(samos_import.PUBLISHED_CONFIG), str(folder / "small_ssl.yaml")]


def test_import_in_the_shell_gives_a_model_to_score_with(config, tmp_path):
    save_checkpoint("sa_ssl_mos", "script", tmp_path / "published.pt")
    result = subprocess.run(
        [sys.executable, "-m", "espnet_samos.bin.samos", "import", "published.pt"]
        + ["--output_dir", "imported", "--train_config", *config],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=dict(os.environ, PYTHONPATH=str(Path(__file__).parents[2])),
    )
    assert result.returncode == 0, result.stderr
    assert "sa_ssl_mos: imported (packed: imported/sa_ssl_mos.zip)" in result.stdout

    model_file = tmp_path / "imported" / MODEL_FILE
    predictor = MosPredictor(model_file)
    expected = load_model("sa_ssl_mos")
    for name in ("ssl_encoder", "spectrogram_encoder", "head"):
        ours = getattr(predictor.model, name).state_dict()
        for key, x in getattr(expected, name).state_dict().items():
            torch.testing.assert_close(ours[key], x, rtol=0, atol=0)
    score = next(predictor.predict_windows(DATA / "24000_2.1s.flac"))

    # the archive can be unpacked anywhere
    with zipfile.ZipFile(tmp_path / "imported/sa_ssl_mos.zip") as archive:
        archive.extractall(tmp_path / "elsewhere")
    meta = yaml.safe_load((tmp_path / "elsewhere/meta.yaml").read_text())
    unpacked = MosPredictor(
        tmp_path / "elsewhere" / meta["files"]["model_file"],
        tmp_path / "elsewhere" / meta["yaml_files"]["train_config"],
    )
    assert next(unpacked.predict_windows(DATA / "24000_2.1s.flac")) == score


def test_ssl_layer_mos_is_recognised_and_scores(config, tmp_path, capsys):
    checkpoint = save_checkpoint("ssl_layer_mos", "trace", tmp_path / "published.pt")
    output = tmp_path / "imported"
    with pytest.raises(SystemExit) as status:
        samos.main(
            ["import", str(checkpoint), "--output_dir", str(output)]
            + ["--train_config", *config]
        )
    assert status.value.code == 0
    assert "ssl_layer_mos: " in capsys.readouterr().out
    predictor = MosPredictor(output / MODEL_FILE)
    assert predictor.model.spectrogram_encoder is None
    assert np.isfinite(next(predictor.predict_windows(DATA / "16000_1.3s.flac")).mean)

    # the directory has a model now, which is not overwritten
    with pytest.raises(SystemExit):
        samos.main(["import", str(checkpoint), "--output_dir", str(output)])
    assert "imported/valid.lcc.best.pth is there already" in capsys.readouterr().err


@pytest.mark.parametrize(
    "spoil, message",
    [
        (lambda weights: weights.popitem(), "missing: _mos_mapping_module._var_head"),
        (lambda weights: weights.update(other=torch.ones(1)), "unexpected: other"),
        (lambda weights: weights.clear(), "no weights in it"),
    ],
)
def test_a_checkpoint_that_does_not_fit_leaves_no_model(
    config, tmp_path, capsys, spoil, message
):
    weights = load_weights("sa_ssl_mos")
    spoil(weights)
    torch.save(weights, tmp_path / "published.pth")
    output = tmp_path / "imported"
    with pytest.raises(SystemExit) as status:
        samos.main(
            ["import", str(tmp_path / "published.pth"), "--output_dir", str(output)]
            + ["--train_config", *config]
        )
    assert status.value.code == 1
    error = capsys.readouterr().err
    assert "published.pth" in error and message in error
    assert not (output / MODEL_FILE).exists()
    assert not (output / "config.yaml").exists()


def test_a_wrong_path_is_named(tmp_path, capsys):
    torch.save(load_weights("sa_ssl_mos"), tmp_path / "published.pth")
    for checkpoint, config, named in (
        ("nothing.pt", str(samos_import.PUBLISHED_CONFIG), "nothing.pt"),
        ("published.pth", "nothing.yaml", "nothing.yaml"),
    ):
        with pytest.raises(SystemExit):
            samos.main(
                ["import", str(tmp_path / checkpoint), "--train_config", config]
                + ["--output_dir", str(tmp_path / "imported")]
            )
        assert named in capsys.readouterr().err
