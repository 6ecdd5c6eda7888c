import json
import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from espnet_samos.bin import mos_score
from espnet_samos.evaluation.report import set_table
from espnet_samos.evaluation.scoring import (
    ScoringError,
    read_clips,
    read_scores,
    score_clips,
    score_dir,
)
from tests.recipe.small import RECIPE, needs_scripts
from tests.scored import write_set, write_table


def test_scores_of_each_level_and_rate(tmp_path):
    ref_dir, pred_dir = write_set(tmp_path, note="made up")
    scores = score_dir(ref_dir, pred_dir)
    clips = read_clips(ref_dir, pred_dir)
    assert scores["set"] == "mini_test" and scores["label_note"] == "made up"
    assert list(scores["groups"]) == ["overall", "16000", "24000", "48000"]

    members = clips[clips["fs"] == 48000]
    means = members.groupby("system")[["label", "prediction"]].mean()
    group = scores["groups"]["48000"]
    for level, table in (("utterance", members), ("system", means)):
        x, y = table["label"], table["prediction"]
        assert group[level]["n"] == len(table)
        lcc = group[level]["lcc"]
        assert lcc["value"] == pytest.approx(stats.pearsonr(x, y).statistic)
        assert lcc["low"] < lcc["value"] < lcc["high"]
        srcc = group[level]["srcc"]["value"]
        assert srcc == pytest.approx(stats.spearmanr(x, y).statistic)
    assert sum(g["utterance"]["n"] for g in scores["groups"].values()) == 2 * 96


def test_scores_of_each_language(tmp_path):
    ref_dir, pred_dir = write_set(tmp_path)
    assert score_dir(ref_dir, pred_dir)["languages"] == {}
    clips = read_clips(ref_dir, pred_dir)
    lang = {utt: "de" if i % 3 else "en" for i, utt in enumerate(clips.index)}
    write_table(ref_dir / "utt2lang", lang)
    scores = score_dir(ref_dir, pred_dir)
    for name, count in (("de", 64), ("en", 32)):
        expected = score_clips(clips[pd.Series(lang) == name])
        assert expected["utterance"]["n"] == count
        assert scores["languages"][name] == expected
    write_table(ref_dir / "utt2lang", dict.fromkeys(lang, "en"))
    assert score_dir(ref_dir, pred_dir)["languages"] == {}
    write_table(ref_dir / "utt2lang", dict.fromkeys(list(lang)[:5], "en"))
    with pytest.raises(ScoringError, match="utt2lang lacks 91 of the 96 utterances"):
        read_clips(ref_dir, pred_dir)


def test_variance_is_judged_as_in_training():
    rng = np.random.default_rng(0)
    std = rng.uniform(0.2, 0.8, 4000)
    label = rng.uniform(1, 5, 4000)
    clips = pd.DataFrame({"label": label, "std": std, "system": "a"})
    clips["prediction"] = label + std * rng.normal(size=4000)
    result = score_clips(clips.head(2000))["variance"]
    prediction = clips["prediction"].to_numpy()
    loss = torch.nn.functional.gaussian_nll_loss(
        *map(torch.tensor, (prediction[:2000], label[:2000], std[:2000] ** 2))
    )
    assert result["nll"] == pytest.approx(loss.item())
    assert 0.93 < result["coverage"] < 0.97
    clips["std"] = 0.0
    result = score_clips(clips.head(50))["variance"]
    assert math.isfinite(result["nll"]) and result["coverage"] == 0


def test_the_labels_own_error_is_allowed_for(tmp_path):
    ref_dir, pred_dir = write_set(tmp_path, noise=0.1)
    clips = read_clips(ref_dir, pred_dir)
    assert "label_error" not in clips
    # labels that scatter about the truth by 1 / sqrt(4), which the model cannot know
    rng = np.random.default_rng(2)
    noisy = clips["label"] + 0.5 * rng.standard_normal(len(clips))
    write_table(ref_dir / "mos", noisy.to_dict())
    write_table(ref_dir / "mos_std", dict.fromkeys(clips.index, 1.0))
    write_table(ref_dir / "utt2votes", dict.fromkeys(clips.index, 4))
    scores = score_dir(ref_dir, pred_dir)
    variance = scores["groups"]["overall"]["variance"]
    assert variance["coverage"] < 0.5
    assert 0.9 <= variance["coverage_with_label_error"] <= 1
    share = 100 * variance["coverage_with_label_error"]
    assert f" % ({share:.1f} %)" in set_table(scores)
    write_table(ref_dir / "utt2votes", dict.fromkeys(list(clips.index)[1:], 4))
    with pytest.raises(ScoringError, match="utt2votes lacks 1 of the 96 utterances"):
        read_clips(ref_dir, pred_dir)


def test_predictions_without_standard_deviations(tmp_path):
    ref_dir, pred_dir = write_set(tmp_path)
    with_std = score_dir(ref_dir, pred_dir)["groups"]["24000"]
    (pred_dir / "mos_std").unlink()
    without = score_dir(ref_dir, pred_dir)["groups"]["24000"]
    assert with_std.pop("variance")["nll"] and without.pop("variance") is None
    assert without == with_std


