"""The one reader of spreadsheets: a sheet becomes the rows of a table."""

import warnings
from pathlib import Path
from typing import Any, List, Sequence, Tuple, Union

import openpyxl

from espnet_samos.corpora.table import Row, check_header, existing_file
from espnet_samos.utils.tables import DataError

# Sheets may begin with a title.
MAX_HEADER_ROW = 20


def read_sheet(path: Union[str, Path], sheet: str, needed: Sequence[str]) -> List[Row]:
    """Read a sheet of an Excel file (.xlsx), formulas as their last values.

    Args:
        path: The file.
        sheet: Name of the sheet.
        needed: The columns it must have; others are read as well.

    Returns:
        The rows below the header, at least one, empty ones left out. The header is the
        first of 20 rows with all columns needed.

    Raises:
        DataError: The file is missing or damaged, or has no such sheet, column or rows;
            the message names it.
    """
    path = existing_file(Path(path))
    where = f"{path}: sheet '{sheet}'"
    lines = [
        (number, cells) for number, cells in _read_cells(path, sheet) if any(cells)
    ]
    if not lines:
        raise DataError(f"{where}: is empty: download the file anew")
    top = [i for i, (number, _) in enumerate(lines) if number <= MAX_HEADER_ROW]
    start = next((i for i in top if set(needed) <= set(lines[i][1])), 0)
    number, columns = lines[start]
    check_header(f"{where}: line {number}", columns, needed)
    rows = []
    for number, cells in lines[start + 1 :]:
        cells = cells + [""] * (len(columns) - len(cells))
        rows.append(Row(number, dict(zip(columns, cells, strict=False))))
    if not rows:
        raise DataError(f"{where}: no lines after the header: download the file anew")
    return rows


def _read_cells(path: Path, sheet: str) -> List[Tuple[int, List[str]]]:
    """Return the texts of each row of a sheet, with the row's number."""
    try:
        with warnings.catch_warnings(), path.open("rb") as file:
            warnings.simplefilter("ignore")  # styles and the like that it cannot read
            book = openpyxl.load_workbook(file, read_only=True, data_only=True)
            names = book.sheetnames
            if sheet in names:
                book[sheet].reset_dimensions()  # some files state wrong ones
                rows = list(book[sheet].iter_rows(values_only=True))
    except Exception as e:  # of whichever part of the file it cannot read
        raise DataError(
            f"{path}: cannot be read as a spreadsheet (.xlsx; {e!r}): download it anew"
        ) from e
    if sheet not in names:
        raise DataError(
            f"{path}: no sheet '{sheet}' in it ({', '.join(names)}): is it the file "
            "that the corpus was published with?"
        )
    return [(number, list(map(_text, row))) for number, row in enumerate(rows, 1)]


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value).strip()
