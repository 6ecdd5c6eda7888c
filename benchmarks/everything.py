"""Run the benchmarks, and append what they print to docs/performance.md.

    python -m benchmarks.everything

On the CPU; `benchmarks.gpu` is for GPUs.
"""

import argparse
import shlex
import subprocess
import sys
from pathlib import Path

DOCUMENT = Path(__file__).parents[1] / "docs" / "performance.md"
BENCHMARKS = (
    "start_up",
    "audio_path",
    "spectrogram_branch",
    "ssl_features",
    "training_step",
    "ssl_feats_formats",
    "training_memory --steps 30",
    "score_files",
)


def main() -> None:
    """Run them one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", help="names of benchmarks")
    parser.add_argument(
        "--output", type=Path, default=DOCUMENT, help="what to append to"
    )
    args = parser.parse_args()
    failed = []
    for number, name in enumerate(BENCHMARKS, 1):
        if args.only and name.split()[0] not in args.only:
            continue
        print(f"[{number}/{len(BENCHMARKS)}] {name}", file=sys.stderr, flush=True)
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
