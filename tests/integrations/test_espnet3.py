"""What ESPnet3's configurations name; tests/integration has its own runner on them."""

import argparse
import csv
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import yaml
from espnet3.contract.metrics import MetricContractError
from espnet3.systems.base.metric import measure
from espnet3.utils.task_utils import get_espnet_model
from omegaconf import OmegaConf

from espnet_samos import MosPredictor
from espnet_samos.audio.preprocessor import MosPreprocessor
from espnet_samos.audio.reading import AudioError
from espnet_samos.evaluation.metrics import lcc, mse
from espnet_samos.integrations.espnet3.dataset import Dataset, Preprocessor
from espnet_samos.integrations.espnet3.metric import SamosMos
from espnet_samos.mos.build import build_model
from espnet_samos.tasks.mos import MosTask
from espnet_samos.utils.tables import DataError
from tests.tiny_model import CONFIG, save_model, speechlike

PAGE = Path(__file__).parents[2] / "docs/espnet3.md"
RATES = (16000, 48000, 24000, 44100)
LABELS = (2.5, 4.0, 1.25, 3.0)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("exp"))


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """Clips at four rates, with labels."""
    folder = tmp_path_factory.mktemp("data")
    tables = dict.fromkeys(("wav.scp", "mos", "utt2sys"), "")
    for i, (fs, mos) in enumerate(zip(RATES, LABELS, strict=True)):
        samples = speechlike(1.5, fs, i) * (i + 1) / 4
        soundfile.write(folder / f"{i}.wav", samples, fs, "FLOAT")
        tables["wav.scp"] += f"utt{i} {folder}/{i}.wav\n"
        tables["mos"] += f"utt{i} {mos}\n"
        tables["utt2sys"] += f"utt{i} s\n"
    for name, text in tables.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def expected(model, data_dir):
    """Each clip's score, by another way."""
    predictor = MosPredictor.from_pretrained(model)
    clips = [soundfile.read(data_dir / f"{i}.wav", dtype="float32") for i in range(4)]
    scores = [predictor.predict(samples, fs).mean for samples, fs in clips]
    assert np.std(scores) > 1e-3
    return scores


def scp(tmp_path, name, values):
    path = tmp_path / f"{name}.scp"
    path.write_text("".join(f"utt{i} {value}\n" for i, value in enumerate(values)))
    return path


def test_scores_files_as_the_stage_measure_gives_them(
    model, data_dir, expected, tmp_path
):
    files = [data_dir / f"{i}.wav" for i in range(4)]
    data = dict(hyp=scp(tmp_path, "hyp", files), ref=scp(tmp_path, "ref", LABELS))
    metric = SamosMos(str(model))
    metric.chunk_size = 3
    for _ in range(2):  # nothing stays from set to set
        values = metric(data, "test", tmp_path)
        assert values["samos_mos"] == pytest.approx(np.mean(expected), abs=1e-5)
    assert values["num_errors"] == 0
    assert values["mse"] == pytest.approx(mse(LABELS, expected), abs=1e-4)
    assert values["lcc"] == pytest.approx(lcc(LABELS, expected), abs=1e-4)
    with (tmp_path / "test/samos_mos.csv").open() as f:
        rows = list(csv.DictReader(f))
    assert [row["name"] for row in rows] == [str(file) for file in files]
    assert [float(r["mean"]) for r in rows] == pytest.approx(expected, abs=1e-4)
    assert [int(row["fs"]) for row in rows] == list(RATES)
    assert "lcc" not in metric({"hyp": data["hyp"]}, "test")


def test_a_clip_without_a_score_is_counted_and_named(
    model, data_dir, expected, tmp_path, caplog
):
    files = [data_dir / "0.wav", data_dir / "missing.wav", data_dir / "2.wav"]
    data = dict(hyp=scp(tmp_path, "hyp", files), ref=scp(tmp_path, "ref", LABELS[:3]))
    values = SamosMos(model)(data, "test", tmp_path)
    scored = [expected[0], expected[2]]
    assert values["samos_mos"] == pytest.approx(np.mean(scored), abs=1e-5)
    assert values["num_errors"] == 1
    assert values["mse"] == pytest.approx(mse([2.5, 1.25], scored), abs=1e-4)
    assert "missing.wav has no score: no such file" in caplog.text
    assert "no such file" in (tmp_path / "test/samos_mos.csv").read_text()
    with pytest.raises(ValueError, match="none of 1 clips"):
        SamosMos(model)({"hyp": scp(tmp_path, "none", files[1:2])}, "test")


