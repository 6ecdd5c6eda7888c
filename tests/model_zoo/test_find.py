import os
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest
import torch
import yaml

from espnet_samos import MosPredictor
from espnet_samos.model_zoo.find import CONFIG, MODEL_FILE, find_model, packaged_models
from tests.tiny_model import save_model, speechlike


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def folder(tmp_path):
    return save_model(tmp_path / "exp")


def test_a_model_is_found_in_every_form(folder):
    clip = speechlike(1.3, 24000)
    expected = MosPredictor(folder / MODEL_FILE).predict(clip, 24000).mean
    for model in (folder, str(folder), folder / MODEL_FILE):
        predictor = MosPredictor.from_pretrained(model)
        assert predictor.predict(clip, 24000).mean == expected


def test_what_is_missing_is_named(folder, tmp_path):
    for model, message in (
        ("nothing", "no model 'nothing': give a folder"),
        (tmp_path, "no such model file: .*config.yaml"),
        (tmp_path / "a.zip", "no such archive: .*a.zip"),
        (folder / "b.pth", "no such model file: .*b.pth"),
    ):
        with pytest.raises(FileNotFoundError, match=message):
            find_model(model)
    (tmp_path / "broken.zip").write_text("no archive")
    with pytest.raises(ValueError, match="broken.zip cannot be unpacked"):
        find_model(tmp_path / "broken.zip")


def test_a_model_of_another_task_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "asr.zip", "w") as archive:
        meta = dict(
            files=dict(asr_model_file="m.pth"),
            yaml_files=dict(asr_train_config="c.yaml"),
        )
        archive.writestr("meta.yaml", yaml.safe_dump(meta))
        archive.writestr("m.pth", "")
        archive.writestr("c.yaml", "{}")
    with pytest.raises(ValueError, match="asr.zip is no model of this task"):
        find_model(tmp_path / "asr.zip")


def test_a_tag_that_cannot_be_fetched_says_so(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ConnectionError, match="'someone/model' cannot be downloaded"):
        find_model("someone/model")


def test_weights_that_are_more_than_tensors_are_refused(folder):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(folder / "trapped"),)

    torch.save({"head": Trap()}, folder / MODEL_FILE)
    with pytest.raises(Exception, match="[Ww]eights"):
        MosPredictor.from_pretrained(folder)
    assert not (folder / "trapped").exists()


def test_the_packaged_model_is_honest_and_scores(tmp_path):
    models = packaged_models()
    assert "small" in models
    config = models["small"].train_config.read_text()
    assert "/home" not in config and "/root" not in config and "/tmp" not in config
    predictor = MosPredictor.from_pretrained()
    assert "labels are computed" in predictor.label_note
    results = [
        predictor.predict(speechlike(seconds, fs), fs)
        for seconds, fs in ((0.5, 16000), (4, 48000))
    ]
    for result in results:
        assert np.isfinite(result.mean) and result.std > 0
        assert "labels are computed" in result.label_note


def test_several_processes_unpack_one_archive_at_once(folder, tmp_path):
    archive = tmp_path / "model.zip"
    with zipfile.ZipFile(archive, "w") as f:
        for name in (CONFIG, MODEL_FILE):
            f.write(folder / name, name)
        meta = dict(
            files=dict(model_file=MODEL_FILE), yaml_files=dict(train_config=CONFIG)
        )
        f.writestr("meta.yaml", yaml.safe_dump(meta))
        f.writestr("filler", os.urandom(20_000_000))  # so that it takes a while
    script = (
        "import sys; from espnet_samos.model_zoo.find import find_model\n"
        "import yaml\n"
        "input()\n"
        "found = find_model(sys.argv[1])\n"
        "assert yaml.safe_load(found.train_config.read_text())\n"
        "print(found.model_file, found.model_file.stat().st_size)\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(archive)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    time.sleep(0.5)  # imported, and waiting for their line
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    answers = [process.communicate() for process in processes]
    assert len({out for out, _ in answers}) == 1, answers
    assert answers[0][0].endswith(f"{(folder / MODEL_FILE).stat().st_size}\n")
