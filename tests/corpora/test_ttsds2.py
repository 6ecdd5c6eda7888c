import pytest

from espnet_samos.corpora.data_dir import write_data_dir
from espnet_samos.corpora.ttsds2 import TABLE, prepare
from espnet_samos.utils.tables import DataError
from tests.corpora.layouts import make_and_read, make_ttsds2


def test_labels_are_means_of_opinion_scores(tmp_path, caplog):
    caplog.set_level("INFO")
    (clips,) = make_and_read("ttsds2", tmp_path / "corpus").values()
    assert "{'mos': 12, 'cmos': 12}, mos is read" in caplog.text
    # Clips of all systems have the same name.
    assert len(clips) == 4
    clip = clips["ttsds2-wild_f5_0001"]
    assert clip.path == tmp_path / "corpus/wild/f5/0001.wav"
    assert (clip.mos, clip.votes) == (pytest.approx(7 / 3), 3)
    assert clip.mos_std == pytest.approx(3**-0.5)
    assert (clip.system, clip.lang) == ("wild_f5", "en")
    summary = write_data_dir(clips.values(), tmp_path / "data")
    assert summary.rates == {22050: 4} and summary.num_systems == 4


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("annotator", "listener", "line 1: no column annotator in the header"),
        ("mos,3,a0", "mos,6,a0", "line 2: .*value 6 is outside 1..5"),
        ("0001.wav", "0002.wav", "line 2: .*no such file: .*ground_truth/0002.wav"),
        ("libritts/", "../", "line 2: .*leads out of"),
        ("wav,libritts,ground_truth", "wav,libritts,", "line 2: .*no system"),
        (",ground_truth,", ",other,", "line 4: .*but of libritts_other on line 2"),
        ("rating_type", "kind", "line 1: no column rating_type"),
    ],
)
def test_another_table_is_refused(tmp_path, old, new, message):
    make_ttsds2(tmp_path)
    table = tmp_path / TABLE
    table.write_text(table.read_text().replace(old, new, 1))
    with pytest.raises(DataError, match=f"(?s){TABLE}.*{message}"):
        prepare(tmp_path)


def test_a_table_without_opinions_is_refused(tmp_path):
    make_ttsds2(tmp_path)
    table = tmp_path / TABLE
    table.write_text(table.read_text().replace(",mos,", ",smos,"))
    with pytest.raises(DataError, match=f"{TABLE}: no lines of rating_type mos"):
        prepare(tmp_path)
