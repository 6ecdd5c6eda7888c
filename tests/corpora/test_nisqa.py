import pytest

from espnet_samos.corpora.nisqa import prepare
from espnet_samos.utils.tables import DataError
from tests.corpora.layouts import make_and_read


def test_reads_every_set(tmp_path):
    sets = make_and_read("nisqa", tmp_path)
    assert {name: len(clips) for name, clips in sets.items()} == {
        "nisqa_train": 8,
        "nisqa_valid": 8,
        "nisqa_test_for": 4,
        "nisqa_test_p501": 4,
        "nisqa_test_livetalk": 4,
    }
    # Two databases have a c00001_f1.wav, and condition 1 of one is not that of other
    for part in ("SIM", "LIVE"):
        clip = sets["nisqa_train"][f"nisqa-train_{part.lower()}_c00002_f1"]
        assert clip.path == tmp_path / f"NISQA_TRAIN_{part}/deg/c00002_f1.wav"
        assert clip.system == f"NISQA_TRAIN_{part}_2"
        assert (clip.mos, clip.mos_std, clip.votes) == (2.25, 0.21, 5)
        assert clip.speaker == clip.utt_id and clip.lang == "en"
        assert list(clip.scores) == ["noi", "col", "dis", "loud"]
    langs = {clip.lang for clip in sets["nisqa_test_for"].values()}
    assert langs == {"de"}


def test_standard_deviation_and_language_may_be_empty(tmp_path):
    make_and_read("nisqa", tmp_path)
    table = tmp_path / "NISQA_TEST_FOR/NISQA_TEST_FOR_file.csv"
    table.write_text(table.read_text().replace("0.11,", ",").replace(",de,", ",,"))
    clips = prepare(tmp_path)["nisqa_test_for"]
    assert clips[0].mos_std is None and clips[1].mos_std == 0.12
    assert clips[0].lang is None


def test_missing_database_and_clip_are_named(tmp_path):
    make_and_read("nisqa", tmp_path)
    (tmp_path / "NISQA_VAL_SIM/deg/c00001_f2.wav").unlink()
    with pytest.raises(
        DataError,
        match="VAL_SIM_file.csv: 1 .*\n.*line 3: c00001_f2.wav: no such file: ",
    ):
        prepare(tmp_path)
    assert len(prepare(tmp_path, skip_bad_clips=True)["nisqa_valid"]) == 7
    (tmp_path / "NISQA_TEST_FOR/NISQA_TEST_FOR_file.csv").unlink()
    with pytest.raises(DataError, match="no such file: .*NISQA_TEST_FOR_file.csv"):
        prepare(tmp_path, skip_bad_clips=True)
