"""The recipe's real stages, through a real queue."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import yaml

from tests.recipe.small import (
    CONFIG,
    make_corpus,
    make_recipe,
    needs_scripts,
    run,
    run_script,
)
from tests.slurm.cluster import wait_for

pytestmark = needs_scripts
# Batch norm's statistics and the numbers behind dropout are each process's own:
# without them, two nodes train as one.
NO_BATCH_NORM = dict(
    CONFIG,
    ssl_encoder_conf=dict(hidden_channels=8, dropout_rate=0.0),
    spectrogram_frontend="none",
    spectrogram_encoder="none",
    max_epoch=4,
)
METRICS = ("loss", "mse", "lcc", "srcc", "ktau")


def read(path):
    return path.read_text() if path.exists() else ""


def job_named(cluster, name):
    """The number and the fields of the last job with this name."""
    jobs = [item for item in cluster.jobs().items() if item[1]["JobName"] == name]
    return max(jobs, key=lambda item: item[0], default=(None, None))


@pytest.fixture(scope="module")
def small(cluster, tmp_path_factory):
    """Stages 1 to 3 on a few clips, done by job arrays."""
    directory = tmp_path_factory.mktemp("small")
    recipe = make_recipe(directory)
    table = make_corpus(directory / "corpus")
    (recipe / "no_batch_norm.yaml").write_text(yaml.safe_dump(NO_BATCH_NORM))
    options = ["--pretrain", "false", "--train_config", "no_batch_norm.yaml"]
    result = run(recipe, table, *options, "--stop_stage", "3", cmd_backend="slurm")
    assert result.returncode == 0, result.stdout[-5000:]

    def train(tag, *more):
        result = run(
            *(recipe, table, *options, "--stage", "5", "--stop_stage", "5"),
            *("--tag", tag, *more),
            cmd_backend="slurm",
        )
        return recipe / f"exp/mos_{tag}", result

    return recipe, table, train


def validation(exp):
    checkpoint = torch.load(exp / "checkpoint.pth", weights_only=True)
    return {
        epoch: {name: stats["valid"][name] for name in METRICS}
        for epoch, stats in checkpoint["reporter"]["stats"].items()
    }


def test_two_nodes_train_as_one_also_when_preempted(cluster, small):
    _, _, train = small
    exp, result = train("one_node")
    assert result.returncode == 0, result.stdout[-5000:]
    expected = validation(exp)
    assert len(expected) == NO_BATCH_NORM["max_epoch"]

    # The partition warns before it takes the nodes: each node's process hears of it.
    cluster("scontrol", "update", "PartitionName=cpu", "GraceTime=300")
    try:
        with ThreadPoolExecutor() as pool:
            training = pool.submit(train, "two_nodes", "--num_nodes", "2")
            log = exp.with_name("mos_two_nodes") / "train.log"
            wait_for(lambda: "2/4epoch started" in read(log), log, 400)
            cluster.preempt()
            exp, result = training.result()
    finally:
        cluster("scontrol", "update", "PartitionName=cpu", "GraceTime=0")
    assert result.returncode == 0, result.stdout[-5000:]
    assert ":0/2]" in log.read_text()  # rank 0 of 2
    assert "2/4epoch started" in log.with_name("train.log.1").read_text()
    assert "1/4epoch started" not in log.read_text()
    assert validation(exp).keys() == expected.keys()
    for epoch, values in validation(exp).items():
        assert values == pytest.approx(expected[epoch], rel=1e-3, abs=1e-4), epoch


# An interpreter that fails in one element of stage 2's arrays, and says on what
# hardware a training would have run
STAND_IN = """\
#!/usr/bin/env bash
case "$*" in
    *mos_launch* | *bin.launch*) ;;
    *problems.2*) echo "no space left on device" >&2; exit 3 ;;
    *mos_train*) echo "GPUs ${CUDA_VISIBLE_DEVICES} of $(hostname)"; exit 3 ;;
