"""Measure the spectrogram branch at paper sizes: plain modules against ours.

    python -m benchmarks.spectrogram_branch
    python -m benchmarks.spectrogram_branch --device cuda --batch_size 64

Plain modules are the published layers in float32, one after the other, in PyTorch's
default memory format. Ours is what `Conv2dEncoder` makes of the same layers; on a GPU,
training in bfloat16 and with a fused optimiser. A training step is forward, backward
and Adam.
"""

import argparse
import copy

import torch

from benchmarks.harness import (
    check_same,
    compare,
    heading,
    profiled,
    table,
    training_step,
)
from benchmarks.plain import PlainEncoder
from espnet_samos.frontend.log_spectrogram import LogSpectrogramFrontend
from espnet_samos.mos.abs_clip_encoder import AbsClipEncoder
from espnet_samos.mos.conv2d_encoder import Conv2dEncoder

NUM_SAMPLES = 480000
MOS = 3.0


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
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch_size", type=int, default=4)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument(
        "--profile", action="store_true", help="Say where the time of ours goes"
    )
    args = parser.parse_args()
    on_gpu = args.device.startswith("cuda")

    torch.manual_seed(0)
    waveforms = 0.1 * torch.randn(args.batch_size, NUM_SAMPLES, device=args.device)
    lengths = torch.full((args.batch_size,), NUM_SAMPLES)
    frontend = LogSpectrogramFrontend()
    feats, _ = frontend(waveforms, lengths)
    encoder = make_encoder().to(args.device)
    branches = {
        "plain modules": Branch(PlainEncoder(encoder)),
        "ours": Branch(encoder),
    }
    with torch.no_grad():
        for branch in branches.values():
            branch.to(args.device).eval()
        expected, actual = (branch(feats).tolist() for branch in branches.values())
        for scores in zip(expected, actual, strict=True):
            check_same("ours", *scores, 1e-5)
        inference = {
            name: lambda branch=branch: branch(feats)
            for name, branch in branches.items()
        }
        print(
            heading("Spectrogram branch, inference", "spectrogram_branch", args.device)
        )
        print(
            table(compare(inference, args.repetitions, args.device), args.batch_size),
            flush=True,
        )
        if args.profile:
            print(profiled(inference["ours"]))

    steps = {}
    for name, plain, checkpointing, compiled in (
        ("plain modules", True, False, False),
        ("ours", False, False, False),
        ("ours, gradient checkpointing", False, True, False),
        ("ours, torch.compile", False, False, True),
    ):
        if compiled and not on_gpu:
            continue
        mine = copy.deepcopy(encoder)
        mine.gradient_checkpointing = checkpointing
        branch = Branch(PlainEncoder(mine) if plain else mine).to(args.device)
        if compiled:
            branch.compile()
        steps[name] = training_step(
            branch,
            lambda b=branch: (b(feats).float() - MOS).square().mean(),
            args.device,
            fast=not plain,
        )
    print(heading("Spectrogram branch, training", "spectrogram_branch", args.device))
    print(table(compare(steps, args.repetitions, args.device), args.batch_size))


if __name__ == "__main__":
    main()
