"""Whole small trainings through ESPnet's own main, in real processes."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

from espnet_samos.inference.predictor import MosPredictor
from espnet_samos.train.trainer import CORRELATION_FLOOR, validation_metrics
from tests.train.small import arguments, make_data


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    directory = tmp_path_factory.mktemp("data")
    make_data(directory)
    return directory


def command(data, exp, *options, python=sys.executable):
    return [
        *(python, "-m", "espnet_samos.bin.mos_train"),
        *arguments(data, exp, *options),
    ]


@pytest.fixture(scope="module")
def warm_python(warm_venv):
    return warm_venv / "bin/python3"


@pytest.fixture(scope="module")
def train(warm_python):
    """A function that trains, and gives the weights and the epochs' statistics."""

    def run(data, exp, *options):
        arguments = command(data, exp, *options, python=warm_python)
        subprocess.run(arguments, check=True, capture_output=True)
        checkpoint = torch.load(exp / "checkpoint.pth", weights_only=True)
        return checkpoint["model"], checkpoint["reporter"]["stats"]

    return run


@pytest.fixture(scope="module")
def reference(data, train, tmp_path_factory):
    exp = tmp_path_factory.mktemp("reference")
    return (exp, *train(data, exp, "--max_epoch", "3"))


def test_validation_metrics_are_those_of_scipy():
    rng = np.random.default_rng(0)
    prediction, label = rng.standard_normal((2, 30))
    scores = {
        str(i): (p, t) for i, (p, t) in enumerate(zip(prediction, label, strict=True))
    }
    values = validation_metrics(scores)
    assert values["mse"] == pytest.approx(np.mean((prediction - label) ** 2))
    assert values["lcc"] == pytest.approx(stats.pearsonr(prediction, label)[0])
    assert values["srcc"] == pytest.approx(stats.spearmanr(prediction, label)[0])
    assert values["ktau"] == pytest.approx(stats.kendalltau(prediction, label)[0])


def test_undefined_correlation_is_the_floor():
    values = validation_metrics({"a": (3.0, 1.0), "b": (3.0, 2.0), "c": (3.0, 5.0)})
    assert values["lcc"] == CORRELATION_FLOOR


def test_reported_correlation_is_that_of_the_saved_model(data, reference):
    exp, _, stats_by_epoch = reference
    predictor = MosPredictor(exp / "latest.pth")
    predictions, labels = [], []
    for line in (data / "mos").read_text().splitlines():
        utt, mos = line.split()
        first = next(predictor.predict_windows(data / f"{utt}.wav"))
        predictions.append(first.mean)
        labels.append(float(mos))
    reported = stats_by_epoch[3]["valid"]
    lcc = stats.pearsonr(predictions, labels)[0]
    assert reported["lcc"] == pytest.approx(lcc, abs=1e-4)
    mse = np.mean((np.array(predictions) - labels) ** 2)
    assert reported["mse"] == pytest.approx(mse, rel=1e-3)
    best = max(stats_by_epoch, key=lambda e: stats_by_epoch[e]["valid"]["lcc"])
    assert Path(exp / "valid.lcc.best.pth").resolve().name == f"{best}epoch.pth"


def test_same_seed_same_model(data, reference, train, tmp_path):
    weights, _ = train(data, tmp_path, "--max_epoch", "3")
    for name, value in reference[1].items():
        torch.testing.assert_close(weights[name], value, atol=1e-6, rtol=0)


def test_killed_training_resumes_to_the_same_model(data, reference, train, tmp_path):
    process = subprocess.Popen(
        command(data, tmp_path, "--max_epoch", "3"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in process.stderr:
        if "2epoch started" in line or "2/3epoch started" in line:
            process.kill()  # SIGKILL, in the middle of the second epoch
            break
    assert process.wait() == -9
    process.stderr.close()
    weights, stats_by_epoch = train(data, tmp_path, "--max_epoch", "3")
    assert sorted(stats_by_epoch) == [1, 2, 3]
    for name, value in reference[1].items():
        torch.testing.assert_close(weights[name], value, atol=1e-6, rtol=0)


def test_two_processes_validate_every_clip_once(
    data, reference, train, warm_python, tmp_path
):
    """DDP on the CPU: metrics over all ranks' clips, as one process has them."""
    options = [
        *("--max_epoch", "1", "--optim_conf", "lr=0.0", "--valid_batch_size", "7"),
        # batch norm's statistics are each rank's own
        *("--spectrogram_frontend", "none", "--spectrogram_encoder", "none"),
    ]
    _, alone = train(data, tmp_path / "alone", *options)
    init_file = tmp_path / "init"
    processes = [
        subprocess.Popen(
            command(
                data,
                tmp_path / "ddp",
                *options,
                *("--dist_backend", "gloo", "--dist_world_size", "2"),
                *("--dist_rank", str(rank), "--multiprocessing_distributed", "false"),
                *("--dist_init_method", f"file://{init_file}"),
                python=warm_python,
            ),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    for process in processes:
        _, log = process.communicate(timeout=300)
        assert process.returncode == 0, log[-3000:]
    checkpoint = torch.load(tmp_path / "ddp/checkpoint.pth", weights_only=True)
    together = checkpoint["reporter"]["stats"][1]["valid"]
    for name in ("loss", "mse", "lcc", "srcc", "ktau"):
        assert together[name] == pytest.approx(
            alone[1]["valid"][name], rel=1e-3, abs=1e-4
        ), name


@pytest.mark.slow
def test_compiled_encoders_train_alike_and_are_saved_under_their_names(
    data, train, tmp_path
):
    # compiled, dropout draws other numbers
    options = ["--max_epoch", "2"]
    for encoder in ("ssl_encoder", "spectrogram_encoder"):
        options += [f"--{encoder}_conf", "dropout_rate=0.0"]
    weights, stats_by_epoch = train(data, tmp_path / "eager", *options)
    ours, ours_by_epoch = train(
        data, tmp_path / "compiled", *options, "--compile", "true"
    )
    assert ours.keys() == weights.keys()
    for epoch, of_epoch in stats_by_epoch.items():
        for part in ("train", "valid"):
            loss = of_epoch[part]["loss"]
            assert ours_by_epoch[epoch][part]["loss"] == pytest.approx(loss, rel=1e-3)
    # in eager mode they would be equal
    assert any(not torch.equal(ours[name], weights[name]) for name in weights)
