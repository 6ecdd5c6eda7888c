"""The one reader of parquet files with audio in them, as the Hugging Face hub has."""

import re
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Callable, Dict, Iterator, List, Mapping, Sequence, Tuple

import pyarrow
from pyarrow.parquet import ParquetFile

from espnet_samos.corpora.clip import Clip
from espnet_samos.utils.files import whole_file
from espnet_samos.utils.tables import DataError, report_problems

# Clips held in memory at a time.
BATCH_SIZE = 64
AUDIO = "audio"


@dataclass(frozen=True)
class ParquetRow:
    """A row of a parquet file; its methods raise a `DataError` for a wrong cell."""

    cells: Mapping[str, Any]  # by column

    def __getitem__(self, column: str) -> Any:
        """Return a cell."""
        return self.cells[column]

    def name(self, column: str) -> str:
        """Return a cell, text or a whole number, that can be part of a file's name."""
        value = self[column]
        name = str(value) if isinstance(value, (str, int)) else ""
        if not re.fullmatch(r"\w[\w.-]*", name):
            raise DataError(
                f"{column} {value!r} is not letters, digits, '_', '.' and '-': correct "
                "it"
            )
        return name

    def mos(self, column: str) -> float:
        """Return a label, 1..5."""
        if not _is_rating(self[column]):
            raise DataError(
                f"{column} {self[column]!r} is not a number in 1..5: correct it"
            )
        return float(self[column])

    def ratings(self, column: str) -> List[float]:
        """Return a list of ratings, 1..5; an empty one where there are none."""
        ratings = self[column] or []
        if not isinstance(ratings, list) or not all(map(_is_rating, ratings)):
            raise DataError(
                f"{column} {ratings!r} is not a list of numbers in 1..5: correct it"
            )
        return [float(rating) for rating in ratings]

    def audio_path(self, folder: Path, name: str) -> Path:
        """Return where in a folder the row's audio goes; it keeps its suffix."""
        audio = self[AUDIO]
        if not isinstance(audio, dict) or not isinstance(audio.get("bytes"), bytes):
            raise DataError("it has no audio: get the file anew")
        return folder / f"{name}{PurePath(audio.get('path') or '').suffix or '.wav'}"


def read_clips(
    tables: Sequence[Path],
    columns: Sequence[str],
    unique: Sequence[str],
    parse: Callable[[ParquetRow], Clip],
    where: str,
    skip: bool = False,
) -> List[Clip]:
    """Read the clips of parquet files and write their audio to files.

    An audio file that is there already and is right is left alone.

    Args:
        tables: The files; in `audio` they have the hub's structure, `bytes` and `path`.
        columns: The columns that are read beside `audio`; the files must have them.
        unique: The columns that tell rows apart: no two rows of all files have them
            equal.
        parse: Makes the clip of a row, with the path that its audio goes to, or raises
            a `DataError` that says what is wrong.
        where: Where the corpus is to be had, for messages.
        skip: Leave out, and list, rows with anything wrong with them.

    Raises:
        DataError: A file cannot be read or lacks a column, or rows are bad and `skip`
            is not set.
    """
    clips: Dict[Tuple[str, ...], Clip] = {}
    for table in tables:
        problems = []
        for number, row in _read_rows(table, columns, where):
            key = tuple(str(row[column]) for column in unique)
            try:
                if key in clips:
                    raise DataError("it is there twice: keep one of them")
                clip = parse(row)
                _write_audio(row, Path(clip.path))
                clips[key] = clip
            except DataError as e:
                problems.append(f"row {number}: {', '.join(key)}: {e}")
        report_problems(str(table), problems, skip)
    return list(clips.values())


def _read_rows(
    table: Path, columns: Sequence[str], where: str
) -> Iterator[Tuple[int, ParquetRow]]:
    """Yield the rows with their numbers, from 1."""
    try:
        file = ParquetFile(table)
        found = file.schema_arrow.names
        needed = [AUDIO, *columns]
        missing = [name for name in needed if name not in found]
        if missing:
            raise DataError(
                f"{table}: no column {' and '.join(missing)} (it has "
                f"{', '.join(found)}): get the corpus from {where}"
            )
        batches = file.iter_batches(BATCH_SIZE, columns=needed)
        rows = (ParquetRow(row) for batch in batches for row in batch.to_pylist())
        yield from enumerate(rows, 1)
    except (pyarrow.ArrowException, OSError) as e:
        raise DataError(f"{table}: cannot be read ({e}): get it anew") from e


def _is_rating(value: object) -> bool:
    return isinstance(value, (int, float)) and 1 <= value <= 5


def _write_audio(row: ParquetRow, path: Path) -> None:
    content = row[AUDIO]["bytes"]
    if not path.is_file() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as unfinished:
            unfinished.write_bytes(content)
