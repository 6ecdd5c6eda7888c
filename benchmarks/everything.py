"""Run the benchmarks, and write what they print to benchmarks/results.

    python -m benchmarks.everything

On the CPU; `benchmarks.gpu` is for GPUs.
"""

import argparse
import datetime
import shlex
import subprocess
import sys
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
BENCHMARKS = (
    "start_up",
    "predictors",
    "audio_path",
    "spectrogram_branch",
    "ssl_features",
    "training_step",
    "ssl_feats_formats",
    "training_memory --steps 30",
    "score_files",
    "intervals",
)


def main() -> None:
    """Run them one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", help="names of benchmarks")
    parser.add_argument(
        "--output", type=Path, default=RESULTS, help="folder of the results"
    )
    args = parser.parse_args()
    names = [
        name for name in BENCHMARKS if not args.only or name.split()[0] in args.only
    ]
    args.output.mkdir(parents=True, exist_ok=True)
    failed = []
    for number, name in enumerate(names, 1):
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
        file = f"{name.split()[0]}-{datetime.date.today()}.md"
        (args.output / file).write_text(run.stdout.rstrip() + "\n", encoding="utf-8")
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
