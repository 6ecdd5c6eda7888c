"""The one reader of delimited tables."""

import csv
import io
import json
import logging
import math
import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import (
    Callable,
    Dict,
    Hashable,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    TypeVar,
    Union,
)

from espnet_samos.utils.mos_scale import ACR, Scale, format_scale
from espnet_samos.utils.tables import DataError, report_problems

T = TypeVar("T")


@dataclass(frozen=True)
class Row:
    """A row of a table; its methods raise a `DataError` for a wrong cell."""

    line: int  # the row's last one, from 1
    cells: Mapping[str, str]  # by column, without white space at the ends

    def __getitem__(self, column: str) -> str:
        """Return a cell; a column that the table does not have is empty."""
        return self.cells.get(column, "")

    def text(self, column: str) -> str:
        """Return a cell that must not be empty."""
        if not self[column]:
            raise DataError(f"no {column}: fill it in or drop the line")
        return self[column]

    def name(self, column: str) -> str:
        """Return a cell that must not be empty, with "_" for white space."""
        return re.sub(r"\s+", "_", self.text(column))

    def number(self, column: str) -> float:
        """Return a finite number."""
        text = self.text(column)
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise DataError(f"{column} '{text}' is not a number: correct it")
        return number

    def scores(
        self, columns: Mapping[str, str], scale: Scale = ACR
    ) -> Dict[str, float]:
        """Return further labels by name, of their columns; those that are not empty."""
        return {
            name: self.mos(column, scale)
            for name, column in columns.items()
            if self[column]
        }

    def mos(self, column: str, scale: Scale = ACR) -> float:
        """Return a rating or a mean of ratings on a scale."""
        number = self.number(column)
        if not scale[0] <= number <= scale[1]:
            raise DataError(
                f"{column} {self[column]} is outside {format_scale(scale)}: rescale "
                "the labels"
            )
        return number

    def numbers(self, column: str) -> List[float]:
        """Return a list of finite numbers, at least one."""
        try:
            numbers = [float(number) for number in json.loads(self.text(column))]
        except (ValueError, TypeError, OverflowError, RecursionError):
            numbers = []
        if not numbers or not all(map(math.isfinite, numbers)):
            raise DataError(
                f"{column} '{self[column]}' is not a list of numbers, such as [3, 4]: "
                "correct it"
            )
        return numbers

    def ratings(self, column: str, scale: Scale = ACR) -> List[float]:
        """Return a list of ratings on a scale, at least one."""
        ratings = self.numbers(column)
        for rating in ratings:
            if not scale[0] <= rating <= scale[1]:
                raise DataError(
                    f"{column}: rating {rating:g} is outside {format_scale(scale)}: "
                    "correct it"
                )
        return ratings

    def std(self, column: str) -> Optional[float]:
        """Return a standard deviation; None for an empty cell."""
        if not self[column]:
            return None
        number = self.number(column)
        if number < 0:
            raise DataError(f"{column} '{self[column]}' is below 0: correct it")
        return number

    def count(self, column: str) -> Optional[int]:
        """Return a whole number from 1 up; None for an empty cell."""
        if not self[column]:
            return None
        number = self.number(column)
        if number != int(number) or number < 1:
            raise DataError(
                f"{column} '{self[column]}' is not a whole number from 1 up: correct it"
            )
        return int(number)

    def file(self, column: str, folder: Path, suffix: str = "") -> Path:
        """Return a file within `folder`; `suffix` is added to a name without it."""
        name = self.text(column)
        return file_within(folder, name if name.endswith(suffix) else name + suffix)


def file_within(folder: Path, name: str) -> Path:
    """Return the path of a file that is there, `name` being relative to `folder`."""
    path = PurePath(name)
    if path.is_absolute() or ".." in path.parts:
        raise DataError(
            f"'{name}' leads out of {folder}: write it relative to that folder"
        )
    return existing_file(folder / path)


def existing_file(path: Path) -> Path:
    """Return the path of a file that is there."""
    # not Path.is_file, which raises for a name that is too long
    if not os.path.isfile(path):
        raise DataError(f"no such file: {path}: correct the path or add the file")
    return path


