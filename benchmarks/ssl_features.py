"""Measure the SSL features of clips of 10 s: the straightforward way against ours.

    python -m benchmarks.ssl_features
    python -m benchmarks.ssl_features --device cuda --clips 64 --batch_sizes 16 32 64

The straightforward way is the published one: every layer of XLS-R 2B in float32, a
clip at a time, of which the ninth is kept. Ours builds and runs nine layers and takes
several clips at once; in bfloat16 where the hardware has it.

The weights are random (`benchmarks.checkpoint`), so that a score means nothing; what is
compared is features.
"""

import argparse
import contextlib
import time
from pathlib import Path
from typing import Callable, Iterator, List

import torch
from s3prl import hub

from benchmarks.checkpoint import SHAPES, random_checkpoint
from benchmarks.harness import (
    Figures,
    compare,
    give_back,
    noise,
    peak_memory,
    profiled,
    resident,
)
from benchmarks.report import Report, add_arguments
from espnet_samos.frontend.ssl_layer import SSL_RATE, SslLayerFrontend

SECONDS = 10
LAYER = 9
CPU_FLAGS = ("avx512_bf16", "amx_bf16")
MAX_DIFFERENCE = 1e-5
MIN_SPEED_UP = 40
MIN_SHARE = 50
PRODUCT_SIZE = 8192  # of the matrices whose product is taken for the peak


def has_bfloat16(device: str) -> bool:
    """Return whether the hardware computes in bfloat16, rather than imitate it."""
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


def bfloat16_peak(device: str) -> float:
    """Measure a GPU's operations a second in large matrix products in bfloat16."""
    shape = (PRODUCT_SIZE, PRODUCT_SIZE)
    left, right = torch.randn(2, *shape, device=device, dtype=torch.bfloat16)
    repetitions = 20
    for _ in range(2):  # the first does not count
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(repetitions):
            left @ right
        torch.cuda.synchronize()
        seconds = (time.perf_counter() - start) / repetitions
    return 2 * PRODUCT_SIZE**3 / seconds


@contextlib.contextmanager
def tf32() -> Iterator[None]:
    """Allow TF32 in matrix products too, as convolutions have it by default."""
    before = torch.backends.cuda.matmul.fp32_precision
    torch.backends.cuda.matmul.fp32_precision = "tf32"
    try:
        yield
    finally:
        torch.backends.cuda.matmul.fp32_precision = before


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_arguments(parser)
    parser.add_argument("--clips", type=int, default=1)
    parser.add_argument(
        "--batch_sizes",
        type=int,
        nargs="+",
        help="clips that ours takes at once (default: all)",
    )
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--size", choices=list(SHAPES), default="2b")
    parser.add_argument(
        "--compile", action="store_true", help="Run with torch.compile as well"
    )
    parser.add_argument(
        "--profile", action="store_true", help="Show where the time of ours goes"
    )
    parser.add_argument("--dir", help="where to keep, or to find, the checkpoint")
    args = parser.parse_args()
    with random_checkpoint(args.size, args.dir) as checkpoint:
        run(args, checkpoint)


@torch.no_grad()
def run(args: argparse.Namespace, checkpoint: Path) -> None:
    """Compare on a checkpoint."""
    on_gpu = args.device.startswith("cuda")
    device_type = args.device.split(":")[0]
    sizes = args.batch_sizes or [args.clips]
    report = Report("SSL features of 10 s clips", "ssl_features", args)
    give_back()
    imports = resident()
    with peak_memory("cpu") as peak:
        ours = SslLayerFrontend(
            frontend_conf=dict(upstream="wav2vec2_local", path_or_url=str(checkpoint)),
            layer=LAYER,
        )
    ours.to(args.device).eval()
    if not on_gpu:
        give_back()
        report.finding("the nine layers, memory once built", resident() - imports, "GB")
        report.finding("at most while they are built", peak[0], "GB")
    everything = hub.wav2vec2_local(ckpt=str(checkpoint)).to(args.device).eval()

    clips = noise(args.clips, SECONDS * SSL_RATE).to(args.device)

    def straightforward() -> None:
        for clip in clips:
            everything([clip])["hidden_states"][LAYER]

    def extract(batch: torch.Tensor, bfloat16: bool = False) -> torch.Tensor:
        lengths = torch.full((len(batch),), batch.shape[1])
        with torch.autocast(device_type, torch.bfloat16, enabled=bfloat16):
            return ours(batch, lengths)[0]

    def in_batches(size: int, bfloat16: bool = False) -> Callable[[], None]:
        def work() -> None:
            for batch in clips.split(size):
                extract(batch, bfloat16)

        return work

    def in_tf32() -> None:
        with tf32():
            in_batches(sizes[-1])()

    expected = everything([clips[0]])["hidden_states"][LAYER]
    actual = extract(clips[:1])
    num_frames = actual.shape[1]
    expected = expected[:, :num_frames]

    def difference(actual: torch.Tensor) -> float:
        return ((actual - expected).abs().max() / expected.abs().max()).item()

    what = "largest difference from the complete model, relative"
    report.finding(what, difference(actual), at_most=MAX_DIFFERENCE)
    if not report.findings[-1].met:
        raise SystemExit("not the features of the complete model")

    variants = {"all 48 layers, a clip at a time": straightforward}
    for size in sizes:
        variants[f"ours, float32, batches of {size}"] = in_batches(size)
    if on_gpu:
        variants[f"ours, TF32, batches of {sizes[-1]}"] = in_tf32
    if has_bfloat16(args.device):
        report.finding("the same in bfloat16", difference(extract(clips[:1], True)))
        for size in sizes:
            variants[f"ours, bfloat16, batches of {size}"] = in_batches(size, True)
    else:
        print("bfloat16 is left out: this processor has no instructions for it.")
    rows = compare(variants, args.repetitions, args.device)
    if args.compile:
        # last: it changes the model
        ours.upstream.module.compile()
        name, work = list(variants.items())[-1]
        rows += compare({f"{name}, compiled": work}, args.repetitions, args.device)
    report.comparison("Features", rows, args.clips)
    report_targets(args, report, rows, num_frames)
    if args.profile:
        work = in_batches(sizes[-1], bfloat16=on_gpu)
        print(f"\n{profiled(work, args.device)}")


def report_targets(
    args: argparse.Namespace, report: Report, rows: List[Figures], frames: int
) -> None:
    """Compare the fastest row to the first; the targets are those of a GPU."""
    on_gpu = args.device.startswith("cuda")
    seconds = min(row.seconds for row in rows)
    report.finding(
        "speed of the straightforward way",
        rows[0].seconds / seconds,
        "times",
        **(dict(at_least=MIN_SPEED_UP) if on_gpu else {}),
    )
    shape = SHAPES[args.size]
    rate = operations(shape["width"], shape["feed_forward"], frames)
    rate *= args.clips / seconds
    report.finding("matrix products of the layers alone", rate / 1e12, "TFLOP/s")
    if on_gpu:
        peak = bfloat16_peak(args.device)
        report.finding("measured peak in bfloat16", peak / 1e12, "TFLOP/s")
        report.finding("share of it", 100 * rate / peak, "%", at_least=MIN_SHARE)


if __name__ == "__main__":
    main()
