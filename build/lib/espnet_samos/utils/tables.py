"""Tables as Kaldi has them, and what is wrong with data."""

import logging
from collections import Counter
from pathlib import Path
from typing import Dict, List, Tuple, Union

from espnet_samos.utils.files import split_lines

MAX_LISTED_PROBLEMS = 20


class DataError(ValueError):
    """Data that cannot be used; the message has every problem's place and a hint."""


def report_problems(where: str, problems: List[str], skip: bool = False) -> None:
    """Raise an error that lists all problems of data, or log what is left out.

    Args:
        where: What was being read or written.
        problems: One line for each problem.
        skip: Log the problems, every one, as a warning: what has them is left out.

    Raises:
        DataError: There are problems and `skip` is not set. The message has their
            count, and the first 20 of them.
    """
    if not problems:
        return
    if skip:
        lines = [f"{where}: left out for {len(problems)} problem(s)", *problems]
        logging.warning("\n  ".join(lines))
        return
    lines = [f"{where}: {len(problems)} problem(s)", *problems[:MAX_LISTED_PROBLEMS]]
    if len(problems) > MAX_LISTED_PROBLEMS:
        lines.append(f"... and {len(problems) - MAX_LISTED_PROBLEMS} more")
    raise DataError("\n  ".join(lines))


def read_lines(path: Path) -> List[Tuple[str, str]]:
    """Read `key value` lines; a value may have spaces.

    Raises:
        DataError: There is no such file, it is not UTF-8, or a line has no value.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as e:
        raise DataError(f"no such file: {path}") from e
    except (OSError, UnicodeDecodeError) as e:
        raise DataError(f"{path} cannot be read: {e}") from e
    pairs = []
    problems = []
    lines = split_lines(text)
    if lines[-1] == "":  # after the last line feed
        lines.pop()
    for number, line in enumerate(lines, 1):
        fields = line.split(maxsplit=1)
        if len(fields) == 2:
            pairs.append((fields[0], fields[1].strip(" \t")))
        else:
            problems.append(f"line {number}: '{line}' is not a key and a value")
    report_problems(str(path), problems)
    return pairs


def read_table(path: Union[str, Path]) -> Dict[str, str]:
    """Read `key value` lines, each key once; a value may have spaces.

    Raises:
        DataError: A line without a value, or a key that appears twice.
    """
    pairs = read_lines(Path(path))
    table = dict(pairs)
    counts = Counter(key for key, _ in pairs)
    report_problems(
        str(path), [f"{key}: appears twice" for key in table if counts[key] > 1]
    )
    return table
