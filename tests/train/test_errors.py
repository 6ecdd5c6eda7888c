"""Faults, brought about for real, in the middle of trainings."""

import contextlib
import functools
import os
import signal
import subprocess
import time

import pytest
import torch

from espnet_samos.inference.predictor import MosPredictor
from espnet_samos.train.checkpoint import (
    CHECKPOINT,
    PREVIOUS,
    remove_unfinished,
    saved_files,
)
from espnet_samos.train.errors import TrainingError, explained, explanation, locked
from tests.train.small import Training, limit_file_size, make_data

AGAIN = "run the same command again"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    directory = tmp_path_factory.mktemp("data")
    make_data(directory)
    return directory


def train(data, exp, *options, **kwargs):
    """Train to the end; give the weights and the epochs that were reported."""
    code, log = Training(data, exp, *options, **kwargs).finish()
    assert code == 0, log[-3000:]
    states = torch.load(exp / CHECKPOINT, weights_only=True)
    return states["model"], sorted(states["reporter"]["stats"])


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    """Three epochs."""
    exp = tmp_path_factory.mktemp("finished") / "exp"
    train(data, exp, "--max_epoch", "3")
    return exp


@pytest.fixture
def exp(finished, tmp_path):
    """A copy of three epochs."""
    subprocess.run(["cp", "-a", finished, tmp_path / "exp"], check=True)
    return tmp_path / "exp"


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def weights_of(exp):
    return torch.load(exp / CHECKPOINT, weights_only=True)["model"]


def assert_same(weights, others):
    for name, value in others.items():
        torch.testing.assert_close(weights[name], value, atol=1e-6, rtol=0)


def test_cut_checkpoint_is_replaced_by_the_one_before(data, exp, finished):
    cut(exp / CHECKPOINT)
    training = Training(data, exp, "--max_epoch", "3")
    code, log = training.finish()
    assert code == 0, log[-3000:]
    assert "going on from the one before it, of epoch 2" in log
    assert "3/3epoch started" in log and "2/3epoch started" not in log
    assert_same(weights_of(exp), weights_of(finished))


def test_killed_between_two_files_of_an_epoch(data, exp, finished):
    """The checkpoint is there, the model is not, and the links are those before."""
    cut(exp / "3epoch.pth")
    (exp / "latest.pth").unlink()
    (exp / "valid.lcc.best.pth").unlink()
    code, log = Training(data, exp, "--max_epoch", "3").finish()
    assert code == 0, log[-3000:]
    assert "epoch started" not in log  # nothing is trained twice
    assert_same(torch.load(exp / "3epoch.pth"), torch.load(finished / "3epoch.pth"))
    for name in ("latest.pth", "valid.lcc.best.pth"):
        assert os.readlink(exp / name) == os.readlink(finished / name)


def test_nothing_left_of_the_first_epoch(data, exp):
    for path in (*exp.glob("*epoch.pth"), exp / PREVIOUS):
        path.unlink()
    cut(exp / CHECKPOINT)
    code, log = Training(data, exp, "--max_epoch", "1").finish()
    assert code == 0, log[-3000:]
    assert "beginning anew" in log and "1/1epoch started" in log


def test_no_checkpoint_can_be_read(data, exp):
    cut(exp / CHECKPOINT)
    cut(exp / PREVIOUS)
    code, log = Training(data, exp, "--max_epoch", "4").finish()
    assert code != 0
    assert f"{exp / CHECKPOINT} cannot be read, nor can {PREVIOUS}" in log
    assert f"or remove {exp} to train anew" in log
    assert (exp / "3epoch.pth").exists()


def test_checkpoint_of_another_model(data, exp):
    config = (exp / "config.yaml").read_text()
    options = ["--max_epoch", "4", "--ssl_encoder_conf", "hidden_channels=6"]
    code, log = Training(data, exp, *options).finish()
    assert code != 0
    assert "is of another configuration" in log and "--tag" in log
    assert "Traceback" not in log
    # the models that are there can still be used
    assert (exp / "config.yaml").read_text() == config
    MosPredictor(exp / "latest.pth")


def test_checkpoint_of_another_optimiser(data, exp):
    options = ["--max_epoch", "4", "--exclude_weight_decay", "true"]
    code, log = Training(data, exp, *options).finish()
    assert code != 0
    assert "with another optimiser or other weights to train" in log


def test_killed_worker(data, tmp_path):
    exp = tmp_path / "exp"
    training = Training(data, exp, "--max_epoch", "500", "--num_workers", "1")
    training.wait_for("2/500epoch started")
    while training.process.is_alive():  # an idle one may be missed by nobody
        for pid in training.workers():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)
    code, log = training.finish()
    assert code == 1
    last = log.splitlines()[-1]
    assert last.startswith("error: a data-loading process is gone"), log[-3000:]
    assert "--num_workers" in last and AGAIN in last


def assert_goes_on_after_a_full_disk(data, exp, training, free):
    code, log = training.finish()
    assert code == 1
    last = log.splitlines()[-1]
    assert last.startswith("error: a file cannot be written"), log[-3000:]
    assert "free space" in last and AGAIN in last
    # what was finished is there, and nothing that is not whole
    models = [path for path in exp.glob("*.pth") if not path.is_symlink()]
    assert models
    for path in models:
        torch.load(path, weights_only=True)
    free()
    _, epochs = train(data, exp, "--max_epoch", "4")
    assert epochs == [1, 2, 3, 4]


def test_full_disk(data, finished, small_disk):
    exp = small_disk / "exp"
    subprocess.run(["cp", "-a", finished, exp], check=True)
    (exp / PREVIOUS).unlink()  # or its room would be used again
    filler = small_disk / "filler"
    status = os.statvfs(small_disk)
    # the log, which is there as well, fits; half a checkpoint does
    room = (exp / CHECKPOINT).stat().st_size // 2
    filler.write_bytes(bytes(status.f_bavail * status.f_frsize - room))
    training = Training(data, exp, "--max_epoch", "4")
    assert_goes_on_after_a_full_disk(data, exp, training, filler.unlink)


