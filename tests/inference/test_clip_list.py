import io

import kaldiio
import numpy as np
import pytest
import soundfile

from espnet_samos.audio.reading import AudioError
from espnet_samos.inference.clip_list import InputError, list_clips


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sub").mkdir()
    for name in ("b.wav", "a.FLAC", "notes.txt", "sub/c.ogg"):
        (tmp_path / name).touch()
    return tmp_path


def names(clips, root):
    return [name.removeprefix(f"{root}/") for name, _ in clips]


def test_folders_give_their_audio_files_in_order(folder):
    assert names(list_clips([str(folder)]), folder) == ["a.FLAC", "b.wav"]
    assert names(list_clips([str(folder)], recursive=True), folder) == [
        *("a.FLAC", "b.wav", "sub/c.ogg")
    ]
    with pytest.raises(InputError, match="no audio files in .*empty"):
        (folder / "empty").mkdir()
        list_clips([str(folder / "empty")])


def test_files_are_taken_as_they_are_named(folder):
    given = [str(folder / "b.wav"), "missing.wav", str(folder / "notes.txt")]
    assert list_clips(given) == [(name, name) for name in given]


def test_lists_on_standard_input(tmp_path):
    (tmp_path / "with blank.wav").touch()
    text = f"x.wav\n\nutt1 /data/y.wav\n{tmp_path}/with blank.wav\n"
    assert list_clips(["-"], stdin=io.StringIO(text)) == [
        ("x.wav", "x.wav"),
        ("utt1", "/data/y.wav"),
        (f"{tmp_path}/with blank.wav", f"{tmp_path}/with blank.wav"),
    ]
    with pytest.raises(InputError, match="no clips in -"):
        list_clips(["-"], stdin=io.StringIO("\n"))


def test_kaldi_lists_with_pipes_and_archives(tmp_path):
    rng = np.random.default_rng(0)
    samples = (rng.uniform(-1, 1, 1600) * 32767).astype(np.int16)
    soundfile.write(tmp_path / "x.wav", samples, 16000)
    with kaldiio.WriteHelper(f"ark,scp:{tmp_path}/x.ark,{tmp_path}/ark.scp") as f:
        f["utt2"] = (16000, samples)
    scp = tmp_path / "wav.scp"
    scp.write_text(
        f"utt1 cat {tmp_path}/x.wav |\n"
        + (tmp_path / "ark.scp").read_text()
        + f"utt3 {tmp_path}/x.wav\nutt4 false |\n"
    )
    clips = dict(list_clips([str(scp)]))
    assert list(clips) == ["utt1", "utt2", "utt3", "utt4"]
    for name in ("utt1", "utt2"):
        read, fs = clips[name]()
        assert fs == 16000
        np.testing.assert_allclose(read, samples / 32768, atol=1e-7)
    assert clips["utt3"] == f"{tmp_path}/x.wav"
    with pytest.raises(AudioError, match="wav.scp, line 4: utt4: cannot be read"):
        clips["utt4"]()
    with pytest.raises(InputError, match="missing.scp cannot be read"):
        list_clips(["missing.scp"])
