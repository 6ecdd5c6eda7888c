import statistics

import pytest

from espnet_samos.corpora.chime7_udase import TABLE, prepare
from espnet_samos.corpora.data_dir import read_data_dir, write_data_dir
from espnet_samos.utils.tables import DataError
from tests.corpora.layouts import chime7_ratings, make_and_read, make_chime7_udase

TABLE_PATH = f"listening_test/{TABLE}"


def test_reads_three_labels_of_a_clip(tmp_path, caplog):
    (clips,) = make_and_read("chime7_udase", tmp_path / "corpus").values()
    assert len(clips) == 10
    clip = clips["chime7_udase_S21_P46_4-C3"]
    path = "corpus/listening_test/data/C3/S21_P46_4_output.wav"
    assert clip.path == tmp_path / path
    # all conditions of a recording are of one speaker
    assert (clip.speaker, clip.system) == ("chime7_udase_S21_P46_4", "C3")
    ratings = {name: chime7_ratings(3, name) for name in ("OVRL", "SIG", "BAK")}
    assert clip.mos == statistics.fmean(ratings["OVRL"])
    assert clip.mos_std == statistics.stdev(ratings["OVRL"])
    assert clip.votes == 8
    assert clip.scores == {
        "sig": statistics.fmean(ratings["SIG"]),
        "bak": statistics.fmean(ratings["BAK"]),
    }
    assert clip.mos != clip.scores["sig"]
    assert "1 clips that listeners were trained with: i01_f1.wav" in caplog.text
    write_data_dir(clips.values(), tmp_path / "data")
    found = {clip.utt_id: clip for clip in read_data_dir(tmp_path / "data")}
    assert found[clip.utt_id].scores == clip.scores


def test_the_folder_may_be_the_inner_one(tmp_path):
    """An archive's only folder is not kept when it is downloaded."""
    make_chime7_udase(tmp_path)
    assert prepare(tmp_path / "listening_test") == prepare(tmp_path)


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("rating_list", "ratings", "line 1: no column rating_list in the header"),
        (",SIG,", ",MOS,", "line 2: .*scale 'MOS' is not SIG, BAK, OVRL"),
        (
            "C0,S01_P04_12_",
            "C9,S01_P04_12_",
            "line 2: .*no such file: .*C9/S01_P04_12_output",
        ),
        ("C0,S01_P04_12_", "C0,../S01_P04_12_", "line 2: .*leads out of"),
        ("[4, 5, 1,", "[4, 6, 1,", "line 2: .*rating_list: rating 6 is outside 1..5"),
        ("[4, 5, 1,", "[4 5 1,", "rating_list '.*' is not a list of numbers"),
        ("[4, 5, 1,", "[1, 1, 1,", "line 2: .*MOS .* is not the mean"),
        (",BAK,", ",SIG,", "line 3: .* on line 2 already"),
    ],
)
def test_another_table_is_refused(tmp_path, old, new, message):
    make_chime7_udase(tmp_path)
    table = tmp_path / TABLE_PATH
    table.write_text(table.read_text().replace(old, new, 1))
    with pytest.raises(DataError, match=f"(?s){TABLE}: .*{message}"):
        prepare(tmp_path)


def test_a_clip_without_its_label_is_refused_or_left_out(tmp_path, caplog):
    make_chime7_udase(tmp_path)
    table = tmp_path / TABLE_PATH
    lines = table.read_text().splitlines(keepends=True)
    assert ",OVRL," in lines.pop(3)
    table.write_text("".join(lines))
    problem = "C0, S01_P04_12_output.wav: no OVRL, its label: restore the line"
    with pytest.raises(DataError, match=f"{TABLE}: 1 .*\n.*{problem}"):
        prepare(tmp_path)
    assert len(prepare(tmp_path, skip_bad_clips=True)["chime7_udase"]) == 9
    assert problem in caplog.text
