"""Measure how long it takes until something happens.

    python -m benchmarks.start_up

Each command is a process of its own; the rows are compared to `import torch`, which is
the least that a score can take.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.harness import Figures, compare, heading


def run(*args: str) -> None:
    """Run Python with these arguments."""
    subprocess.run([sys.executable, *args], check=True, capture_output=True)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=5)
    args = parser.parse_args()
    samos = ("-m", "espnet_samos.bin.samos")
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder, "clip.wav")
        rng = np.random.default_rng(0)
        soundfile.write(clip, 0.1 * rng.standard_normal(72000), 24000)
        commands = {
            "`import torch`": ("-c", "import torch"),
            "`import espnet_samos`": ("-c", "import espnet_samos"),
            "`samos --help`": (*samos, "--help"),
            "`from espnet_samos import MosPredictor`": (
                "-c",
                "from espnet_samos import MosPredictor",
            ),
            "`samos score` of one clip of 3 s": (*samos, "score", str(clip)),
            "`import espnet_samos.tasks.mos`, for training": (
                "-c",
                "import espnet_samos.tasks.mos",
            ),
        }
        rows = compare(
            {name: lambda c=command: run(*c) for name, command in commands.items()},
            args.repetitions,
        )
    print(heading("Start", "start_up"))
    print(table(rows))


def table(rows: list[Figures]) -> str:
    """Compare commands to the first of them, as Markdown."""
    lines = ["| | seconds | of the first |", "| --- | ---: | ---: |"]
    for row in rows:
        share = row.seconds / rows[0].seconds
        lines.append(f"| {row.name} | {row.seconds:.2f} | {share:.2f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
