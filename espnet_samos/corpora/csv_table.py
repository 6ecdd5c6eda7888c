"""A user's own corpus: audio files and a table with a line for each.

The table is comma-separated text in UTF-8 with a header line. Columns:

    path     audio file, absolute or relative to the table's folder
    mos      label, 1..5
    system   what made the clip; without it, all clips are of a system `unknown`
    speaker  without it, each clip is its own speaker
    split    which set the clip is in; without it, all are in one set
    std      standard deviation of the ratings behind the label
    lang     language

Only `path` and `mos` are needed.
"""

import csv
import hashlib
import logging
import math
import re
from collections import Counter
from pathlib import Path, PurePath
from typing import Dict, List, Optional, Union

from espnet_samos.corpora.clip import Clip, DataError, report_problems

NEEDED_COLUMNS = ("path", "mos")
COLUMNS = (*NEEDED_COLUMNS, "system", "speaker", "split", "std", "lang")


def prepare(
    table: Union[str, Path],
    set_prefix: Optional[str] = None,
    skip_bad_clips: bool = False,
) -> Dict[str, List[Clip]]:
    """Read a table of clips.

    Args:
        table: The table's file.
        set_prefix: The sets are named `<set_prefix>_<split>`, or `<set_prefix>`
            where the table has no splits. The default is the table's name.
        skip_bad_clips: Leave out, and list, lines with anything wrong with them.

    Returns:
        The clips of each set.

    Raises:
        DataError: The table is missing, cannot be read, or has wrong lines; the
            message names the file and the lines.
    """
    table = Path(table)
    prefix = set_prefix or table.stem
    rows = _read_rows(table)
    names = _unique_names([row["path"] for row in rows])
    problems: List[str] = []
    sets: Dict[str, List[Clip]] = {}
    seen: Dict[str, int] = {}
    for row, name in zip(rows, names, strict=True):
        row_problems = _row_problems(row, table)
        first_line = seen.setdefault(row["path"], row["line"])
        if first_line != row["line"]:
            row_problems.append(
                f"{row['path']} is on line {first_line} already: keep one of them"
            )
        if row_problems:
            problems += [f"line {row['line']}: {problem}" for problem in row_problems]
            continue
        # "-" sorts before all that a speaker's name may hold, so that the order of
        # the utterance ids is the order of the speakers, as Kaldi's tools need it.
        speaker = re.sub(r"[^\w.]", "_", row["speaker"])
        utt_id = f"{speaker}-{name}" if speaker else name
        clip = Clip(
            utt_id=utt_id,
            path=table.parent / row["path"],
            mos=float(row["mos"]),
            system=re.sub(r"\s+", "_", row["system"]) or "unknown",
            speaker=speaker or utt_id,
            mos_std=float(row["std"]) if row["std"] else None,
            lang=row["lang"] or None,
        )
        set_name = f"{prefix}_{row['split']}" if row["split"] else prefix
        sets.setdefault(set_name, []).append(clip)
    report_problems(str(table), problems, skip=skip_bad_clips)
    return sets


def _row_problems(row: Dict, table: Path) -> List[str]:
    """What is wrong with one row, each with its cure."""
    problems = []
    if not row["path"]:
        problems.append("no path: name the audio file or drop the line")
    elif not (table.parent / row["path"]).is_file():
        problems.append(
            f"no such file: {table.parent / row['path']}: correct the path, which is "
            "relative to the table's folder"
        )
    if not row["mos"]:
        problems.append(f"no mos for {row['path']}: add the label or drop the line")
    elif not _is_number(row["mos"]):
        problems.append(
            f"mos '{row['mos']}' of {row['path']} is not a number: correct it"
        )
    elif not 1 <= float(row["mos"]) <= 5:
        problems.append(
            f"mos {row['mos']} of {row['path']} is outside 1..5: rescale the labels"
        )
    if row["std"] and not (_is_number(row["std"]) and float(row["std"]) >= 0):
        problems.append(f"std '{row['std']}' is not a number from 0 up: correct it")
    if re.search(r"[\s/]", row["split"]):
        problems.append(f"split '{row['split']}' has white space or '/': rename it")
    return problems


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _read_rows(table: Path) -> List[Dict]:
    """Give the rows with all of `COLUMNS` as strings, and `line`, from 1."""
    if not table.is_file():
        raise DataError(f"no such file: {table}: give the path of your table")
    rows, problems = [], []
    try:
        # "utf-8-sig" takes a byte-order mark, which spreadsheets write, or none.
        with table.open(encoding="utf-8-sig", newline="") as f:
            reader = csv.DictReader(f, skipinitialspace=True)
            header = [name.strip() for name in reader.fieldnames or []]
            reader.fieldnames = header
            missing = [name for name in NEEDED_COLUMNS if name not in header]
            if missing:
                raise DataError(
                    f"{table}: line 1: no column {' and '.join(missing)} in the "
                    f"header ({', '.join(header)}): the table needs the columns "
                    f"{', '.join(NEEDED_COLUMNS)}, separated by commas"
                )
            ignored = [name for name in header if name not in COLUMNS]
            if ignored:
                logging.warning(
                    "%s: columns not used: %s (known: %s)",
                    table,
                    ", ".join(ignored),
                    ", ".join(COLUMNS),
                )
            for row in reader:
                line = reader.line_num
                # DictReader puts surplus fields under None, and None in lacking ones.
                if None in row or None in row.values():
                    problems.append(
                        f"line {line}: not {len(header)} fields as in the header: "
                        "quote fields that have commas"
                    )
                    continue
                cells = {name: (row.get(name) or "").strip() for name in COLUMNS}
                rows.append({**cells, "line": line})
    except UnicodeDecodeError as e:
        raise DataError(f"{table}: not UTF-8 ({e}): save it as UTF-8") from e
    except csv.Error as e:
        raise DataError(f"{table}: not comma-separated text ({e})") from e
    report_problems(str(table), problems)
    if not rows:
        raise DataError(f"{table}: no lines after the header: add your clips")
    return rows


def _unique_names(paths: List[str]) -> List[str]:
    """Make a name without white space of each path, different where paths are."""
    names = []
    for path in paths:
        parts = PurePath(path).with_suffix("").parts if path else ()
        kept = [part for part in parts if part not in ("/", ".", "..")]
        names.append(re.sub(r"[^\w.-]+", "_", "_".join(kept)))
    # "a b.wav" and "a_b.wav", or "a.wav" and "a.flac": tell them apart by a digest
    # of the path, so that the ids do not depend on the order of the lines.
    counts = Counter(names)
    return [
        f"{name}-{hashlib.sha256(path.encode()).hexdigest()[:8]}"
        if counts[name] > 1
        else name
        for name, path in zip(names, paths, strict=True)
    ]
