"""Kaldi data directories: the writer, the reader, and several as one."""

import dataclasses
import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

from espnet_samos.audio.reading import AudioError, measure
from espnet_samos.corpora.clip import Clip
from espnet_samos.corpora.metric_scp import FILE as METRIC_SCP
from espnet_samos.corpora.metric_scp import read_metric_scp
from espnet_samos.utils.files import write_text
from espnet_samos.utils.mos_scale import ACR, Scale, format_scale, read_mos_scale
from espnet_samos.utils.score_names import (
    RULE,
    is_score_name,
    score_tables,
    table_name,
)
from espnet_samos.utils.tables import DataError, read_lines, read_table, report_problems

# What each table says of a clip, and how it is formatted. The last one is what makes a
# data directory: it goes first and comes last.
TABLES = {
    "mos": ("mos", ".4f"),
    "mos_std": ("mos_std", ".4f"),
    "utt2votes": ("votes", ""),
    "utt2sys": ("system", ""),
    "utt2fs": ("fs", ""),
    "utt2spk": ("speaker", ""),
    "utt2lang": ("lang", ""),
    "ref.scp": ("reference", ""),
    "wav.scp": ("path", ""),
}
OTHER_FILES = ("spk2utt", "label_note", "left_out", "mos_scale")
CATEGORIES = ("corpus", "lang")


@dataclass(frozen=True)
class DataDirSummary:
    """What a data directory holds."""

    num_clips: int
    seconds: float  # all clips together
    rates: Dict[int, int]  # number of clips at each sampling rate in Hz
    num_systems: int
    mos_mean: float
    mos_min: float
    mos_max: float
    num_left_out: int  # clips that `left_out` lists
    scale: Scale = ACR  # of the labels


def write_data_dir(
    clips: Iterable[Clip],
    directory: Union[str, Path],
    label_note: Optional[str] = None,
    skip_bad_clips: bool = False,
    known_problems: Optional[Mapping[str, str]] = None,
) -> DataDirSummary:
    """Write `spk2utt` and those of `TABLES` that every clip has a value for.

    Each further label becomes a table `mos_<name>` of those clips that have it; a scale
    other than 1 to 5 becomes `mos_scale`. All are sorted as by `LC_ALL=C sort`; paths
    become absolute. `wav.scp` comes last, so that a directory that was not finished
    does not look whole.

    Args:
        clips: The clips of one set.
        directory: Where to; its files of these names are replaced or removed, others
            kept.
        label_note: One line about the labels, written to `label_note`.
        skip_bad_clips: Leave out clips with anything wrong with them, and list
            them with the reason in `left_out`.
        known_problems: What is known to be wrong with some clips' audio, by
            utterance id.

    Returns:
        What was written.

    Raises:
        DataError: Anything wrong with any clip (all of it is listed), two clips of
            one id, labels on different scales, or no clips; nothing is written then.
    """
    directory = Path(directory)
    # Python compares strings by code point, which is the byte order of UTF-8.
    clips = sorted(clips, key=lambda clip: clip.utt_id)
    known_problems = known_problems or {}
    kept: List[Clip] = []
    seconds = 0.0
    problems: Dict[str, List[str]] = {}
    for clip in clips:
        clip_problems = _label_problems(clip)
        try:
            if clip.utt_id in known_problems:
                raise DataError(known_problems[clip.utt_id])
            fs, length = _read_header(clip)
            if clip.reference is not None:
                _read_length(str(clip.reference), "ref.scp")
        except DataError as e:
            clip_problems.append(str(e))
        if clip_problems:
            problems.setdefault(clip.utt_id, []).extend(clip_problems)
        else:
            path, reference = Path(clip.path).absolute(), clip.reference
            if reference is not None:
                reference = Path(reference).absolute()
            kept.append(
                dataclasses.replace(clip, path=path, reference=reference, fs=fs)
            )
            seconds += length
    report_problems(
        str(directory),
        [f"{utt_id}: {p}" for utt_id, found in problems.items() for p in found],
        skip=skip_bad_clips,
    )
    # Which of two clips of one id is the right one, nobody knows: no skipping here.
    report_problems(str(directory), _set_problems(kept))
    if not kept:
        raise DataError(f"{directory}: no clips to write")

    speakers = {clip.utt_id: clip.speaker for clip in kept}
    texts = {"spk2utt": _format_table(_group_utts(speakers))}
    for name, (key, form) in TABLES.items():
        values = {clip.utt_id: getattr(clip, key) for clip in kept}
        if None not in values.values():
            texts[name] = _format_table(values, form)
    for score in set().union(*(clip.scores for clip in kept)):
        values = {c.utt_id: c.scores[score] for c in kept if score in c.scores}
        texts[table_name(score)] = _format_table(values, ".4f")
    scale = kept[0].scale
    if scale != ACR:
        texts["mos_scale"] = format_scale(scale, " ") + "\n"
    if label_note is not None:
        texts["label_note"] = f"{label_note}\n"
    if problems:
        left_out = {utt_id: "; ".join(found) for utt_id, found in problems.items()}
        texts["left_out"] = _format_table(left_out)
    # A data directory is never half old, half new.
    directory.mkdir(parents=True, exist_ok=True)
    old = (directory / name for name in (*reversed(TABLES), *OTHER_FILES))
    for path in (*old, *score_tables(directory).values()):
        path.unlink(missing_ok=True)
    for name in sorted(texts, key=lambda name: (name == "wav.scp", name)):
        write_text(directory / name, texts[name])

    # Clips without a label are among the problems.
    labels = [clip.mos for clip in kept if clip.mos is not None]
    rates = Counter(clip.fs for clip in kept if clip.fs is not None)
    return DataDirSummary(
        num_clips=len(kept),
        seconds=seconds,
        rates=dict(sorted(rates.items())),
        num_systems=len({clip.system for clip in kept}),
        mos_mean=sum(labels) / len(labels),
        mos_min=min(labels),
        mos_max=max(labels),
        num_left_out=len(problems),
        scale=scale,
    )


