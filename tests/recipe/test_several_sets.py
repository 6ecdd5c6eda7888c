"""Training on several sets at once, with balanced batches and aligned scales."""

import json
import re

import pytest
import yaml

from tests.recipe.small import CONFIG, make_corpus, make_recipe, needs_scripts, run

pytestmark = needs_scripts
NAME = "my_pretrain+my_train"
# of 8 + 8 clips in the batches of an epoch
BALANCED = dict(
    CONFIG,
    iterator_type="category",
    batch_type="catpow",
    upsampling_factor=0.5,
    dataset_scaling_factor=1.0,
    max_batch_size=4,
    valid_iterator_type="sequence",
    valid_batch_type="unsorted",
    head_conf=dict(corpora=["my_pretrain", "my_train"]),
)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    directory = tmp_path_factory.mktemp("several")
    recipe = make_recipe(directory)
    table = make_corpus(directory / "corpus", clips_per_split=8)
    (recipe / "balanced.yaml").write_text(yaml.safe_dump(BALANCED))
    options = ["--pretrain", "false", "--train_config", "balanced.yaml"]
    options += ["--train_set", "my_pretrain my_train", "--tag", "several"]
    options += ["--valid_set", "my_pretrain_dev my_dev", "--stop_stage", "6"]
    result = run(recipe, table, *options)
    assert result.returncode == 0, result.stdout[-5000:]
    again = run(recipe, table, *options)
    assert again.returncode == 0, again.stdout[-5000:]
    return recipe, again.stdout


def test_the_sets_are_one(recipe):
    directory = recipe[0] / "dump/raw" / NAME
    corpora = dict(line.split() for line in (directory / "utt2corpus").open())
    assert sorted(corpora.values()) == ["my_pretrain"] * 8 + ["my_train"] * 8
    valid = recipe[0] / "dump/raw/my_pretrain_dev+my_dev/utt2corpus"
    assert set(dict(line.split() for line in valid.open()).values()) == {
        "my_pretrain",
        "my_train",
    }


def test_both_scales_were_learned_and_the_model_scores(recipe):
    exp = recipe[0] / "exp/mos_several"
    log = (exp / "train.log").read_text()
    assert "[train] Batch sampler: CategoryPowerSampler(N-batch=4" in log
    scale, offset = (
        float(re.search(rf"{name}_my_train=([-+.e\d]+)", log)[1])
        for name in ("scale", "offset")
    )
    assert scale > 0 and (scale, offset) != (1, 0)
    results = exp / "inference_valid.lcc.best/my_test/scores.json"
    scores = json.loads(results.read_text())
    assert scores["groups"]["overall"]["utterance"]["n"] == 8


def test_a_second_run_does_nothing_twice(recipe):
    already = re.findall(r"Already done: (\S+)", recipe[1])
    for path in (f"dump/raw/{NAME}", "exp/mos_several"):
        assert path in already


@pytest.mark.parametrize(
    "options, message",
    [
        (
            ["--valid_set", "a b c", "--train_set", "my_train my_dev"],
            "--valid_set has 3 sets for 2 training sets",
        ),
        (["--category", "speaker"], "--category must be corpus or lang"),
    ],
)
def test_a_wrong_call_says_what_to_do(recipe, tmp_path, options, message):
    result = run(recipe[0], tmp_path / "table.csv", *options)
    assert result.returncode != 0 and message in result.stdout


def test_balancing_languages_needs_them(recipe, tmp_path):
    result = run(
        recipe[0],
        tmp_path / "table.csv",
        *("--train_set", "my_pretrain my_train", "--category", "lang"),
        *("--pretrain", "false", "--stage", "2", "--stop_stage", "2"),
    )
    assert result.returncode != 0
    assert "utt2lang does not have every clip" in result.stdout
