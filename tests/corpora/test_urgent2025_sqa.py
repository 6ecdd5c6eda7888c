import pytest

from espnet_samos.corpora.data_dir import write_data_dir
from espnet_samos.corpora.urgent2025_sqa import prepare
from espnet_samos.utils.tables import DataError
from tests.corpora.layouts import make_and_read, urgent2025_rows, write_parquet


def test_reads_the_split_that_people_rated(tmp_path):
    (clips,) = make_and_read("urgent2025_sqa", tmp_path / "corpus").values()
    assert len(clips) == 4
    clip = clips["urgent2025_sqa-blind_test_11_blind_test_fileid_2"]
    audio = tmp_path / "corpus/audio"
    assert clip.path == audio / "blind_test_11/blind_test_fileid_2.flac"
    assert (clip.mos, clip.system) == (4.75, "blind_test_11")
    assert clip.mos_std is clip.votes is clip.lang is None
    assert len(list(audio.rglob("*.flac"))) == 4
    summary = write_data_dir(clips.values(), tmp_path / "data")
    assert summary.rates == {16000: 3, 48000: 1} and summary.num_systems == 2


@pytest.mark.parametrize(
    "change, message",
    [
        ({"mos": None}, "row 2: .*_fileid_2: mos None is not a number in 1..5"),
        ({"system_id": "a/b"}, "row 2: .*system_id 'a/b' is not letters"),
        ({"sample_id": None}, "row 2: .*sample_id None is not letters"),
        ({"sample_id": "blind_test_fileid_1"}, "row 2: .*it is there twice"),
    ],
)
def test_a_bad_row_is_refused_or_left_out(change, message, tmp_path):
    rows = urgent2025_rows()
    rows[1] |= change
    write_parquet(tmp_path / "blind_test_mos-00000-of-00001.parquet", rows)
    with pytest.raises(DataError, match=f"(?s)of-00001.parquet: 1 .*{message}"):
        prepare(tmp_path)
    clips = prepare(tmp_path, tmp_path / "wav", skip_bad_clips=True)["urgent2025_sqa"]
    assert [clip.mos for clip in clips] == [1.75, 3.75, 4.75]
    assert len(list((tmp_path / "wav").rglob("*.flac"))) == 3


def test_other_splits_and_columns_are_refused(tmp_path):
    write_parquet(tmp_path / "data/validation/0.parquet", urgent2025_rows())
    with pytest.raises(DataError, match="no parquet files of the split blind_test_mos"):
        prepare(tmp_path)
    write_parquet(tmp_path / "blind_test_mos.parquet", [{"id": "1"}])
    with pytest.raises(DataError, match="no column system_id and sample_id and mos"):
        prepare(tmp_path)
