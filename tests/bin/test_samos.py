"""The command `samos`, in processes of its own: what a user sees."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet_samos import MosPredictor
from espnet_samos.bin.samos import COMMANDS, info
from espnet_samos.mos.slots import SLOTS
from tests.tiny_model import save_model, save_pair_model, speechlike

COLD = [sys.executable, "-m", "espnet_samos.bin.samos"]


@pytest.fixture(scope="module")
def samos(warm_venv):
    """A function that runs the command; cold, or in a warm interpreter."""

    def run(*args, cwd=None, stdin="", cold=False):
        root = str(Path(__file__).parents[2])
        return subprocess.run(
            [*(COLD if cold else [warm_venv / "bin/samos"]), *map(str, args)],
            cwd=cwd,
            input=stdin,
            capture_output=True,
            text=True,
            env=dict(os.environ, PYTHONPATH=root),
        )

    return run


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a model in exp/ and clips of two systems in a/ and b/."""
    place = tmp_path_factory.mktemp("place")
    save_model(place / "exp")
    for system, gain in (("a", 1.0), ("b", 0.3)):
        (place / system).mkdir()
        for i, fs in enumerate((16000, 48000, 44100)):
            clip = gain * speechlike(0.6 + i, fs, i)
            soundfile.write(place / system / f"{i}.wav", clip, fs, subtype="FLOAT")
    (place / "bad.wav").write_text("not audio")
    return place


@pytest.fixture(scope="module")
def expected(place):
    predictor = MosPredictor.from_pretrained(place / "exp")
    return {
        result.name: result
        for result in predictor.predict_files(
            f"{place}/{system}/{i}.wav" for system in "ab" for i in range(3)
        )
    }


def test_a_folder_gives_a_table(place, expected, samos):
    done = samos("score", "--model", "exp", f"{place}/a", cwd=place, cold=True)
    assert done.returncode == 0, done.stderr
    head, *lines = done.stdout.splitlines()
    assert head.split()[:2] == ["mean", "std"] and head.endswith("file")
    for i, line in enumerate(lines):
        name = f"{place}/a/{i}.wav"
        assert name in line
        assert float(line.split()[0]) == pytest.approx(expected[name].mean, abs=0.006)
    assert "[short]" in lines[0] and "short" not in lines[1]


def test_a_bad_file_is_reported_and_the_rest_scored(place, expected, samos):
    files = [f"{place}/a/0.wav", f"{place}/bad.wav", f"{place}/a/1.wav"]
    for form in ("table", "csv", "json", "kaldi"):
        done = samos("score", "--model", "exp", "--format", form, *files, cwd=place)
        assert done.returncode == 1
        assert "bad.wav" in done.stderr and "1 of 3 not scored" in done.stderr
        if form == "csv":
            rows = list(csv.DictReader(done.stdout.splitlines()))
        elif form == "json":
            rows = [json.loads(line) for line in done.stdout.splitlines()]
        elif form == "kaldi":
            rows = [
                dict(zip(("name", "mean"), line.split(), strict=True))
                for line in done.stdout.splitlines()
            ]
            assert [row["name"] for row in rows] == [files[0], files[2]]
        else:
            continue
        for row in rows:
            if row["name"].endswith("bad.wav"):
                assert not row["mean"] and "cannot be read as audio" in row["error"]
            else:
                mean = expected[row["name"]].mean
                assert float(row["mean"]) == pytest.approx(mean, abs=1e-4)


def test_lists_from_a_file_and_from_standard_input(place, expected, samos):
    (place / "wav.scp").write_text("utt1 a/0.wav\nutt2 cat b/1.wav |\n")
    done = samos("score", "--model=exp", "--format=kaldi", "wav.scp", cwd=place)
    scores = dict(line.split() for line in done.stdout.splitlines())
    assert list(scores) == ["utt1", "utt2"]
    for utt, name in (("utt1", "a/0.wav"), ("utt2", "b/1.wav")):
        mean = expected[f"{place}/{name}"].mean
        assert float(scores[utt]) == pytest.approx(mean, abs=1e-4)
    again = samos(
        *("score", "--model=exp", "--format=kaldi", "-"),
        cwd=place,
        stdin="utt1 a/0.wav\n",
    )
    assert again.stdout.splitlines() == done.stdout.splitlines()[:1]


