from espnet_samos.corpora.data_dir import write_data_dir
from tests.corpora.layouts import make_and_read


def test_reads_the_table(tmp_path):
    (clips,) = make_and_read("pstn", tmp_path).values()
    assert list(clips) == [f"pstn-{i:05d}_call" for i in range(4)]
    clip = clips["pstn-00002_call"]
    assert clip.path == tmp_path / "pstn_train/00002_call.wav"
    assert (clip.mos, clip.mos_std, clip.votes) == (2.5, 0.72, 7)
    assert (clip.system, clip.lang) == ("unknown", "en")
    data = tmp_path / "data"
    assert write_data_dir(clips.values(), data).rates == {8000: 4}
    assert (data / "utt2votes").read_text().splitlines()[2] == "pstn-00002_call 7"