def read_rows(
    path: Union[str, Path], needed: Sequence[str], header: bool = True
) -> List[Row]:
    """Read a comma-separated table in UTF-8, with or without a byte-order mark.

    Args:
        path: The table's file.
        needed: The columns it must have; others are read as well.
        header: The first line names the columns; if not, they are `needed`.

    Returns:
        The rows, at least one; empty lines are no rows.

    Raises:
        DataError: The file is missing or is no such table; the message names the
            file and the lines.
    """
    path = Path(path)
    text = io.StringIO(_read_text(path), newline="")
    reader = csv.reader(text, skipinitialspace=True, strict=True)
    columns = None if header else list(needed)
    rows: List[Row] = []
    problems: List[str] = []
    try:
        for cells in reader:
            if not cells:
                continue
            cells = [cell.strip() for cell in cells]
            if columns is None:
                columns = cells
                where = f"{path}: line {reader.line_num}"
                check_header(where, columns, needed, ", with ',' between them")
            elif len(cells) != len(columns):
                problems.append(
                    f"line {reader.line_num}: not {len(columns)} fields "
                    f"({', '.join(columns)}): quote fields that have a ','"
                )
            else:
                row = dict(zip(columns, cells, strict=True))
                rows.append(Row(reader.line_num, row))
    except csv.Error as e:
        raise DataError(
            f"{path}: line {reader.line_num}: not a table with ',' between its cells "
            f"({e}): correct the line"
        ) from e
    report_problems(str(path), problems)
    if not rows:
        after = " after the header" if header and columns else ""
        raise DataError(f"{path}: no lines{after}: add your clips")
    return rows


def parse_rows(
    path: Union[str, Path],
    rows: Sequence[Row],
    parse: Callable[[Row], T],
    unique: Sequence[str],
    skip: bool = False,
    key: Optional[Callable[[Row], Hashable]] = None,
) -> List[T]:
    """Parse each row; raise an error for bad rows, or leave them out.

    Of two rows with one key and different cells, nobody knows which is right: they are
    never left out.

    Args:
        path: The table's file, for messages.
        rows: Its rows.
        parse: Parses a row, or raises a `DataError` that says what is wrong.
        unique: The columns that tell rows apart: no two rows have all of them equal.
        skip: Leave out, and list, rows with anything wrong with them.
        key: What tells rows apart, where it is not the text in the unique columns.

    Raises:
        DataError: Rows are bad and `skip` is not set; the message names their lines.
    """
    parsed: List[T] = []
    problems: List[Tuple[str, bool]] = []  # and whether the row can be left out
    firsts: Dict[Hashable, Row] = {}
    for row in rows:
        names = tuple(row[column] for column in unique)
        first = firsts.setdefault(key(row) if key else names, row)
        where = ": ".join(
            filter(None, (f"line {row.line}", ", ".join(filter(None, names))))
        )
        if first is not row:
            problem = (
                f"{where}: this is on line {first.line} already: keep one line; of "
                "several ratings take the mean"
            )
            problems.append((problem, first.cells == row.cells))
            continue
        try:
            parsed.append(parse(row))
        except DataError as e:
            problems.append((f"{where}: {e}", True))
    grave = [text for text, can_skip in problems if not (skip and can_skip)]
    report_problems(str(path), grave)
    report_problems(str(path), [text for text, _ in problems], skip=True)
    return parsed


def log_left_out(where: Union[str, Path], reason: str, names: Sequence[str]) -> None:
    """Log what a corpus was published with and cannot be used: how many, and which."""
    if names:
        listed = ", ".join(names)
        logging.warning(f"{where}: left out, {len(names)} {reason}: {listed}")


def _read_text(path: Path) -> str:
    try:
        content = existing_file(path).read_bytes()
    except OSError as e:
        raise DataError(f"{path}: cannot be read: {e}") from e
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        line = content.count(b"\n", 0, e.start) + 1
        raise DataError(
            f"{path}: line {line}: not UTF-8 ({e.reason}): save the table as UTF-8"
        ) from e
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise DataError(
            f"{path}: line {line}: has a NUL character: save the table as UTF-8"
        )
    return text


def check_header(
    where: str, columns: Sequence[str], needed: Sequence[str], form: str = ""
) -> None:
    """Check the names of a table's columns.

    Args:
        where: The table and the line, for messages.
        columns: The names.
        needed: Those that have to be there.
        form: Added to what the message says of the columns.

    Raises:
        DataError: A column is missing, or there are two of one name.
    """
    missing = [name for name in needed if name not in columns]
    if missing:
        raise DataError(
            f"{where}: no column {' and '.join(missing)} in the header "
            f"({', '.join(columns)}): the table needs the columns "
            f"{', '.join(needed)}{form}"
        )
    repeated = [name for name, n in Counter(columns).items() if name and n > 1]
    if repeated:
        raise DataError(
            f"{where}: two columns {' and '.join(repeated)} in the header: rename or "
            "drop one"
        )
