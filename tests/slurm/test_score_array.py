"""Many files as an array of jobs, with the command of docs/scoring.md."""

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import soundfile

from tests.tiny_model import speechlike

PAGE = Path(__file__).parents[2] / "docs/scoring.md"
NUM_FILES, NUM_JOBS = 10, 4


def test_the_parts_have_every_file_once_and_a_broken_part_is_mended(
    cluster, tmp_path, monkeypatch
):
    (command,) = re.findall(
        r"^sbatch --array 1-16 (?:.*\\\n)*.*'$", PAGE.read_text(), re.M
    )
    command = command.replace("sbatch", "sbatch --wait", 1)
    command = command.replace("1-16", f"1-{NUM_JOBS}").replace("/16", f"/{NUM_JOBS}")
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    (tmp_path / "clips").mkdir()
    for i in range(NUM_FILES):
        soundfile.write(
            tmp_path / f"clips/{i}.wav", speechlike(0.5 + 0.1 * i, 16000), 16000
        )

    def run():
        subprocess.run(command, shell=True, cwd=tmp_path, check=True)
        parts = [tmp_path / f"part{n}.csv" for n in range(1, NUM_JOBS + 1)]
        tables = [list(csv.DictReader(part.open())) for part in parts]
        return parts, {row["name"]: row["mean"] for rows in tables for row in rows}

    parts, scores = run()
    assert sorted(scores) == sorted(f"clips/{i}.wav" for i in range(NUM_FILES))
    # killed while it wrote a line
    text = parts[1].read_text()
    parts[1].write_text(text[: len(text) - 20])
    assert run()[1] == scores
    assert parts[1].read_text() == text
