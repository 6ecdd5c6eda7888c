"""Measure the memory of training against the number of utterances.

It trains a tiny model through the real task, its trainer and its data iterators, for
the same number of steps on corpora of different sizes, each in a process of its own:

    python -m benchmarks.training_memory
    python -m benchmarks.training_memory --utterances 1000 1000000

A corpus is a few short files under as many ids as it has utterances: the lists are as
long as those of a real one, the disk stays empty.
"""

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence

import numpy as np
import soundfile
import torch

from benchmarks.data_options import data_options
from benchmarks.harness import heading
from espnet_samos.audio.preprocessor import MosPreprocessor
from espnet_samos.frontend.ssl_layer import SslLayerFrontend
from espnet_samos.train.dump_ssl_feats import ssl_settings, weights_digest
from espnet_samos.train.ssl_feats import Shard
from espnet_samos.utils.tables import read_table

NUM_FILES = 16
NUM_VALID = 100
RATES = (16000, 48000)
WINDOW_SECONDS = 1.0
CLIP_SECONDS = 0.1
SAMPLE_SECONDS = 0.1
# Thresholds at which freed memory goes back, in bytes. Left to itself, glibc moves them
# and keeps hundreds of MB, more or less from one run to the next.
RETURN_MEMORY = dict(MALLOC_MMAP_THRESHOLD_="4194304", MALLOC_TRIM_THRESHOLD_="4194304")
# A path and an id of usual length: they are what grows with a corpus.
FOLDER = "corpora/somewhere/with/a/path/of/usual/length"
LISTS = {
    "wav.scp": "speech,clip",
    "utt2fs": "fs,text_int",
    "mos": "mos,text_float",
    "utt2corpus": "corpus,text",
    "ssl_feats.scp": "ssl_feats,ssl_feats",
}
UPSTREAM = "fbank"
OPTIONS = [
    *("--ssl_frontend_conf", f"frontend_conf.upstream={UPSTREAM}"),
    *("--ssl_encoder_conf", "hidden_channels=8"),
    *("--spectrogram_frontend_conf", "hop_length=960"),
    *("--spectrogram_encoder_conf", "channels=[4, 4, 8, 8]"),
    *("--preprocessor_conf", f"window_seconds={WINDOW_SECONDS}"),
    *("--batch_type", "unsorted", "--shuffle_within_batch", "true"),
    *("--optim", "adam", "--grad_clip", "inf", "--max_epoch", "1"),
    *("--best_model_criterion", "valid,lcc,max", "--keep_nbest_models", "1"),
    *("--ngpu", "0", "--use_tensorboard", "false", "--use_matplotlib", "false"),
]


class Row(NamedTuple):
    """What training on one corpus took; memory in MB.

    Memory is that while training, once it is under way: the median over the second half
    of what was seen. At its very start workers are forked, and numbers jump.
    """

    utterances: int
    main: float  # resident in the main process
    worker: float  # of its own in the largest worker: not shared with another process
    total: float  # of all processes, what they share counted once
    peak: float  # resident in the main process, at its peak, reading the lists included
    waiting: float  # fraction of the training's time


def write_ssl_feats(directory: Path) -> Shard:
    """Write the features of one clip, of which all of them can have the same."""
    conf = dict(frontend_conf=dict(upstream=UPSTREAM))
    frontend = SslLayerFrontend(**conf)
    num_samples = round(WINDOW_SECONDS * 16000)
    # (1, NFrames, Dim)
    feats, _ = frontend(torch.zeros(1, num_samples), torch.tensor([num_samples]))
    preprocessor = MosPreprocessor(train=False, window_seconds=WINDOW_SECONDS)
    ssl = ssl_settings("ssl_layer", conf, preprocessor)
    shard = Shard(directory / "ssl_feats.1.ark", directory, ["clip"], "")
    shard.write(
        [("clip", feats[0].half().numpy())],
        dict(ssl, weights=weights_digest(frontend)),
    )
    return shard


