"""Stage 3 with --dump_ssl_feats, and training from what it left."""

import os

import pytest
import yaml

from tests.recipe.small import CONFIG, make_corpus, make_recipe, needs_scripts, run

pytestmark = needs_scripts

STATS = "exp/mos_stats_my_train"


@pytest.fixture(scope="module")
def dumped(tmp_path_factory):
    """Stages 1 to 3 of a recipe, done."""
    directory = tmp_path_factory.mktemp("recipe")
    recipe = make_recipe(directory)
    table = make_corpus(directory / "corpus")
    result = run(recipe, table, "--stop_stage", "3", "--pretrain", "false")
    assert result.returncode == 0, result.stdout[-5000:]
    return recipe, table


def test_a_truncated_ark_stops_training_and_stage_3_repairs_it(dumped):
    recipe, table = dumped
    options = ["--pretrain", "false", "--stop_stage", "5", "--stage"]
    arks = [
        recipe / STATS / part / "ssl_feats/ssl_feats.1.ark"
        for part in ("train", "valid")
    ]
    logs = sorted((recipe / STATS / "logdir").glob("stats.*.log"))
    size = arks[0].stat().st_size
    before = [path.stat().st_mtime_ns for path in (arks[1], *logs)]
    os.truncate(arks[0], size // 2)
    result = run(recipe, table, *options, "5")
    assert result.returncode != 0
    assert (
        f"{STATS}/train/ssl_feats/ssl_feats.1.ark has {size // 2} bytes of {size}: "
        "run stage 3 again"
    ) in result.stdout
    result = run(recipe, table, *options, "3")
    assert result.returncode == 0, result.stdout[-5000:]
    assert arks[0].stat().st_size == size
    assert before == [path.stat().st_mtime_ns for path in (arks[1], *logs)]
    assert (recipe / "exp/mos_sa_ssl_mos_scratch/valid.lcc.best.pth").exists()


def test_another_window_is_refused_in_stage_3_and_in_training(dumped):
    recipe, table = dumped
    config = dict(CONFIG, preprocessor_conf=dict(window_seconds=0.9))
    (recipe / "other.yaml").write_text(yaml.safe_dump(config))
    options = ["--pretrain", "false", "--train_config", "other.yaml", "--tag", "other"]
    result = run(recipe, table, *options, "--stage", "3", "--stop_stage", "3")
    assert result.returncode != 0
    assert "(different: preprocessor_conf): give this one its own" in result.stdout
    result = run(recipe, table, *options, "--stage", "5", "--stop_stage", "5")
    assert result.returncode != 0
    assert "window_seconds was 1.0, is 0.9" in result.stdout
    assert "run stage 3 again" in result.stdout