def _set_problems(clips: List[Clip]) -> List[str]:
    """Return what is wrong with a set of clips that are sorted by utterance id."""
    problems = []
    scales = sorted({clip.scale for clip in clips})
    if len(scales) > 1:
        listed = " and ".join(map(format_scale, scales))
        problems.append(f"labels on scales {listed}: make one set for each")
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
        if value is not None and value.split() != [value]:
            problems.append(f"{key} '{value}' is empty or has white space: rename it")
    if not clip.utt_id.startswith(clip.speaker):
        problems.append(
            f"does not start with its speaker {clip.speaker}: Kaldi's tools need "
            "utterance ids <speaker>-<name>"
        )
    if clip.mos is None:
        problems.append(f"no label for {clip.path}: add one or drop the clip")
    for name, label in (("label", clip.mos), *sorted(clip.scores.items())):
        if label is None:
            continue
        if not _is_number(label):
            problems.append(f"{name} {label!r} is not a number")
        elif not clip.scale[0] <= label <= clip.scale[1]:
            problems.append(
                f"{name} {label} is outside {format_scale(clip.scale)}: rescale the "
                "labels to that range, or write the range that they have to mos_scale"
            )
    for name in clip.scores:
        if not is_score_name(name):
            problems.append(f"'{name}' cannot be the name of a label: {RULE}")
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
    path = str(clip.path)
    num_samples, fs = _read_length(path, "wav.scp")
    if clip.fs is not None and clip.fs != fs:
        raise DataError(f"{path} is at {fs} Hz, not at {clip.fs} Hz as stated")
    return fs, num_samples / fs


def _read_length(path: str, table: str) -> Tuple[int, int]:
    """Return the number of samples of a file that a table has, and its rate in Hz."""
    # A data directory has a line for each clip, which tools split at any white space
    # and at control characters; a last "|" means a command.
    if path.endswith("|") or path != path.strip() or not path.isprintable():
        raise DataError(f"the path {path!r} cannot stand in {table}: rename the file")
    try:
        return measure(path)
    except AudioError as e:
        raise DataError(f"{e}: correct the path, or drop the clip") from e


