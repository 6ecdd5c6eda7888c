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

Only `path` and `mos` are needed.
"""

import hashlib
import logging
import re
from collections import Counter
from pathlib import Path, PurePath
from typing import Dict, List, Optional, Tuple, Union

from espnet_samos.corpora.clip import Clip, make_utt_id
from espnet_samos.corpora.table import Row, existing_file, parse_rows, read_rows
from espnet_samos.utils.tables import DataError

NEEDED_COLUMNS = ("path", "mos")
COLUMNS = (*NEEDED_COLUMNS, "system", "speaker", "split", "std", "votes", "lang")


def prepare(
    table: Union[str, Path],
    set_prefix: Optional[str] = None,
    skip_bad_clips: bool = False,
) -> Dict[str, List[Clip]]:
    """Read a table of clips.

    Args:
        table: The table's file.
        set_prefix: The sets are named `<set_prefix>_<split>`, or `<set_prefix>`
            where the table has no splits, and utterance ids begin with it. The
            default is the table's name.
        skip_bad_clips: Leave out, and list, lines with anything wrong with them.

    Returns:
        The clips of each set.

    Raises:
        DataError: The table is missing, cannot be read, or has wrong lines; the
            message names the file and the lines.
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
            "%s: columns not used: %s (known: %s)",
            *(table, ", ".join(ignored), ", ".join(COLUMNS)),
        )
    names = _unique_names([row["path"] for row in rows])

    def parse(row: Row) -> Tuple[str, Clip]:
        path = existing_file(table.parent / row.text("path"))
        if re.search(r"[\s/]", row["split"]):
            raise DataError(f"split '{row['split']}' has white space or '/': rename it")
        # "-" sorts before all that a speaker's name may hold, so that the order of
        # the utterance ids is the order of the speakers, as Kaldi's tools need it.
        speaker = re.sub(r"[^\w.]", "_", row["speaker"])
        corpus = f"{prefix}_{speaker}" if speaker else prefix
        utt_id = make_utt_id(corpus, names[row["path"]])
        clip = Clip(
            utt_id=utt_id,
            path=path,
            mos=row.mos("mos"),
            system=row.name("system") if row["system"] else "unknown",
            speaker=corpus if speaker else utt_id,
            mos_std=row.std("std"),
            votes=row.count("votes"),
            lang=row["lang"] or None,
        )
        return f"{prefix}_{row['split']}" if row["split"] else prefix, clip

    sets: Dict[str, List[Clip]] = {}
    for name, clip in parse_rows(table, rows, parse, ("path",), skip_bad_clips):
        sets.setdefault(name, []).append(clip)
    return sets


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
