"""A few clips and a tiny model, to train in processes that start at once."""

import contextlib
import multiprocessing
import os
import resource
import signal
import sys
import time
from pathlib import Path

import numpy as np
import soundfile

NUM_CLIPS = 24
OPTIONS = [
    *("--ssl_frontend_conf", "frontend_conf.upstream=fbank"),
    *("--ssl_encoder_conf", "hidden_channels=8"),
    *("--spectrogram_frontend_conf", "hop_length=960"),
    *("--spectrogram_encoder_conf", "channels=[4, 4, 8, 8]"),
    *("--preprocessor_conf", "window_seconds=1.0"),
    *("--batch_type", "unsorted", "--batch_size", "6"),
    *("--shuffle_within_batch", "true", "--num_workers", "0"),
    *("--grad_clip", "inf", "--optim", "adam", "--optim_conf", "lr=0.001"),
    *("--best_model_criterion", "valid,lcc,max", "--keep_nbest_models", "1"),
    *("--seed", "3", "--ngpu", "0", "--use_tensorboard", "false"),
    *("--use_matplotlib", "false"),
]
# Importing takes longer than such a training: one process does so, and each
# training is a fork of that.
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.train.small", "espnet_samos.tasks.mos"])


def make_data(directory):
    """Noise at two rates; the louder the better."""
    rng = np.random.default_rng(0)
    lines = {"wav.scp": "", "mos": "", "utt2fs": ""}
    for i in range(NUM_CLIPS):
        mos = rng.uniform(1, 5)
        fs = (16000, 48000)[i % 2]
        path = directory / f"utt{i:02}.wav"
        soundfile.write(path, 10 ** ((mos - 7) / 2) * rng.standard_normal(fs), fs)
        lines["wav.scp"] += f"utt{i:02} {path}\n"
        lines["mos"] += f"utt{i:02} {mos:.4f}\n"
        lines["utt2fs"] += f"utt{i:02} {fs}\n"
    for name, text in lines.items():
        (directory / name).write_text(text)


def arguments(data, exp, *options):
    """Arguments of mos_train, to train on what `make_data` wrote."""
    inputs = []
    for part in ("train", "valid"):
        for name, kind in (
            ("wav.scp", "speech,clip"),
            ("utt2fs", "fs,text_int"),
            ("mos", "mos,text_float"),
        ):
            inputs += [
                f"--{part}_data_path_and_name_and_type",
                f"{data / name},{kind}",
            ]
        inputs += [f"--{part}_shape_file", str(data / "mos")]
    return [*OPTIONS, *inputs, "--output_dir", str(exp), "--resume", "true", *options]


def limit_file_size(size):
    """Let this process write no file of more than so many bytes."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def _run(cmd, log, prepare):
    multiprocessing.set_start_method("fork", force=True)  # as it is elsewhere
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.stdout = open(1, "w", closefd=False)
    sys.stderr = open(2, "w", closefd=False, buffering=1)
    if prepare is not None:
        prepare()
    from espnet_samos.bin.mos_train import main

    main(cmd)


class Training:
    """mos_train, running in a process of its own.

    Args:
        data: Where `make_data` wrote to.
        exp: Output directory.
        options: Further arguments.
        prepare: Called in the process first.
        name: That of the log.
    """

    def __init__(self, data, exp, *options, prepare=None, name="log"):
        Path(exp).mkdir(parents=True, exist_ok=True)
        self.log = Path(exp).parent / f"{Path(exp).name}.{name}"
        self.process = _context.Process(
            target=_run, args=(arguments(data, exp, *options), self.log, prepare)
        )
        self.process.start()

    @property
    def pid(self):
        return self.process.pid

    def workers(self):
        """Return the ids of its data-loading processes."""
        command = Path(f"/proc/{self.pid}/cmdline").read_bytes()
        pids = []
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            with contextlib.suppress(OSError):
                for pid in (task / "children").read_text().split():
                    # a fork, unlike multiprocessing's own helper
                    if Path(f"/proc/{pid}/cmdline").read_bytes() == command:
                        pids.append(int(pid))
        return pids

    def text(self):
        return self.log.read_text() if self.log.exists() else ""

    def wait_for(self, text, seconds=120):
        """Wait until the log has a text."""
        end = time.monotonic() + seconds
        while text not in self.text():
            assert self.process.is_alive(), self.text()[-3000:]
            assert time.monotonic() < end, self.text()[-3000:]
            time.sleep(0.02)

    def finish(self, seconds=240):
        """Wait for its end; give the exit status and the log."""
        self.process.join(seconds)
        assert not self.process.is_alive(), self.text()[-3000:]
        return self.process.exitcode, self.text()
