"""Results as lines of text and as tables. No torch here."""

import csv
import io
import json
import math
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, NamedTuple, Sequence

from espnet_samos.inference.result import MosResult, score_columns
from espnet_samos.utils.score_names import MOS

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
    digits |= dict.fromkeys(score_columns(list(result.scores)), 4)
    for key, places in digits.items():
        row[key] = None if math.isnan(row[key]) else round(row[key], places)
    return row


def json_line(result: MosResult) -> str:
    """Write a result as a JSON object."""
    return json.dumps(_plain(result), ensure_ascii=False)


def csv_line(result: MosResult) -> str:
    """Write a result as a line of a table with `COLUMNS` and those of its scores."""
    row = _plain(result)
    row["warnings"] = " ".join(row["warnings"])
    row["error"] = row["error"] and " ".join(row["error"].split())  # one line
    columns = (*COLUMNS, *score_columns(list(result.scores)))
    return _csv_row([row[column] for column in columns])


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
    metrics = {MOS: result.mean}
    metrics |= {name: score.mean for name, score in result.scores.items()}
    rounded = {name: round(mean, 4) for name, mean in metrics.items()}
    return f"{result.name} {json.dumps(rounded)}"


def table_head(names: Sequence[str]) -> str:
    """Return the line above those of `table_line`."""
    further = "".join(f"{name:>{_width(name)}}" for name in names)
    return f" mean   std   95 % interval {further} seconds   kHz  band  file"


def _width(name: str) -> int:
    return 2 + max(len(name), len("1.00±0.00"))


def table_line(result: MosResult) -> str:
    """Write a result for people to read."""
    low, high = result.interval
    warnings = f"  [{', '.join(result.warnings)}]" if result.warnings else ""
    further = "".join(
        f"{f'{score.mean:.2f}±{score.std:.2f}':>{_width(name)}}"
        for name, score in result.scores.items()
    )
    return (
        f"{result.mean:5.2f}  {result.std:4.2f}    {low:5.2f} ..{high:5.2f}{further}"
        f"  {result.duration:7.2f}  {result.fs / 1000:4.4g}  "
        f"{result.bandwidth / 1000:4.1f}  {result.name}{warnings}"
    )


def csv_head(names: Sequence[str]) -> str:
    """Return the line above those of `csv_line`."""
    return ",".join((*COLUMNS, *score_columns(names)))


def sheet_head(names: Sequence[str]) -> str:
    """Return the line above those of `sheet_line`."""
    return ",".join(SHEET_COLUMNS)


def no_head(names: Sequence[str]) -> str:
    """Return nothing: there is no first line."""
    return ""


class Format(NamedTuple):
    """How results are written.

    Attributes:
        head: The first line, of the names of further scores; it may be empty.
        line: The line of a result.
        with_failed: Whether failed clips have one.
    """

    head: Callable[[Sequence[str]], str]
    line: Callable[[MosResult], str]
    with_failed: bool


FORMATS: Dict[str, Format] = {
    "table": Format(table_head, table_line, False),
    "csv": Format(csv_head, csv_line, True),
    "json": Format(no_head, json_line, True),
    "kaldi": Format(no_head, kaldi_line, False),
    "metric": Format(no_head, metric_line, False),
    "sheet": Format(sheet_head, sheet_line, False),
}


def to_pandas(results: Iterable[MosResult]) -> "pd.DataFrame":
    """Return a table with one row per result, in order, `COLUMNS` and further scores.

    Numbers are not rounded, and NaN where a clip could not be scored; `warnings` has
    the codes, separated by blanks.
    """
    import pandas as pd

    rows = [result.as_dict() for result in results]
    columns = dict.fromkeys((*COLUMNS, *(column for row in rows for column in row)))
    table = pd.DataFrame(rows, columns=list(columns))
    table["warnings"] = [" ".join(warnings) for warnings in table["warnings"]]
    return table
