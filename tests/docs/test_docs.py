"""Every example on these pages runs as it stands, one after the other."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from espnet_samos.model_zoo.find import MODEL_FILE, packaged_models
from espnet_samos.model_zoo.pack import pack_model
from tests.tiny_model import speechlike

DOCS = Path(__file__).parents[2] / "docs"
# ```text and ```console are not run: output, and what needs more than this machine
BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = ("scoring.md", "packing.md", "toolkits.md", "pairs.md")


@pytest.fixture
def place(tmp_path, monkeypatch, warm_venv):
    """A folder with the files that the examples name."""
    for name, seconds, fs in (
        ("speech.wav", 4, 48000),
        ("other.flac", 2, 16000),
        ("clips/one.wav", 1, 24000),
        ("clips/two.wav", 1, 8000),
        *((f"{system}/{i}.wav", 1, 16000) for system in "ab" for i in range(3)),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        seed = sum(name.encode())
        soundfile.write(tmp_path / name, speechlike(seconds, fs, seed), fs)
    (tmp_path / "wav.scp").write_text("utt1 speech.wav\nutt2 cat other.flac |\n")
    small = packaged_models()["small"].model_file.parent
    pack_model(small, MODEL_FILE, tmp_path / "model.zip", ["card.yaml"])
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", f"{warm_venv / 'bin'}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def as_script(page):
    """Turn a page into a Python script that does what its examples say."""
    lines = ["import subprocess"]
    for language, text in BLOCK.findall((DOCS / page).read_text()):
        if language == "python":
            lines.append(text)
        else:
            command = ["bash", "-euo", "pipefail", "-c", text]
            lines.append(f"subprocess.run({command!r}, check=True)")
    assert len(lines) > 1
    return "\n".join(lines)


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page_run(page, place):
    (place / "page.py").write_text(as_script(page))
    done = subprocess.run(
        [sys.executable, "page.py"], cwd=place, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
