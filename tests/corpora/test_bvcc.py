import pytest

from espnet_samos.corpora.bvcc import prepare
from tests.corpora.layouts import make_and_read


def test_reads_every_set(tmp_path):
    sets = make_and_read("bvcc", tmp_path)
    assert {name: len(clips) for name, clips in sets.items()} == {
        "bvcc_train": 4,
        "bvcc_valid": 4,
        "bvcc_test": 4,
    }
    clip = sets["bvcc_valid"]["bvcc-sys00001-utt0000005"]
    assert clip.path == tmp_path / "DATA/wav/sys00001-utt0000005.wav"
    assert (clip.system, clip.mos, clip.votes) == ("sys00001", 2.5, 2)
    assert clip.mos_std == pytest.approx(0.5**0.5) and clip.lang == "en"


def test_single_ratings_need_not_be_there(tmp_path, caplog):
    make_and_read("bvcc", tmp_path)
    table = tmp_path / "DATA/sets/TRAINSET"
    table.write_text("".join(table.read_text().splitlines(keepends=True)[2:]))
    clips = prepare(tmp_path)["bvcc_train"]
    assert [clip.votes for clip in clips] == [None, 2, 2, 2]
    assert "TRAINSET has no ratings of 1 clips" in caplog.text
    table.unlink()
    clips = prepare(tmp_path)["bvcc_train"]
    assert {clip.mos_std for clip in clips} == {None}
    assert [clip.mos for clip in clips] == [1.5, 2.5, 3.5, 4.5]
