"""Time and size of the file formats in which SSL features could be kept.

    python -m benchmarks.ssl_feats_formats [--num_clips 64] [--dir DIR]

Features are made up, of the shape of XLS-R 2B's for 10 s: normally distributed, with a
standard deviation for each dimension between 0.01 and 10 (log-uniform). Each format is
read as ESPnet's dataset reads it, in random order and into float32: first with its
files put out of the page cache ("cold"), then again ("warm"). Of several repetitions
the fastest counts. Prints Markdown.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable, Dict, Iterator, Mapping, NamedTuple, Optional, Sequence

import kaldiio
import numpy as np
import torch
from espnet2.fileio.npy_scp import NpyScpReader, NpyScpWriter
from espnet2.train.dataset import H5FileWrapper, kaldi_loader

from benchmarks.harness import heading
from espnet_samos.train.ssl_feats import SHARD_SIZE, Shard, SslFeatsReader

try:
    import h5py
except ImportError:
    h5py = None

Feats = Dict[str, np.ndarray]


def make_feats(num_clips: int, num_frames: int, dim: int) -> Feats:
    """Make features (NFrames, Dim), float32, of each clip."""
    rng = np.random.default_rng(0)
    std = np.exp(rng.uniform(np.log(0.01), np.log(10), dim)).astype(np.float32)
    shape = (num_frames, dim)
    return {
        f"utt{i}": std * rng.standard_normal(shape, dtype=np.float32)
        for i in range(num_clips)
    }


def write_npy(dtype: type) -> Callable[[Feats, Path], None]:
    """Return a function that writes a file for each clip."""

    def write(feats: Feats, folder: Path) -> None:
        with NpyScpWriter(folder / "data", folder / "feats.scp") as writer:
            for utt, clip in feats.items():
                writer[utt] = clip.astype(dtype)

    return write


def write_ark(dtype: type, **options) -> Callable[[Feats, Path], None]:
    """Return a function that writes arks of as many clips as a shard of ours has."""

    def write(feats: Feats, folder: Path) -> None:
        for i, (utt, clip) in enumerate(feats.items()):
            kaldiio.save_ark(
                str(folder / f"feats.{i // SHARD_SIZE}.ark"),
                {utt: clip.astype(dtype)},
                scp=str(folder / "feats.scp"),
                append=True,
                **options,
            )

    return write


def write_shards(feats: Feats, folder: Path) -> None:
    """Write them as stage 3 does."""
    utts = list(feats)
    lines = ""
    for i in range(0, len(utts), SHARD_SIZE):
        mine = utts[i : i + SHARD_SIZE]
        shard = Shard(folder / f"ssl_feats.{i}.ark", folder, mine, "made up")
        halves = ((utt, torch.from_numpy(feats[utt]).half().numpy()) for utt in mine)
        shard.write(halves, dict())
        lines += shard.scp.read_text(encoding="utf-8")
    (folder / "feats.scp").write_text(lines, encoding="utf-8")


def write_hdf5(feats: Feats, folder: Path) -> None:
    """Write a dataset for each clip."""
    with h5py.File(folder / "feats.scp", "w") as f:
        for utt, clip in feats.items():
            f[utt] = clip.astype(np.float16)


class Format(NamedTuple):
    """A way to keep features on disk."""

    write: Callable[[Feats, Path], None]
    read: Callable[[str], Mapping[str, np.ndarray]]


F32, F16 = np.float32, np.float16
FORMATS = {
    "npy, float32 (ESPnet's collected features)": Format(write_npy(F32), NpyScpReader),
    "npy, float16": Format(write_npy(F16), NpyScpReader),
    "ark, float32": Format(write_ark(F32), kaldi_loader),
    "ark, 16 bits a value (CM2)": Format(
        write_ark(F32, compression_method=3), kaldi_loader
    ),
    "ark, 8 bits a value (CM)": Format(
        write_ark(F32, compression_method=2), kaldi_loader
    ),
    "ark, float16": Format(write_ark(F16, write_function="numpy"), kaldiio.load_scp),
    "ark, float16 in shards (ours)": Format(write_shards, SslFeatsReader),
    "HDF5, float16": Format(write_hdf5, H5FileWrapper),
}


def files_in(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def call_on_files(folder: Path, function: Callable[[int], None]) -> None:
    for path in files_in(folder):
        descriptor = os.open(path, os.O_RDWR)
        function(descriptor)
        os.close(descriptor)


def forget(descriptor: int) -> None:
    """Put a file that is on disk out of the page cache."""
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


class Row(NamedTuple):
    """What a format takes."""

    size: float  # MB a clip
    write: float  # seconds a clip, as are the next two
    cold: float
    warm: float
    error: float  # the largest, in standard deviations of the dimension


def measure(form: Format, feats: Feats, folder: Path) -> Row:
    """Write and read all clips once."""
    start = time.perf_counter()
    form.write(feats, folder)
    call_on_files(folder, os.fsync)
    times = [time.perf_counter() - start]
    size = sum(path.stat().st_size for path in files_in(folder))
    order = np.random.default_rng(1).permutation(list(feats))
    call_on_files(folder, forget)
    for _ in ("cold", "warm"):
        start = time.perf_counter()
        reader = form.read(str(folder / "feats.scp"))
        for utt in order:
            reader[utt].astype(np.float32)
        times.append(time.perf_counter() - start)
    std = np.std(np.concatenate(list(feats.values())[:8]), axis=0)
    error = max(np.abs((reader[utt] - feats[utt]) / std).max() for utt in order[:8])
    return Row(size / len(feats) / 1e6, *(t / len(feats) for t in times), error)


def main(cmd: Optional[Sequence[str]] = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--num_clips", type=int, default=64)
    parser.add_argument("--num_frames", type=int, default=499)
    parser.add_argument("--dim", type=int, default=1920)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--dir", help="on the disk to measure (default: /tmp)")
    args = parser.parse_args(cmd)
    feats = make_feats(args.num_clips, args.num_frames, args.dim)
    print(heading("Formats of SSL features", "ssl_feats_formats", arguments=cmd))
    print(f"{args.num_clips} clips of {args.num_frames} × {args.dim}.\n")
    print(
        "| | MB a clip | write, clips/s | read cold, clips/s | read warm, clips/s | "
        "largest error |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    rows = {name: [] for name in FORMATS}
    if h5py is None:
        print("HDF5 is left out: pip install h5py", file=sys.stderr)
        rows.pop("HDF5, float16")
    # All formats in turn, so that other work on the machine hits all of them.
    for _ in range(args.repeats):
        for name in rows:
            with tempfile.TemporaryDirectory(dir=args.dir) as folder:
                rows[name].append(measure(FORMATS[name], feats, Path(folder)))
    for name, repeats in rows.items():
        size, write, cold, warm, error = np.min(repeats, axis=0)
        print(
            f"| {name} | {size:.2f} | {1 / write:.0f} | {1 / cold:.0f} | "
            f"{1 / warm:.0f} | {error:.2g} |"
        )


if __name__ == "__main__":
    main()
