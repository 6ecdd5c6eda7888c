"""A table of pairs becomes data directories, or is refused with its lines."""

import numpy as np
import pytest
import soundfile

from espnet_samos.bin.mos_prepare_pairs import main
from espnet_samos.corpora.pairs import read_pairs
from espnet_samos.utils.tables import DataError, read_table


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for name, fs in (("a", 16000), ("b", 48000), ("c c", 24000)):
        soundfile.write(tmp_path / f"{name}.wav", 0.1 * rng.standard_normal(fs), fs)
    soundfile.write(tmp_path / "silent.wav", np.zeros(16000), 16000)
    return tmp_path


def write(folder, *lines, header="path_a,path_b,ccr"):
    table = folder / "my.csv"
    table.write_text("\n".join([header, *lines]) + "\n")
    return table


def test_a_table_becomes_a_directory_for_each_split(folder, capsys):
    table = write(
        *(folder, "a.wav,b.wav,-1.5,train", "b.wav,c c.wav,2,train"),
        *("c c.wav,a.wav,0,valid",),
        header="path_a,path_b,ccr,split",
    )
    main([str(table), "--output_dir", str(folder / "data")])
    train = folder / "data/my_train"
    ccr = read_table(train / "ccr")
    assert sorted(map(float, ccr.values())) == [-1.5, 2]
    first = next(pair for pair in ccr if pair.startswith("my-a-b-"))
    for name, value in {
        **{"ccr": "-1.5000", "wav.scp": str(folder / "a.wav"), "utt2fs": "16000"},
        **{"wav_b.scp": str(folder / "b.wav"), "utt2fs_b": "48000"},
    }.items():
        assert read_table(train / name)[first] == value
        assert list(read_table(train / name)) == sorted(ccr)
    assert list(read_table(folder / "data/my_valid/ccr").values()) == ["0.0000"]
    assert "my_train: 2 pairs, comparison -1.50 .. +2.00" in capsys.readouterr().out


def test_ratings_of_listeners_become_their_mean(folder):
    table = write(
        *(folder, "a.wav,b.wav,1,x", "./a.wav,b.wav,2,y", "b.wav,a.wav,-3,x"),
        header="path_a,path_b,ccr,listener",
    )
    pairs = read_pairs(table)["my"]
    assert [pair.ccr for pair in pairs] == [1.5, -3]  # an order is a pair of its own
    assert len({pair.pair_id for pair in pairs}) == 2


@pytest.mark.parametrize(
    "line, message",
    [
        ("a.wav,b.wav,3.5", "line 3: .*ccr 3.5 is outside -3..3"),
        ("a.wav,b.wav,better", "line 3: .*ccr 'better' is not a number"),
        ("a.wav,,1", "line 3: .*no path_b"),
        ("a.wav,none.wav,1", "line 3: .*no such file: .*none.wav"),
        ("silent.wav,a.wav,1", "line 3: .*silent.wav: silent"),
        ("my.csv,a.wav,1", "line 3: .*my.csv"),
        ("./b.wav,a.wav,1", "line 3: .*this is on line 2 already"),
    ],
)
def test_bad_lines_are_refused(folder, line, message):
    table = write(folder, "b.wav,a.wav,-2", line)
    with pytest.raises(DataError, match=message):
        read_pairs(table)


def test_bad_lines_can_be_left_out(folder, caplog):
    table = write(folder, "b.wav,a.wav,-2", "silent.wav,a.wav,1")
    assert len(read_pairs(table, skip_bad_clips=True)["my"]) == 1
    assert "silent.wav" in caplog.text


def test_tables_that_are_no_pairs_are_refused(folder):
    with pytest.raises(DataError, match="no column path_b and ccr"):
        read_pairs(write(folder, "a.wav,1", header="path_a,mos"))
    table = write(
        *(folder, "a.wav,b.wav,1,x,train", "a.wav,b.wav,2,y,valid"),
        header="path_a,path_b,ccr,listener,split",
    )
    with pytest.raises(DataError, match="line 3: .*another split on line 2"):
        read_pairs(table)
    with pytest.raises(DataError, match="set_prefix 'a b'"):
        read_pairs(write(folder, "a.wav,b.wav,1"), set_prefix="a b")
