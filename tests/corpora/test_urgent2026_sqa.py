import statistics

import pytest

from espnet_samos.corpora.data_dir import write_data_dir
from espnet_samos.corpora.urgent2026_sqa import prepare
from espnet_samos.utils.tables import DataError
from tests.corpora.layouts import make_and_read, urgent2026_rows, write_parquet


def test_reads_the_absolute_ratings(tmp_path):
    (clips,) = make_and_read("urgent2026_sqa", tmp_path / "corpus").values()
    assert len(clips) == 4
    clip = clips["urgent2026_sqa_deu_7-acr_fileid_7_2"]
    assert clip.path == tmp_path / "corpus/audio/acr_fileid_7_2.flac"
    # The label that is published is rounded.
    assert clip.mos == statistics.fmean([1, 2, 2])
    assert clip.mos_std == statistics.stdev([1, 2, 2])
    assert (clip.votes, clip.system, clip.lang) == (3, "system2", "de")
    assert clip.speaker == "urgent2026_sqa_deu_7"
    assert {clip.lang for clip in clips.values()} == {"de", "ja"}
    summary = write_data_dir(clips.values(), tmp_path / "data")
    assert summary.rates == {16000: 2, 44100: 2}


@pytest.mark.parametrize(
    "change, message",
    [
        ({"mos": 4.1}, "mos 4.1 is not the mean of the ratings, 4.0000"),
        ({"mos": None}, "mos None is not a number in 1..5"),
        ({"listener_scores": [4, 6]}, r"listener_scores \[4, 6\] is not a list of num"),
        ({"system_id": ""}, "system_id '' is not letters"),
        ({"sample_id": "acr_fileid_489_1"}, "it is there twice"),
    ],
)
def test_a_bad_row_is_refused_or_left_out(change, message, tmp_path):
    rows = urgent2026_rows()
    rows[1] |= change
    write_parquet(tmp_path / "acr/test.parquet", rows)
    with pytest.raises(DataError, match=f"(?s)test.parquet: 1 .*row 2: .*{message}"):
        prepare(tmp_path)
    clips = prepare(tmp_path, skip_bad_clips=True)["urgent2026_sqa"]
    assert len(clips) == 3


def test_what_a_row_does_not_say_is_unknown(tmp_path):
    less = {"listener_scores": [], "speaker_id": None, "language": None}
    rows = [row | less for row in urgent2026_rows()]
    write_parquet(tmp_path / "acr/test.parquet", rows)
    clip = prepare(tmp_path)["urgent2026_sqa"][2]
    assert (clip.mos, clip.mos_std, clip.votes) == (1.667, None, None)
    assert clip.speaker == clip.utt_id == "urgent2026_sqa-acr_fileid_7_1"
    assert clip.lang is None


def test_what_has_no_labels_is_refused(tmp_path):
    """As the challenge gave it out."""
    write_parquet(tmp_path / "ccr/dev.parquet", urgent2026_rows())
    with pytest.raises(DataError, match="no parquet files in a folder acr in it"):
        prepare(tmp_path)
    blind = [{"sample_id": "vmc2026-track1-dev-acr_489", "sample_rate": 16000}]
    write_parquet(tmp_path / "acr/dev.parquet", blind)
    message = "dev.parquet: no column .* and mos and listener_scores .*urgent2026-sqa"
    with pytest.raises(DataError, match=message):
        prepare(tmp_path)
