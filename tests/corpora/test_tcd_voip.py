import pytest

from espnet_samos.corpora.data_dir import write_data_dir
from espnet_samos.corpora.tcd_voip import prepare
from espnet_samos.utils.tables import DataError
from tests.corpora.layouts import TCD_DEGRADATIONS, make_and_read


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
