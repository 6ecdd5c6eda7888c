"""A user's own corpus: audio files and a table with a line for each.

The table is comma-separated text in UTF-8 with a header line. Columns:

    path     audio file, absolute or relative to the table's folder
    mos      label, 1..5
    system   what made the clip; without it, all clips are of a system `unknown`
    speaker  without it, each clip is its own speaker
    split    which set the clip is in; without it, all are in one set
    std      standard deviation of the ratings behind the label
    votes    number of ratings behind the label
    lang     language
    listener who gave the rating: `mos` is one listener's, and the label is the mean
    mos_<name>  a further label, 1..5, such as `mos_sig`; empty where a clip has none

Only `path` and `mos` are needed.
"""

import dataclasses
import hashlib
import logging
import os
import re
import statistics
from collections import Counter
from pathlib import Path, PurePath
from typing import Dict, Iterable, List, Optional, Tuple, Union

from espnet_samos.corpora.clip import Clip, ClipSets, make_utt_id
from espnet_samos.corpora.ratings import rating_std
from espnet_samos.corpora.table import Row, existing_file, parse_rows, read_rows
from espnet_samos.utils.score_names import score_of
from espnet_samos.utils.tables import DataError, report_problems

LISTENER = "listener"
NEEDED_COLUMNS = ("path", "mos")
OPTIONAL = ("system", "speaker", "split", "std", "votes", "lang", LISTENER)
COLUMNS = (*NEEDED_COLUMNS, *OPTIONAL)


def prepare(
    table: Union[str, Path],
    set_prefix: Optional[str] = None,
    skip_bad_clips: bool = False,
) -> ClipSets:
    """Read a table of clips.

    Args:
        table: The table's file.
        set_prefix: The sets are named `<set_prefix>_<split>`, or `<set_prefix>`
            where the table has no splits, and utterance ids begin with it. The
            default is the table's name.
        skip_bad_clips: As for every corpus.

    Raises:
        DataError: Something is wrong with the table or with `set_prefix`.
    """
    table = Path(table)
    prefix = set_prefix or re.sub(r"[^\w.-]+", "_", table.stem)
    if not re.fullmatch(r"\w[\w.-]*", prefix):
        raise DataError(
            f"set_prefix '{prefix}' is not letters, digits, '_', '.' and '-': "
            "choose another"
        )
    rows = read_rows(table, NEEDED_COLUMNS)
    found = {column: score_of(column) for column in rows[0].cells}
    scores = {score: column for column, score in found.items() if score is not None}
    ignored = [column for column in found if column not in (*COLUMNS, *scores.values())]
    if ignored:
        logging.warning(
            f"{table}: columns not used: {', '.join(ignored)} "
            f"(known: {', '.join(COLUMNS)}, mos_<name>)"
        )
    names = _unique_names([row["path"] for row in rows])

    def file(row: Row) -> str:
        """Return the file, however its path is spelt."""
        return os.path.realpath(table.parent / row["path"])

    def parse(row: Row) -> Tuple[str, Clip]:
        path = existing_file(table.parent / row.text("path"))
        if re.search(r"[\s/]", row["split"]):
            raise DataError(f"split '{row['split']}' has white space or '/': rename it")
        # "-" sorts before all that a speaker's name may hold, so that the order of
        # the utterance ids is the order of the speakers, as Kaldi's tools need it.
        speaker = re.sub(r"[^\w.]", "_", row["speaker"])
        corpus = f"{prefix}_{speaker}" if speaker else prefix
        clip = Clip(
            utt_id=make_utt_id(corpus, names[row["path"]]),
            path=path,
            mos=row.mos("mos"),
            system=row.name("system") if row["system"] else "unknown",
            speaker=corpus if speaker else "",
            mos_std=row.std("std"),
            votes=row.count("votes"),
            lang=row["lang"] or None,
            scores=row.scores(scores),
        )
        return f"{prefix}_{row['split']}" if row["split"] else prefix, clip

    if LISTENER in rows[0].cells:
        parsed = parse_rows(
            *(table, rows, lambda row: (file(row), row, parse(row))),
            *(("path", LISTENER), skip_bad_clips),
            key=lambda row: (file(row), row[LISTENER]),
        )
        clips = _mean_ratings(table, parsed)
    else:
        clips = parse_rows(table, rows, parse, ("path",), skip_bad_clips, key=file)
    sets: ClipSets = {}
    for name, clip in clips:
        sets.setdefault(name, []).append(clip)
    return sets


def _mean_ratings(
    table: Path, ratings: Iterable[Tuple[str, Row, Tuple[str, Clip]]]
) -> List[Tuple[str, Clip]]:
    """Make one clip of all ratings of a file.

    Args:
        table: The table, for messages.
        ratings: Each with its file, its row, and what that says of set and clip.

    Raises:
        DataError: Two rows say different things of one clip.
    """
    by_file: Dict[str, List[Tuple[Row, str, Clip]]] = {}
    for file, row, (name, clip) in ratings:
        by_file.setdefault(file, []).append((row, name, clip))
    problems = []
    clips = []
    for rated in by_file.values():
        first, name, clip = rated[0]
        for row, _, _ in rated:
            for column in ("system", "speaker", "split", "lang"):
                if row[column] != first[column]:
                    problems.append(
                        f"line {row.line}: {row['path']}: {column} '{row[column]}', "
                        f"but '{first[column]}' on line {first.line}: correct one"
                    )
            if row["std"] or row["votes"]:
                problems.append(
                    f"line {row.line}: {row['path']}: std and votes come from the "
                    f"ratings where there is a column {LISTENER}: leave them empty"
                )
        values = [rating.mos for _, _, rating in rated if rating.mos is not None]
        further: Dict[str, List[float]] = {}
        for _, _, rating in rated:
            for score, value in rating.scores.items():
                further.setdefault(score, []).append(value)
        clip = dataclasses.replace(
            clip,
            mos=statistics.fmean(values),
            mos_std=rating_std(values),
            votes=len(values),
            scores={score: statistics.fmean(given) for score, given in further.items()},
        )
        clips.append((name, clip))
    report_problems(str(table), problems)
    return clips


def _unique_names(paths: List[str]) -> Dict[str, str]:
    """Make a name without white space of each path, different where paths are."""
    names = {}
    for path in paths:
        parts = PurePath(path).with_suffix("").parts if PurePath(path).name else ()
        kept = [part for part in parts if part not in ("/", ".", "..")]
        names[path] = re.sub(r"[^\w.-]+", "_", "_".join(kept))
    # "a b.wav" and "a_b.wav", or "a.wav" and "a.flac": tell them apart by a digest
    # of the path, so that the ids do not depend on the order of the lines.
    counts = Counter(names.values())
    return {
        path: f"{name}-{hashlib.sha256(path.encode()).hexdigest()[:8]}"
        if counts[name] > 1
        else name
        for path, name in names.items()
    }
