import openpyxl
import pytest

from espnet_samos.corpora.data_dir import (
    combine_data_dirs,
    read_data_dir,
    write_data_dir,
)
from espnet_samos.corpora.p835_reference import SPREADSHEET, prepare
from espnet_samos.utils.tables import DataError, read_table
from tests.corpora.layouts import make_and_read, make_p835_reference


def test_reads_both_tests(tmp_path):
    sets = make_and_read("p835_reference", tmp_path / "corpus")
    assert {name: len(clips) for name, clips in sets.items()} == {
        "p835_fb48": 6,
        "p835_wb16": 6,
    }
    clip = sets["p835_wb16"]["p835_m3-wb16_c12_m3"]
    assert clip.path == tmp_path / "corpus/degraded_WB_16KHz/c12_m3.wav"
    assert (clip.mos, clip.mos_std, clip.votes) == (1.5, 0.5, 17)
    assert (clip.system, clip.speaker, clip.lang) == ("wb16_c12", "p835_m3", "en")
    assert clip.scores == {"sig": 2.5, "bak": 3.0}
    # the clean clips are in both, with the labels of either test
    clean = [sets[f"p835_{t}"][f"p835_f1-{t}_c0_f1"] for t in ("fb48", "wb16")]
    assert [clip.mos for clip in clean] == [5.0, 4.5]

    for name, clips in sets.items():
        summary = write_data_dir(clips.values(), tmp_path / name)
        assert summary.num_systems == 3
        assert summary.rates[48000] == (6 if name == "p835_fb48" else 2)
    assert read_table(tmp_path / "p835_wb16/mos_sig")["p835_m3-wb16_c12_m3"] == "2.5000"
    both = tmp_path / "both"
    combine_data_dirs([tmp_path / name for name in sets], list(sets), both)
    assert len(read_table(both / "mos_bak")) == 12
    assert read_data_dir(both)[0].scores == {"sig": 2.5, "bak": 1.5}


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda s: s.cell(2, 2, "x.wav"), "line 2: .*'x.wav' is not c<condition>"),
        (lambda s: s.cell(2, 2, "c9_f1.wav"), "no such file: .*c9_f1.wav"),
        (lambda s: s.cell(3, 2, "c0_f1.wav"), "line 3: .*on line 2 already"),
        (lambda s: s.cell(2, 8, 5.5), "line 2: .*MOS_SIG 5.5 is outside 1..5"),
        (lambda s: s.delete_cols(12), "no column std_ovrl in the header"),
        (lambda s: setattr(s, "title", "x"), "no sheet '16KHzWB-results per file' in"),
    ],
)
def test_a_spreadsheet_that_differs_is_refused(tmp_path, change, message):
    make_p835_reference(tmp_path)
    book = openpyxl.load_workbook(tmp_path / SPREADSHEET)
    change(book["16KHzWB-results per file"])
    book.save(tmp_path / SPREADSHEET)
    with pytest.raises(DataError, match=f"(?s){SPREADSHEET}.*{message}"):
        prepare(tmp_path)


def test_lines_and_clips_that_lack_the_other_are_listed(tmp_path, caplog):
    make_p835_reference(tmp_path)
    folder = tmp_path / "degraded_fullband_48KHz"
    (folder / "c1_f1.wav").rename(folder / "c2_f1.wav")
    sets = prepare(tmp_path, skip_bad_clips=True)
    assert [len(clips) for clips in sets.values()] == [5, 6]
    assert "no such file" in caplog.text
    assert "1 clips without a label: c2_f1.wav" in caplog.text
