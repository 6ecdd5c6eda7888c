"""The script for machines with a GPU, tried at a small size without one."""

import json
import os
import re
import subprocess

import pytest
import torch

from benchmarks import gpu
from benchmarks.report import Finding
from benchmarks.requirements import ALL_CHECKS, GIVEN, TRAINER, requirements
from tests.bare_environment import installed_with, make_environment

ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}


def run(python, *command):
    return subprocess.run(
        [python, "-W", "ignore", *command],
        cwd=gpu.ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_runs_with_the_listed_packages_alone(tmp_path):
    python = make_environment(
        tmp_path / "venv", installed_with(GIVEN) | {*ALL_CHECKS, *TRAINER}
    )
    options = "--device cpu --size tiny --output"
    process = run(python, "-m", "benchmarks.gpu", *options.split(), str(tmp_path))
    assert process.returncode == 0, process.stderr[-3000:]
    (path,) = tmp_path.glob("cpu-tiny-*.json")
    results = json.loads(path.read_text())
    assert {check["status"] for check in results["checks"]} == {"ok"}
    expected = [check.name for check in gpu.CHECKS if check.tiny is not None]
    assert [check["name"] for check in results["checks"]] == expected
    for check in results["checks"]:
        assert check["findings"]
        # what targets depend on is there, whatever it is on this machine
        assert all(finding["value"] >= 0 for finding in check["findings"])
    assert path.with_suffix(".md").read_text() in process.stdout


def test_most_checks_do_without_the_trainer(tmp_path):
    python = make_environment(
        tmp_path / "venv", installed_with(GIVEN) | set(ALL_CHECKS)
    )
    modules = {check.module for check in gpu.CHECKS} - {"training_epoch"}
    imports = ", ".join(f"benchmarks.{module}" for module in sorted(modules))
    process = run(python, "-c", f"import benchmarks.gpu, {imports}")
    assert process.returncode == 0, process.stderr[-3000:]


def test_requirements_can_be_read_by_pip():
    for line in requirements():
        assert line.startswith("# ") or re.fullmatch(r"[a-z0-9-]+==[\w.]+", line)


@pytest.fixture
def args(tmp_path):
    options = ["--device", "cpu", "--size", "tiny", "--output", str(tmp_path)]
    return gpu.get_parser().parse_args(options)


def test_a_check_that_fails_or_hangs_is_reported(args, tmp_path):
    wrong = gpu.Check("wrong", "score_files", "", "--no_such_option", 60)
    result = gpu.run_check(wrong, args, tmp_path, 60)
    assert result["status"] == "failed (exit status 2)"
    assert "--no_such_option" in "\n".join(result["log"])
    result = gpu.run_check(wrong, args, tmp_path, 0.2)
    assert result["status"] == "out of time (0 s)"
    text = gpu.table({"device": "none"}, [result])
    assert "| wrong | **out of time (0 s)** | | | |" in text


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_what_can_be_done(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["gpu", "--output", str(tmp_path)])
    with pytest.raises(SystemExit, match="'cuda' cannot be used .* --size tiny"):
        gpu.main()
    assert not list(tmp_path.iterdir())


def test_targets():
    assert Finding("x", 3.0, "times", at_least=4).target == "≥ 4 times"
    assert not Finding("x", 3.0, at_least=4).met
    assert Finding("x", 4.0, at_least=4).met
    assert Finding("x", 1e-5, at_most=1e-4).met
    assert not Finding("x", float("nan"), at_most=1e-4).met
    assert not Finding("x", float("nan"), at_least=0).met
    assert Finding("x", float("nan")).met and Finding("x", 1.0).target == ""
