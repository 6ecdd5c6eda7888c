"""Clips from the arguments of a command. No torch here."""

import csv
import io
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Callable, List, TextIO, Tuple, Union

import numpy as np
import soundfile

from espnet_samos.audio.reading import AudioError

# Gives samples and their rate in Hz
Reader = Callable[[], Tuple[np.ndarray, int]]
# A name, and a file or what reads the clip
Clip = Tuple[str, Union[str, Reader]]
SUFFIXES = {
    *(".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".mp2", ".aif", ".aiff"),
    *(".aifc", ".au", ".snd", ".caf", ".w64", ".rf64", ".sph", ".nist"),
}


class InputError(ValueError):
    """Something on the command line that has no clips; the message names it."""


def list_clips(
    names: List[str], recursive: bool = False, stdin: TextIO = sys.stdin
) -> List[Clip]:
    """List the clips that the arguments of a command name.

    Args:
        names: Audio files; folders, whose audio files are taken in order of their
            names; Kaldi's `.scp` files with lines `<utterance> <file>`, where the file
            can be an archive's `x.ark:123` or a command that ends with `|`; SHEET's
            `.csv` files, whose `wav_path` are taken, each once; or `-`, for lines of
            the first two kinds on standard input.
        recursive: Look into the folders of folders.
        stdin: Standard input.

    Returns:
        Clips in the order of the arguments. A file that is not there is listed as
        well: reading it is what fails.

    Raises:
        InputError: A folder without audio files, or a list that cannot be read.
    """
    clips: List[Clip] = []
    for name in names:
        if name == "-":
            clips += _of_lines(stdin.read().splitlines(), "standard input")
        elif Path(name).is_dir():
            clips += _in_folder(Path(name), recursive)
        elif name.endswith(".scp"):
            clips += _of_lines(_read_text(name).splitlines(), name)
        elif name.endswith(".csv"):
            clips += _of_sheet(_read_text(name), name)
        else:
            clips.append((name, name))
    if not clips:
        raise InputError(f"no clips in {', '.join(names)}")
    return clips


def _in_folder(folder: Path, recursive: bool) -> List[Clip]:
    found = folder.rglob("*") if recursive else folder.iterdir()
    files = sorted(
        str(p) for p in found if p.suffix.lower() in SUFFIXES and p.is_file()
    )
    if not files:
        raise InputError(
            f"no audio files in {folder}"
            + ("" if recursive else "; --recursive looks into its folders")
        )
    return [(file, file) for file in files]


def _read_text(name: str) -> str:
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise InputError(f"{name} cannot be read: {e}") from e


def _of_sheet(text: str, where: str) -> List[Clip]:
    """Read the column `wav_path`: SHEET has a row for each rating of a clip."""
    rows = csv.DictReader(io.StringIO(text, newline=""))
    if "wav_path" not in (rows.fieldnames or ()):
        raise InputError(f"{where} has no column wav_path")
    return [(path, path) for path in dict.fromkeys(row["wav_path"] for row in rows)]


def _of_lines(lines: List[str], where: str) -> List[Clip]:
    """Read `<file>` or `<utterance> <file>`, one per line."""
    clips: List[Clip] = []
    for number, line in enumerate(lines, 1):
        line = line.strip()
        if not line:
            continue
        name, _, rest = line.partition(" ")
        rest = rest.strip()
        if not rest or Path(line).is_file():
            clips.append((line, line))
        elif rest.endswith("|"):
            read = partial(_read_pipe, rest.rstrip("|"))
            clips.append(
                (name, partial(_read, read, f"{where}, line {number}: {name}"))
            )
        elif ".ark:" in rest:
            read = partial(_read_archive, rest)
            clips.append(
                (name, partial(_read, read, f"{where}, line {number}: {name}"))
            )
        else:
            clips.append((name, rest))
    return clips


def _read(read: Reader, where: str) -> Tuple[np.ndarray, int]:
    try:
        return read()
    except Exception as e:
        # a command's, libsndfile's or an archive's own
        raise AudioError(f"{where}: cannot be read ({e})") from e


def _read_pipe(command: str) -> Tuple[np.ndarray, int]:
    done = subprocess.run(command, shell=True, stdout=subprocess.PIPE, check=True)
    return soundfile.read(io.BytesIO(done.stdout), dtype="float32")


def _read_archive(place: str) -> Tuple[np.ndarray, int]:
    import kaldiio

    fs, samples = kaldiio.load_mat(place)
    if np.issubdtype(samples.dtype, np.integer):
        samples = samples / np.float32(np.iinfo(samples.dtype).max + 1)
    return samples, fs
