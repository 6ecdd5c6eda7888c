import io
import pickle

import kaldiio
import numpy as np
import pytest
import soundfile

from espnet_samos.audio.reading import AudioError
from espnet_samos.inference.clip_list import InputError, list_clips
from espnet_samos.inference.clips import open_source


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
    assert list_clips(["-"], stdin=io.BytesIO(text.encode())) == [
        ("x.wav", "x.wav"),
        ("utt1", "/data/y.wav"),
        (f"{tmp_path}/with blank.wav", f"{tmp_path}/with blank.wav"),
    ]
    with pytest.raises(InputError, match="no clips in -"):
        list_clips(["-"], stdin=io.BytesIO(b"\n"))


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
        blocks = open_source(clips[name], "error", name)
        assert blocks.fs == 16000
        read = np.concatenate(list(blocks))
        np.testing.assert_allclose(read, samples / 32768, atol=1e-7)
    assert clips["utt3"] == f"{tmp_path}/x.wav"
    with pytest.raises(AudioError, match="wav.scp, line 4: utt4: cannot be read"):
        clips["utt4"]()
    with pytest.raises(InputError, match="missing.scp cannot be read"):
        list_clips(["missing.scp"])


def test_nothing_on_standard_input_is_run(tmp_path):
    proof = tmp_path / "PWNED"
    lines = [
        f"x touch {proof} |",
        f"x touch {proof} | ",
        f"x | touch {proof}",
        f"x |touch {proof}.ark:5",
        f"x `touch {proof}`",
        f"$(touch {proof})",
    ]
    text = "\n".join(lines).encode()
    for _, source in list_clips(["-"], stdin=io.BytesIO(text)):
        with pytest.raises(AudioError):
            list(open_source(source, "error", "x"))
    assert not proof.exists()


def test_shell_characters_in_a_path_are_data(tmp_path):
    name = "a b;touch PWNED;$(touch PWNED)`touch PWNED`&|.wav"
    soundfile.write(tmp_path / name, np.full(1600, 0.1), 16000)
    scp = tmp_path / "wav.scp"
    scp.write_text(f"utt1 {tmp_path}/{name}\n")
    for given in (str(tmp_path / name), str(tmp_path), str(scp)):
        ((_, source),) = list_clips([given])
        assert open_source(source, "error", "x").fs == 16000
    assert not (tmp_path / "PWNED").exists()


def test_an_archives_pickle_is_not_loaded(tmp_path):
    class Hostile:
        def __reduce__(self):
            return (tmp_path.joinpath("PWNED").touch, ())

    ark = tmp_path / "x.ark"
    ark.write_bytes(b"utt1 PKL" + pickle.dumps(Hostile()))
    scp = tmp_path / "wav.scp"
    scp.write_text(f"utt1 {ark}:5\n")
    ((_, source),) = list_clips([str(scp)])
    with pytest.raises(AudioError, match="line 1: utt1: .*pickle"):
        source()
    assert not (tmp_path / "PWNED").exists()


def test_audio_on_standard_input(tmp_path):
    soundfile.write(tmp_path / "x.flac", np.full(1600, 0.1), 16000)
    content = (tmp_path / "x.flac").read_bytes()
    ((name, source),) = list_clips(["-"], stdin=io.BytesIO(content))
    assert name == "standard input"
    assert sum(map(len, open_source(source, "error", name))) == 1600


def test_links_are_followed_once(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "1.wav").touch()
    root = tmp_path / "root"
    (root / "b").mkdir(parents=True)
    (root / "b" / "2.wav").touch()
    (root / "a").symlink_to(tmp_path / "store")
    (root / "again").symlink_to(tmp_path / "store")
    (root / "b" / "circle").symlink_to(root)
    (root / "dangling.wav").symlink_to(tmp_path / "none.wav")
    found = names(list_clips([str(root)], recursive=True), root)
    assert found == ["a/1.wav", "b/2.wav", "dangling.wav"]


def test_what_is_audio_is_listed_whether_it_can_be_read_or_not(tmp_path):
    for name in ("a.wav", "b.m4a", "c.webm", "d.txt"):
        (tmp_path / name).touch()
    found = names(list_clips([str(tmp_path)]), tmp_path)
    assert found == ["a.wav", "b.m4a", "c.webm"]


def test_lists_as_other_tools_write_them(tmp_path):
    scp = tmp_path / "wav.scp"
    scp.write_bytes("\ufeffutt1\t/data/a\x0c\u2028b.wav\r\nutt2  y z.wav\n".encode())
    assert list_clips([str(scp)]) == [
        ("utt1", "/data/a\x0c\u2028b.wav"),
        ("utt2", "y z.wav"),
    ]
    sheet = tmp_path / "x.csv"
    sheet.write_bytes("\ufeffwav_path,score\na.wav,1\na.wav,2\nb.wav\n".encode())
    assert list_clips([str(sheet)]) == [("a.wav", "a.wav"), ("b.wav", "b.wav")]
