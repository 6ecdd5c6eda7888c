"""Labels beside the MOS, which a clip may have or not."""

import numpy as np
import pytest
import soundfile

from espnet_samos.corpora import csv_reader
from espnet_samos.corpora.clip import Clip
from espnet_samos.corpora.data_dir import (
    combine_data_dirs,
    read_data_dir,
    write_data_dir,
)
from espnet_samos.utils.score_names import check_scores, score_tables
from espnet_samos.utils.tables import DataError


@pytest.fixture
def files(tmp_path):
    for name in ("a", "b", "c"):
        soundfile.write(tmp_path / f"{name}.wav", np.full(8000, 0.1), 16000)
    return tmp_path


def write_csv(folder, *lines):
    (folder / "my.csv").write_text("\n".join([*lines, ""]))
    return csv_reader.prepare(folder / "my.csv")["my"]


def test_columns_of_p835_are_further_labels(files, caplog):
    clips = write_csv(
        files,
        "path,mos,mos_sig,mos_bak,mos_ovrl,mos_std,remark",
        "a.wav,3,4.5,2,3,0.5,x",
        "b.wav,2,,1.5,2,0.5,y",
    )
    assert clips[0].scores == {"sig": 4.5, "bak": 2.0, "ovrl": 3.0}
    assert clips[1].scores == {"bak": 1.5, "ovrl": 2.0}
    # what is no score is not taken for one in silence
    assert "columns not used: mos_std, remark" in caplog.text


def test_a_further_label_off_the_scale_is_named(files):
    with pytest.raises(DataError, match="line 2: a.wav: mos_noi 9 is outside 1..5"):
        write_csv(files, "path,mos,mos_noi", "a.wav,3,9")


def test_of_several_listeners_each_label_is_its_mean(files):
    (clip,) = write_csv(
        files,
        "path,mos,mos_noi,mos_col,listener",
        "a.wav,3,2,,x",
        "a.wav,4,,,y",
        "a.wav,5,5,,z",
    )
    assert clip.mos == 4.0 and clip.scores == {"noi": 3.5}


def test_a_table_has_the_clips_that_have_the_label(files):
    labels = {"a": {"noi": 2.5}, "b": {"noi": 3.0, "col": 1.0}, "c": {}}
    clips = [
        Clip(name, files / f"{name}.wav", 3.0, scores=scores)
        for name, scores in labels.items()
    ]
    data = files / "data"
    write_data_dir(clips, data)
    assert (data / "mos_noi").read_text() == "a 2.5000\nb 3.0000\n"
    assert (data / "mos_col").read_text() == "b 1.0000\n"
    assert {c.utt_id: c.scores for c in read_data_dir(data)} == labels
    # one set without such labels does not take them from the other
    other = files / "other"
    write_data_dir([Clip("d", files / "a.wav", 3.0)], other)
    combine_data_dirs([data, other], ["x", "y"], files / "both")
    assert list(score_tables(files / "both")) == ["col", "noi"]
    assert (files / "both/mos_noi").read_text() == "a 2.5000\nb 3.0000\n"
    write_data_dir(clips[2:], data)  # over the old one
    assert score_tables(data) == {}


@pytest.mark.parametrize(
    "scores, message",
    [
        ([], "name mos first"),
        (["noi", "mos"], "name mos first"),
        (["mos", "noi", "noi"], "each once"),
        (["mos", "std"], "'std', which cannot be a score's name"),
        (["mos", "a_b"], "'a_b', which cannot be"),
        (["mos", "mos"], "'mos', which cannot be"),
    ],
)
def test_names_that_cannot_be(scores, message):
    with pytest.raises(ValueError, match=message):
        check_scores(scores)