def test_two_systems_are_compared(place, expected, samos):
    done = samos(
        *("compare", "--model", "exp", "a", "b", "--plot", "plots/ab.png"), cwd=place
    )
    assert done.returncode == 0, done.stderr
    pairs = [
        [expected[f"{place}/{system}/{i}.wav"].mean for system in "ab"]
        for i in range(3)
    ]
    difference = np.mean([b - a for a, b in pairs])
    assert f"difference {difference:+.3f}" in done.stdout
    assert "difference b - a, of the scores" in done.stdout
    predictor = MosPredictor.from_pretrained(place / "exp")
    for i in range(3):
        pair = predictor.compare(place / f"a/{i}.wav", place / f"b/{i}.wav")
        assert (
            f"{i}  {pair.mean:+.3f}  std {pair.std:.3f}  b better: {pair.b_better:.0%}"
        ) in done.stdout.splitlines()
    assert "better with 95% or more: b in " in done.stdout
    assert (place / "plots/ab.png").stat().st_size > 10_000
    done = samos("compare", "--model", "exp", "a", "nothing", cwd=place)
    assert done.returncode == 1 and "no such folder: nothing" in done.stderr


def test_a_model_that_was_trained_on_pairs_compares(place, samos):
    model = save_pair_model(place / "pairs", place / "exp")
    done = samos("compare", "--model=pairs", "a", "b", "--plot=ab.png", cwd=place)
    assert done.returncode == 0, done.stderr
    predictor = MosPredictor.from_pretrained(model)
    pairs = [
        predictor.compare(place / f"a/{i}.wav", place / f"b/{i}.wav") for i in range(3)
    ]
    lines = done.stdout.splitlines()
    assert lines[0].startswith("difference b - a, learnt from comparisons, -3")
    for i, pair in enumerate(pairs):
        assert pair.learnt and pair.mean != 0
        better = f"b better: {pair.b_better:.0%}"
        assert lines[1 + i] == f"{i}  {pair.mean:+.3f}  std {pair.std:.3f}  {better}"
    mean = np.mean([pair.mean for pair in pairs])
    assert lines[4].startswith(f"difference {mean:+.3f}, 95 % confidence interval")
    # and none of equal clips
    done = samos("compare", "--model=pairs", "a", "a", "--plot=aa.png", cwd=place)
    assert "2  +0.000  std" in done.stdout and "a better: 50%" in done.stdout


def test_a_track_has_a_line_for_each_window(place, samos):
    done = samos(
        *("track", "--model=exp", "a/2.wav", "--hop_seconds=0.4", "--plot=track.png"),
        cwd=place,
    )
    assert done.returncode == 0, done.stderr
    predictor = MosPredictor.from_pretrained(place / "exp")
    windows = predictor.predict_windows(place / "a/2.wav", hop_seconds=0.4)
    rows = list(csv.DictReader(done.stdout.splitlines()))
    for row, window in zip(rows, windows, strict=True):
        values = [float(row[key]) for key in ("start", "end", "mean", "std")]
        assert values == pytest.approx(window[:4], abs=1e-3)
    assert (place / "track.png").stat().st_size > 10_000
    assert samos("track", "--model=exp", "bad.wav", cwd=place).returncode == 1


def test_mistakes_are_named_without_a_traceback(place, samos):
    for args, message in (
        (["score", "--model", "nothing", "a"], "no model 'nothing'"),
        (["score", "--model", "exp/other.pth", "a"], "no such model file: exp/other"),
        (["score", "--model", "nothing.zip", "a"], "no such archive: nothing.zip"),
        (["score", "--model", "b", "a"], "no such model file: b/config.yaml"),
        (["score", "--model", "exp", "exp"], "no audio files in exp"),
    ):
        done = samos(*args, cwd=place)
        assert done.returncode == 1
        assert done.stderr.startswith("samos: error: ") and message in done.stderr
        assert "Traceback" not in done.stderr


def test_info_describes_the_model(place, samos):
    done = samos("info", "--model", "exp", cwd=place)
    assert done.returncode == 0, done.stderr
    facts = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert facts["window"] == "1 s" and "cpu" in facts["devices"]
    assert facts["spectrogram_encoder"].startswith("conv2d {'channels': [4, 4, 8, 8]")


def test_info_knows_all_slots():
    assert info.SLOTS == tuple(choices.name for choices in SLOTS)


def test_help_imports_no_torch():
    code = (
        "import sys\n"
        "from espnet_samos.bin.samos import get_parser\n"
        "get_parser().format_help()\n"
        "slow = {'torch', 'espnet2', 'scipy', 'matplotlib', 'gradio', 'pandas'}\n"
        "print(slow & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


def test_every_command_has_help(samos):
    for command in COMMANDS:
        done = samos(command, "--help")
        assert done.returncode == 0 and "usage: samos " + command in done.stdout
