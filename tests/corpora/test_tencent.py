from espnet_samos.corpora.data_dir import write_data_dir
from tests.corpora.layouts import make_and_read


def test_finds_the_clips_whatever_folder_the_table_names(tmp_path):
    sets = make_and_read("tencent", tmp_path)
    assert list(sets) == ["tencent_without_reverb", "tencent_with_reverb"]
    clip = sets["tencent_without_reverb"]["tencent-without_reverb_00001"]
    assert clip.path == tmp_path / "withoutReverberationTrainDev/00001.wav"
    clip = sets["tencent_with_reverb"]["tencent-with_reverb_0001"]
    assert clip.path == tmp_path / "withReverberationTrainDev/0001.wav"
    assert (clip.mos, clip.system, clip.lang) == (2.5, "unknown", "zh")
    # The rates are as the headers say.
    for name, clips in sets.items():
        summary = write_data_dir(clips.values(), tmp_path / name)
        assert summary.rates == {16000: 2, 24000: 1}
