"""Kaldi data directories: the writer, the reader, and several as one."""

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

import soundfile

from espnet_samos.audio.reading import MAX_RATE, MIN_RATE, MIN_SECONDS
from espnet_samos.corpora.clip import Clip
from espnet_samos.utils.files import write_text
from espnet_samos.utils.tables import DataError, read_lines, read_table, report_problems

# The last one is what makes a data directory: it goes first and comes last.
FILES = (
    "mos",
    "mos_std",
    "utt2votes",
    "utt2sys",
    "utt2fs",
    "utt2spk",
    "spk2utt",
    "utt2lang",
    "label_note",
    "left_out",
    "wav.scp",
)


NEEDED_FILES = {
    "mos": "a line '<utterance> <label>' for each clip",
    "utt2sys": "a line '<utterance> <system>' for each clip",
}

TABLES = (*NEEDED_FILES, "utt2spk", "mos_std", "utt2votes", "utt2lang")
CATEGORIES = ("corpus", "lang")


@dataclass(frozen=True)
class DataDirSummary:
    """What a data directory holds.

    Args:
        num_clips: Number of clips.
        seconds: Their length in all.
        rates: Number of clips at each sampling rate in Hz.
        num_systems: Number of systems.
        mos_mean: Mean label.
        mos_min: Lowest label.
        mos_max: Highest label.
        num_left_out: Number of clips that were left out, listed in `left_out`.
    """

    num_clips: int
    seconds: float
    rates: Dict[int, int]
    num_systems: int
    mos_mean: float
    mos_min: float
    mos_max: float
    num_left_out: int


def write_data_dir(
    clips: Iterable[Clip],
    directory: Union[str, Path],
    label_note: Optional[str] = None,
    skip_bad_clips: bool = False,
    known_problems: Optional[Mapping[str, str]] = None,
) -> DataDirSummary:
    """Write `wav.scp`, `mos`, `utt2sys`, `utt2fs`, `utt2spk` and `spk2utt`.

    `mos_std`, `utt2votes` and `utt2lang` are added where every clip has them. All are
    sorted as by `LC_ALL=C sort`; paths become absolute. `wav.scp` comes last, so that
    a directory that was not finished does not look whole.

    Args:
        clips: The clips of one set.
        directory: Where to; its files of these names are replaced, others kept.
        label_note: One line about the labels, written to `label_note`.
        skip_bad_clips: Leave out clips with anything wrong with them, and list
            them with the reason in `left_out`.
        known_problems: What is known to be wrong with some clips' audio, by
            utterance id.

    Returns:
        What was written.

    Raises:
        DataError: Anything wrong with any clip (all of it is listed), two clips of
            one id, or no clips; nothing is written then.
    """
    directory = Path(directory)
    # Python compares strings by code point, which is the byte order of UTF-8.
    clips = sorted(clips, key=lambda clip: clip.utt_id)
    known_problems = known_problems or {}
    kept: List[Clip] = []
    headers: List[Tuple[int, float]] = []
    problems: Dict[str, List[str]] = {}
    for clip in clips:
        clip_problems = _label_problems(clip)
        try:
            if clip.utt_id in known_problems:
                raise DataError(known_problems[clip.utt_id])
            header = _read_header(clip)
        except DataError as e:
            clip_problems.append(str(e))
        if clip_problems:
            problems.setdefault(clip.utt_id, []).extend(clip_problems)
        else:
            kept.append(clip)
            headers.append(header)
    report_problems(
        str(directory),
        [f"{utt_id}: {p}" for utt_id, found in problems.items() for p in found],
        skip=skip_bad_clips,
    )
    # Which of two clips of one id is the right one, nobody knows: no skipping here.
    report_problems(str(directory), _set_problems(kept))
    if not kept:
        raise DataError(f"{directory}: no clips to write")
    clips = kept

    rates = [fs for fs, _ in headers]
    spk2utt: Dict[str, List[str]] = {}
    for clip in clips:
        spk2utt.setdefault(clip.speaker, []).append(clip.utt_id)
    tables = {
        "wav.scp": {c.utt_id: str(Path(c.path).absolute()) for c in clips},
        "mos": {c.utt_id: f"{c.mos:.4f}" for c in clips},
        "utt2sys": {c.utt_id: c.system for c in clips},
        "utt2fs": {c.utt_id: str(fs) for c, fs in zip(clips, rates, strict=True)},
        "utt2spk": {c.utt_id: c.speaker for c in clips},
        "spk2utt": {speaker: " ".join(utts) for speaker, utts in spk2utt.items()},
    }
    if all(clip.mos_std is not None for clip in clips):
        tables["mos_std"] = {c.utt_id: f"{c.mos_std:.4f}" for c in clips}
    if all(clip.votes is not None for clip in clips):
        tables["utt2votes"] = {c.utt_id: str(c.votes) for c in clips}
    languages = {c.utt_id: c.lang for c in clips if c.lang is not None}
    if len(languages) == len(clips):
        tables["utt2lang"] = languages
    texts = {
        name: "".join(f"{key} {value}\n" for key, value in table.items())
        for name, table in tables.items()
    }
    if label_note is not None:
        texts["label_note"] = f"{label_note}\n"
    if problems:
        texts["left_out"] = "".join(
            f"{utt_id} {'; '.join(found)}\n" for utt_id, found in problems.items()
        )
    _replace_files(directory, texts)

    # Clips without a label are among the problems.
    labels = [clip.mos for clip in clips if clip.mos is not None]
    return DataDirSummary(
        num_clips=len(clips),
        seconds=sum(seconds for _, seconds in headers),
        rates=dict(sorted(Counter(rates).items())),
        num_systems=len({clip.system for clip in clips}),
        mos_mean=sum(labels) / len(labels),
        mos_min=min(labels),
        mos_max=max(labels),
        num_left_out=len(problems),
    )


