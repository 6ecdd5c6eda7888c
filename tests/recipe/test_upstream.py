"""The task as recipes of ESPnet's, in a copy of its tree."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.recipe.small import ROOT, needs_scripts

ESPNET = ROOT / "tools/espnet"
SPH2PIPE = ROOT / "tests/integration/bin"
BIN = Path(sys.executable).parent

pytestmark = [
    needs_scripts,
    pytest.mark.skipif(
        not (ESPNET / "egs2/mini_an4/asr1").is_dir(), reason="tools/setup.sh"
    ),
]


def call(*command, cwd=ROOT, path=(BIN,)):
    """Run a command with programs of some folders first; return its output."""
    path = ":".join([*map(str, path), os.environ["PATH"]])
    env = dict(os.environ, PATH=path, PYTHONPATH=str(ROOT), VENV=str(BIN.parent))
    result = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return result.returncode, result.stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    tree = tmp_path_factory.mktemp("upstream") / "espnet"
    tree.mkdir()
    for name in ("egs2/TEMPLATE", "egs2/README.md", "egs2/mini_an4", "ci", "tools"):
        copy = shutil.copytree if (ESPNET / name).is_dir() else shutil.copy
        (tree / name).parent.mkdir(exist_ok=True)
        options = dict(symlinks=True) if (ESPNET / name).is_dir() else {}
        copy(ESPNET / name, tree / name, **options)
    code, output = call("tools/upstream.sh", tree)
    assert code == 0, output
    return tree


def files_of(tree):
    return {path: path.read_bytes() for path in tree.rglob("*") if path.is_file()}


def test_the_assembled_tree_passes_the_checks(tree):
    before = files_of(tree)
    code, output = call("tools/check_upstream.sh", tree)
    assert code == 0 and "FAILED" not in output, output
    assert "passed: shellcheck egs2/TEMPLATE/mos1/mos.sh" in output
    assert files_of(tree) == before
    for path, text in (
        ("egs2/README.md", "| nisqa |"),
        ("egs2/TEMPLATE/asr1/db.sh", "\nNISQA="),
        ("ci/test_integration_espnet2.sh", "cd ./egs2/mini_an4/mos1\n"),
    ):
        assert before[tree / path].decode().count(text) == 1
    # again: nothing is there twice
    assert call("tools/upstream.sh", tree)[0] == 0
    assert files_of(tree) == before
    assert not (tree / "egs2/mini_an4/mos1/cmd.sh").is_symlink()
    with (tree / "egs2/mini_an4/mos1/cmd.sh").open("a") as file:
        file.write("export cuda_cmd=slurm.pl\n")
    code, output = call("tools/check_upstream.sh", tree)
    (tree / "egs2/mini_an4/mos1/cmd.sh").write_bytes(
        before[tree / "egs2/mini_an4/mos1/cmd.sh"]
    )
    assert code == 1 and "FAILED: egs2/mini_an4/mos1/cmd.sh" in output


def test_its_own_unit_test_passes(tree):
    test = tree / "test/espnet2/mos/test_mos_recipe.py"
    code, output = call(sys.executable, "-m", "pytest", "-q", test, cwd=tree)
    assert code == 0 and "2 passed" in output, output


def test_a_tree_of_something_else_is_refused(tmp_path):
    code, output = call("tools/upstream.sh", tmp_path)
    assert code == 1 and f"{tmp_path} has no egs2/TEMPLATE/asr1/utils" in output


@pytest.mark.slow
def test_stages_run_in_it_and_the_model_zoo_takes_the_model(tree, warm_venv, tmp_path):
    from espnet_model_zoo.downloader import ModelDownloader

    from espnet_samos.tasks.mos import MosTask

    recipe = tree / "egs2/mini_an4/mos1"
    stages = ("--ngpu", "0", "--stage", "1", "--stop_stage", "7")
    programs = (warm_venv / "bin", SPH2PIPE)
    code, output = call(
        *("./run.sh", *stages, "--skip_upload", "false"), cwd=recipe, path=programs
    )
    assert code == 0, output[-5000:]
    exp = recipe / "exp/mos_sa_ssl_mos"
    results = exp / "inference_valid.lcc.best/test"
    utt = json.loads((results / "utt_result.json").read_text())
    scores = json.loads((results / "scores.json").read_text())
    overall = scores["groups"]["overall"]["utterance"]
    assert overall["n"] == 2 and utt["utt_mos_mse"] == overall["mse"]["value"]

    # what stage 7 packed, and what ESPnet's own command packs
    packed = tmp_path / "packed.zip"
    code, output = call(
        *(sys.executable, "-m", "espnet2.bin.pack", "aqa", "--outpath", packed),
        *("--train_config", exp / "config.yaml"),
        *("--model_file", exp / "valid.lcc.best.pth"),
        cwd=recipe,
    )
    assert code == 0, output
    expected = torch.load(exp / "valid.lcc.best.pth", weights_only=True)
    for archive in (exp / "mos_sa_ssl_mos_valid.lcc.best.zip", packed):
        zoo = ModelDownloader(tmp_path / archive.stem)
        files = zoo.download_and_unpack(str(archive))
        model, _ = MosTask.build_model_from_file(
            files["train_config"], files["model_file"]
        )
        weights = model.state_dict()
        assert weights.keys() == expected.keys()
        assert all(torch.equal(weights[name], expected[name]) for name in expected)
