"""Measure epochs of the published training through the task's own trainer.

    python -m benchmarks.training_epoch --device cuda --num_workers 12

From files to updated weights: clips of 10 s at 16, 24 and 48 kHz, SSL features
computed on the fly by nine layers of XLS-R 2B's shape with random weights, distributed
training of a single process. What counts is the share of the time that is not spent
waiting for data.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import soundfile
import torch
import yaml

from benchmarks import paper_model
from benchmarks.checkpoint import SHAPES, random_checkpoint
from benchmarks.data_options import data_options
from benchmarks.report import Report, add_arguments
from espnet_samos.tasks.mos import MosTask

NUM_FILES = 30
MAX_VALID = 64
RATES = (16000, 24000, 48000)
LISTS = {
    "wav.scp": "speech,clip",
    "utt2fs": "fs,text_int",
    "mos": "mos,text_float",
}
MIN_COMPUTING = 90


def make_data(directory: Path, utterances: int) -> None:
    """Write a training and a validation set; few files have all the utterances."""
    rng = np.random.default_rng(0)
    for i in range(NUM_FILES):
        fs = RATES[i % len(RATES)]
        samples = 0.1 * rng.standard_normal(paper_model.SECONDS * fs)
        soundfile.write(directory / f"{i}.wav", samples.clip(-1, 1), fs, "PCM_16")
    for part, number in (("train", utterances), ("valid", min(MAX_VALID, utterances))):
        (directory / part).mkdir()
        lines = {name: [] for name in LISTS}
        for i in range(number):
            file = i % NUM_FILES
            lines["wav.scp"].append(f"utt{i:06} {directory / f'{file}.wav'}\n")
            lines["utt2fs"].append(f"utt{i:06} {RATES[file % len(RATES)]}\n")
            lines["mos"].append(f"utt{i:06} {rng.uniform(1, 5):.4f}\n")
        for name, content in lines.items():
            (directory / part / name).write_text("".join(content))


def options(args: argparse.Namespace, checkpoint: Path, folder: Path) -> list:
    """Return the options of the training."""
    on_gpu = args.device.startswith("cuda")
    fast = ("--use_amp", "true", "--optim_conf", "fused=true")
    config = folder / "train.yaml"
    config.write_text(yaml.safe_dump(paper_model.configuration(checkpoint)))
    return [
        *("--config", str(config)),
        *data_options(folder, LISTS),
        *("--ngpu", "1" if on_gpu else "0"),
        *(fast if on_gpu else ()),
        *("--max_epoch", str(args.epochs)),
        *("--batch_size", str(args.batch_size)),
        *("--num_workers", str(args.num_workers)),
        *("--use_tensorboard", "false", "--use_matplotlib", "false"),
        *("--output_dir", str(folder / "exp")),
    ]


def train(args: argparse.Namespace, checkpoint: Path, folder: Path) -> dict:
    """Train; return the trainer's own figures of each epoch."""
    task_args = MosTask.get_parser().parse_args(options(args, checkpoint, folder))
    # ESPnet distributes over several processes only; a group of one shows that the
    # backend works.
    task_args.distributed = True
    task_args.dist_backend = "nccl" if task_args.ngpu else "gloo"
    task_args.dist_init_method = f"file://{folder / 'init'}"
    task_args.dist_rank = 0
    task_args.dist_world_size = 1
    task_args.local_rank = 0
    MosTask.main_worker(task_args)
    states = torch.load(folder / "exp" / "checkpoint.pth", weights_only=True)
    return states["reporter"]["stats"]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_arguments(parser)
    parser.add_argument("--utterances", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--num_workers", type=int, default=4)
    parser.add_argument("--size", choices=list(SHAPES), default="2b")
    parser.add_argument("--dir", help="where to keep, or to find, the checkpoint")
    args = parser.parse_args()
    report = Report("Epochs of the published training", "training_epoch", args)
    with (
        random_checkpoint(args.size, args.dir) as checkpoint,
        tempfile.TemporaryDirectory() as folder,
    ):
        make_data(Path(folder), args.utterances)
        stats = train(args, checkpoint, Path(folder))
    for epoch, parts in stats.items():
        step = parts["train"]
        report.finding(
            f"epoch {epoch}", args.batch_size / step["train_time"], "clips/s"
        )
        report.finding(
            f"epoch {epoch}, computing",
            100 * (1 - step["iter_time"] / step["train_time"]),
            "% of the time",
            at_least=MIN_COMPUTING,
        )
    if not all(np.isfinite(parts["valid"]["loss"]) for parts in stats.values()):
        raise SystemExit("the loss is not finite")


if __name__ == "__main__":
    main()
