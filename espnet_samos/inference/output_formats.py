"""Results as lines of text and as tables. No torch here."""

import csv
import io
import json
import math
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, Tuple

from espnet_samos.inference.result import MosResult

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    *("name", "mean", "std", "low", "high", "duration", "fs", "bandwidth"),
    *("num_windows", "warnings", "label_note", "error"),
)
# SHEET's names of a clip's file, of what made it and of the prediction
SHEET_COLUMNS = ("wav_path", "system_id", "answer")


def _plain(result: MosResult) -> Dict[str, Any]:
    """Return a row of rounded numbers, with None for NaN."""
    row = result.as_dict()
    digits = dict(mean=4, std=4, low=4, high=4, duration=3, bandwidth=0)
    for key, places in digits.items():
        row[key] = None if math.isnan(row[key]) else round(row[key], places)
    return row


def json_line(result: MosResult) -> str:
    """Write a result as a JSON object."""
    return json.dumps(_plain(result), ensure_ascii=False)


def csv_line(result: MosResult) -> str:
    """Write a result as a line of a table with `COLUMNS`."""
    row = _plain(result)
    row["warnings"] = " ".join(row["warnings"])
    row["error"] = row["error"] and " ".join(row["error"].split())  # one line
    return _csv_row([row[column] for column in COLUMNS])


def sheet_line(result: MosResult) -> str:
    """Write a result as a line of a table with `SHEET_COLUMNS`.

    A clip's system is the folder that it is in.
    """
    system = PurePath(result.name).parent.name
    return _csv_row([result.name, system, float(result.mean)])


def _csv_row(values: Iterable[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(values)
    return text.getvalue()


def kaldi_line(result: MosResult) -> str:
    """Write a result as a line of Kaldi's tables: `<utterance> <mean>`."""
    return f"{result.name} {result.mean:.4f}"


def metric_line(result: MosResult) -> str:
    """Write a result as a line of `metric.scp`, which ESPnet's task `aqa` has."""
    return f"{result.name} {json.dumps(dict(mos=round(result.mean, 4)))}"


TABLE_HEAD = " mean   std   95 % interval  seconds   kHz  band  file"


def table_line(result: MosResult) -> str:
    """Write a result for people to read."""
    low, high = result.interval
    warnings = f"  [{', '.join(result.warnings)}]" if result.warnings else ""
    return (
        f"{result.mean:5.2f}  {result.std:4.2f}    {low:5.2f} ..{high:5.2f}"
        f"  {result.duration:7.2f}  {result.fs / 1000:4.4g}  "
        f"{result.bandwidth / 1000:4.1f}  {result.name}{warnings}"
    )


# name -> first line (may be empty), a result's line, whether failed clips have one
FORMATS: Dict[str, Tuple[str, Callable[[MosResult], str], bool]] = {
    "table": (TABLE_HEAD, table_line, False),
    "csv": (",".join(COLUMNS), csv_line, True),
    "json": ("", json_line, True),
    "kaldi": ("", kaldi_line, False),
    "metric": ("", metric_line, False),
    "sheet": (",".join(SHEET_COLUMNS), sheet_line, False),
}


def to_pandas(results: Iterable[MosResult]) -> "pd.DataFrame":
    """Return a table with one row per result, in order, and `COLUMNS`.

    Numbers are not rounded, and NaN where a clip could not be scored; `warnings` has
    the codes, separated by blanks.
    """
    import pandas as pd

    table = pd.DataFrame([result.as_dict() for result in results], columns=COLUMNS)
    table["warnings"] = [" ".join(warnings) for warnings in table["warnings"]]
    return table
