"""Run the benchmarks, and append what they print to docs/performance.md.

    python -m benchmarks.everything

On the CPU always; where PyTorch finds a GPU, those that can use it once more on that,
at the sizes of the paper.
"""

import argparse
import shlex
import subprocess
import sys
from pathlib import Path

import torch

DOCUMENT = Path(__file__).parents[1] / "docs" / "performance.md"
ON_CPU = (
    "start_up",
    "audio_path",
    "spectrogram_branch",
    "ssl_features",
    "training_step",
    "ssl_feats_formats",
    "training_memory --steps 30",
    "score_files",
)
ON_GPU = (
    "spectrogram_branch --device cuda --batch_size 64",
    "ssl_features --device cuda --clips 64",
    "training_step --device cuda --batch_size 64",
    "ssl_memory --device cuda --clips 1000 --batch_size 64",
)


def main() -> None:
    """Run them one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", help="names of benchmarks")
    parser.add_argument(
        "--output", type=Path, default=DOCUMENT, help="what to append to"
    )
    args = parser.parse_args()
    names = (*ON_CPU, *(ON_GPU if torch.cuda.is_available() else ()))
    failed = []
    for number, name in enumerate(names, 1):
        if args.only and name.split()[0] not in args.only:
            continue
        print(f"[{number}/{len(names)}] {name}", file=sys.stderr, flush=True)
        run = subprocess.run(
            [sys.executable, "-m", *shlex.split(f"benchmarks.{name}")],
            stdout=subprocess.PIPE,
            text=True,
        )
        print(run.stdout, flush=True)
        if run.returncode != 0:
            failed.append(name)
            continue
        # at once: what was measured is kept, whatever comes after it
        with args.output.open("a", encoding="utf-8") as f:
            f.write(f"\n{run.stdout.rstrip()}\n")
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