def test_file_larger_than_allowed(data, exp):
    """The same where nothing can be mounted, and where a quota is full."""
    limit = functools.partial(
        limit_file_size, (exp / CHECKPOINT).stat().st_size * 3 // 4
    )
    training = Training(data, exp, "--max_epoch", "4", prepare=limit)
    assert_goes_on_after_a_full_disk(data, exp, training, lambda: None)


def test_two_runs_in_one_directory(data, tmp_path):
    exp = tmp_path / "exp"
    options = ["--max_epoch", "500", "--num_workers", "1"]
    first = Training(data, exp, *options)
    first.wait_for("1/500epoch started")
    config = (exp / "config.yaml").read_text()
    code, log = Training(data, exp, "--max_epoch", "1", name="second").finish()
    assert code == 1
    assert f"error: {exp} is in use by process {first.pid} on " in log
    assert "--tag" in log and "Traceback" not in log
    assert first.process.is_alive()
    assert (exp / "config.yaml").read_text() == config
    # The lock dies with its process, though a worker may live on for a while.
    first.wait_for("2/500epoch started")
    os.kill(first.pid, signal.SIGKILL)
    first.finish()
    assert (exp / ".lock").exists()
    third = Training(data, exp, *options, name="third")
    third.wait_for("epoch started")
    assert "in use" not in third.text()
    third.process.kill()
    third.finish()


def test_directory_that_another_has(tmp_path):
    (tmp_path / ".lock").write_text("process 1 on some-node")  # that has ended
    with locked(tmp_path):
        with pytest.raises(TrainingError, match=f"process {os.getpid()} on"):
            with locked(tmp_path):
                pass
    with locked(tmp_path):
        pass


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP])
def test_vanished_process(data, tmp_path, fault):
    """A peer that dies, and one that says nothing any more, as a dead node does."""
    exp = tmp_path / "exp"
    options = [
        *("--max_epoch", "500", "--dist_backend", "gloo", "--dist_world_size", "2"),
        *("--dist_init_method", f"file://{tmp_path / 'init'}"),
        *("--multiprocessing_distributed", "false", "--dist_timeout", "5"),
    ]
    first, second = (
        Training(data, exp, *options, "--dist_rank", str(rank), name=f"rank{rank}")
        for rank in range(2)
    )
    first.wait_for("2/500epoch started")
    os.kill(second.pid, fault)
    code, log = first.finish(seconds=120)
    second.process.kill()
    second.finish()
    assert code == 1
    last = log.splitlines()[-1]
    assert last.startswith("error: another process of this training is gone"), log
    assert AGAIN in last
    # what was saved is whole
    assert torch.load(exp / CHECKPOINT, weights_only=True)["reporter"]["epoch"] >= 1


def test_model_that_was_cut(data, exp):
    model = exp / "3epoch.pth"
    cut(model)
    with pytest.raises(ValueError, match=f"{model} cannot be read as a model"):
        MosPredictor(exp / "latest.pth")
    options = ["--max_epoch", "1", "--init_param", str(model)]
    code, log = Training(data, exp.parent / "other", *options).finish()
    assert code == 1
    last = log.splitlines()[-1]
    assert last.startswith("error: a model file cannot be read") and str(model) in last


def test_a_full_gpu_says_what_helps(tmp_path):
    error = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
    with pytest.raises(SystemExit, match="batch_size.*accum_grad"):
        with explained(tmp_path):
            raise error


def test_a_path_with_gloo_in_it_is_no_vanished_process():
    assert explanation(RuntimeError("cannot read /data/gloomy/x.wav"), ".") is None
    place = "[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:534]"
    vanished = RuntimeError(f"{place} Connection closed by peer [127.0.0.1]:4711")
    assert "another process" in explanation(vanished, ".")


def test_what_is_not_known_to_be_half_written_stays(tmp_path):
    """A full disk: the last epoch's model is cut, others cannot be read."""
    for name in ("1epoch.pth", "2epoch.pth", "checkpoint.pth", "valid.lcc.ave.pth"):
        (tmp_path / name).write_bytes(b"something else")
    before = saved_files(tmp_path)
    torch.save({"a": torch.zeros(1000)}, tmp_path / "2epoch.pth")  # whole
    (tmp_path / "3epoch.pth").write_bytes(b"PK half")
    unreadable = tmp_path / "4epoch.pth"
    unreadable.mkdir()  # of any other kind
    remove_unfinished(tmp_path, before)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("1epoch.pth", "2epoch.pth", "4epoch.pth", "checkpoint.pth"),
        "valid.lcc.ave.pth",
    ]


def test_a_checkpoint_that_is_whole_is_never_replaced(data, exp):
    """One that holds what PyTorch does not take, say of another version."""
    torch.save({"model": functools.partial(print)}, exp / CHECKPOINT)
    content = (exp / CHECKPOINT).read_bytes()
    code, log = Training(data, exp, "--max_epoch", "4").finish()
    assert code != 0 and f"{exp / CHECKPOINT} cannot be read" in log
    assert (exp / CHECKPOINT).read_bytes() == content
    assert (exp / PREVIOUS).exists()


def test_a_training_that_diverges_says_so(data, tmp_path):
    options = ["--max_epoch", "3", "--optim_conf", "lr=1.0e+30"]
    code, log = Training(data, tmp_path / "exp", *options).finish()
    assert code != 0
    assert "predictions are NaN or infinite: the training has diverged" in log
    assert "labels hold" not in log