def test_espnet3_takes_the_configuration_of_the_page(data_dir, tmp_path):
    """As a system's stage infer has written its audio."""
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "set").mkdir()
    scp(tmp_path / "set", "audio", [data_dir / "0.wav", data_dir / "1.wav"])
    config = OmegaConf.create(yaml.safe_load(block))
    (result,) = measure(
        OmegaConf.merge(config, dict(inference_dir=str(tmp_path)))
    ).values()
    files = [data_dir / "0.wav", data_dir / "1.wav"]
    scores = [r.mean for r in MosPredictor.from_pretrained().predict_files(files)]
    assert result["set"]["samos_mos"] == pytest.approx(np.mean(scores), abs=1e-5)
    assert (tmp_path / "set/samos_mos.csv").is_file()


def test_takes_samples_with_their_rate(model, data_dir, expected):
    metric = SamosMos(model)
    samples, fs = soundfile.read(data_dir / "1.wav", dtype="float32")
    metric.update(hyp=[(fs, samples)])
    assert metric.compute()["samos_mos"] == pytest.approx(expected[1], abs=1e-5)
    with pytest.raises(TypeError, match="no sample rate"):
        metric.update(hyp=[samples])
    with pytest.raises(MetricContractError, match="hyp"):
        metric.update(hyp=[3])


def test_what_the_labels_are_is_said(caplog):
    SamosMos()
    assert "labels are computed" in caplog.text


def test_reads_a_data_directory(data_dir):
    dataset = Dataset(data_dir)
    assert len(dataset) == 4
    for i, item in enumerate(dataset[i] for i in range(4)):
        samples, fs = soundfile.read(data_dir / f"{i}.wav", dtype="float32")
        np.testing.assert_array_equal(item.pop("speech"), samples)
        path = str(data_dir / f"{i}.wav")
        assert item == dict(utt_id=f"utt{i}", path=path, fs=fs, mos=LABELS[i])


def test_a_clip_without_a_label_is_refused(data_dir, tmp_path):
    for name in ("wav.scp", "mos", "utt2sys"):
        (tmp_path / name).write_text((data_dir / name).read_text())
    (tmp_path / "mos").write_text("utt0 2.5\nutt1 good\nutt3 3\n")
    with pytest.raises(DataError, match=r"(?s)utt1: .*good.*utt2: .*None"):
        Dataset(tmp_path)


def test_windows_are_those_of_the_recipe(data_dir):
    conf = CONFIG["preprocessor_conf"]
    item = Dataset(data_dir)[3]
    made = Preprocessor(train=False, preprocessor_conf=conf)("3", item)
    clip = dict(speech=item["speech"], fs=np.array([44100]))
    expected = MosPreprocessor(train=False, **conf)("utt3", clip)
    assert made.pop("mos") == pytest.approx([3.0])
    assert made.keys() == expected.keys() == {"speech_16k", "speech_48k"}
    for name, window in made.items():
        np.testing.assert_array_equal(window, expected[name])
    with pytest.raises(AudioError, match="utt3"):
        Preprocessor(False, conf)("3", dict(item, speech=np.zeros(44100)))


def test_the_loss_is_that_of_the_recipe():
    task = "espnet_samos.integrations.espnet3.task.MosTask"
    torch.manual_seed(0)
    model = get_espnet_model(task, dict(CONFIG)).eval()
    args = argparse.Namespace(**{**MosTask.get_default_config(), **CONFIG})
    recipe = build_model(args).eval()
    recipe.load_state_dict(model.state_dict())
    batch = dict(
        speech_16k=torch.randn(3, 16000),
        speech_16k_lengths=torch.full((3,), 16000),
        speech_48k=torch.randn(3, 48000),
        speech_48k_lengths=torch.full((3,), 48000),
        mos=torch.tensor([[1.0], [3.0], [4.5]]),
    )
    loss, stats, weight = model(**batch)
    expected = recipe(**batch)
    assert loss == expected["loss"] and weight == 3
    assert stats.keys() == expected["stats"].keys()