def make_corpus(directory: Path, utterances: int) -> None:
    """Write a training set of so many utterances and a small validation set."""
    folder = directory / FOLDER
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for i in range(NUM_FILES):
        fs = RATES[i % len(RATES)]
        samples = 0.1 * rng.standard_normal(round(CLIP_SECONDS * fs))
        soundfile.write(folder / f"system{i:03}-clip.wav", samples, fs)
    for part, number in (("train", utterances), ("valid", NUM_VALID)):
        (directory / part).mkdir()
        shard = write_ssl_feats(directory / part)
        (place,) = read_table(shard.scp).values()
        with contextlib.ExitStack() as stack:
            files = {
                name: stack.enter_context((directory / part / name).open("w"))
                for name in LISTS
            }
            for i in range(number):
                j = i % NUM_FILES
                clip = f"{folder}/system{j:03}-clip"
                values = {
                    "wav.scp": f"{clip}.wav",
                    "utt2fs": RATES[j % len(RATES)],
                    "mos": f"{rng.uniform(1, 5):.4f}",
                    "utt2corpus": "corpus",
                    "ssl_feats.scp": place,
                }
                utt = f"corpus-system{j:03}-sentence{i:07}"
                for name, value in values.items():
                    files[name].write(f"{utt} {value}\n")
        marker = dict(json.loads(shard.marker.read_text()), num_clips=number)
        shard.marker.write_text(json.dumps(marker))


def command(directory: Path, options: argparse.Namespace) -> List[str]:
    """Return the command that trains on a corpus."""
    return [
        *(
            sys.executable,
            "-m",
            "espnet_samos.bin.mos_train",
            *OPTIONS,
            *data_options(directory, LISTS),
        ),
        *("--batch_size", str(options.batch_size)),
        *("--num_iters_per_epoch", str(options.steps)),
        *("--num_workers", str(options.num_workers)),
        *("--output_dir", str(directory / "exp")),
    ]


def sizes(pid: int, name: str) -> Dict[str, float]:
    """Read the sizes in a file of /proc/PID, in MB; empty where it has ended."""
    try:
        text = Path(f"/proc/{pid}/{name}").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    found = re.findall(r"^(\w+):\s+(\d+) kB$", text, re.MULTILINE)
    return {key: int(value) / 1e3 for key, value in found}


def children(pid: int) -> List[int]:
    """List the processes that a process has started."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(c) for t in tasks for c in (t / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def measure(utterances: int, options: argparse.Namespace) -> Row:
    """Train on a corpus of so many utterances and watch the processes."""
    seen = []
    peak = 0.0
    with tempfile.TemporaryDirectory() as folder:
        make_corpus(Path(folder), utterances)
        environment = dict(os.environ, OMP_NUM_THREADS="1", **RETURN_MEMORY)
        with Path(folder, "log").open("w") as log:
            process = subprocess.Popen(
                command(Path(folder), options), stdout=log, stderr=log, env=environment
            )
        while process.poll() is None:
            peak = max(peak, sizes(process.pid, "status").get("VmHWM", 0.0))
            main = sizes(process.pid, "smaps_rollup")
            workers = [sizes(pid, "smaps_rollup") for pid in children(process.pid)]
            if main and len(workers) == options.num_workers and all(workers):
                own = [
                    held["Private_Dirty"] + held["Private_Clean"] for held in workers
                ]
                total = sum(held["Pss"] for held in (main, *workers))
                seen.append((main["Rss"], max(own, default=0.0), total))
            time.sleep(SAMPLE_SECONDS)
        if process.returncode != 0:
            raise RuntimeError(Path(folder, "log").read_text()[-3000:])
        checkpoint = torch.load(Path(folder, "exp/checkpoint.pth"), weights_only=True)
    stats = checkpoint["reporter"]["stats"][1]["train"]
    waiting = stats["iter_time"] / stats["train_time"]
    medians = np.median(seen[len(seen) // 2 :], axis=0)
    return Row(utterances, *medians.tolist(), peak, waiting)


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--utterances", type=int, nargs="+", default=[1000, 10_000, 100_000]
    )
    parser.add_argument("--steps", type=int, default=100, help="Steps to train")
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--num_workers", type=int, default=2)
    return parser


def main(cmd: Optional[Sequence[str]] = None) -> None:
    cmd = sys.argv[1:] if cmd is None else cmd
    options = get_parser().parse_args(cmd)
    print(heading("Memory of training", "training_memory", arguments=cmd))
    print(
        f"{options.steps} steps of {options.batch_size} clips in windows of "
        f"{WINDOW_SECONDS:g} s, {options.num_workers} workers.\n"
    )
    print("| utterances | main process, MB | own to a worker | all | peak | waiting |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    for utterances in options.utterances:
        row = measure(utterances, options)
        print(
            f"| {row.utterances} | {row.main:.0f} | {row.worker:.0f} | "
            f"{row.total:.0f} | {row.peak:.0f} | {row.waiting:.0%} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