def _set_problems(clips: List[Clip]) -> List[str]:
    """Return what is wrong with the ids of clips that are sorted by utterance id."""
    problems = []
    for utt_id, count in Counter(clip.utt_id for clip in clips).items():
        if count > 1:
            paths = ", ".join(str(c.path) for c in clips if c.utt_id == utt_id)
            problems.append(
                f"{utt_id}: the id of {count} clips ({paths}): "
                "drop all but one, or rename"
            )
    for before, after in zip(clips, clips[1:], strict=False):
        if before.speaker > after.speaker:
            problems.append(
                f"{after.utt_id}: comes after {before.utt_id}, but its speaker "
                f"{after.speaker} comes before {before.speaker}, and Kaldi's tools "
                "need one order: make each utterance id <speaker>-<name>, with "
                "letters, digits, '_' and '.' in the speaker"
            )
    return problems


def _label_problems(clip: Clip) -> List[str]:
    """Return what is wrong with one clip, its audio file left out."""
    problems = []
    for key in ("utt_id", "system", "speaker", "lang"):
        value = getattr(clip, key)
        if key == "lang" and value is None:
            continue
        if not value or value.split() != [value]:
            problems.append(f"{key} '{value}' is empty or has white space: rename it")
    if not clip.utt_id.startswith(clip.speaker):
        problems.append(
            f"does not start with its speaker {clip.speaker}: Kaldi's tools need "
            "utterance ids <speaker>-<name>"
        )
    if clip.mos is None:
        problems.append(f"no label for {clip.path}: add one or drop the clip")
    elif not _is_number(clip.mos):
        problems.append(f"label {clip.mos!r} is not a number")
    elif not 1 <= clip.mos <= 5:
        problems.append(
            f"label {clip.mos} is outside 1..5: rescale the labels to that range"
        )
    if clip.mos_std is not None and not (
        _is_number(clip.mos_std) and clip.mos_std >= 0
    ):
        problems.append(f"mos_std {clip.mos_std!r} is not a number from 0 up")
    if clip.votes is not None and not (isinstance(clip.votes, int) and clip.votes > 0):
        problems.append(f"votes {clip.votes!r} is not a whole number from 1 up")
    return problems


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def _read_header(clip: Clip) -> Tuple[int, float]:
    """Return a clip's sampling rate in Hz and its length in seconds."""
    # A data directory has one line for each clip, and a last "|" means a command.
    if str(clip.path).endswith("|") or "\n" in str(clip.path):
        raise DataError(f"the path {str(clip.path)!r} cannot stand in wav.scp")
    if not Path(clip.path).is_file():
        raise DataError(f"no such file: {clip.path}: correct the path")
    try:
        info = soundfile.info(str(clip.path))
    except (soundfile.LibsndfileError, RuntimeError) as e:
        raise DataError(
            f"{clip.path} cannot be read as audio ({e}): convert it to wav or flac"
        ) from e
    fs = info.samplerate
    if clip.fs is not None and clip.fs != fs:
        raise DataError(f"{clip.path} is at {fs} Hz, not at {clip.fs} Hz as stated")
    if not MIN_RATE <= fs <= MAX_RATE:
        raise DataError(
            f"{clip.path} is at {fs} Hz, outside {MIN_RATE}-{MAX_RATE} Hz: resample it"
        )
    if info.frames < MIN_SECONDS * fs:
        raise DataError(
            f"{clip.path} is shorter than {1000 * MIN_SECONDS:.0f} ms: drop it"
        )
    return fs, info.frames / fs


