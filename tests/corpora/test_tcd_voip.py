import statistics

import openpyxl
import pytest

from espnet_samos.corpora.data_dir import write_data_dir
from espnet_samos.corpora.tcd_voip import prepare
from espnet_samos.utils.tables import DataError, read_table
from tests.corpora.layouts import (
    TCD_DEGRADATIONS,
    TCD_SPREADSHEET,
    make_and_read,
    make_tcd_voip_distribution,
    make_tcd_voip_qxlab,
    tcd_ratings,
)


@pytest.mark.parametrize("layout", ["tcd_voip", "tcd_voip_circulating"])
def test_reads_both_tables(layout, tmp_path):
    (clips,) = make_and_read(layout, tmp_path / "corpus").values()
    assert len(clips) == 40
    clip = clips["tcd_voip_FG-C_02_ECHO_FG"]
    assert clip.path == tmp_path / "corpus/Test Set/echo/C_02_ECHO_FG.wav"
    assert (clip.system, clip.speaker, clip.mos) == ("echo_02", "tcd_voip_FG", 3.25)
    # Conditions count from 1 in each degradation.
    assert {clip.system for clip in clips.values()} == {
        f"{degradation.lower()}_{n:02d}"
        for degradation in TCD_DEGRADATIONS
        for n in (1, 2)
    }
    summary = write_data_dir(clips.values(), tmp_path / "data")
    assert summary.rates == {48000: 40} and summary.num_systems == 10


def test_the_table_can_be_named(tmp_path):
    make_and_read("tcd_voip", tmp_path)
    table = tmp_path / "metadata.csv"
    other = table.rename(tmp_path / "labels.txt")
    with pytest.raises(DataError, match="there is: none; say with --table"):
        prepare(tmp_path)
    assert len(prepare(tmp_path, table=other)["tcd_voip"]) == 40
    table.write_text(other.read_text())
    (tmp_path / "b.csv").write_text(other.read_text())
    with pytest.raises(DataError, match="there is: b.csv, metadata.csv"):
        prepare(tmp_path)


def test_other_names_are_refused(tmp_path):
    make_and_read("tcd_voip", tmp_path)
    table = tmp_path / "metadata.csv"
    text = table.read_text()
    table.write_text(text.replace("C_01_CHOP_FG", "R_01_CHOP_FG"))
    with pytest.raises(
        DataError, match="line 3: R_01_CHOP_FG.wav: Filename 'R_01_CHOP_FG.wav' is not"
    ):
        prepare(tmp_path)
    table.write_text(text.replace("sample MOS", "score"))
    with pytest.raises(DataError, match="line 1: no column sample MOS or MOS"):
        prepare(tmp_path)


def test_reads_what_its_makers_give_out(tmp_path, caplog):
    (clips,) = make_and_read("tcd_voip_distribution", tmp_path).values()
    # four clips of condition ECHO 02 were not rated
    assert len(clips) == 36
    assert "4 clips without a label: C_02_ECHO_FA.wav, C_02_ECHO_FG.wav" in caplog.text
    clip = clips["tcd_voip_MK-C_02_CHOP_MK"]
    assert (clip.system, clip.speaker, clip.votes) == ("chop_02", "tcd_voip_MK", 24)
    ratings = tcd_ratings(2)
    assert clip.mos == statistics.fmean(ratings) == 3
    assert clip.mos_std == statistics.stdev(ratings)
    assert clip.reference == tmp_path / "Test Set/chop/ref/R_02_CHOP_MK.wav"
    write_data_dir(clips.values(), tmp_path / "data")
    references = read_table(tmp_path / "data/ref.scp")
    assert references["tcd_voip_MK-C_02_CHOP_MK"] == str(clip.reference)
    assert {"mos_std", "utt2votes"} <= {p.name for p in (tmp_path / "data").iterdir()}


def test_references_may_be_beside_the_clips_or_missing(tmp_path, caplog):
    make_tcd_voip_distribution(tmp_path)
    for reference in (tmp_path / "Test Set/noise/ref").iterdir():
        reference.rename(tmp_path / "Test Set/noise" / reference.name)
    (tmp_path / "Test Set/chop/ref/R_01_CHOP_FA.wav").unlink()
    (clips,) = prepare(tmp_path).values()
    missing = [clip.utt_id for clip in clips if clip.reference is None]
    assert missing == ["tcd_voip_FA-C_01_CHOP_FA"]
    assert "no reference (R_...) of 1 clips (C_01_CHOP_FA.wav" in caplog.text
    write_data_dir(clips, tmp_path / "data")
    assert not (tmp_path / "data/ref.scp").exists()


def test_the_spreadsheet_is_preferred_and_can_be_named(tmp_path):
    make_tcd_voip_distribution(tmp_path)
    (tmp_path / "b.csv").write_text("Filename,MOS\nC_01_CHOP_FA.wav,5\n")
    assert len(prepare(tmp_path)["tcd_voip"]) == 36
    assert len(prepare(tmp_path, table=tmp_path / "b.csv")["tcd_voip"]) == 1
    other = (tmp_path / TCD_SPREADSHEET).rename(tmp_path / "other.xlsx")
    assert len(prepare(tmp_path)["tcd_voip"]) == 1
    assert len(prepare(tmp_path, table=other)["tcd_voip"]) == 36


