"""The recipe, killed again and again, ends as if nothing had happened."""

import os
import random
import signal
import subprocess
import time

import pytest

from tests.recipe.small import ROOT, command, make_corpus, make_recipe, needs_scripts

pytestmark = [needs_scripts, pytest.mark.slow]
RESULTS = "exp/mos_sa_ssl_mos/inference_valid.lcc.best/my_test"


def start(recipe, table):
    # not the warm interpreter of other tests, whose processes outlive their client
    env = dict(os.environ, VENV=str(ROOT / ".venv"), OMP_NUM_THREADS="1")
    with open(recipe / "log", "a") as log:
        return subprocess.Popen(
            command(table, "--stop_stage", "6"),
            cwd=recipe,
            env=env,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def test_a_run_that_is_killed_again_and_again_ends_as_one_that_is_not(tmp_path):
    table = make_corpus(tmp_path / "corpus")
    recipes = [make_recipe(tmp_path / name) for name in ("undisturbed", "killed")]
    assert start(recipes[0], table).wait() == 0

    rng = random.Random(0)
    kills = 0
    stages = set()
    while True:
        process = start(recipes[1], table)
        # longer every time, so that it ends
        try:
            status = process.wait(rng.uniform(4, 8) + 2 * kills)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
            lines = (recipes[1] / "log").read_text().splitlines()
            stages.add([x for x in lines if "Stage " in x][-1].split("Stage ")[1][0])
            time.sleep(0.5)  # what the kernel still has to end
            continue
        break
    log = (recipes[1] / "log").read_text()
    assert status == 0, log[-5000:]
    assert kills >= 4 and len(stages) >= 3, (kills, stages)
    for name in ("mos", "mos_std", "predictions.csv"):
        expected, found = ((recipe / RESULTS / name).read_text() for recipe in recipes)
        assert found == expected
    for name in ("wav.scp", "mos", "utt2fs"):
        directories = [recipe / "dump/raw/my_train" / name for recipe in recipes]
        assert directories[0].read_text() == directories[1].read_text()
    assert not list((recipes[1] / "exp").rglob(".unfinished*"))