def test_files_written(tmp_path, capsys):
    ref_dir, pred_dir = write_set(tmp_path, note="made up")
    mos_score.main(["--ref_dir", str(ref_dir), "--pred_dir", str(pred_dir)])
    assert "Note: made up" in capsys.readouterr().out
    assert (pred_dir / "scatter.png").is_file()
    table = pd.read_csv(pred_dir / "predictions.csv")
    assert list(table) == ["system_id", "sample_id", "avg_score", "answer"]
    clips = read_clips(ref_dir, pred_dir)
    assert table["sample_id"].tolist() == clips.index.tolist()
    assert np.allclose(table["avg_score"], clips["label"])
    assert np.allclose(table["answer"], clips["prediction"])


def test_undefined_values_are_null_in_json(tmp_path):
    ref_dir, pred_dir = write_set(tmp_path)
    lines = (pred_dir / "mos").read_text().splitlines()
    (pred_dir / "mos").write_text("".join(f"{x.split()[0]} 3.0\n" for x in lines))
    score_dir(ref_dir, pred_dir)
    text = (pred_dir / "scores.json").read_text()
    assert "NaN" not in text
    lcc = json.loads(text)["groups"]["overall"]["utterance"]["lcc"]
    assert lcc == {"value": None, "low": None, "high": None}


@pytest.mark.parametrize(
    "where, change, message",
    [
        ("pred/mos", lambda x: x[2:], "lacks 2 of the 96 .*: spk0-utt000, .*inference"),
        ("pred/mos_std", lambda x: [*x, "new 1.0"], "holds 1 utterances .*: new;"),
        (
            "pred/mos",
            lambda x: [x[0], *x],
            "mos: .*\n  spk0-utt000: appears twice; run inf",
        ),
        ("pred/mos", lambda x: ["spk0-utt000 nan", *x[1:]], "'nan', not a finite"),
        ("pred/mos_std", lambda x: ["spk0-utt000 -1", *x[1:]], "finite number >= 0"),
        ("ref/mos", lambda x: ["spk0-utt000 good", *x[1:]], "has 'good'.*prepare"),
        ("ref/utt2sys", lambda x: ["spk0-utt000", *x[1:]], "utt2sys: .*\n  line 1: "),
        ("ref/utt2fs", lambda x: x[:-1], "utt2fs lacks 1 .*prepare the data"),
        ("ref/mos", lambda x: [], "mos is empty"),
        ("ref/label_note", lambda x: ["a", "b"], "2 lines; write exactly one"),
    ],
)
def test_bad_files_are_refused_by_name(tmp_path, where, change, message):
    folders = dict(zip(("ref", "pred"), write_set(tmp_path, note="a"), strict=True))
    folder, name = where.split("/")
    path = folders[folder] / name
    path.write_text("\n".join(change(path.read_text().splitlines())))
    with pytest.raises(ScoringError, match=message):
        score_dir(folders["ref"], folders["pred"])
    assert not (folders["pred"] / "scores.json").exists()


def test_missing_files_are_refused(tmp_path):
    ref_dir, pred_dir = write_set(tmp_path)
    (pred_dir / "mos").unlink()
    with pytest.raises(SystemExit, match="error: no such file: .*mos; run inf"):
        mos_score.main(["--ref_dir", str(ref_dir), "--pred_dir", str(pred_dir)])
    with pytest.raises(ScoringError, match="cannot read .*scores.json"):
        read_scores(pred_dir / "scores.json")
    (pred_dir / "scores.json").write_text("[]")
    with pytest.raises(ScoringError, match="not a result of mos_score"):
        read_scores(pred_dir / "scores.json")


def read_table(path):
    return dict(line.split() for line in path.read_text().splitlines())


def write_metric_scp(folder):
    scp = folder / "metric.scp"
    write_table(
        scp,
        {utt: f'{{"mos": {mos}}}' for utt, mos in read_table(folder / "mos").items()},
    )
    return scp


@needs_scripts
@pytest.mark.parametrize("constant", [False, True], ids=["", "constant"])
def test_aqa_result_files_are_those_of_its_own_scoring(tmp_path, constant):
    ref_dir, pred_dir = write_set(tmp_path)
    if constant:
        write_table(
            pred_dir / "mos", dict.fromkeys(read_table(pred_dir / "mos"), "3.0")
        )
    score_dir(ref_dir, pred_dir)
    names = ["mse", "lcc", "srcc", "ktau"]
    for level in ("utt", "sys"):
        out_file = tmp_path / f"{level}.json"
        subprocess.run(
            [
                *(sys.executable, RECIPE / "pyscripts/utils/aqa_eval.py"),
                *("--level", level, "--sys_info", ref_dir / "utt2sys"),
                *("--ref_metrics", write_metric_scp(ref_dir)),
                *("--pred_metrics", write_metric_scp(pred_dir)),
                *("--out_file", out_file),
            ],
            check=True,
        )
        expected = json.loads(out_file.read_text())
        ours = json.loads((pred_dir / f"{level}_result.json").read_text())
        assert list(ours) == list(expected) == [f"{level}_mos_{n}" for n in names]
        for name, value in expected.items():
            assert (value is None) == (constant and not name.endswith("mse"))
            assert ours[name] == (value and pytest.approx(value, rel=1e-12))