def _replace_files(directory: Path, texts: Dict[str, str]) -> None:
    """Replace a data directory's files so that it is never half old, half new."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in reversed(FILES):
        (directory / name).unlink(missing_ok=True)
    for name in FILES:
        if name in texts:
            write_text(directory / name, texts[name])


def _number(text: Optional[str], kind: type = float) -> Any:
    """Return a number; other text stays as it is, for the writer to report."""
    try:
        return text if text is None else kind(text)
    except ValueError:
        return text


def read_data_dir(
    data_dir: Union[str, Path], wav_scp: Union[str, Path, None] = None
) -> List[Clip]:
    """Read the clips of a data directory, as they are.

    Args:
        data_dir: Has `wav.scp`, `mos`, `utt2sys` and, if known, `utt2spk`,
            `mos_std`, `utt2votes`, `utt2lang`. Without `utt2spk` each clip is its own
            speaker.
        wav_scp: Where the audio is, if not as the directory's `wav.scp` says.

    Returns:
        A clip for each line of `wav.scp`; what is wrong with single clips is for
        `write_data_dir` to find.

    Raises:
        DataError: A file is missing or malformed, or a table has utterances that
            `wav.scp` does not have.
    """
    data_dir = Path(data_dir)
    for name, content in NEEDED_FILES.items():
        if not (data_dir / name).is_file():
            raise DataError(f"no {data_dir / name}: write one, {content}")
    tables = {
        name: read_table(data_dir / name) if (data_dir / name).is_file() else {}
        for name in TABLES
    }
    paths = read_lines(Path(wav_scp or data_dir / "wav.scp"))
    known = {utt for utt, _ in paths}
    problems = [
        f"{name}: {utt} is not in wav.scp"
        for name, table in tables.items()
        for utt in sorted(set(table) - known)
    ]
    report_problems(str(data_dir), problems)
    return [
        Clip(
            utt_id=utt,
            path=path,
            mos=_number(tables["mos"].get(utt)),
            system=tables["utt2sys"].get(utt, ""),
            speaker=tables["utt2spk"].get(utt, utt),
            mos_std=_number(tables["mos_std"].get(utt)),
            votes=_number(tables["utt2votes"].get(utt), int),
            lang=tables["utt2lang"].get(utt),
        )
        for utt, path in paths
    ]


def combine_data_dirs(
    data_dirs: Sequence[Union[str, Path]],
    corpora: Sequence[str],
    output_dir: Union[str, Path],
    category: str = "corpus",
) -> DataDirSummary:
    """Write one data directory with the clips of several.

    Beside the files of `write_data_dir` it has `utt2corpus` and what ESPnet's
    category iterator balances, `category2utt`.

    Args:
        data_dirs: The directories.
        corpora: What corpus each of them belongs to.
        output_dir: Where to.
        category: What a category is: a `corpus`, or a language (`lang`).

    Returns:
        What was written.

    Raises:
        DataError: Two directories have clips of the same id, a clip has no
            language where that is the category, or anything that `read_data_dir` or
            `write_data_dir` refuses.
    """
    clips: List[Clip] = []
    utt2corpus: Dict[str, str] = {}
    notes: List[str] = []
    for data_dir, corpus in zip(map(Path, data_dirs), corpora, strict=True):
        found = read_data_dir(data_dir)
        if category == "lang" and any(clip.lang is None for clip in found):
            raise DataError(
                f"{data_dir / 'utt2lang'} does not have every clip, so that languages "
                "cannot be balanced: write it, a line '<utterance> <language>' for "
                "each clip, or balance corpora"
            )
        clips += found
        utt2corpus.update({clip.utt_id: corpus for clip in found})
        note = data_dir / "label_note"
        if note.is_file():
            notes.append(note.read_text(encoding="utf-8").strip())

    output_dir = Path(output_dir)
    label_note = "; ".join(dict.fromkeys(notes)) or None
    summary = write_data_dir(clips, output_dir, label_note)

    categories: Dict[str, List[str]] = {}
    for clip in sorted(clips, key=lambda clip: clip.utt_id):
        name = utt2corpus[clip.utt_id] if category == "corpus" else clip.lang
        assert name is not None  # checked when the directories were read
        categories.setdefault(name, []).append(clip.utt_id)
    _write_table(output_dir / "utt2corpus", utt2corpus)
    _write_table(
        output_dir / "category2utt",
        {name: " ".join(utts) for name, utts in categories.items()},
    )
    return summary


def _write_table(path: Path, table: Dict[str, str]) -> None:
    lines = (f"{key} {value}\n" for key, value in sorted(table.items()))
    write_text(path, "".join(lines))
