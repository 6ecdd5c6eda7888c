"""Several data directories as one."""

from pathlib import Path
from typing import Dict, List, Sequence, Union

from espnet_samos.corpora.clip import Clip, DataError
from espnet_samos.corpora.data_dir import DataDirSummary, write_data_dir
from espnet_samos.corpora.kaldi import read_data_dir
from espnet_samos.utils import write_text

CATEGORIES = ("corpus", "lang")


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
