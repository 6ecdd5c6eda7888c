"""Clips from the arguments of a command. No torch here."""

import csv
import io
import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import BinaryIO, Dict, List, Optional, Tuple

import numpy as np

from espnet_samos.audio.decoding import seekable
from espnet_samos.audio.reading import AudioError
from espnet_samos.inference.clips import Audio, Source
from espnet_samos.utils.extras import need
from espnet_samos.utils.files import printable, split_lines

SUFFIXES = {
    # read by libsndfile
    *(".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".mp2", ".aif", ".aiff"),
    *(".aifc", ".au", ".snd", ".caf", ".w64", ".rf64", ".sph", ".nist"),
    # and by FFmpeg
    *(".m4a", ".m4b", ".mp4", ".mov", ".aac", ".webm", ".weba", ".mka", ".mkv", ".wma"),
    *(".amr", ".3gp", ".ac3", ".eac3", ".ape", ".wv", ".tta", ".avi", ".flv", ".ts"),
}
STDIN_NAME = "standard input"
# An archive and where the clip is in it, as Kaldi writes it; kaldiio would run what
# begins with "|", and what such an entry has pickled
IN_ARCHIVE = re.compile(r"([^|\s].*\.ark):(\d+)")
PICKLED = b"PKL"


class InputError(ValueError):
    """Something on the command line that has no clips; the message names it."""


def list_clips(
    names: List[str], recursive: bool = False, stdin: Optional[BinaryIO] = None
) -> List[Tuple[str, Source]]:
    """List the clips that the arguments of a command name.

    Args:
        names: Audio files, pipes among them; folders, whose audio files are taken in
            order of their names; Kaldi's `.scp` files with lines `<utterance> <file>`,
            where the file can be an archive's `x.ark:123` or a command that ends with
            `|`, which is run; SHEET's `.csv` files, whose `wav_path` are taken, each
            once; or `-` for standard input: an audio file, or lines `<file>` or
            `<utterance> <file>`, where nothing is run.
        recursive: Look into the folders of folders, also where they are links.
        stdin: Standard input.

    Returns:
        Clips in the order of the arguments. A file that is not there is listed as
        well: reading it is what fails.

    Raises:
        InputError: A folder without audio files, or a list that cannot be read.
    """
    clips: List[Tuple[str, Source]] = []
    for name in names:
        if name == "-":
            clips += _on_stdin(sys.stdin.buffer if stdin is None else stdin)
        elif os.path.isdir(name):
            clips += _in_folder(name, recursive)
        elif name.endswith(".scp"):
            clips += _of_lines(_read_text(name), name, commands=True)
        elif name.endswith(".csv"):
            rows = read_sheet(name)
            clips += [(p, p) for p in dict.fromkeys(row["wav_path"] for row in rows)]
        else:
            clips.append((name, name))
    clips = [(printable(name), source) for name, source in clips]
    if not clips:
        raise InputError(f"no clips in {', '.join(names)}")
    return clips


def _on_stdin(stdin: BinaryIO) -> List[Tuple[str, Source]]:
    head = stdin.read(1024)
    if b"\0" in head:  # no list of names, whose rest could be read line by line
        return [(STDIN_NAME, seekable(stdin, head))]
    text = (head + stdin.read()).decode("utf-8", "surrogateescape")
    return _of_lines(text, STDIN_NAME, commands=False)


def _in_folder(folder: str, recursive: bool) -> List[Tuple[str, Source]]:
    def cannot_list(error: OSError) -> None:
        raise InputError(f"cannot list {error.filename}: {error.strerror}") from error

    files: List[str] = []
    seen = set()
    walk = os.walk(folder, followlinks=True, onerror=cannot_list)
    for directory, subdirectories, names in walk:
        # links can lead in circles, or to one folder twice
        real = os.path.realpath(directory)
        if real in seen:
            subdirectories.clear()
            continue
        seen.add(real)
        for name in names:
            path = os.path.join(directory, name)
            if Path(name).suffix.lower() in SUFFIXES and not Path(path).is_fifo():
                files.append(path)
        subdirectories.sort()
        if not recursive:
            break
    if not files:
        raise InputError(
            f"no audio files in {folder}"
            + ("" if recursive else "; --recursive looks into its folders")
        )
    return [(file, file) for file in sorted(files)]


def _read_text(name: str) -> str:
    try:
        # names of files need not be UTF-8
        return Path(name).read_bytes().decode("utf-8", "surrogateescape")
    except OSError as e:
        raise InputError(f"{name} cannot be read: {e}") from e


def read_sheet(path: str) -> List[Dict[str, str]]:
    """Read a table of SHEET's, which has a row for each rating of a clip.

    Raises:
        InputError: It cannot be read, or has no column `wav_path`.
    """
    text = _read_text(path).removeprefix("\ufeff")
    rows = csv.DictReader(io.StringIO(text, newline=""), restval="")
    try:
        table = [
            {key: value for key, value in row.items() if key is not None}
            for row in rows
        ]
    except csv.Error as e:
        raise InputError(f"{path}, line {rows.line_num}: {e}") from e
    if "wav_path" not in (rows.fieldnames or ()):
        raise InputError(f"{path} has no column wav_path")
    return table


def _of_lines(text: str, where: str, commands: bool) -> List[Tuple[str, Source]]:
    """Read `<file>` or `<utterance> <file>`, one per line.

    Args:
        text: The lines.
        where: What messages call it.
        commands: Run a file that ends with `|` as a command, and read what comes out.
    """
    clips: List[Tuple[str, Source]] = []
    for number, line in enumerate(split_lines(text), 1):
        line = line.strip(" \t")
        if not line:
            continue
        name, rest = (re.split("[ \t]+", line, maxsplit=1) + [""])[:2]
        place = f"{where}, line {number}: {name}"
        if not rest or os.path.isfile(line):
            clips.append((line, line))
        elif commands and rest.endswith("|"):
            clips.append((name, partial(_read_pipe, rest.rstrip("|"), place)))
        elif IN_ARCHIVE.fullmatch(rest):
            clips.append((name, partial(_read_archive, rest, place)))
        else:
            clips.append((name, rest))
    return clips


def _read_pipe(command: str, place: str) -> Audio:
    done = subprocess.run(command, shell=True, stdout=subprocess.PIPE)
    if done.returncode != 0:
        raise AudioError(
            f"{place}: cannot be read: the command '{command.strip()}' failed with "
            f"status {done.returncode}"
        )
    return io.BytesIO(done.stdout)


def _read_archive(where: str, place: str) -> Audio:
    kaldiio = need("kaldiio")
    path, offset = IN_ARCHIVE.fullmatch(where).groups()
    try:
        with open(path, "rb") as archive:
            archive.seek(int(offset))
            if archive.read(len(PICKLED)) == PICKLED:
                raise AudioError("a pickle, which could run anything")
        fs, samples = kaldiio.load_mat(where)
    except Exception as e:
        # kaldiio has no exceptions of its own
        raise AudioError(f"{place}: cannot be read ({e})") from e
    if np.issubdtype(samples.dtype, np.integer):
        samples = samples / np.float32(np.iinfo(samples.dtype).max + 1)
    return samples, fs
