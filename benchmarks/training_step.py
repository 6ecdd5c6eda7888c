"""Measure a whole training step at paper sizes: plain modules against ours.

    python -m benchmarks.training_step
    python -m benchmarks.training_step --device cuda --batch_size 64

From windows to updated weights, once with the SSL model (nine layers of XLS-R 2B's
shape, random weights) running frozen, once with its features given. Plain modules
compute in float32, and the spectrogram branch layer by layer in PyTorch's default
memory format. Ours is the model as it is; on a GPU it is trained in bfloat16
(`--use_amp true`) with a fused optimiser (`optim_conf.fused: true`).
"""

import argparse
import copy
from typing import List

import torch

from benchmarks import paper_model
from benchmarks.checkpoint import SHAPES, random_checkpoint
from benchmarks.harness import (
    Figures,
    autocast,
    compare,
    noise,
    training_step,
)
from benchmarks.plain import PlainEncoder
from benchmarks.report import Report, add_arguments

MAX_FLOAT32_DIFFERENCE = 1e-5
MAX_BFLOAT16_DIFFERENCE = 0.05  # of encoders and head as well, which scoring never is
MIN_SPEED_UP = 4
MAX_MEMORY = 0.5  # of plain modules'


def report_targets(report: Report, title: str, rows: List[Figures]) -> None:
    """Compare the second row to the first."""
    plain, ours, *_ = rows
    report.finding(
        f"{title}, speed of plain modules",
        plain.seconds / ours.seconds,
        "times",
        at_least=MIN_SPEED_UP,
    )
    report.finding(
        f"{title}, peak memory of plain modules",
        ours.memory / plain.memory,
        "times",
        at_most=MAX_MEMORY,
    )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_arguments(parser)
    parser.add_argument("--batch_size", type=int, default=2)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--size", choices=list(SHAPES), default="2b")
    parser.add_argument("--dir", help="where to keep, or to find, the checkpoint")
    parser.add_argument(
        "--compile", action="store_true", help="Train with torch.compile as well"
    )
    args = parser.parse_args()
    with random_checkpoint(args.size, args.dir) as checkpoint:
        model = paper_model.build(checkpoint).to(args.device)
    fast = args.device.startswith("cuda")
    windows = paper_model.make_batch(args.batch_size, args.device)
    labels = 3 + noise(args.batch_size, 1).to(args.device)

    frontend = model.ssl_frontend  # frozen: all have the same
    model.ssl_frontend = None
    plain = copy.deepcopy(model)
    plain.spectrogram_encoder = PlainEncoder(plain.spectrogram_encoder)
    saving = copy.deepcopy(model)
    saving.spectrogram_encoder.gradient_checkpointing = True
    models = {
        "plain modules, float32": plain,
        "ours": model,
        "ours, gradient checkpointing": saving,
    }
    if args.compile:
        compiled = copy.deepcopy(model)
        compiled.ssl_encoder.compile()
        compiled.spectrogram_encoder.compile()
        models["ours, torch.compile"] = compiled
    for variant in models.values():
        variant.ssl_frontend = frontend
    report = Report("Training step, paper sizes", "training_step", args)
    with torch.no_grad():
        expected, _ = plain.eval().predict(**windows)
        with autocast(args.device, fast):
            actual, _ = model.eval().predict(**windows)
        feats, _ = frontend(windows["speech_16k"], windows["speech_16k_lengths"])
    report.finding(
        "ours, largest difference in score from plain modules",
        (expected - actual.float()).abs().max(),
        at_most=MAX_BFLOAT16_DIFFERENCE if fast else MAX_FLOAT32_DIFFERENCE,
    )
    computed = dict(windows, mos=labels)
    given = dict(computed, ssl_feats=feats)
    for title, batch in (
        ("SSL features computed", computed),
        ("SSL features given", given),
    ):
        steps = {
            name: training_step(
                variant,
                lambda v=variant, b=batch: v(**b)["loss"],
                args.device,
                fast and variant is not plain,
            )
            for name, variant in models.items()
        }
        rows = compare(steps, args.repetitions, args.device)
        report.comparison(title, rows, args.batch_size)
        if fast:
            report_targets(report, title, rows)


if __name__ == "__main__":
    main()
