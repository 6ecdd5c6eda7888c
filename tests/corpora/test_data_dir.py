import dataclasses
import io
import subprocess

import numpy as np
import pytest
import soundfile

from espnet_samos.corpora.clip import Clip
from espnet_samos.corpora.data_dir import read_data_dir, write_data_dir
from espnet_samos.utils.tables import DataError


@pytest.fixture
def clips(tmp_path):
    """Six clips of three speakers at three rates, not in order."""
    made = []
    for i, (speaker, fs) in enumerate(
        zip("cabcab", [16000, 24000, 48000] * 2, strict=True)
    ):
        path = tmp_path / f"{i}.wav"
        soundfile.write(path, np.full(fs // 2, 0.1), fs)
        made.append(Clip(f"{speaker}-{5 - i}", path, 1 + 0.5 * i, f"s{i % 2}", speaker))
    return made


def read(path):
    return dict(line.split(maxsplit=1) for line in path.read_text().splitlines())


def test_holds_every_clip(clips, tmp_path):
    summary = write_data_dir(clips, tmp_path / "data")
    data = tmp_path / "data"
    assert read(data / "mos") == {c.utt_id: f"{c.mos:.4f}" for c in clips}
    assert read(data / "utt2sys") == {c.utt_id: c.system for c in clips}
    assert read(data / "utt2spk") == {c.utt_id: c.speaker for c in clips}
    assert read(data / "wav.scp") == {c.utt_id: str(c.path) for c in clips}
    assert read(data / "utt2fs") == {
        c.utt_id: str(soundfile.info(c.path).samplerate) for c in clips
    }
    assert read(data / "spk2utt") == {
        "a": "a-1 a-4",
        "b": "b-0 b-3",
        "c": "c-2 c-5",
    }
    # What not every clip has is not written
    assert not (data / "mos_std").exists() and not (data / "utt2lang").exists()
    assert not (data / "label_note").exists()
    assert summary.num_clips == 6 and summary.num_systems == 2
    assert summary.seconds == pytest.approx(3.0)
    assert summary.rates == {16000: 2, 24000: 2, 48000: 2}
    assert (summary.mos_min, summary.mos_mean, summary.mos_max) == (1, 2.25, 3.5)


def test_optional_files(clips, tmp_path):
    full = [dataclasses.replace(c, mos_std=0.5, votes=7, lang="de") for c in clips]
    write_data_dir(full, tmp_path / "data", label_note="a proxy")
    assert set(read(tmp_path / "data/mos_std").values()) == {"0.5000"}
    assert set(read(tmp_path / "data/utt2votes").values()) == {"7"}
    assert set(read(tmp_path / "data/utt2lang").values()) == {"de"}
    assert {clip.votes for clip in read_data_dir(tmp_path / "data")} == {7}
    assert (tmp_path / "data/label_note").read_text() == "a proxy\n"
    # Written anew, nothing old stays; what is not ours does
    (tmp_path / "data/mine").write_text("kept")
    write_data_dir(clips[:2], tmp_path / "data")
    names = {path.name for path in (tmp_path / "data").iterdir()}
    assert names == {
        *("wav.scp", "mos", "utt2sys", "utt2fs", "utt2spk", "spk2utt", "mine")
    }
    assert len(read(tmp_path / "data/mos")) == 2


def test_sorted_as_by_c_locale(clips, tmp_path):
    ids = ["a-1", "a-B", "a-b", "a-_", "a-é", "a-10"]
    named = [
        dataclasses.replace(c, utt_id=i, speaker="a")
        for c, i in zip(clips, ids, strict=True)
    ]
    write_data_dir(named, tmp_path / "data")
    for name in ("wav.scp", "mos", "utt2sys", "utt2fs", "utt2spk"):
        text = (tmp_path / "data" / name).read_bytes()
        ids_only = b"".join(line.split()[0] + b"\n" for line in text.splitlines())
        expected = subprocess.run(
            ["sort"], input=ids_only, env={"LC_ALL": "C"}, capture_output=True
        ).stdout
        assert ids_only == expected


@pytest.mark.parametrize(
    "change, message",
    [
        ({"utt_id": "c x"}, "white space"),
        ({"system": ""}, "system '' is empty"),
        ({"speaker": "d"}, "does not start with its speaker d"),
        ({"mos": None}, "no label"),
        ({"mos": "3"}, "label '3' is not a number"),
        ({"mos": float("nan")}, "not a number"),
        ({"mos": 5.01}, "outside 1..5"),
        ({"mos": 0.99}, "outside 1..5"),
        ({"mos_std": -0.1}, "mos_std -0.1"),
        ({"votes": 0}, "votes 0 is not a whole number"),
        ({"votes": "7.5"}, "votes '7.5' is not a whole number"),
        ({"path": "gone.wav"}, "no such file: gone.wav"),
        ({"path": __file__}, "cannot be read as audio"),
        ({"fs": 8000}, "is at 16000 Hz, not at 8000 Hz"),
        ({"path": "sox x.wav -t wav - |"}, "cannot stand in wav.scp"),
    ],
)
def test_refuses_a_bad_clip(clips, tmp_path, change, message):
    bad = dataclasses.replace(clips[0], **change)
    with pytest.raises(DataError) as error:
        write_data_dir([bad, *clips[1:]], tmp_path / "data")
    assert message in str(error.value)
    assert f"{bad.utt_id}:" in str(error.value)
    assert not (tmp_path / "data").exists()


def test_refuses_too_short_and_odd_rates(clips, tmp_path):
    soundfile.write(tmp_path / "short.wav", np.ones(100), 16000)
    soundfile.write(tmp_path / "low.wav", np.ones(4000), 4000)
    for name, message in (("short", "too short: 6 ms"), ("low", "outside 8000")):
        bad = dataclasses.replace(clips[0], path=tmp_path / f"{name}.wav")
        with pytest.raises(DataError, match=message):
            write_data_dir([bad], tmp_path / "data")


def test_refuses_duplicates_and_names_the_files(clips, tmp_path):
    twice = dataclasses.replace(clips[1], utt_id=clips[4].utt_id)
    for skip in (False, True):
        with pytest.raises(DataError, match="the id of 2 clips .*4.wav, .*1.wav"):
            write_data_dir([clips[4], twice], tmp_path / "d", skip_bad_clips=skip)


def test_refuses_an_order_that_kaldi_cannot_use(clips, tmp_path):
    # "a-b-1" sorts before "a-c", but speaker "a-b" after speaker "a"
    crossed = [
        dataclasses.replace(clips[0], utt_id="a-b-1", speaker="a-b"),
        dataclasses.replace(clips[1], utt_id="a-c", speaker="a"),
    ]
    with pytest.raises(DataError, match="a-c: comes after a-b-1"):
        write_data_dir(crossed, tmp_path / "data")


def test_reports_every_problem_up_to_twenty(clips, tmp_path):
    bad = [dataclasses.replace(clips[0], utt_id=f"c-{i:02d}", mos=9) for i in range(23)]
    with pytest.raises(DataError) as error:
        write_data_dir(bad, tmp_path / "data")
    lines = str(error.value).splitlines()
    assert "23 problem(s)" in lines[0]
    assert len(lines) == 22 and lines[-1].strip() == "... and 3 more"


def test_skips_bad_clips_only_when_told_and_says_which(clips, tmp_path, caplog):
    bad = dataclasses.replace(clips[0], mos=7)
    summary = write_data_dir([bad, *clips[1:]], tmp_path / "d", skip_bad_clips=True)
    assert summary.num_clips == 5
    assert bad.utt_id not in read(tmp_path / "d/mos")
    assert f"{bad.utt_id}: label 7 is outside" in caplog.text


def test_refuses_an_empty_set(tmp_path):
    with pytest.raises(DataError, match="no clips"):
        write_data_dir([], tmp_path / "data")


def test_killed_run_leaves_nothing_that_looks_whole(clips, tmp_path, monkeypatch):
    write_data_dir(clips, tmp_path / "data")
    import espnet_samos.utils.files as module

    replace = module.os.replace

    def dies_at_spk2utt(source, target):
        if target.name == "spk2utt":
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(module.os, "replace", dies_at_spk2utt)
    with pytest.raises(KeyboardInterrupt):
        write_data_dir(clips[:3], tmp_path / "data")
    assert not (tmp_path / "data/wav.scp").exists()


@pytest.mark.parametrize(
    "character", ["\u2028", "\x85", "\x0c", "\r", "\n", "\t", "\x1b"]
)
def test_a_path_that_would_break_a_list_is_refused(clips, tmp_path, character):
    path = tmp_path / f"a{character}b.wav"
    soundfile.write(path, np.ones(4000), 16000)
    bad = dataclasses.replace(clips[0], path=path)
    with pytest.raises(DataError, match="cannot stand in wav.scp: rename"):
        write_data_dir([bad], tmp_path / "data")


def test_a_length_that_no_header_has(clips, tmp_path):
    """An mp3 of two, joined, and at a path with blanks."""
    part = io.BytesIO()
    soundfile.write(part, np.full(16000, 0.1), 16000, format="MP3")
    path = tmp_path / "a b.mp3"
    path.write_bytes(2 * part.getvalue())
    clip = dataclasses.replace(clips[0], path=path, fs=None)
    summary = write_data_dir([clip], tmp_path / "data")
    assert summary.seconds == pytest.approx(2.0, abs=0.2)
    assert str(read_data_dir(tmp_path / "data")[0].path) == str(path)
