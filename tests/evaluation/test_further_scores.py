"""Scores beside the MOS in what is reported of a test set."""

import pandas as pd
import pytest

from espnet_samos.evaluation.report import experiment_results, set_table
from espnet_samos.evaluation.scoring import (
    ScoringError,
    read_clips,
    read_scores,
    score_clips,
    score_dir,
)
from espnet_samos.model_zoo.card import card
from tests.scored import write_set, write_table


@pytest.fixture
def folders(tmp_path):
    """A set whose `noi` two clips of three have, and whose `col` none has."""
    ref_dir, pred_dir = write_set(tmp_path, note="made up")
    clips = read_clips(ref_dir, pred_dir)
    noi = (6 - clips["label"]).iloc[[i for i in range(96) if i % 3]]
    write_table(ref_dir / "mos_noi", noi.to_dict())
    predicted = 5.5 - clips["prediction"]
    write_table(pred_dir / "mos_noi", predicted.to_dict())
    write_table(pred_dir / "mos_noi_std", dict.fromkeys(clips.index, 0.7))
    write_table(pred_dir / "mos_col", dict.fromkeys(clips.index, 3.0))
    return ref_dir, pred_dir


def test_a_score_is_that_of_the_clips_that_have_its_label(folders):
    ref_dir, pred_dir = folders
    scores = score_dir(ref_dir, pred_dir)
    clips = read_clips(ref_dir, pred_dir)
    expected = clips.assign(
        label=6 - clips["label"], prediction=5.5 - clips["prediction"], std=0.7
    ).iloc[[i for i in range(96) if i % 3]]
    noi = scores["further"]["noi"]
    assert noi["utterance"]["n"] == 64 and noi["system"]["n"] == 16
    for name, value in score_clips(expected)["utterance"].items():
        assert noi["utterance"][name] == pytest.approx(value)
    assert noi["variance"]["coverage"] == score_clips(expected)["variance"]["coverage"]
    assert scores["further"]["col"] is None
    # the MOS is what it was
    assert scores["groups"]["overall"] == score_clips(clips)
    assert read_scores(scores["path"])["further"].keys() == {"noi", "col"}


def test_tables_plots_and_the_card_have_it(folders):
    ref_dir, pred_dir = folders
    scores = score_dir(ref_dir, pred_dir)
    table = pd.read_csv(pred_dir / "predictions.csv")
    assert table["avg_score_noi"].notna().sum() == 64
    assert table["answer_noi"].notna().all() and table["avg_score_col"].isna().all()
    assert (pred_dir / "scatter_noi.png").stat().st_size > 5000
    assert not (pred_dir / "scatter_col.png").exists()
    lines = set_table(scores).splitlines()
    rows = [line.split("|")[1].strip() for line in lines if line.startswith("|")]
    assert rows.count("mos_noi") == 2 and "mos_col" not in rows
    assert "Note: no labels of mos_col" in set_table(scores)
    text = experiment_results("mos_a", {"inference/mini_test": scores})
    assert "(inference/mini_test/scatter_noi.png)" in text
    results = card({"x": scores}, "")["results"]["mini_test"]
    assert results["mos_noi"]["n"] == 64 and "mos_col" not in results


def test_results_of_before_have_none(folders):
    scores = score_dir(*folders)
    del scores["further"]
    assert "mos_noi" not in set_table(scores)


def test_labels_of_other_clips_are_refused(folders):
    ref_dir, pred_dir = folders
    write_table(ref_dir / "mos_noi", {"stranger": 3.0})
    with pytest.raises(ScoringError, match="mos_noi holds 1 utterances that .*strang"):
        score_dir(ref_dir, pred_dir)
