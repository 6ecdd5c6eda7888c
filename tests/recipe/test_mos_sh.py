"""The recipe's real stages in the shell, on a corpus of a few clips."""

import io
import json
import os
import subprocess
import zipfile

import numpy as np
import pandas as pd
import pytest
import soundfile
import yaml

from espnet_samos.audio.wav_scp import ClipReader
from espnet_samos.train.errors import locked
from tests.audio.test_decoding import unknown_length
from tests.recipe.small import (
    RATES,
    RECIPE,
    make_corpus,
    make_recipe,
    needs_scripts,
    run,
)

pytestmark = needs_scripts


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Stages 1 to 7 of a recipe, done."""
    directory = tmp_path_factory.mktemp("recipe")
    recipe = make_recipe(directory)
    table = make_corpus(directory / "corpus")
    (recipe / "about.md").write_text("Rated by nobody.\n")
    options = ["--skip_upload", "false", "--about", "about.md"]
    result = run(recipe, table, "--stop_stage", "7", *options)
    assert result.returncode == 0, result.stdout[-5000:]
    return recipe, table


def test_results_are_those_of_the_predictions(finished):
    recipe, table = finished
    results = recipe / "exp/mos_sa_ssl_mos/inference_valid.lcc.best/my_test"
    scores = json.loads((results / "scores.json").read_text())
    predictions = pd.read_csv(results / "predictions.csv")
    labels = pd.read_csv(table).query("split == 'test'")
    assert sorted(predictions["avg_score"]) == sorted(labels["mos"])
    mse = ((predictions["avg_score"] - predictions["answer"]) ** 2).mean()
    overall = scores["groups"]["overall"]["utterance"]
    assert overall["n"] == 6
    assert overall["mse"]["value"] == pytest.approx(mse, rel=1e-4)
    assert set(scores["groups"]) == {"overall", *map(str, RATES)}
    assert (results / "scatter.png").is_file()
    text = (recipe / "exp/mos_sa_ssl_mos/RESULTS.md").read_text()
    assert "my_test" in text


def test_fine_tuning_began_from_the_pre_trained_model(finished):
    recipe, _ = finished
    config = yaml.safe_load((recipe / "exp/mos_sa_ssl_mos/config.yaml").read_text())
    assert config["init_param"] == ["exp/mos_sa_ssl_mos/pretrain/valid.lcc.best.pth"]
    log = (recipe / "exp/mos_sa_ssl_mos/train.log").read_text()
    assert "Filter out" not in log


def test_a_second_run_does_nothing_twice(finished):
    recipe, table = finished
    kept = {
        path: path.stat().st_mtime_ns
        for pattern in (
            "data/*/*",
            "dump/raw/*/wav.scp",
            "exp/**/*.pth",
            "exp/**/*.log",
        )
        for path in recipe.glob(pattern)
    }
    assert len(kept) > 30
    result = run(recipe, table, "--stop_stage", "6")
    assert result.returncode == 0, result.stdout[-5000:]
    changed = [str(p) for p, time in kept.items() if p.stat().st_mtime_ns != time]
    assert changed == []


def test_other_options_need_another_directory(finished):
    recipe, table = finished
    options = ["--stage", "4", "--stop_stage", "5", "--tag", "sa_ssl_mos"]
    result = run(recipe, table, *options, "--train_args", "--seed 5")
    assert result.returncode != 0
    assert "holds a training on other data, from another model or" in result.stdout
    (recipe / "other.yaml").write_text("batch_size: 3\n")
    result = run(recipe, table, *options, "--train_config", "config.yaml other.yaml")
    assert result.returncode != 0
    assert "different: batch_size" in result.stdout
    # a pre-trained model that is newer than what was trained from it
    pretrained = recipe / "exp/mos_sa_ssl_mos/pretrain/1epoch.pth"
    time = pretrained.stat().st_mtime
    os.utime(pretrained, (time + 1e4, time + 1e4))
    result = run(recipe, table, *options)
    os.utime(pretrained, (time, time))
    assert result.returncode != 0
    assert "holds a training on other data, from another model or" in result.stdout


def test_a_training_that_runs_is_left_alone(finished):
    recipe, table = finished
    exp = recipe / "exp/mos_sa_ssl_mos/pretrain"
    started = (exp / ".started").read_text()
    options = ["--stage", "4", "--stop_stage", "4", "--tag", "sa_ssl_mos"]
    with locked(exp):
        result = run(recipe, table, *options, "--train_args", "--seed 5")
    assert result.returncode != 0
    assert f"in use by process {os.getpid()} on" in result.stdout
    assert (exp / ".started").read_text() == started


def test_what_was_not_finished_is_done_again(finished):
    """Nor is it taken for the result of before, with the options of before."""
    recipe, table = finished
    options = ["--stage", "6", "--stop_stage", "6"]
    results = recipe / "exp/mos_sa_ssl_mos/inference_valid.lcc.best/my_test"
    model = recipe / "exp/mos_sa_ssl_mos/1epoch.pth"
    whole = model.read_bytes()
    model.write_bytes(whole[: len(whole) // 2])
    result = run(recipe, table, *options)
    model.write_bytes(whole)
    assert result.returncode != 0
    assert f"{model} cannot be read as a model" in result.stdout
    assert "Take another one, or train, copy or download" in result.stdout
    assert not (results / ".done").exists()
    result = run(recipe, table, *options)
    assert result.returncode == 0, result.stdout[-5000:]
    assert (results / ".done").exists()


def test_the_packed_model_scores_as_the_original(finished, tmp_path, monkeypatch):
    recipe, table = finished
    monkeypatch.setenv("HOME", str(tmp_path))
    packed = recipe / "exp/mos_sa_ssl_mos/mos_sa_ssl_mos_valid.lcc.best.zip"
    with zipfile.ZipFile(packed) as archive:
        names = set(archive.namelist())
        assert {"README.md", "card.yaml", "RESULTS.md"} < names
        # fbank cannot be exported
        assert not any(name.startswith("onnx/") for name in names)
        assert b"my_test" in archive.read("README.md")
        assert b"Rated by nobody." in archive.read("README.md")
    from espnet_samos.inference.predictor import MosPredictor

    predictor = MosPredictor.from_pretrained(packed)
    assert predictor.engine.name == "torch"
    assert set(predictor.card["results"]) == {"my_test"}
    results = recipe / "exp/mos_sa_ssl_mos/inference_valid.lcc.best/my_test"
    wavs = dict(line.split() for line in (recipe / "dump/raw/my_test/wav.scp").open())
    for line in (results / "mos").read_text().splitlines():
        utt, mean = line.split()
        first = next(predictor.predict_windows(wavs[utt]))
        assert first.mean == pytest.approx(float(mean), abs=1e-5)


def as_bytes(samples, fs=16000, **options):
    file = io.BytesIO()
    soundfile.write(file, samples, fs, **options)
    return file.getvalue()


TONE = 0.1 * np.sin(np.arange(16000) / 5)
# What is found in the table, in the headers of files, and in their samples: each name
# with its content, its label and what is said of it.
BAD = {
    "table": {
        "no_label.wav": (TONE, "", "no_label.wav: no mos"),
        "high_label.wav": (TONE, "7", "is outside 1..5"),
        "missing.wav": (None, "3", "no such file"),
    },
    "headers": {
        "broken.wav": (b"not audio", "3", "broken.wav (Format not recognised"),
        "empty.wav": (b"", "3", "empty.wav (the file is empty"),
        "short.wav": (np.full(320, 0.1), "3", "short.wav: too short: 20 ms"),
        "bar.wav|": (TONE, "3", "cannot stand in wav.scp"),
    },
    "samples": {
        "nan.wav": (np.where(np.arange(16000) == 5, np.nan, TONE), "3", "NaN"),
        "silent.wav": (np.zeros(16000), "3", "silent"),
        "stereo.wav": (np.stack([TONE, 0.5 * TONE], axis=1), "3", "2 channels"),
        "loud.wav": (32768 * TONE, "3", "full scale is 1"),
        "cut.wav": (as_bytes(TONE, format="WAV")[:20000], "3", "truncated: 62 %"),
    },
}
# and what is read whole, whatever its header says
GOOD = {
    "joined.mp3": (2 * as_bytes(TONE, format="MP3"), "3", ""),
    "streamed.flac": (unknown_length(as_bytes(TONE, format="FLAC")), "3", ""),
    "a b;$(touch PWNED)`touch PWNED`&.wav": (TONE, "3", ""),
}


def add(table, clips):
    for name, (content, mos, _) in clips.items():
        path = table.parent / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif content is not None:
            soundfile.write(path, content, 16000, subtype="FLOAT", format="WAV")
        with table.open("a") as f:
            f.write(f'"{name}",{mos},s0,train,0.8,8\n')


@pytest.mark.parametrize("kind", BAD)
def test_bad_data_is_named(tmp_path, kind):
    table = make_corpus(tmp_path / "corpus", clips_per_split=1)
    add(table, BAD[kind])
    result = run(make_recipe(tmp_path), table, "--stop_stage", "2")
    assert result.returncode != 0
    for name, (_, _, message) in BAD[kind].items():
        assert name.split(".")[0] in result.stdout
        assert message in result.stdout
    assert "Traceback" not in result.stdout


def test_a_duplicated_id_is_named(tmp_path):
    table = make_corpus(tmp_path / "corpus", clips_per_split=1)
    with table.open("a") as f:
        f.write("train_0.wav,2,s0,train,0.8,8\n")
    result = run(make_recipe(tmp_path), table, "--stop_stage", "2")
    assert result.returncode != 0 and "train_0.wav" in result.stdout


def test_bad_clips_are_left_out_and_listed_on_request(tmp_path):
    table = make_corpus(tmp_path / "corpus", clips_per_split=1)
    bad = {name: clip for clips in BAD.values() for name, clip in clips.items()}
    add(table, bad)
    add(table, GOOD)
    recipe = make_recipe(tmp_path)
    result = run(recipe, table, "--stop_stage", "2", "--skip_bad_clips", "true")
    assert result.returncode == 0, result.stdout[-5000:]
    kept = (recipe / "dump/raw/my_train/wav.scp").read_text().splitlines()
    assert {line.split("/corpus/")[1] for line in kept} == {"train_0.wav", *GOOD}
    for name, (_, _, message) in bad.items():
        assert name.split(".")[0] in result.stdout, name
        assert message in result.stdout, name
    left_out = (recipe / "dump/raw/my_train/left_out").read_text()
    assert {line.split()[0] for line in left_out.splitlines()} == {
        f"my-{name.split('.')[0]}" for name in BAD["samples"]
    }
    reader = ClipReader(str(recipe / "dump/raw/my_train/wav.scp"))
    seconds = {utt: len(reader[utt]) / 16000 for utt in reader}
    assert seconds["my-joined"] == pytest.approx(2.0, abs=0.2)
    assert seconds["my-streamed"] == 1.0
    assert not list(tmp_path.rglob("PWNED"))


def test_stereo_is_mixed_down_on_request(tmp_path):
    table = make_corpus(tmp_path / "corpus", clips_per_split=1)
    add(table, {"stereo.wav": BAD["samples"]["stereo.wav"]})
    recipe = make_recipe(tmp_path)
    result = run(recipe, table, "--stop_stage", "2", "--multichannel", "downmix")
    assert result.returncode == 0, result.stdout[-5000:]
    assert "stereo" in (recipe / "dump/raw/my_train/wav.scp").read_text()


@pytest.mark.parametrize("value", ["a$(touch PWNED)", "a`touch PWNED`", "a;b", 'a"b'])
def test_options_are_data(tmp_path, value):
    recipe = make_recipe(tmp_path)
    for option in ("--tag", "--expdir", "--train_args"):
        result = run(recipe, tmp_path / "table.csv", option, value)
        assert result.returncode == 2
        assert "has a character that a shell acts on" in result.stdout
    assert not list(tmp_path.rglob("PWNED"))


@pytest.mark.parametrize(
    "options, message",
    [
        (["--model", "samos"], "sa_ssl_mos or ssl_layer_mos"),
        (["--train_set", ""], "--train_set is needed"),
        (["--stage", "4"], "run stage 3 first"),
        (["--stage", "2"], "run stage 1"),
    ],
)
def test_a_wrong_call_says_what_to_do(tmp_path, options, message):
    result = run(make_recipe(tmp_path), tmp_path / "table.csv", *options)
    assert result.returncode != 0 and message in result.stdout


def test_help_lists_the_options():
    result = subprocess.run(
        ["bash", "./mos.sh", "--help"],
        cwd=RECIPE,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0
    for option in ("--stage", "--model", "--pretrain_config", "--skip_bad_clips"):
        assert option in result.stdout + result.stderr
