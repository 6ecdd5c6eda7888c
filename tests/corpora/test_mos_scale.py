"""Labels on other scales, further labels and references in data directories."""

import dataclasses

import numpy as np
import pytest
import soundfile

from espnet_samos.corpora.clip import Clip
from espnet_samos.corpora.data_dir import (
    combine_data_dirs,
    read_data_dir,
    write_data_dir,
)
from espnet_samos.utils.mos_scale import read_mos_scale
from espnet_samos.utils.tables import DataError


@pytest.fixture
def clips(tmp_path):
    soundfile.write(tmp_path / "ref.wav", np.full(8000, 0.1), 16000)
    made = []
    for i in range(3):
        soundfile.write(tmp_path / f"{i}.wav", np.full(8000, 0.1), 16000)
        clip = Clip(
            utt_id=f"a-{i}",
            path=tmp_path / f"{i}.wav",
            mos=50.0 * i,
            speaker="a",
            scale=(0, 100),
            reference=tmp_path / "ref.wav",
            scores={"sig": 10.0 * i, "bak": 20.0},
        )
        made.append(clip)
    return made


def names_in(folder):
    return {path.name for path in folder.iterdir()}


def test_what_is_written_is_read(clips, tmp_path):
    data, copy = tmp_path / "data", tmp_path / "copy"
    summary = write_data_dir(clips, data)
    assert summary.scale == (0, 100)
    assert (data / "mos_scale").read_text() == "0 100\n"
    assert (data / "mos_sig").read_text() == "a-0 0.0000\na-1 10.0000\na-2 20.0000\n"
    assert (data / "ref.scp").read_text().splitlines()[2] == f"a-2 {tmp_path}/ref.wav"
    found = read_data_dir(data)
    assert [(clip.scale, clip.scores) for clip in found] == [
        (clip.scale, clip.scores) for clip in clips
    ]
    combine_data_dirs([data], ["a"], copy)
    for name in names_in(data):
        assert (copy / name).read_text() == (data / name).read_text()


def test_written_anew_nothing_old_stays(clips, tmp_path):
    write_data_dir(clips, tmp_path / "data")
    (tmp_path / "data/mine").touch()
    plain = [Clip(clip.utt_id, clip.path, 3.0, speaker="a") for clip in clips]
    write_data_dir(plain, tmp_path / "data")
    assert names_in(tmp_path / "data") == {
        *("wav.scp", "mos", "utt2sys", "utt2fs", "utt2spk", "spk2utt", "mine")
    }
    assert read_mos_scale(tmp_path / "data") == (1, 5)


def test_references_that_not_every_clip_has_are_not_written(clips, tmp_path):
    clips[1] = dataclasses.replace(clips[1], reference=None)
    write_data_dir(clips, tmp_path / "data")
    assert "ref.scp" not in names_in(tmp_path / "data")


@pytest.mark.parametrize(
    "change, message",
    [
        ({"mos": 100.5}, "a-2: label 100.5 is outside 0..100.*mos_scale"),
        ({"mos": -1.0}, "a-2: label -1.0 is outside 0..100"),
        ({"scores": {"sig": 101.0}}, "a-2: sig 101.0 is outside 0..100"),
        ({"scores": {"sig": "x"}}, "a-2: sig 'x' is not a number"),
        ({"scores": {"std": 1.0}}, "'std' cannot be the name of a label"),
        ({"scores": {"a/b": 1.0}}, "'a/b' cannot be the name of a label"),
        ({"reference": "gone.wav"}, "no such file: gone.wav"),
        ({"reference": "x |"}, "cannot stand in ref.scp"),
        ({"scale": (0, 200)}, "labels on scales 0..100 and 0..200: make one set for"),
    ],
)
def test_refuses(clips, tmp_path, change, message):
    clips[2] = dataclasses.replace(clips[2], **change)
    with pytest.raises(DataError, match=f"(?s){message}"):
        write_data_dir(clips, tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_sets_of_different_scales_are_not_combined(clips, tmp_path):
    a, b, out = (tmp_path / name for name in ("a", "b", "out"))
    write_data_dir(clips, a)
    write_data_dir([Clip("b-0", clips[0].path, 3.0)], b)
    with pytest.raises(DataError) as error:
        combine_data_dirs([a, b], ["a", "b"], out)
    assert f"{a}/mos_scale: 0..100, {b}/mos_scale: 1..5 (no such" in str(error.value)
    assert "rescale" in str(error.value)
    assert not out.exists()


@pytest.mark.parametrize("text", ["", "0", "0 100 5", "5 1", "1 1", "a b", "0 inf"])
def test_another_mos_scale_is_refused_and_named(clips, tmp_path, text):
    write_data_dir(clips, tmp_path / "data")
    (tmp_path / "data/mos_scale").write_text(text)
    with pytest.raises(DataError, match="data/mos_scale: '.*' is not '<low> <high>'"):
        read_data_dir(tmp_path / "data")
    (tmp_path / "data/mos_scale").write_bytes(b"\xff")
    with pytest.raises(DataError, match="data/mos_scale cannot be read"):
        read_data_dir(tmp_path / "data")


def test_a_further_label_of_an_unknown_clip_is_refused(clips, tmp_path):
    write_data_dir(clips, tmp_path / "data")
    (tmp_path / "data/mos_sig").write_text("b 3\n")
    with pytest.raises(DataError, match="mos_sig: b is not in wav.scp"):
        read_data_dir(tmp_path / "data")
