"""The Python side of the study's other predictors: local/study_*.py."""

import importlib.util
import json
import os
from pathlib import Path

import pytest
import soundfile
import soxr
import torch
from distillmos import ConvTransformerSQAModel

ROOT = Path(__file__).parents[2]
CLIPS = {
    "a-16k": "16000_1.3s.flac",
    "b-24k": "24000_2.1s.flac",
    "c-44k": "44100_1.0s.flac",
}
LABELS = {"a-16k": 2.5, "b-24k": 3.25, "c-44k": 4.0}


def load(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "local" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def data_dir(tmp_path):
    """A data directory of three clips, each at another rate."""
    paths = {utt: ROOT / "tests" / "data" / name for utt, name in CLIPS.items()}
    tables = {
        "wav.scp": paths,
        "mos": LABELS,
        "utt2sys": {utt: f"sys-{utt}" for utt in CLIPS},
        "utt2fs": {utt: soundfile.info(p).samplerate for utt, p in paths.items()},
    }
    directory = tmp_path / "data"
    directory.mkdir()
    for name, table in tables.items():
        lines = [f"{key} {value}\n" for key, value in table.items()]
        (directory / name).write_text("".join(lines))
    return directory


def read_table(path):
    return dict(line.split(maxsplit=1) for line in path.read_text().splitlines())


def test_aqa_reads_16_khz_clips_and_one_metric(data_dir, tmp_path):
    load("study_aqa_data").main(
        ["--data_dir", str(data_dir), "--output_dir", str(tmp_path / "16k")]
    )
    wav_scp = read_table(tmp_path / "16k" / "wav.scp")
    assert list(wav_scp) == sorted(CLIPS)
    for utt, path in wav_scp.items():
        info = soundfile.info(path)
        assert info.samplerate == 16000
        native = soundfile.info(read_table(data_dir / "wav.scp")[utt])
        assert info.duration == pytest.approx(native.duration, abs=1 / 16000)
    metrics = read_table(tmp_path / "16k" / "metric.scp")
    assert {utt: json.loads(m) for utt, m in metrics.items()} == {
        utt: {"mos": label} for utt, label in LABELS.items()
    }


def test_distillmos_predicts_what_the_package_does(data_dir, tmp_path, capsys):
    output_dir = tmp_path / "exp" / "inference" / "data"
    output_dir.mkdir(parents=True)
    outdated = output_dir / "mos"
    outdated.write_text("from an earlier wav.scp\n")
    os.utime(outdated, (0, 0))
    command = ["--data_dir", str(data_dir), "--output_dir", str(output_dir)]
    study = load("study_distillmos")
    study.main(command)
    output = capsys.readouterr().out
    assert study.NOTE in output and "already done" not in output
    text = (output_dir / "mos").read_text()
    samples, fs = soundfile.read(read_table(data_dir / "wav.scp")["b-24k"])
    waveform = torch.from_numpy(soxr.resample(samples, fs, 16000)).float()
    with torch.no_grad():
        expected = ConvTransformerSQAModel().eval()(waveform[None]).item()
    predicted = read_table(output_dir / "mos")
    assert list(predicted) == sorted(CLIPS)
    assert float(predicted["b-24k"]) == pytest.approx(expected, abs=1e-3)
    scores = json.loads((output_dir / "scores.json").read_text())["groups"]["overall"]
    assert scores["utterance"]["n"] == 3 and scores["variance"] is None

    study.main(command)
    assert "already done" in capsys.readouterr().out
    assert (output_dir / "mos").read_text() == text


@pytest.mark.parametrize("name", ["study_aqa_data", "study_distillmos"])
def test_a_missing_clip_is_refused_by_name(data_dir, tmp_path, name):
    output_dir = tmp_path / "out"
    wav_scp = (data_dir / "wav.scp").read_text().replace("24000_2.1s", "gone")
    (data_dir / "wav.scp").write_text(wav_scp)
    with pytest.raises(SystemExit, match="error: no such file: .*gone.flac"):
        load(name).main(["--data_dir", str(data_dir), "--output_dir", str(output_dir)])
    assert not (output_dir / "wav.scp").exists()
    assert not (output_dir / "mos").exists()
