"""URGENT 2024 MOS: enhanced speech at 8 to 48 kHz.

Layout: parquet files, anywhere in the folder, with the columns `id` (`<team>-<clip>`),
`audio` (Hugging Face's structure: `bytes`, `path`), `mos` and `raw_ratings`. A system
is a team. Data directories need files: each clip is written out, once.
"""

import re
from pathlib import Path, PurePath
from typing import Dict, Iterator, Tuple, Union

import pyarrow
from pyarrow.parquet import ParquetFile

from espnet_samos.corpora.clip import Clip, ClipSets, make_utt_id
from espnet_samos.corpora.ratings import rating_std
from espnet_samos.corpora.sources import HubDataset
from espnet_samos.utils.files import whole_file
from espnet_samos.utils.tables import DataError, report_problems

WHERE = (
    "https://huggingface.co/datasets/urgent-challenge/urgent2024_mos; "
    "licence: CC BY-NC-SA"
)
DOWNLOAD = HubDataset("urgent-challenge/urgent2024_mos")
NUM_CLIPS = {"urgent2024_mos": 6900}
COLUMNS = ("id", "audio", "mos", "raw_ratings")
# Clips held in memory at a time.
BATCH_SIZE = 64


def prepare(
    corpus_dir: Union[str, Path],
    audio_dir: Union[str, Path, None] = None,
    skip_bad_clips: bool = False,
) -> ClipSets:
    """Read the corpus and write its audio out.

    Args:
        corpus_dir: The corpus' folder.
        audio_dir: Where the audio goes; without it, `<corpus_dir>/audio`. A file
            that is there already and is right is left alone.
        skip_bad_clips: As for every corpus.
    """
    corpus_dir = Path(corpus_dir)
    audio_dir = Path(audio_dir or corpus_dir / "audio")
    tables = sorted(corpus_dir.rglob("*.parquet"))
    if not tables:
        raise DataError(f"{corpus_dir}: no parquet files in it: get them from {WHERE}")
    clips: Dict[str, Clip] = {}
    for table in tables:
        problems = []
        for number, row in _read_rows(table):
            try:
                _check_row(row)
                if row["id"] in clips:
                    raise DataError(f"{row['id']} is there twice: keep one of them")
                clips[row["id"]] = _make_clip(row, audio_dir)
            except DataError as e:
                problems.append(f"row {number}: {e}")
        report_problems(str(table), problems, skip=skip_bad_clips)
    return {"urgent2024_mos": list(clips.values())}


def _read_rows(table: Path) -> Iterator[Tuple[int, Dict]]:
    """Yield the rows with their numbers, from 1."""
    try:
        file = ParquetFile(table)
        missing = [name for name in COLUMNS if name not in file.schema_arrow.names]
        if missing:
            raise DataError(
                f"{table}: no column {' and '.join(missing)}: is it of this corpus?"
            )
        batches = file.iter_batches(BATCH_SIZE, columns=list(COLUMNS))
        rows = (row for batch in batches for row in batch.to_pylist())
        yield from enumerate(rows, 1)
    except (pyarrow.ArrowException, OSError) as e:
        raise DataError(f"{table}: cannot be read ({e}): get it anew") from e


def _check_row(row: Dict) -> None:
    """Check that a row has what its columns should have."""
    name, audio, mos, ratings = (row[column] for column in COLUMNS)
    if not isinstance(name, str) or not re.fullmatch(r"\w[\w.-]*", name):
        raise DataError(f"id {name!r} is not letters, digits, '_', '.' and '-'")
    if not _is_rating(mos):
        raise DataError(f"mos {mos!r} of {name} is not a number in 1..5")
    if ratings and not all(map(_is_rating, ratings)):
        raise DataError(f"raw_ratings {ratings!r} of {name} are not all in 1..5")
    if not isinstance(audio, dict) or not isinstance(audio.get("bytes"), bytes):
        raise DataError(f"{name} has no audio")


def _is_rating(value: object) -> bool:
    return isinstance(value, (int, float)) and 1 <= value <= 5


def _make_clip(row: Dict, audio_dir: Path) -> Clip:
    name, audio, ratings = row["id"], row["audio"], row["raw_ratings"] or []
    suffix = PurePath(audio.get("path") or "").suffix or ".wav"
    path = audio_dir / f"{name}{suffix}"
    if not path.is_file() or path.read_bytes() != audio["bytes"]:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as unfinished:
            unfinished.write_bytes(audio["bytes"])
    team, dash, _ = name.partition("-")
    return Clip(
        utt_id=make_utt_id("urgent2024_mos", name),
        path=path,
        mos=float(row["mos"]),
        system=team if dash else "unknown",
        mos_std=rating_std(ratings),
        votes=len(ratings) or None,
        lang="en",
    )
