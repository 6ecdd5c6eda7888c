"""Pairs of clips that listeners compared: a table of one's own, and data directories.

The table is comma-separated text in UTF-8 with a header line. Columns:

    path_a   audio file of clip A, absolute or relative to the table's folder
    path_b   that of clip B
    ccr      how much better B is than A, -3 (much worse) .. 3 (much better)
    split    which set the pair is in; without it, all are in one set
    listener who gave the rating: `ccr` is one listener's, and the label is the mean

Only the first three are needed. A data directory of pairs has, for each pair, `wav.scp`
and `utt2fs` of clip A, `wav_b.scp` and `utt2fs_b` of clip B, and `ccr`.
"""

import hashlib
import logging
import os
import re
import statistics
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple, Union

from espnet_samos.audio.reading import AudioError, read_clip
from espnet_samos.corpora.clip import make_utt_id
from espnet_samos.corpora.table import Row, existing_file, parse_rows, read_rows
from espnet_samos.utils.ccr import LIMIT
from espnet_samos.utils.files import write_text
from espnet_samos.utils.mos_scale import Scale
from espnet_samos.utils.tables import DataError, report_problems

CCR: Scale = (-LIMIT, LIMIT)
LISTENER = "listener"
NEEDED_COLUMNS = ("path_a", "path_b", "ccr")
COLUMNS = (*NEEDED_COLUMNS, "split", LISTENER)


class Pair(NamedTuple):
    """Two clips and their comparison.

    Attributes:
        pair_id: Its name, without white space.
        path_a: Audio file of clip A, absolute.
        path_b: That of clip B.
        fs_a: Sampling rate of clip A in Hz.
        fs_b: That of clip B.
        ccr: The label, -3 to 3, above 0 where B is better.
    """

    pair_id: str
    path_a: str
    path_b: str
    fs_a: int
    fs_b: int
    ccr: float


PairSets = Dict[str, List[Pair]]


def read_pairs(
    table: Union[str, Path],
    set_prefix: Optional[str] = None,
    skip_bad_clips: bool = False,
) -> PairSets:
    """Read a table of pairs, and every clip in it to its end.

    Args:
        table: The table's file.
        set_prefix: The sets are named `<set_prefix>_<split>`, or `<set_prefix>` where
            the table has no splits. The default is the table's name.
        skip_bad_clips: Leave out, and list, lines with anything wrong with them.

    Raises:
        DataError: Something is wrong with the table, a clip or `set_prefix`; all of it
            is listed, with lines.
    """
    table = Path(table)
    prefix = set_prefix or re.sub(r"[^\w.-]+", "_", table.stem)
    if not re.fullmatch(r"\w[\w.-]*", prefix):
        raise DataError(
            f"set_prefix '{prefix}' is not letters, digits, '_', '.' and '-': "
            "choose another"
        )
    rows = read_rows(table, NEEDED_COLUMNS)
    ignored = [column for column in rows[0].cells if column not in COLUMNS]
    if ignored:
        logging.warning(
            f"{table}: columns not used: {', '.join(ignored)} "
            f"(known: {', '.join(COLUMNS)})"
        )
    rates: Dict[str, int] = {}

    def clip(row: Row, column: str) -> Tuple[str, int]:
        path = os.path.abspath(existing_file(table.parent / row.text(column)))
        # a line of wav.scp; a last "|" means a command
        if path.endswith("|") or path != path.strip() or not path.isprintable():
            raise DataError(f"the path {path!r} cannot stand in wav.scp: rename it")
        if path not in rates:
            try:
                _, rates[path] = read_clip(path)
            except AudioError as e:
                raise DataError(f"{e}: correct the path, or drop the line") from e
        return path, rates[path]

    def parse(row: Row) -> Tuple[str, Pair]:
        (path_a, fs_a), (path_b, fs_b) = clip(row, "path_a"), clip(row, "path_b")
        ccr = row.mos("ccr", CCR)
        if re.search(r"[\s/]", row["split"]):
            raise DataError(f"split '{row['split']}' has white space or '/': rename it")
        # different where pairs are, whatever the order of the lines
        paths = f"{row['path_a']}\n{row['path_b']}"
        digest = hashlib.sha256(paths.encode()).hexdigest()[:8]
        name = f"{Path(path_a).stem}-{Path(path_b).stem}-{digest}"
        pair = Pair(make_utt_id(prefix, name), path_a, path_b, fs_a, fs_b, ccr)
        return f"{prefix}_{row['split']}" if row["split"] else prefix, pair

    unique = ("path_a", "path_b", LISTENER)

    def files(row: Row) -> Tuple[str, str]:
        """Return the files, however their paths are spelt."""
        a, b = (os.path.realpath(table.parent / row[name]) for name in unique[:2])
        return a, b

    parsed = parse_rows(
        *(table, rows, lambda row: (files(row), row.line, *parse(row)), unique),
        skip_bad_clips,
        key=lambda row: (files(row), row[LISTENER]),
    )
    return _mean_ratings(table, parsed)


def _mean_ratings(
    table: Path, ratings: List[Tuple[Tuple[str, str], int, str, Pair]]
) -> PairSets:
    """Make one pair of all ratings of two files.

    Args:
        table: The table, for messages.
        ratings: Each with its files, its line, its set and what it says of the pair.

    Raises:
        DataError: A pair is in two sets.
    """
    by_files: Dict[Tuple[str, str], List[Tuple[int, str, Pair]]] = {}
    for files, line, name, pair in ratings:
        by_files.setdefault(files, []).append((line, name, pair))
    sets: PairSets = {}
    problems = []
    for rated in by_files.values():
        first, name, pair = rated[0]
        problems += [
            f"line {line}: the pair is in another split on line {first}: correct one"
            for line, other, _ in rated
            if other != name
        ]
        mean = statistics.fmean(rating.ccr for _, _, rating in rated)
        sets.setdefault(name, []).append(pair._replace(ccr=mean))
    report_problems(str(table), problems)
    return sets


def write_pair_dir(pairs: List[Pair], directory: Union[str, Path]) -> None:
    """Write a data directory of pairs, sorted by name; `wav.scp` comes last."""
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "wav.scp").unlink(missing_ok=True)
    pairs = sorted(pairs)
    for name, column in (
        ("ccr", "ccr"),
        ("utt2fs", "fs_a"),
        ("utt2fs_b", "fs_b"),
        ("wav_b.scp", "path_b"),
        ("wav.scp", "path_a"),
    ):
        form = ".4f" if name == "ccr" else ""
        lines = [f"{pair.pair_id} {getattr(pair, column):{form}}\n" for pair in pairs]
        write_text(directory / name, "".join(lines))
