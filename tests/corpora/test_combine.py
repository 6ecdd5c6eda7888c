import numpy as np
import pytest
import soundfile

from espnet_samos.bin import mos_combine_data
from espnet_samos.corpora.clip import Clip
from espnet_samos.corpora.data_dir import (
    combine_data_dirs,
    read_data_dir,
    write_data_dir,
)
from espnet_samos.utils.tables import DataError, read_table


@pytest.fixture
def sets(tmp_path):
    """Two sets: of 16 kHz in English and of 48 kHz in two languages."""
    directories = []
    for name, fs, langs in (("b", 16000, "en en"), ("a", 48000, "zh en zh")):
        clips = []
        for i, lang in enumerate(langs.split()):
            path = tmp_path / f"{name}{i}.wav"
            soundfile.write(path, np.full(fs, 0.1), fs)
            clips.append(
                Clip(
                    utt_id=f"{name}{i}",
                    path=path,
                    mos=i + 1,
                    system=f"{name}_system",
                    speaker=f"{name}{i}",
                    lang=lang,
                )
            )
        directory = tmp_path / f"{name}_set"
        write_data_dir(clips, directory, f"labels of {name}")
        directories.append(directory)
    return directories


def test_combined_set_has_the_clips_of_all(sets, tmp_path):
    out = tmp_path / "b_set+a_set"
    summary = combine_data_dirs(sets, ["b", "a"], out)
    assert summary.num_clips == 5 and summary.rates == {16000: 2, 48000: 3}
    expected = sorted(
        read_data_dir(sets[0]) + read_data_dir(sets[1]), key=lambda clip: clip.utt_id
    )
    assert read_data_dir(out) == expected
    assert read_table(out / "utt2corpus") == {
        clip.utt_id: clip.utt_id[0] for clip in expected
    }
    assert (out / "category2utt").read_text() == "a a0 a1 a2\nb b0 b1\n"
    assert read_table(out / "utt2lang")["a1"] == "en"
    assert (out / "label_note").read_text() == "labels of b; labels of a\n"


def test_languages_can_be_what_is_balanced(sets, tmp_path):
    combine_data_dirs(sets, ["b", "a"], tmp_path / "out", category="lang")
    text = (tmp_path / "out/category2utt").read_text()
    assert text == "en a1 b0 b1\nzh a0 a2\n"
    (sets[0] / "utt2lang").unlink()
    with pytest.raises(DataError, match="b_set/utt2lang .* write it"):
        combine_data_dirs(sets, ["b", "a"], tmp_path / "out", category="lang")
    combine_data_dirs(sets, ["b", "a"], tmp_path / "out")
    assert not (tmp_path / "out/utt2lang").exists()


def test_ids_that_collide_are_named(sets, tmp_path):
    for name in ("wav.scp", "mos", "utt2sys", "utt2spk", "utt2lang"):
        path = sets[0] / name
        path.write_text(path.read_text().replace("b1", "a1"))
    soundfile.write(tmp_path / "a1.wav", np.full(48000, 0.1), 48000)
    with pytest.raises(DataError, match="a1: the id of 2 clips .*a1.wav, .*a1.wav"):
        combine_data_dirs(sets, ["b", "a"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_command(sets, tmp_path, capsys):
    options = ["--data_dirs", *map(str, sets), "--output_dir", str(tmp_path / "out")]
    mos_combine_data.main([*options, "--corpora", "x", "y"])
    assert "5 clips" in capsys.readouterr().out
    assert read_table(tmp_path / "out/utt2corpus")["a0"] == "y"
    with pytest.raises(SystemExit):
        mos_combine_data.main([*options, "--corpora", "x"])
    assert "2 --data_dirs, but 1 --corpora" in capsys.readouterr().err
    (sets[0] / "mos").unlink()
    with pytest.raises(SystemExit, match="no .*b_set/mos: write one"):
        mos_combine_data.main([*options, "--corpora", "x", "y"])
