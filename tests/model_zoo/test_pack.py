import shutil
import zipfile
from pathlib import Path

import pytest
import torch
import yaml

from espnet_samos import MosPredictor
from espnet_samos.model_zoo.find import MODEL_FILE, find_model
from espnet_samos.model_zoo.pack import pack_model
from espnet_samos.tasks.mos import MosTask
from tests.frontend.checkpoints import make_checkpoint, make_hugging_face
from tests.tiny_model import CONFIG, save_model, speechlike


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def save_with_local_ssl(folder, frontend_conf, source, layer=1):
    """Save a model whose frozen SSL model is a checkpoint on this machine."""
    folder.mkdir()
    conf = dict(
        CONFIG,
        preprocessor_conf=dict(window_seconds=2.0),  # a hop of 20 ms needs more
        ssl_frontend="ssl_layer",
        ssl_frontend_conf=dict(
            source=source,
            layer=layer,
            frontend_conf=frontend_conf,
            download_dir=str(folder / "downloads"),
        ),
    )
    (folder / "train.yaml").write_text(yaml.safe_dump(conf))
    args = MosTask.get_parser().parse_args(
        ["--config", str(folder / "train.yaml"), "--output_dir", str(folder)]
    )
    (folder / "config.yaml").write_text(yaml.safe_dump(vars(args)))
    torch.save(MosTask.build_model(args).state_dict(), folder / MODEL_FILE)


def test_a_packed_model_needs_nothing_of_the_machine_it_was_made_on(tmp_path):
    checkpoints = tmp_path / "checkpoints"
    checkpoints.mkdir()
    path = make_checkpoint(checkpoints, "wav2vec2_local", pre_norm=True)
    exp = tmp_path / "exp"
    frontend_conf = dict(upstream="wav2vec2_local", path_or_url=path)
    save_with_local_ssl(exp, frontend_conf, "s3prl")
    (exp / "README.md").write_text("card")
    clip = speechlike(1.4, 24000)
    expected = MosPredictor.from_pretrained(exp).predict(clip, 24000).mean
    pack_model(exp, MODEL_FILE, tmp_path / "m.zip", ["README.md", "RESULTS.md"])
    assert not list(exp.glob(".pack-*"))
    with zipfile.ZipFile(tmp_path / "m.zip") as archive:
        names = archive.namelist()
        assert set(names) == {
            *("meta.yaml", "config.yaml", MODEL_FILE, "README.md"),
            f"pretrained/{Path(path).name}",
        }
        archive.extractall(tmp_path / "by_hand")

    shutil.rmtree(checkpoints)
    shutil.rmtree(exp)
    for model in (tmp_path / "m.zip", tmp_path / "by_hand", tmp_path / "m.zip"):
        predictor = MosPredictor.from_pretrained(model)
        assert predictor.predict(clip, 24000).mean == pytest.approx(expected, abs=1e-6)


def test_graphs_that_are_packed_along_score_it(tmp_path):
    folder = find_model().model_file.parent
    pack_model(folder, MODEL_FILE, tmp_path / "m.zip", ["onnx"])
    predictor = MosPredictor.from_pretrained(tmp_path / "m.zip")
    assert predictor.engine.name == "onnx"
    clip = speechlike(1.4, 24000)
    expected = MosPredictor.from_pretrained().predict(clip, 24000).mean
    assert predictor.predict(clip, 24000).mean == pytest.approx(expected, abs=1e-6)


def test_a_folder_of_hugging_face_is_packed(tmp_path):
    (tmp_path / "ssl").mkdir()
    upstream = make_hugging_face(tmp_path / "ssl", "wav2vec2", pre_norm=True)
    exp = tmp_path / "exp"
    save_with_local_ssl(exp, dict(upstream=upstream), "hugging_face")
    clip = speechlike(1, 16000)
    expected = MosPredictor.from_pretrained(exp).predict(clip, 16000).mean
    pack_model(exp, MODEL_FILE, tmp_path / "m.zip")
    shutil.rmtree(tmp_path / "ssl")
    predictor = MosPredictor.from_pretrained(tmp_path / "m.zip")
    assert predictor.predict(clip, 16000).mean == pytest.approx(expected, abs=1e-6)


def test_a_new_archive_of_one_name_is_not_taken_for_the_old_one(tmp_path):
    clip = speechlike(1, 16000)
    scores = []
    for seed in range(2):
        exp = save_model(tmp_path / "exp")
        weights = torch.load(exp / MODEL_FILE)
        weights["head.mean_mlp.4.bias"] += seed
        torch.save(weights, exp / MODEL_FILE)
        pack_model(exp, MODEL_FILE, tmp_path / "m.zip")
        predictor = MosPredictor.from_pretrained(tmp_path / "m.zip")
        scores.append(predictor.predict(clip, 16000).mean)
    assert scores[1] == pytest.approx(scores[0] + 2, abs=1e-4)


def test_a_missing_model_file_is_named(tmp_path):
    exp = save_model(tmp_path / "exp")
    with pytest.raises(FileNotFoundError, match="other.pth"):
        pack_model(exp, "other.pth", tmp_path / "m.zip")
    assert not (tmp_path / "m.zip").exists()
