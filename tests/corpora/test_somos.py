import pytest

from espnet_samos.corpora.somos import prepare
from espnet_samos.utils.tables import DataError
from tests.corpora.layouts import make_and_read


def test_labels_are_means_over_listeners(tmp_path):
    sets = make_and_read("somos", tmp_path)
    assert list(sets) == ["somos_train", "somos_valid", "somos_test"]
    assert [len(clips) for clips in sets.values()] == [4, 4, 4]
    clip = sets["somos_valid"]["somos-novel_2007_0005_001"]
    assert clip.path == tmp_path / "audios/novel_2007_0005_001.wav"
    assert (clip.system, clip.mos, clip.votes, clip.lang) == ("001", 3.5, 2, "en")
    assert clip.mos_std == pytest.approx(0.5**0.5)


def test_a_clip_of_two_systems_is_refused(tmp_path):
    make_and_read("somos", tmp_path)
    table = tmp_path / "training_files/split1/clean/TRAINSET"
    table.write_text(table.read_text().replace("\n000,", "\n007,", 1))
    with pytest.raises(
        DataError, match="TRAINSET.*\n.*line 3: .* but of 007 on line 2"
    ):
        prepare(tmp_path)
