"""The recipe's stages, with a model that predicts two scores beside the MOS."""

import csv
import json

import pandas as pd
import pytest
import torch
import yaml

from tests.recipe.small import make_corpus, make_recipe, needs_scripts, run

pytestmark = needs_scripts
OPTIONS = ["--pretrain", "false", "--dump_ssl_feats", "false", "--pack_onnx", "false"]


def write_labels(table):
    """Give most clips a `noi`, and those to train on a `col`."""
    with table.open(newline="") as f:
        rows = list(csv.DictReader(f))
    for i, row in enumerate(rows):
        row["mos_noi"] = round(6 - float(row["mos"]), 2) if i % 3 else ""
        row["mos_col"] = 3.5 if row["split"] == "train" else ""
    with table.open("w", newline="") as f:
        writer = csv.DictWriter(f, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def with_scores(recipe, *scores):
    config = yaml.safe_load((recipe / "config.yaml").read_text())
    config["head_conf"] = dict(scores=["mos", *scores])
    (recipe / "config.yaml").write_text(yaml.safe_dump(config))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    directory = tmp_path_factory.mktemp("recipe")
    recipe = make_recipe(directory)
    table = make_corpus(directory / "corpus")
    write_labels(table)
    with_scores(recipe, "noi", "col")
    result = run(recipe, table, *OPTIONS, "--stop_stage", "6")
    assert result.returncode == 0, result.stdout[-5000:]
    return recipe, table


def test_results_have_a_row_of_each_score_with_labels(finished):
    recipe, table = finished
    exp = recipe / "exp/mos_sa_ssl_mos_scratch"
    results = exp / "inference_valid.lcc.best/my_test"
    known = pd.read_csv(table).query("split == 'test'")["mos_noi"].dropna()
    scores = json.loads((results / "scores.json").read_text())
    assert scores["further"]["noi"]["utterance"]["n"] == len(known) == 4
    assert scores["further"]["col"] is None
    predictions = pd.read_csv(results / "predictions.csv")
    assert sorted(predictions["avg_score_noi"].dropna()) == sorted(known)
    assert predictions["answer_col"].notna().all()
    text = (exp / "RESULTS.md").read_text()
    assert "| mos_noi " in text and "no labels of mos_col" in text
    assert (results / "scatter_noi.png").is_file()


def test_training_validates_every_score_that_has_labels(finished):
    recipe, _ = finished
    exp = recipe / "exp/mos_sa_ssl_mos_scratch"
    states = torch.load(exp / "checkpoint.pth", weights_only=False)
    valid = states["reporter"]["stats"][1]["valid"]
    assert {"mse", "lcc", "mse_noi", "lcc_noi"} <= set(valid)
    assert "mse_col" not in valid


def test_a_score_without_any_label_to_learn_is_refused(finished):
    recipe, table = finished
    with_scores(recipe, "noi", "dis")
    options = [*OPTIONS, "--stage", "5", "--stop_stage", "5", "--tag", "other"]
    result = run(recipe, table, *options)
    assert result.returncode != 0
    assert "head_conf.scores has dis, but no clip to train on" in result.stdout
