import numpy as np
import pytest
import soundfile

from espnet_samos.bin import mos_fold_data
from espnet_samos.corpora.clip import Clip
from espnet_samos.corpora.data_dir import read_data_dir, write_data_dir
from espnet_samos.corpora.folds import make_folds
from espnet_samos.utils.tables import DataError


def clips(talkers, scale=(1.0, 5.0)):
    low, high = scale
    return [
        Clip(
            utt_id=f"{talker}-{i}",
            path=f"{talker}-{i}.wav",
            mos=low + (high - low) * i / 8,
            mos_std=(high - low) / 8,
            votes=9,
            system=f"s{i % 3}",
            speaker=talker,
            scale=scale,
        )
        for talker in talkers
        for i in range(8)
    ]


def test_no_talker_is_trained_on_and_tested():
    talkers = ["a", "b", "c_1", "c_2", "d_12", "d_3"]
    folds = make_folds(clips(talkers), 2)
    tested = []
    for parts in folds:
        train, dev, test = parts.values()
        names = [
            {clip.speaker.split("_")[0] for clip in part} for part in (train, test)
        ]
        assert not names[0] & names[1]
        assert len(train) + len(dev) + len(test) == 48
        assert len(dev) == (len(train) + len(dev)) // 8
        tested += [clip.utt_id for clip in test]
    assert sorted(tested) == sorted(clip.utt_id for clip in clips(talkers))


def test_sets_of_the_same_talkers_have_the_same_folds():
    one = make_folds(clips(["x_f1", "x_f2", "x_m1"]), 2)
    other = make_folds(clips(["y_f1", "y_f2", "y_m1"]), 2)
    for first, second in zip(one, other, strict=True):
        names = [{c.speaker[2:] for c in parts["test"]} for parts in (first, second)]
        assert names[0] == names[1]


def test_labels_are_mapped_to_the_scale_of_opinions():
    (first, _) = make_folds(clips(["a", "b"], (0.0, 100.0)), 2)
    for clip in first["test"]:
        i = int(clip.utt_id.split("-")[1])
        assert clip.mos == pytest.approx(1 + 4 * i / 8)
        assert clip.mos_std == pytest.approx(0.5) and clip.scale == (1.0, 5.0)
    with pytest.raises(DataError, match="1 talkers cannot make 2 folds"):
        make_folds(clips(["a"]), 2)


def test_the_command_writes_data_directories(tmp_path, capsys):
    originals = []
    for clip in clips(["a", "b"], (0.0, 100.0)):
        path = tmp_path / clip.path
        soundfile.write(path, np.full(4000, 0.1), 16000)
        originals.append(clip.__class__(**{**vars(clip), "path": path}))
    write_data_dir(originals, tmp_path / "set", "made up")
    options = ["--data_dirs", str(tmp_path / "set"), "--output_dir", str(tmp_path)]
    mos_fold_data.main(options)
    assert "set_fold2_test: 8 clips" in capsys.readouterr().out
    test = read_data_dir(tmp_path / "set_fold1_test")
    assert {clip.speaker for clip in test} == {"a"}
    assert max(clip.mos for clip in test) <= 5
    assert (tmp_path / "set_fold1_train/label_note").read_text() == "made up\n"
    with pytest.raises(SystemExit, match="error: no .*utt2sys|error: no .*mos"):
        mos_fold_data.main(["--data_dirs", str(tmp_path / "x"), "--output_dir", "y"])
