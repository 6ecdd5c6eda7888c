import statistics

import pytest

from espnet_samos.corpora.data_dir import read_data_dir, write_data_dir
from espnet_samos.corpora.neural_codec_mushra import prepare
from espnet_samos.corpora.prepare import format_summaries, label_histogram, plot_labels
from espnet_samos.utils.tables import DataError
from tests.corpora.layouts import make_and_read, make_neural_codec_mushra

TABLE = "ratings_formated_filtered.csv"


def test_reads_ratings_from_0_to_100(tmp_path, caplog):
    (clips,) = make_and_read("neural_codec_mushra", tmp_path / "corpus").values()
    assert len(clips) == 6
    clip = clips["neural_codec_mushra_VCTK_p229_293-prop_13_16k"]
    assert clip.path == tmp_path / "corpus/audio/stim_01/prop_13_16k.wav"
    assert clip.mos == 48 and clip.votes == 3 and clip.scale == (0, 100)
    assert clip.mos_std == statistics.stdev([27, 17, 100])
    assert clip.system == "Proposed_1.38_16kHz"
    # all conditions of a sentence are of one speaker
    assert clip.speaker == "neural_codec_mushra_VCTK_p229_293"
    assert clip.reference == tmp_path / "corpus/audio/stim_01/ref.wav"
    assert "2 lines without a file: VCTK_p229_293 Anchor, TSP_MC15_08 An" in caplog.text
    assert (
        "2 clips without ratings: stim_01/encodec_6.wav, stim_15/encodec_6.wav"
        in caplog.text
    )

    data = tmp_path / "data"
    summary = write_data_dir(clips.values(), data)
    assert (data / "mos_scale").read_text() == "0 100\n"
    assert len((data / "ref.scp").read_text().splitlines()) == 6
    assert {clip.scale for clip in read_data_dir(data)} == {(0.0, 100.0)}
    table = format_summaries({"neural_codec_mushra": summary})
    assert table.splitlines()[0].endswith("scale") and table.endswith("0-100")
    plot_labels(data, "")
    assert (data / "labels.png").is_file()


def test_a_histogram_has_the_scale_of_its_labels():
    (axes,) = label_histogram({24000: [0, 50, 100]}, "t", scale=(0, 100)).axes
    assert axes.get_xlim() == (0, 100)
    assert sum(bar.get_height() for bar in axes.patches) == 3


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("[0.0, 40.0, 62.0]", "[0.0, 40.0, 101]", "rating 101 is outside 0..100"),
        ("[0.0, 40.0, 62.0]", "[0.0, 40.0, -1]", "rating -1 is outside 0..100"),
        ("[0.0, 40.0, 62.0]", "[0.0, 40.0]", "are not equally many"),
        ("[0.0, 40.0, 62.0]", "[]", r"ratings '\[\]' is not a list of numbers"),
        ("[0.0, 40.0, 62.0]", "[NaN, 40.0, 62.0]", "is not a list of numbers"),
        ("[0.0, 40.0, 62.0]", "0.0 40.0 62.0", "is not a list of numbers"),
        ("stim_01/lyra_6.wav", "stim_01/lyra.wav", "no such file: .*lyra.wav"),
        ("stim_01/lyra_6.wav", "../lyra.wav", "leads out of"),
        ("stim_01/lyra_6.wav", "stim_01/ref.wav", "on line 2 already"),
        ("participant_ids", "listeners", "no column participant_ids in the header"),
    ],
)
def test_another_table_is_refused(tmp_path, old, new, message):
    make_neural_codec_mushra(tmp_path)
    text = (tmp_path / TABLE).read_text()
    (tmp_path / TABLE).write_text(text.replace(old, new, 1))
    with pytest.raises(DataError, match=f"(?s){TABLE}.*line.*{message}"):
        prepare(tmp_path)
