"""Measure the audio path: from a file to the two windows that the model takes.

    python -m benchmarks.audio_path

Decoding, resampling to 16 and 48 kHz and cutting, for clips of 10 s in files of 16 bit,
in one thread.
"""

import argparse
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.harness import Figures, compare, heading
from espnet_samos.audio.preprocessor import MosPreprocessor
from espnet_samos.audio.reading import read_audio

SECONDS = 10
RATES = (16000, 24000, 44100, 48000)
FORMATS = ("wav", "flac")


def load(path: Path, preprocess: MosPreprocessor) -> None:
    """Take a file as far as the model."""
    samples, fs = read_audio(path)
    preprocess(str(path), dict(speech=samples, fs=np.array([fs])))


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=20)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    preprocess = MosPreprocessor(train=False, window_seconds=SECONDS)
    with tempfile.TemporaryDirectory() as folder:
        variants = {}
        for fs in RATES:
            for suffix in FORMATS:
                path = Path(folder, f"{fs}.{suffix}")
                syllables = np.sin(np.pi * 4 * np.arange(SECONDS * fs) / fs) ** 2
                noise = 0.1 * rng.standard_normal(SECONDS * fs)
                soundfile.write(path, syllables * noise, fs, subtype="PCM_16")
                name = f"{fs / 1000:g} kHz, {suffix}"
                variants[name] = partial(load, path, preprocess)
        rows = compare(variants, args.repetitions)
    print(heading("Audio path, clips of 10 s", "audio_path"))
    print(table(rows))


def table(rows: list[Figures]) -> str:
    """Return clips a second, as Markdown."""
    lines = ["| | ms a clip | clips a second and core |", "| --- | ---: | ---: |"]
    for row in rows:
        lines.append(
            f"| {row.name} | {1000 * row.seconds:.1f} | {1 / row.seconds:.0f} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
