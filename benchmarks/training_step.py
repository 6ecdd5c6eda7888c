"""Measure a whole training step at paper sizes: plain modules against ours.

    python -m benchmarks.training_step
    python -m benchmarks.training_step --device cuda --batch_size 64

From windows to updated weights, with the SSL model (nine layers of XLS-R 2B's shape,
random weights) running frozen. Plain modules compute in float32, and the spectrogram
branch layer by layer in PyTorch's default memory format. Ours is the model as it is; on
a GPU it is trained in bfloat16 (`--use_amp true`) with a fused optimiser
(`optim_conf.fused: true`).
"""

import argparse
import copy
from typing import Dict

import torch
import yaml

from benchmarks.checkpoint import SHAPES, random_checkpoint
from benchmarks.harness import (
    autocast,
    check_same,
    compare,
    heading,
    table,
    training_step,
)
from benchmarks.plain import PlainEncoder
from benchmarks.ssl_memory import CONFIGS
from espnet_samos.config import merge_files
from espnet_samos.tasks.mos import MosTask

SECONDS = 10


def make_batch(batch_size: int, device: str) -> Dict[str, torch.Tensor]:
    """Make windows of noise with labels."""
    generator = torch.Generator().manual_seed(0)
    batch = {}
    for name, fs in (("speech_16k", 16000), ("speech_48k", 48000)):
        noise = torch.randn(batch_size, SECONDS * fs, generator=generator)
        batch[name] = (0.1 * noise).to(device)
        batch[f"{name}_lengths"] = torch.full((batch_size,), SECONDS * fs)
    mos = 1 + 4 * torch.rand(batch_size, 1, generator=generator)
    return dict(batch, mos=mos.to(device))


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch_size", type=int, default=2)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--size", choices=list(SHAPES), default="2b")
    parser.add_argument("--dir", help="where to keep, or to find, the checkpoint")
    args = parser.parse_args()
    with random_checkpoint(args.size, args.dir) as (checkpoint, folder):
        config = merge_files(CONFIGS)
        config["ssl_frontend_conf"]["frontend_conf"] = dict(
            upstream="wav2vec2_local", path_or_url=str(checkpoint)
        )
        file = folder / "train.yaml"
        file.write_text(yaml.safe_dump(config), encoding="utf-8")
        model = MosTask.build_model(
            MosTask.get_parser().parse_args(
                ["--config", str(file), "--output_dir", str(folder)]
            )
        ).to(args.device)
    fast = args.device.startswith("cuda")
    batch = make_batch(args.batch_size, args.device)

    frontend = model.ssl_frontend  # frozen: both have the same
    model.ssl_frontend = None
    plain = copy.deepcopy(model)
    plain.ssl_frontend = model.ssl_frontend = frontend
    plain.spectrogram_encoder = PlainEncoder(plain.spectrogram_encoder)
    with torch.no_grad():
        expected, _ = plain.eval().predict(**batch)
        with autocast(args.device, fast):
            actual, _ = model.eval().predict(**batch)
    for clip in range(args.batch_size):
        tolerance = 0.01 if fast else 1e-5
        check_same("ours", expected[clip].item(), actual[clip].item(), tolerance)
    rows = compare(
        {
            "plain modules, float32": training_step(
                plain, lambda: plain(**batch)["loss"], args.device, False
            ),
            "ours": training_step(
                model, lambda: model(**batch)["loss"], args.device, fast
            ),
        },
        args.repetitions,
        args.device,
    )
    print(heading("Training step, paper sizes", "training_step", args.device))
    print(table(rows, args.batch_size))


if __name__ == "__main__":
    main()