esac
exec python3 "$@"
"""


@pytest.fixture
def stand_in(small):
    path = small[0] / "stand_in.sh"
    path.write_text(STAND_IN)
    path.chmod(0o755)
    return ["--python", "./stand_in.sh"]


def test_an_array_element_that_fails_stops_the_stage(small, stand_in):
    recipe, table, _ = small
    options = ["--stage", "2", "--stop_stage", "2", "--dumpdir", "dump_failing"]
    result = run(recipe, table, *options, *stand_in, cmd_backend="slurm")
    assert result.returncode == 1
    assert "audio checks of my_dev failed" in result.stdout
    logs = "dump_failing/raw/my_dev/logs"
    assert f"==> {logs}/check.2.log <==" in result.stdout
    assert "no space left on device\n" in result.stdout
    assert f"{logs}/check.1.log <==" not in result.stdout
    assert "with status 0" in (recipe / logs / "check.1.log").read_text()


def test_a_training_on_gpus_asks_for_them(cluster, small, stand_in):
    _, _, train = small
    options = ["--ngpu", "2", "--num_threads", "3", *stand_in]
    exp, result = train("gpus", *options)
    assert result.returncode == 1
    assert "training failed; run the same command to resume" in result.stdout
    assert "GPUs 0,1 of " in result.stdout
    _, job = job_named(cluster, "exp/mos_gpus/train.log")
    assert job["Partition"] == "gpu" and job["TresPerNode"] == "gres:gpu:2"
    assert job["CPUs/Task"] == "3" and job["MinMemoryCPU"] == "4G"


TAG = "inference_valid.lcc.best"


def scores(recipe, name):
    """All that stage 6 measured, as one flat dict."""
    values = {}

    def flatten(prefix, item):
        if isinstance(item, dict):
            for key, value in item.items():
                flatten(f"{prefix}/{key}", value)
        elif isinstance(item, float):
            values[prefix] = item

    for dset in ("mini_test", "mini_unseen"):
        path = recipe / f"exp/mini/mos_{name}/{TAG}/{dset}/scores.json"
        flatten(dset, json.loads(path.read_text()))
    return values


def test_the_mini_recipe_interrupted_twice_has_the_scores_of_an_undisturbed_one(
    cluster, tmp_path
):
    """Beside it, the same recipe runs without a queue in the same directory."""
    recipe = make_recipe(tmp_path)
    (recipe / "short.yaml").write_text("max_epoch: 4\n")
    common = "conf/mini/model.yaml conf/mini/train.yaml"

    def run_mini(backend, nj):
        data = f"--corpus mini --size tiny --corpus_dir {tmp_path / 'corpus'}"
        return run_script(
            recipe,
            *("bash", "./run.sh", "--corpus", "mini", "--local_data_opts", data),
            *("--pretrain_config", f"{common} conf/mini/pretrain.yaml short.yaml"),
            *("--train_config", f"{common} conf/mini/finetune.yaml short.yaml"),
            *("--stage", "1", "--stop_stage", "6", "--num_threads", "1"),
            *("--tag", backend, "--nj", nj, "--inference_nj", nj),
            cmd_backend=backend,
            timeout=1800,
        )

    exp = recipe / "exp/mini/mos_slurm"
    logs = [exp / "pretrain/train.log", exp / "train.log"]
    with ThreadPoolExecutor() as pool:
        runs = [
            pool.submit(run_mini, backend, nj)
            for backend, nj in (("slurm", "3"), ("local", "2"))
        ]
        wait_for(lambda: "2/4epoch started" in read(logs[0]), logs[0], 900)
        cluster.preempt()
        wait_for(lambda: "2/4epoch started" in read(logs[1]), logs[1], 900)
        job, _ = job_named(cluster, "exp/mini/mos_slurm/train.log")
        # What Slurm sends two minutes before a time limit, see test_jobs.py
        cluster("scancel", "--batch", "--signal", "USR1", str(job))
        for result in (run.result() for run in runs):
            assert result.returncode == 0, result.stdout[-5000:]
    for log in logs:
        before = log.with_name("train.log.1").read_text()
        assert "epoch started" in before and "with status" not in before
        assert "4/4epoch started" not in before  # nothing of it went on
        assert "1epoch started" not in log.read_text()  # it resumed
    interrupted, undisturbed = scores(recipe, "slurm"), scores(recipe, "local")
    assert len(interrupted) > 20
    assert interrupted == pytest.approx(undisturbed, rel=1e-4, abs=1e-5)
