"""The packaged model and predictors of others: start, speed and memory, in one run.

    python -m benchmarks.predictors [--minutes 10] [--threads 2]

Each has processes of its own: one that starts and scores a clip of 3 s, and one that
scores many clips of 10 s at 48 kHz. Others are what `samos evaluate` has, from PyPI.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import List

import numpy as np
import soundfile

from benchmarks.predictor_worker import OURS
from benchmarks.process import Used, run
from benchmarks.report import Report, add_arguments
from benchmarks.score_files import speechlike
from espnet_samos.peers import choose_peers

FS = 48000
CLIP_SECONDS = 10
STARTS = 3


def score(name: str, files: List[str], threads: int) -> Used:
    """Score files in a process of its own; it prints its seconds without the start."""
    used = run(
        [sys.executable, "-m", "benchmarks.predictor_worker", name, *files],
        env={**os.environ, "OMP_NUM_THREADS": str(threads)},
    )
    if used.status:
        raise SystemExit(f"{name} failed")
    return used


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_arguments(parser)
    parser.add_argument("--minutes", type=float, default=10, help="of sound")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    args = parser.parse_args()
    report = Report("Predictors side by side", "predictors", args)
    peers, left_out = choose_peers()
    for reason in left_out:
        print(f"left out: {reason}")
    print(f"{args.minutes:g} minutes in clips of 10 s, {args.threads} threads\n")
    print(
        "| | start and 3 s | seconds per hour of sound | times real time | CPU "
        "seconds per hour | peak memory, MB |\n"
        "| --- | ---: | ---: | ---: | ---: | ---: |"
    )
    with tempfile.TemporaryDirectory() as directory:
        short = Path(directory) / "short.wav"
        write(short, 3)
        number = round(60 * args.minutes / CLIP_SECONDS)
        files = [Path(directory) / f"{i}.wav" for i in range(number)]
        for seed, file in enumerate(files):
            write(file, CLIP_SECONDS, seed)
        speeds = {}
        for name in (OURS, *peers):
            starts = [score(name, [str(short)], args.threads) for _ in range(STARTS)]
            start = min(starts, key=lambda used: used.seconds)
            many = score(name, list(map(str, files)), args.threads)
            per_hour = float(many.lines[-1]) * 60 / args.minutes
            cpu = (many.cpu_seconds - start.cpu_seconds) * 60 / args.minutes
            speeds[name] = 3600 / per_hour
            print(
                f"| {name} | {start.seconds:.2f} s | {per_hour:.0f} | "
                f"{speeds[name]:.0f} | {cpu:.0f} | {many.memory:.0f} |",
                flush=True,
            )
            if name == OURS:
                ours = start
    print()
    report.finding("start and a clip of 3 s", ours.seconds, "s", at_most=0.6)
    report.finding("its memory", ours.memory, "MB", at_most=200)
    report.finding("speed", speeds[OURS], "times real time", at_least=60)


def write(path: Path, seconds: float, seed: int = 0) -> None:
    """Write a clip of noise with syllables."""
    samples = speechlike(np.random.default_rng(seed), seconds, FS)
    soundfile.write(path, samples, FS)


if __name__ == "__main__":
    main()
