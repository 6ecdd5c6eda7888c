"""Time and memory of `samos score` on many files, and of `samos track` on a long one.

    python -m benchmarks.score_files [--num_files 1000] [--hours 1]
    python -m benchmarks.score_files --num_files 100000 --max_seconds 1 --hours 0
    python -m benchmarks.score_files --device cuda --num_files 200 --hours 0

Files are made for it: noise with syllables at 16, 24, 44.1 and 48 kHz, 0.3 to 60 s
(log-uniform), 2 % of them broken. The same is done with a tenth of the files and of the
length, so that it shows whether memory grows. Prints Markdown.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.process import run
from benchmarks.report import Report, add_arguments

RATES = (16000, 24000, 44100, 48000)
BROKEN = 0.02


def speechlike(rng: np.random.Generator, seconds: float, fs: int) -> np.ndarray:
    """Make noise with syllables; (NSamples,)."""
    num_samples = round(seconds * fs)
    syllables = np.sin(np.pi * 4 * np.arange(num_samples) / fs) ** 2
    return (0.1 * syllables * rng.standard_normal(num_samples)).clip(-1, 1)


def make_files(folder: Path, num_files: int, max_seconds: float) -> float:
    """Make the mixed files; return how many seconds they have."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    total = 0.0
    for i in range(num_files):
        seconds = np.exp(rng.uniform(np.log(0.3), np.log(max_seconds)))
        path = folder / f"{i:05d}.wav"
        if rng.random() < BROKEN:
            path.write_bytes(b"RIFF and no more")
            continue
        fs = int(rng.choice(RATES))
        soundfile.write(path, speechlike(rng, seconds, fs), fs, subtype="PCM_16")
        total += seconds
    return total


def make_long(path: Path, seconds: int, fs: int = 48000) -> None:
    """Make a long file, a minute at a time."""
    rng = np.random.default_rng(0)
    with soundfile.SoundFile(path, "w", fs, 1, "PCM_16") as f:
        for start in range(0, seconds, 60):
            f.write(speechlike(rng, min(60, seconds - start), fs))


def samos(*args: str) -> tuple[float, float, int]:
    """Run a command of `samos`; return seconds, peak memory in GB and lines printed."""
    used = run([sys.executable, "-m", "espnet_samos.bin.samos", *args])
    return used.seconds, used.memory / 1000, len(used.lines)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_arguments(parser)
    parser.add_argument("--num_files", type=int, default=1000)
    parser.add_argument("--max_seconds", type=float, default=60, help="of a file")
    parser.add_argument("--hours", type=float, default=1.0, help="0 leaves them out")
    parser.add_argument("--plot", default="track.png", help="plot of the long file")
    args = parser.parse_args()
    report = Report("Many files and long ones", "score_files", args)
    print("| | audio, s | lines | seconds | peak memory, GB |")
    print("| --- | ---: | ---: | ---: | ---: |")
    where = ("--device", args.device)
    times = {}
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        for num_files in (args.num_files // 10, args.num_files):
            folder = root / str(num_files)
            audio = make_files(folder, num_files, args.max_seconds)
            times[num_files], memory, lines = samos(
                "score", *where, "--format", "csv", str(folder)
            )
            if lines != num_files + 1:
                raise SystemExit(f"{lines} lines for {num_files} files: it broke off")
            print(
                f"| `samos score`, {num_files} files | {audio:.0f} | {lines} | "
                f"{times[num_files]:.0f} | {memory:.2f} |",
                flush=True,
            )
        hours = (args.hours / 10, args.hours) if args.hours > 0 else ()
        for length in hours:
            long = root / "long.wav"
            make_long(long, round(3600 * length))
            seconds, memory, lines = samos(
                "track", *where, str(long), "--plot", args.plot
            )
            print(
                f"| `samos track`, {length:g} h | {3600 * length:.0f} | {lines} | "
                f"{seconds:.0f} | {memory:.2f} |",
                flush=True,
            )
    print()
    few, many = times.values()
    report.finding("all files, start included", args.num_files / many, "files/s")
    report.finding("the start and the first tenth", few, "s")
    # the start counts in both, and ten times as much in the first
    report.finding("a file, of many to of a tenth of them", many / few / 10, "times")


if __name__ == "__main__":
    main()
