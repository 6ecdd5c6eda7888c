"""Measure the SSL features of clips of 10 s: the straightforward way against ours.

    python -m benchmarks.ssl_features
    python -m benchmarks.ssl_features --device cuda --clips 64

The straightforward way is the published one: a file at 22.05 kHz and 16 bit for each
clip that is read and resampled to 16 kHz, then every layer of XLS-R 2B in float32, a
clip at a time, of which the ninth is kept. Ours takes the clips as they are, builds and
runs nine layers, and takes all clips at once; in bfloat16 where the hardware has it.

The weights are random (`benchmarks.ssl_memory` makes the checkpoint, 8.7 GB), so that a
score means nothing; what is compared is features.
"""

import argparse
from pathlib import Path
from typing import List

import numpy as np
import soundfile
import soxr
import torch
from s3prl import hub

from benchmarks.checkpoint import SHAPES, random_checkpoint
from benchmarks.harness import (
    compare,
    give_back,
    heading,
    peak_memory,
    profiled,
    resident,
    table,
)
from espnet_samos.frontend.ssl_layer import SSL_RATE, SslLayerFrontend

SECONDS = 10
FS = 48000
FILE_RATE = 22050
LAYER = 9
CPU_FLAGS = ("avx512_bf16", "amx_bf16")
H100_BFLOAT16_PEAK = 989e12  # operations a second, dense, of the SXM board


def has_bfloat16(device: str) -> bool:
    """Tell whether the hardware computes in bfloat16, rather than imitate it."""
    if device.startswith("cuda"):
        return torch.cuda.is_bf16_supported(including_emulation=False)
    cpuinfo = Path("/proc/cpuinfo")
    return cpuinfo.is_file() and any(
        flag in cpuinfo.read_text().split() for flag in CPU_FLAGS
    )


def operations(width: int, feed_forward: int, frames: int) -> float:
    """Count the operations of the nine layers' matrix products for a clip."""
    projections = 4 * width**2 + 2 * width * feed_forward
    attention = 2 * frames * width
    return 2.0 * frames * LAYER * (projections + attention)


def make_clips(num_clips: int) -> List[np.ndarray]:
    """Make noise with syllables, each (10 · 48000,)."""
    rng = np.random.default_rng(0)
    syllables = np.sin(np.pi * 4 * np.arange(SECONDS * FS) / FS) ** 2
    return [
        (0.1 * syllables * rng.standard_normal(SECONDS * FS)).astype(np.float32)
        for _ in range(num_clips)
    ]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--clips", type=int, default=1)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--size", choices=list(SHAPES), default="2b")
    parser.add_argument(
        "--profile", action="store_true", help="Say where the time of ours goes"
    )
    parser.add_argument("--dir", help="where to keep, or to find, the checkpoint")
    args = parser.parse_args()
    with random_checkpoint(args.size, args.dir) as (checkpoint, folder):
        run(args, checkpoint, folder)


@torch.no_grad()
def run(args: argparse.Namespace, checkpoint: Path, folder: Path) -> None:
    """Compare on a checkpoint; `folder` gets the clips."""
    clips = make_clips(args.clips)
    paths = [folder / f"{i}.wav" for i in range(args.clips)]
    for path, clip in zip(paths, clips, strict=True):
        low = soxr.resample(clip, FS, FILE_RATE)
        soundfile.write(path, low, FILE_RATE, subtype="PCM_16")

    give_back()
    imports = resident()
    with peak_memory("cpu") as peak:
        ours = SslLayerFrontend(
            frontend_conf=dict(upstream="wav2vec2_local", path_or_url=str(checkpoint)),
            layer=LAYER,
        )
    ours.to(args.device).eval()
    give_back()
    built = resident() - imports
    everything = hub.wav2vec2_local(ckpt=str(checkpoint)).to(args.device).eval()

    def waveforms() -> torch.Tensor:
        at_16k = [soxr.resample(clip, FS, SSL_RATE) for clip in clips]
        return torch.from_numpy(np.stack(at_16k)).to(args.device)

    lengths = torch.full((args.clips,), SECONDS * SSL_RATE)

    def straightforward() -> List[torch.Tensor]:
        feats = []
        for path in paths:
            samples, fs = soundfile.read(path, dtype="float32")
            samples = torch.from_numpy(soxr.resample(samples, fs, SSL_RATE))
            states = everything([samples.to(args.device)])["hidden_states"]
            feats.append(states[LAYER])
        return feats

    def in_float32() -> torch.Tensor:
        return ours(waveforms(), lengths)[0]

    def in_bfloat16() -> torch.Tensor:
        with torch.autocast(args.device.split(":")[0], torch.bfloat16):
            return ours(waveforms(), lengths)[0]

    # The two hear other samples, by way of the file; on the same ones they agree.
    samples = waveforms()[:1]
    expected = everything(list(samples))["hidden_states"][LAYER]
    actual, _ = ours(samples, lengths[:1])
    difference = (actual - expected[:, : actual.shape[1]]).abs().max().item()
    scale = expected.abs().max().item()
    if not difference <= 1e-5 * scale:
        raise SystemExit(f"features differ by {difference:g} of {scale:g}")

    variants = {
        "all 48 layers, a clip at a time": straightforward,
        "ours, float32": in_float32,
    }
    if has_bfloat16(args.device):
        variants["ours, bfloat16"] = in_bfloat16
    rows = compare(variants, args.repetitions, args.device)
    print(heading("SSL features of 10 s clips", "ssl_features", args.device))
    print(table(rows, args.clips))
    print(
        f"The nine layers: {built:.2f} GB once built, {peak[0]:.2f} GB at most while "
        f"they are, and {rows[1].memory:.2f} GB more while they run. Largest "
        f"difference from the complete model's features: {difference / scale:.1g} of "
        "the largest."
    )
    shape = SHAPES[args.size]
    frames = actual.shape[1]
    rate = operations(shape["width"], shape["feed_forward"], frames) * args.clips
    fastest = rows[-1]
    trillions = rate / fastest.seconds / 1e12
    print(
        f"The matrix products of the layers alone make {trillions:.3g} · 10¹² "
        "operations a second in the last row."
    )
    if args.device.startswith("cuda") and "H100" in torch.cuda.get_device_name():
        share = rate / fastest.seconds / H100_BFLOAT16_PEAK
        print(f"That is {100 * share:.0f} % of the chip's peak in bfloat16.")
    if args.profile:
        print(f"\n{profiled(in_float32)}")
    if not has_bfloat16(args.device):
        print("bfloat16 is left out: this processor has no instructions for it.")


if __name__ == "__main__":
    main()
