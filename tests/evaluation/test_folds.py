import numpy as np
import pandas as pd
import pytest

from espnet_samos.bin import mos_rated
from espnet_samos.evaluation.folds import (
    QUESTIONS,
    ROWS,
    bandwidth_pairs,
    read_folds,
)
from espnet_samos.evaluation.metrics import differences, lcc
from espnet_samos.evaluation.scoring import ScoringError, score_dir
from tests.scored import write_table

SYSTEMS = ["noise_1", "noise_2", "codec", "codec_16kHz", "echo_1", "echo_2"]
TAG = "inference"


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    """Two folds of a set, three talkers in each, and two runs of every row."""
    root = tmp_path_factory.mktemp("rated")
    rng = np.random.default_rng(0)
    spk = {}
    for fold in (1, 2):
        utts = {
            f"t{fold}{talker}_{i}-{i}": system
            for talker in range(3)
            for i, system in enumerate(SYSTEMS)
        }
        mos = {u: rng.uniform(1, 5) for u in utts}
        ref = root / "dump" / f"set_fold{fold}_test"
        write_table(ref / "mos", mos)
        write_table(ref / "utt2sys", utts)
        write_table(ref / "utt2fs", dict.fromkeys(utts, 48000))
        spk.update({u: u.split("_")[0] for u in utts})
        for place, row in enumerate(ROWS):
            for run in ("run1", "run2"):
                pred = root / f"fold{fold}/experiment/{row}/{run}/{TAG}/{ref.name}"
                noise = 0.3 + 0.2 * place
                write_table(
                    pred / "mos", {u: m + rng.normal(0, noise) for u, m in mos.items()}
                )
                score_dir(ref, pred)
    write_table(root / "data/set/utt2spk", spk)
    (root / "data/set/label_note").write_text("made up\n")
    return root


def test_every_clip_is_there_once_with_the_prediction_of_its_fold(experiment):
    runs = read_folds(experiment, "set", 2, TAG)
    assert list(runs) == list(ROWS)
    for frames in runs.values():
        assert len(frames) == 2
        for clips in frames:
            assert len(clips) == 36 and clips.index.is_unique
    with pytest.raises(ScoringError, match="no .*set_fold3_test.*: run it first"):
        read_folds(experiment, "set", 3, TAG)


def test_a_report_of_some_rows_needs_no_others(experiment, capsys):
    row, other = list(ROWS)[:2]
    options = ["--exp_dir", str(experiment), "--data_dir", str(experiment / "data")]
    options += ["--sets", "set", "--num_folds", "2", "--inference_tag", TAG]
    runs = experiment / "fold1/experiment" / other
    runs.rename(runs.with_name("elsewhere"))
    try:
        mos_rated.main([*options, "--rows", row])
        with pytest.raises(SystemExit, match=f"{other}.*run it first"):
            mos_rated.main(options)
    finally:
        runs.with_name("elsewhere").rename(runs)
    text = capsys.readouterr().out
    assert ROWS[row] in text and ROWS[other] not in text
    assert "Differences" not in text


def test_the_report(experiment, capsys):
    options = ["--exp_dir", str(experiment), "--data_dir", str(experiment / "data")]
    mos_rated.main(
        [*options, "--sets", "set", "--num_folds", "2"] + ["--inference_tag", TAG]
    )
    text = (experiment / "RESULTS.md").read_text()
    assert capsys.readouterr().out == text + "\n"
    runs = read_folds(experiment, "set", 2, TAG)
    row, title = next(iter(ROWS.items()))
    values = [lcc(run["label"], run["prediction"]) for run in runs[row]]
    assert f"{np.mean(values):.3f}±{np.std(values, ddof=1):.3f}" in text
    first, second = QUESTIONS[0]
    clips = runs[first][0]
    expected = differences(
        clips["label"],
        [run["prediction"] for run in runs[first]],
        [run["prediction"] for run in runs[second]],
        clips["system"],
    )["lcc"]
    assert "{:+.3f} [{:+.3f}, {:+.3f}]".format(*expected) in text
    assert "LCC within" in text and "noise (12)" in text
    assert "codec (6 pairs)" in text and "listeners" in text
    assert "Note: made up" in text


def test_pairs_are_of_one_utterance():
    index = [f"u{i}" for i in range(8)]
    clips = pd.DataFrame(
        {
            "system": ["a"] * 4 + ["a_16kHz"] * 4,
            "label": [4.0, 3.0, 2.0, 5.0, 3.5, 2.5, 1.5, 4.5],
            "prediction": [4.0, 4.0, 4.0, 4.0, 3.0, 2.0, 3.0, 2.0],
        },
        index=index,
    )
    utterance = dict(zip(index, list("wxyzwxyv"), strict=True))  # z has no partner
    (pair,) = bandwidth_pairs([clips, clips], utterance, {"a": "a_16kHz", "b": "c"})
    assert (pair.num_pairs, pair.rated) == (3, pytest.approx(-0.5))
    assert pair.predicted == pytest.approx(-4 / 3)
    half = 4.302652 * np.std([-1, -2, -1], ddof=1) / np.sqrt(3)
    assert (pair.low, pair.high) == pytest.approx(
        (-4 / 3 - half, -4 / 3 + half), abs=1e-4
    )
