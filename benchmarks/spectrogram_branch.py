"""Measure the spectrogram branch at paper sizes: plain modules against ours.

    python -m benchmarks.spectrogram_branch
    python -m benchmarks.spectrogram_branch --device cuda --batch_size 64

Plain modules are the published layers in float32, one after the other, in PyTorch's
default memory format. Ours is what `Conv2dEncoder` makes of the same layers; on a GPU,
training in bfloat16, in channels-last format and with a fused optimiser. A training
step is forward, backward and Adam.
"""

import argparse
import copy

import torch

from benchmarks.harness import compare, noise, profiled, training_step
from benchmarks.plain import PlainEncoder
from benchmarks.report import Report, add_arguments
from espnet_samos.frontend.log_spectrogram import LogSpectrogramFrontend
from espnet_samos.mos.abs_clip_encoder import AbsClipEncoder
from espnet_samos.mos.conv2d_encoder import Conv2dEncoder
from espnet_samos.mos.device import full_precision

NUM_SAMPLES = 480000
MOS = 3.0
MAX_DIFFERENCE = 1e-5


class Branch(torch.nn.Module):
    """Encoder and a linear layer that stands for the head."""

    def __init__(self, encoder: AbsClipEncoder):
        super().__init__()
        self.encoder = encoder
        self.head = torch.nn.Linear(encoder.output_size(), 1)
        torch.nn.init.constant_(self.head.weight, 0.05)
        torch.nn.init.constant_(self.head.bias, 0.0)

    def forward(self, feats: torch.Tensor) -> torch.Tensor:
        """(Batch, NFrames, NBins) -> (Batch,)"""
        return self.head(self.encoder(feats)).squeeze(-1)


def make_encoder() -> Conv2dEncoder:
    """Build the published encoder with statistics that do something."""
    torch.manual_seed(0)
    encoder = Conv2dEncoder(161, 3001)
    for module in encoder.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return encoder


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_arguments(parser)
    parser.add_argument("--batch_size", type=int, default=4)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument(
        "--compile", action="store_true", help="Train with torch.compile as well"
    )
    parser.add_argument(
        "--profile", action="store_true", help="Show where the time of ours goes"
    )
    args = parser.parse_args()
    on_gpu = args.device.startswith("cuda")

    waveforms = noise(args.batch_size, NUM_SAMPLES).to(args.device)
    lengths = torch.full((args.batch_size,), NUM_SAMPLES)
    feats, _ = LogSpectrogramFrontend()(waveforms, lengths)
    encoder = make_encoder().to(args.device)
    report = Report("Spectrogram branch", "spectrogram_branch", args)
    with torch.no_grad(), full_precision(args.device.split(":")[0]):
        plain = Branch(PlainEncoder(encoder)).to(args.device).eval()
        ours = Branch(encoder).to(args.device).eval()
        expected, actual = plain(feats), ours(feats)
        exact = copy.deepcopy(plain).double()(feats.double())
        for branch, name in ((expected, "plain modules"), (actual, "ours")):
            error = (branch.double() - exact).abs().max()
            report.finding(f"{name}, largest difference from float64", error)
        report.finding(
            "ours, largest difference from plain modules",
            (expected - actual).abs().max(),
            at_most=MAX_DIFFERENCE,
        )
        inference = {
            "plain modules": lambda: plain(feats),
            "ours": lambda: ours(feats),
        }
        rows = compare(inference, args.repetitions, args.device)
        report.comparison("Inference, float32", rows, args.batch_size)
        if args.profile:
            print(profiled(inference["ours"], args.device))

    steps = {}
    for name, is_plain, fast, checkpointing, compiled in (
        ("plain modules, float32", True, False, False, False),
        ("plain modules, bfloat16", True, True, False, False),
        ("ours", False, True, False, False),
        ("ours, gradient checkpointing", False, True, True, False),
        ("ours, torch.compile", False, True, False, True),
    ):
        if (compiled and not args.compile) or (is_plain and fast and not on_gpu):
            continue
        mine = copy.deepcopy(encoder)
        mine.gradient_checkpointing = checkpointing
        branch = Branch(PlainEncoder(mine) if is_plain else mine).to(args.device)
        if compiled:
            branch.compile()
        steps[name] = training_step(
            branch,
            lambda b=branch: (b(feats).float() - MOS).square().mean(),
            args.device,
            fast=fast,
        )
    rows = compare(steps, args.repetitions, args.device)
    report.comparison("Training step", rows, args.batch_size)
    if args.profile:
        print(profiled(steps["ours"], args.device))


if __name__ == "__main__":
    main()
