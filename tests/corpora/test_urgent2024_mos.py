import pyarrow
import pyarrow.parquet
import pytest

from espnet_samos.corpora.data_dir import write_data_dir
from espnet_samos.corpora.urgent2024_mos import prepare
from espnet_samos.utils.tables import DataError
from tests.corpora.layouts import make_and_read, urgent_rows


def test_writes_the_audio_out_once(tmp_path):
    (clips,) = make_and_read("urgent2024_mos", tmp_path / "corpus").values()
    clip = clips["urgent2024_mos-P426-fileid_1"]
    assert clip.path == tmp_path / "corpus/audio/P426-fileid_1.flac"
    assert (clip.mos, clip.mos_std, clip.votes) == (3.0, 1.0, 3)
    assert (clip.system, clip.lang) == ("P426", "en")
    rows = {row["id"]: row for row in urgent_rows()}
    assert {clip.path.stem for clip in clips.values()} == set(rows)
    for clip in clips.values():
        assert clip.path.read_bytes() == rows[clip.path.stem]["audio"]["bytes"]
    summary = write_data_dir(clips.values(), tmp_path / "data")
    assert summary.rates == {8000: 2, 22050: 2, 48000: 2}

    # A file that was cut short is written anew, the others stay.
    cut, *whole = [clip.path for clip in clips.values()]
    cut.write_bytes(cut.read_bytes()[:10])
    times = [path.stat().st_mtime_ns for path in whole]
    prepare(tmp_path / "corpus")
    assert cut.read_bytes() == rows[cut.stem]["audio"]["bytes"]
    assert times == [path.stat().st_mtime_ns for path in whole]


def test_audio_can_go_elsewhere(tmp_path):
    make_and_read("urgent2024_mos", tmp_path / "corpus", audio_dir=tmp_path / "wav")
    assert len(list((tmp_path / "wav").iterdir())) == 6
    assert not (tmp_path / "corpus/audio").exists()


@pytest.mark.parametrize(
    "change, message",
    [
        ({"mos": 5.5}, "row 2: P426-fileid_1: mos 5.5 is not"),
        ({"mos": None}, "row 2: P426-fileid_1: mos None"),
        ({"id": "../x"}, "row 2: ../x: id '../x' is not"),
        ({"id": "P426-fileid_0"}, "row 2: P426-fileid_0: it is there twice"),
        ({"audio": None}, "row 2: P426-fileid_1: it has no audio"),
        ({"audio": {"bytes": None, "path": "/a.wav"}}, "row 2: .*: it has no audio"),
        ({"raw_ratings": [1, 9]}, r"row 2: .*: raw_ratings \[1, 9\] is not"),
    ],
)
def test_refuses_a_bad_row(change, message, tmp_path):
    rows = urgent_rows()
    rows[1] |= change
    table = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), table)
    with pytest.raises(DataError, match=f"a.parquet: 1 .*\n.*{message}"):
        prepare(tmp_path)
    assert len(prepare(tmp_path, skip_bad_clips=True)["urgent2024_mos"]) == 5
    assert not (tmp_path / "x.flac").exists()


def test_refuses_what_is_not_this_corpus(tmp_path):
    with pytest.raises(DataError, match="no parquet files"):
        prepare(tmp_path)
    table = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"id": ["a"]}), table)
    with pytest.raises(DataError, match="a.parquet: no column audio and mos and raw"):
        prepare(tmp_path)
    table.write_bytes(table.read_bytes()[:-10])
    with pytest.raises(DataError, match="a.parquet: cannot be read"):
        prepare(tmp_path)
