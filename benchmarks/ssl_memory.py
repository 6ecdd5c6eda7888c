"""Measure time and memory of training and scoring on top of an SSL model.

It makes a checkpoint of the shape of XLS-R 2B with random weights, 8.6 GB on disk,
and then, in a process of its own, builds the published model on top of it, trains
and scores:

    python -m benchmarks.ssl_memory
    python -m benchmarks.ssl_memory --device cuda --clips 1000 --batch_size 64
"""

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import torch
import yaml
from espnet2.torch_utils.device_funcs import to_device

from benchmarks.checkpoint import SHAPES, random_checkpoint
from benchmarks.harness import heading
from espnet_samos.config import merge_files
from espnet_samos.tasks.mos import MosTask

PAPER = Path(__file__).parents[1] / "conf" / "paper"
CONFIGS = [str(PAPER / f"{name}.yaml") for name in ("model", "train", "pretrain")]
SECONDS = 10
FS = 48000


class Row(NamedTuple):
    """What one part of the work took."""

    part: str
    seconds: float
    resident: float  # peak of the process so far, in GB
    gpu: float  # peak of the part, in GB


def peak_resident() -> float:
    """Give the peak of this process's resident memory in GB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024 / 1e9
    raise OSError("/proc/self/status has no VmHWM: this needs Linux")


class Clips(torch.utils.data.Dataset):
    """Clips of noise, 10 s at 48 kHz, on their way to the model."""

    def __init__(self, preprocess, num_clips: int):
        self.preprocess = preprocess
        self.num_clips = num_clips

    def __len__(self) -> int:
        return self.num_clips

    def __getitem__(self, index: int) -> tuple:
        rng = np.random.default_rng(index)
        data = dict(
            speech=0.1 * rng.standard_normal(SECONDS * FS, dtype=np.float32),
            fs=np.array([FS]),
            mos=rng.uniform(1, 5, 1).astype(np.float32),
        )
        return str(index), self.preprocess(str(index), data)


def measure(
    checkpoint: str, config: str, options: argparse.Namespace
) -> Tuple[str, List[Row]]:
    """Build, train and score; say what was built, and what each took."""
    on_gpu = options.device.startswith("cuda")
    rows = []

    def timed(part, work):
        if on_gpu:
            torch.cuda.reset_peak_memory_stats()
        start = time.perf_counter()
        result = work()
        if on_gpu:
            torch.cuda.synchronize()
        gpu = torch.cuda.max_memory_allocated() / 1e9 if on_gpu else 0.0
        seconds = time.perf_counter() - start
        rows.append(Row(part, seconds, peak_resident(), gpu))
        return result

    merged = merge_files(CONFIGS)
    merged["ssl_frontend_conf"]["frontend_conf"] = dict(
        upstream="wav2vec2_local", path_or_url=checkpoint
    )
    Path(config).write_text(yaml.safe_dump(merged), encoding="utf-8")
    args = MosTask.get_parser().parse_args(
        ["--config", config, "--output_dir", str(Path(config).parent)]
    )
    imports = peak_resident()
    model = timed("build", lambda: MosTask.build_model(args).to(options.device))
    upstream = model.ssl_frontend.upstream.module
    built = (
        f"{upstream.layer} of {upstream.last} layers built, "
        f"{sum(p.numel() for p in upstream.parameters()):,} parameters; "
        f"{imports:.2f} GB resident before that, for the imports"
    )
    (optimizer,) = MosTask.build_optimizers(args, model)
    loader = torch.utils.data.DataLoader(
        Clips(MosTask.build_preprocess_fn(args, train=True), options.clips),
        options.batch_size,
        collate_fn=MosTask.build_collate_fn(args, train=True),
        num_workers=args.num_workers if on_gpu else 0,
    )

    def train():
        model.train()
        for _, batch in loader:
            optimizer.zero_grad()
            model(**to_device(batch, options.device))["loss"].backward()
            optimizer.step()

    @torch.no_grad()
    def score():
        model.eval()
        _, batch = loader.collate_fn([loader.dataset[0]])
        return model.predict(**to_device(batch, options.device))

    timed(
        f"train {len(loader)} step(s), {options.clips} clips of {SECONDS} s",
        train,
    )
    timed("score 1 clip", score)
    return built, rows


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--size", choices=list(SHAPES), default="2b", help="Shape of the SSL model"
    )
    parser.add_argument(
        "--dir",
        default=None,
        help="Where to keep the checkpoint, or to find it (default: nowhere)",
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    parser.add_argument("--clips", type=int, default=2, help="Clips to train on")
    parser.add_argument("--batch_size", type=int, default=2)
    return parser


def main(cmd: Optional[Sequence[str]] = None) -> None:
    cmd = sys.argv[1:] if cmd is None else cmd
    options = get_parser().parse_args(cmd)
    with random_checkpoint(options.size, options.dir) as (checkpoint, folder):
        # A process of its own, so that its peak is that of the work alone.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            built, rows = pool.submit(
                measure, str(checkpoint), str(Path(folder, "config.yaml")), options
            ).result()
        size = checkpoint.stat().st_size / 1e9
    print(heading("An SSL model's memory", "ssl_memory", options.device, cmd))
    print(f"Checkpoint of {size:.3g} GB, {built}.\n")
    on_gpu = options.device.startswith("cuda")
    print("| | seconds | peak resident memory, GB |" + " GPU, GB |" * on_gpu)
    print("| --- | --- | --- |" + " --- |" * on_gpu)
    for row in rows:
        print(
            f"| {row.part} | {row.seconds:.1f} | {row.resident:.2f} |"
            + f" {row.gpu:.2f} |" * on_gpu
        )


if __name__ == "__main__":
    main()