def _group_utts(keys: Mapping[str, str]) -> Dict[str, str]:
    """Return the utterances of each key, as `spk2utt` has them."""
    groups: Dict[str, List[str]] = {}
    for utt_id, key in sorted(keys.items()):
        groups.setdefault(key, []).append(utt_id)
    return {key: " ".join(utt_ids) for key, utt_ids in sorted(groups.items())}


def _format_table(table: Mapping[str, Any], form: str = "") -> str:
    return "".join(f"{key} {value:{form}}\n" for key, value in table.items())


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
        data_dir: Has `wav.scp`, `mos` or ESPnet's `metric.scp`, `utt2sys` and, if
            known, `utt2spk`, `mos_std`, `utt2votes`, `utt2lang`, `ref.scp`,
            `mos_<name>` (further labels, which a clip may lack) and `mos_scale`.
            Without `utt2spk` each clip is its own speaker.
        wav_scp: Where the audio is, if not as the directory's `wav.scp` says.

    Returns:
        A clip for each line of `wav.scp`; what is wrong with single clips is for
        `write_data_dir` to find.

    Raises:
        DataError: A file is missing or malformed, or a table has utterances that
            `wav.scp` does not have.
    """
    data_dir = Path(data_dir)
    has_metrics = (data_dir / METRIC_SCP).is_file() and not (data_dir / "mos").is_file()
    for name, value in (("mos", "label"), ("utt2sys", "system")):
        if name == "mos" and has_metrics:
            continue
        if not (data_dir / name).is_file():
            raise DataError(
                f"no {data_dir / name}: write one, a line '<utterance> <{value}>' for "
                "each clip"
            )
    scale = read_mos_scale(data_dir)
    tables = {
        name: read_table(data_dir / name) if (data_dir / name).is_file() else {}
        for name in TABLES
        if name not in ("utt2fs", "wav.scp")
    }
    further = {name: read_table(path) for name, path in score_tables(data_dir).items()}
    if has_metrics:
        tables["mos"] = read_metric_scp(data_dir / METRIC_SCP)
    paths = read_lines(Path(wav_scp or data_dir / "wav.scp"))
    known = {utt for utt, _ in paths}
    problems = [
        f"{name}: {utt} is not in wav.scp"
        for name, table in (
            *tables.items(),
            *((table_name(score), table) for score, table in further.items()),
        )
        for utt in sorted(set(table) - known)
    ]
    report_problems(str(data_dir), problems)
    return [
        Clip(
            utt_id=utt,
            path=path,
            mos=_number(tables["mos"].get(utt)),
            system=tables["utt2sys"].get(utt, ""),
            speaker=tables["utt2spk"].get(utt, ""),
            mos_std=_number(tables["mos_std"].get(utt)),
            votes=_number(tables["utt2votes"].get(utt), int),
            lang=tables["utt2lang"].get(utt),
            scale=scale,
            reference=tables["ref.scp"].get(utt),
            scores={
                score: _number(table[utt])
                for score, table in further.items()
                if utt in table
            },
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
        DataError: Two directories have clips of the same id or labels on different
            scales, a clip has no language where that is the category, or anything
            that `read_data_dir` or `write_data_dir` refuses.
    """
    _check_one_scale(list(map(Path, data_dirs)))
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

    utt2corpus = dict(sorted(utt2corpus.items()))
    categories = (
        utt2corpus if category == "corpus" else read_table(output_dir / "utt2lang")
    )
    write_text(output_dir / "utt2corpus", _format_table(utt2corpus))
    write_text(output_dir / "category2utt", _format_table(_group_utts(categories)))
    return summary


def _check_one_scale(data_dirs: Sequence[Path]) -> None:
    scales = {data_dir: read_mos_scale(data_dir) for data_dir in data_dirs}
    if len(set(scales.values())) > 1:
        listed = ", ".join(
            f"{data_dir / 'mos_scale'}: {format_scale(scale)}"
            + ("" if (data_dir / "mos_scale").is_file() else " (no such file)")
            for data_dir, scale in scales.items()
        )
        raise DataError(
            f"labels on different scales cannot be combined ({listed}): rescale those "
            "of some sets and write their mos_scale anew, or use the sets one by one"
        )