def change_scores(folder, change):
    """Change the rows of the sheet with the labels."""
    make_tcd_voip_distribution(folder)
    path = folder / TCD_SPREADSHEET
    book = openpyxl.load_workbook(path)
    change(book["Subjective Test Scores"])
    book.save(path)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda s: s.delete_cols(3), "line 1: no column sample MOS in the header"),
        (lambda s: s.cell(1, 1, "File"), "line 1: no column Filename in the header"),
        (lambda s: setattr(s, "title", "Scores"), "no sheet 'Subjective Test Scores'"),
        (lambda s: s.delete_rows(2, 99), "no lines after the header"),
        (lambda s: s.delete_rows(1, 99), "is empty"),
        (lambda s: s.cell(1, 6, 1), "two columns 1 in the header"),
        (lambda s: s.cell(3, 3, 2.9), "line 3: .*2.9 is not the mean of the ratings"),
        (lambda s: s.cell(3, 7, 6), "line 3: .*3 6 is outside 1..5"),
        (lambda s: setattr(s["C3"], "value", None), "line 3: .*no sample MOS"),
        (lambda s: s.cell(3, 1, "C_09_CHOP_FG"), "no such file: .*C_09_CHOP_FG.wav"),
    ],
)
def test_a_spreadsheet_that_differs_is_refused(tmp_path, change, message):
    change_scores(tmp_path, change)
    with pytest.raises(DataError, match=f"(?s)MOS Results.xlsx.*{message}"):
        prepare(tmp_path)


def test_a_title_and_names_without_suffix_are_understood(tmp_path):
    def change(sheet):
        sheet.insert_rows(1, 2)
        sheet.cell(1, 1, "TCD-VoIP")
        sheet.cell(4, 1, "C_01_CHOP_FA")
        sheet.append([None, None])

    change_scores(tmp_path, change)
    (clips,) = prepare(tmp_path).values()
    assert len(clips) == 36 and clips[0].utt_id == "tcd_voip_FA-C_01_CHOP_FA"


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"Filename,sample MOS\n", None])
def test_a_damaged_spreadsheet_is_named(tmp_path, content):
    make_tcd_voip_distribution(tmp_path)
    path = tmp_path / TCD_SPREADSHEET
    path.write_bytes(path.read_bytes()[:-3000] if content is None else content)
    with pytest.raises(
        DataError, match=r"MOS Results.xlsx: cannot be read as a spread"
    ):
        prepare(tmp_path)


def test_listeners_may_be_missing(tmp_path):
    def change(sheet):
        ratings = tcd_ratings(1)[1:]
        sheet["C2"], sheet["E2"] = statistics.fmean(ratings), None

    change_scores(tmp_path, change)
    (clips,) = prepare(tmp_path).values()
    assert [clip.votes for clip in clips[:2]] == [23, 24]


def test_a_label_without_its_ratings_is_kept(tmp_path):
    change_scores(tmp_path, lambda sheet: sheet.delete_cols(4, 30))
    (clips,) = prepare(tmp_path).values()
    assert {(clip.mos, clip.mos_std, clip.votes) for clip in clips} == {
        (2.0, None, None),
        (3.0, None, None),
    }


def test_reads_what_qxlab_gives_out(tmp_path, caplog):
    (clips,) = make_and_read("tcd_voip_qxlab", tmp_path / "corpus").values()
    assert len(clips) == 40
    clip = clips["tcd_voip_MK-C_02_CHOP_MK"]
    folder = tmp_path / "corpus/TCDvoip/Test_Set/CHOP"
    assert clip.path == folder / "C_02_CHOP_MK.wav"
    assert clip.reference == folder / "ref/R_02_CHOP_MK.wav"
    # not the MNRU that the table calls it
    assert (clip.system, clip.speaker, clip.votes) == ("chop_02", "tcd_voip_MK", 24)
    ratings = tcd_ratings(2)
    assert clip.mos == pytest.approx(statistics.fmean(ratings))
    assert clip.mos_std == pytest.approx(statistics.stdev(ratings))
    assert caplog.text == ""
    summary = write_data_dir(clips.values(), tmp_path / "data")
    assert summary.num_systems == 10


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("sampleMOS", "MOS_", "line 1: no column sample MOS or MOS or sampleMOS"),
        ("Test_Wave", "Wave", "line 1: no column Filename in the header"),
        ("/C_01_CHOP_FA", "/R_01_CHOP_FA", "line 2: .*Test_Wave 'R_01_CHOP_FA.wav' is"),
        ("CHOP/C_01", "ECHO/C_01", "line 2: .*no such file: .*ECHO/C_01_CHOP_FA.wav"),
        (",48.0,", ",49.0,", "line 2: .*sumVotes 49.0 is not a sum of ratings"),
        (",2.000000000,", ",5.5,", "line 2: .*sampleMOS 5.5 is outside 1..5"),
    ],
)
def test_another_table_of_qxlab_is_refused(tmp_path, old, new, message):
    make_tcd_voip_qxlab(tmp_path)
    table = tmp_path / "tcdvoip.csv"
    table.write_text(table.read_text().replace(old, new, 1))
    with pytest.raises(DataError, match=f"(?s)tcdvoip.csv.*{message}"):
        prepare(tmp_path)
