"""The examples of docs/frontends.md, in ESPnet's own recipes.

Each trains for an epoch on the CPU. A small SSL model with random weights takes the
place of a real one.
"""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from tests.frontend.checkpoints import WIDTH, make_checkpoint
from tests.integration.recipes import (
    HERE,
    PAGE,
    blocks,
    copy_recipe,
    run_shell,
    shell_block,
)

pytestmark = pytest.mark.integration

# name -> class, dimension at 16 kHz
FRONTENDS = dict(
    samos_ssl=("SslLayerFrontend", WIDTH),
    samos_spectrogram=("LogSpectrogramFrontend", 257),
    samos_parallel=("ParallelFrontend", WIDTH + 2 * 161),
)


@pytest.fixture(scope="module")
def asr1(tmp_path_factory):
    recipe = copy_recipe("asr1", tmp_path_factory.mktemp("asr") / "espnet")
    Path(make_checkpoint(recipe, "wav2vec2_local", True)).rename(recipe / "ssl.pt")
    return recipe


@pytest.fixture(scope="module")
def aqa1(tmp_path_factory):
    recipe = copy_recipe("aqa1", tmp_path_factory.mktemp("aqa") / "espnet")
    Path(make_checkpoint(recipe, "wav2vec2_local", True)).rename(recipe / "ssl.pt")
    return recipe


def check_training(exp, name, fs=None):
    """Training has used the frontend as it is configured on the page."""
    config = yaml.safe_load((exp / "config.yaml").read_text())
    (conf,) = (
        conf for conf in map(yaml.safe_load, blocks("yaml")) if conf["frontend"] == name
    )
    if fs is not None:
        conf["frontend_conf"]["fs"] = fs
    assert config["frontend"] == name
    assert config["frontend_conf"] == conf["frontend_conf"]
    log = (exp / "train.log").read_text()
    assert f"(frontend): {FRONTENDS[name][0]}(" in log
    if name != "samos_spectrogram":
        upstream = r"upstream wav2vec2_local: hidden state 2 of 0\.\.3, (\d+) param"
        assert int(re.search(upstream, log)[1]) > 10000
    checkpoint = torch.load(exp / "checkpoint.pth", weights_only=True)
    (epoch,) = checkpoint["reporter"]["stats"].values()
    assert 0 < epoch["train"]["loss"] < float("inf")
    # frozen, so not part of it
    assert not [key for key in checkpoint["model"] if key.startswith("frontend.")]


def feature_size(stats):
    """The dimension of what the frontend gave, as the statistics have it."""
    return len(np.load(stats / "train/feats_stats.npz")["sum"])


@pytest.mark.parametrize("name", FRONTENDS)
def test_asr(asr1, name):
    block = shell_block("asr1", "conf/samos_ssl.yaml").replace("samos_ssl", name)
    stage = 10 if (asr1 / "dump/raw/train_nodev").exists() else 1
    run_shell(asr1, f"{block} --test_sets test --stage {stage}")
    exp = asr1 / f"exp/asr_{name}"
    check_training(exp, name, fs="16k")
    assert feature_size(asr1 / f"exp/asr_stats_{name}") == FRONTENDS[name][1]
    hypotheses = exp / "decode_asr_debug_asr_model_valid.acc.ave/test/text"
    assert len(hypotheses.read_text().splitlines()) == 2


def test_asr_at_48_khz(asr1):
    block = shell_block("asr1", "--fs 48k")
    run_shell(asr1, f"{block} --test_sets test", SPH2PIPE_FS="48000")
    exp = asr1 / "exp/asr_samos_parallel_48k"
    check_training(exp, "samos_parallel", fs="48k")
    stats = asr1 / "exp/asr_stats_samos_parallel_48k"
    assert feature_size(stats) == WIDTH + 6 * 161
    hypotheses = exp / "decode_asr_debug_asr_model_valid.acc.ave/test/text"
    assert len(hypotheses.read_text().splitlines()) == 2


@pytest.mark.parametrize("name", FRONTENDS)
def test_aqa(aqa1, name):
    block = shell_block("aqa1").replace("samos_ssl", name)
    stage = 6 if (aqa1 / "dump/raw/train_nodev").exists() else 1
    run_shell(aqa1, f"{block} --test_sets test --stage {stage}")
    exp = aqa1 / f"exp/aqa_{name}"
    check_training(exp, name)
    predictions = exp / "decode_valid.loss.best/test/metric.scp"
    assert len(predictions.read_text().splitlines()) == 2
    assert (exp / "decode_valid.loss.best/test/utt_result.json").exists()


def test_two_spawned_processes(asr1):
    """What `--ngpu 2` starts, on the CPU, knows the frontends; SSL is trained."""
    if not (asr1 / "exp/asr_stats_samos_ssl/train/feats_stats.npz").exists():
        test_asr(asr1, "samos_ssl")
    # the set for validation has one utterance, too few for two processes
    block = shell_block("asr1", "--ngpu 2").replace("--stage 11", "--stage 10")
    run_shell(
        asr1,
        f"cp -r dump/raw/train_nodev dump/raw/four\n{block} --valid_set four",
        PYTHONPATH=str(HERE / "two_processes"),
    )
    exp = asr1 / "exp/asr_samos_ssl_trained"
    log = (exp / "train.log").read_text()
    assert re.search(r"^\[\S+:0/2\].*upstream wav2vec2_local", log, re.MULTILINE)
    trained = torch.load(exp / "checkpoint.pth", weights_only=True)["model"]
    original = torch.load(asr1 / "ssl.pt")["model_weight"]
    prefix = "feature_extractor.conv_layers.0.0.weight"
    (key,) = (key for key in trained if key.endswith(prefix))
    assert not torch.equal(trained[key], original[prefix])


def test_python_examples(asr1):
    if not (asr1 / "exp/asr_samos_ssl/valid.acc.ave.pth").exists():
        test_asr(asr1, "samos_ssl")
    examples = blocks("python")
    assert len(examples) == 2
    for example in examples:
        subprocess.run([sys.executable, "-c", example], cwd=asr1, check=True)


def test_tasks_are_those_of_the_page():
    code = """
import importlib, pkgutil, espnet2.tasks
from espnet2.train.class_choices import ClassChoices
from espnet_samos.integrations.espnet import register_frontends
register_frontends()
for info in pkgutil.iter_modules(espnet2.tasks.__path__):
    task = importlib.import_module("espnet2.tasks." + info.name)
    for choices in vars(task).values():
        if isinstance(choices, ClassChoices) and "samos_ssl" in choices.choices():
            print(info.name)
"""
    result = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    listed = re.search(r"\nTasks: (.*?)\.\n", PAGE.read_text(), re.DOTALL)[1]
    assert set(result.stdout.split()) == set(re.split(r",\s+", listed))
