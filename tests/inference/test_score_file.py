import csv
import json
import os
import signal
import subprocess
import sys
import time

import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from espnet_samos.inference.result import MosResult
from espnet_samos.inference.score_file import ScoreFile, shard
from tests.tiny_model import save_model, speechlike

NAMES = ["a.wav", 'b "x", y.wav', "ü.wav", "d\\n.wav", "e.wav"]


def results():
    for i, name in enumerate(NAMES):
        error = f"{name}: bad\nand more" if i == 1 else None
        yield MosResult(name, mean=3.0 + i, std=0.5, error=error)


def write(path, form, count, resume=False):
    file = ScoreFile(path, form, NAMES, resume)
    for result in list(results())[file.num_done : count]:
        file.write(result)
    file.file.close()
    return file.num_done


@settings(max_examples=40, deadline=None)
@given(form=st.sampled_from(["csv", "json"]), cut=st.integers(0, 400))
def test_a_file_that_was_cut_anywhere_is_completed(tmp_path_factory, form, cut):
    folder = tmp_path_factory.mktemp("cut")
    write(folder / "whole", form, len(NAMES))
    content = (folder / "whole").read_bytes()
    (folder / "cut").write_bytes(content[:cut])
    done = write(folder / "cut", form, len(NAMES), resume=True)
    assert (folder / "cut").read_bytes() == content
    lines = content[:cut].count(b"\n") - (form == "csv")
    assert done == max(0, lines)


def test_what_is_there_is_not_overwritten_nor_mixed(tmp_path):
    path = tmp_path / "x.csv"
    write(path, "csv", 3)
    with pytest.raises(FileExistsError, match="give --resume"):
        write(path, "csv", 3)
    with pytest.raises(ValueError, match="of other clips: it has a.wav where z.wav"):
        ScoreFile(path, "csv", ["z.wav"], resume=True)
    with pytest.raises(ValueError, match="where nothing more comes"):
        ScoreFile(path, "csv", NAMES[:2], resume=True)
    with pytest.raises(ValueError, match="--resume needs --format csv or json"):
        ScoreFile(path, "table", NAMES, resume=True)
    (tmp_path / "other.csv").write_text("no scores\n")
    with pytest.raises(ValueError, match="begins with 'no scores'"):
        ScoreFile(tmp_path / "other.csv", "csv", NAMES, resume=True)
    file = ScoreFile(path, "csv", NAMES, resume=True)
    with pytest.raises(ValueError, match="another process"):
        ScoreFile(path, "csv", NAMES, resume=True)
    assert file.num_done == 3


def test_every_result_has_one_line(tmp_path):
    for form in ("csv", "json"):
        write(tmp_path / form, form, len(NAMES))
        lines = (tmp_path / form).read_text().splitlines()
        rows = csv.DictReader(lines) if form == "csv" else map(json.loads, lines)
        assert [row["name"] for row in rows] == NAMES
        assert len(lines) == len(NAMES) + (form == "csv")


@given(st.integers(0, 50), st.integers(1, 9))
def test_shards_have_every_clip_once(num_clips, count):
    clips = list(range(num_clips))
    parts = [shard(clips, f"{i}/{count}") for i in range(1, count + 1)]
    assert sorted(sum(parts, [])) == clips
    sizes = list(map(len, parts))
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("which", ["0/3", "4/3", "1", "a/b", "1/0", "-1/3", "1/3/5"])
def test_no_such_shard(which):
    with pytest.raises(ValueError, match=f"shard '{which}'"):
        shard([1, 2], which)


def test_a_killed_run_goes_on_with_nothing_lost_or_twice(tmp_path):
    exp = save_model(tmp_path / "exp")
    for i in range(60):
        soundfile.write(tmp_path / f"{i:02}.wav", speechlike(1, 16000, i), 16000)
    command = [sys.executable, "-m", "espnet_samos.bin.samos", "score"]
    command += ["--model", str(exp), "--format", "csv", "--batch_size", "1"]
    command += ["--resume", "--output", str(tmp_path / "out.csv"), str(tmp_path)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while not (tmp_path / "out.csv").exists() or (
        (tmp_path / "out.csv").read_text().count("\n") < 5
    ):
        assert process.poll() is None
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    done = (tmp_path / "out.csv").read_text().count("\n") - 1
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    if 0 < done < 60:
        assert f"samos: {done} are scored already" in again.stderr
    with open(tmp_path / "out.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == [
        f"{tmp_path}/{i:02}.wav" for i in range(60)
    ]
    assert all(row["mean"] for row in rows)
