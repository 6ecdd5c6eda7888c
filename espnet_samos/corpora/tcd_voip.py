"""TCD-VoIP: five kinds of VoIP degradation, 48 kHz.

Layout: clips in `Test Set/<degradation>/C_<condition>_<DEGRADATION>_<SPEAKER>.wav`, and
a table with a column `Filename` and a label, `sample MOS` or `MOS`. Conditions count
from 1 in each degradation, so that a system is a degradation and a condition.
"""

import re
from pathlib import Path
from typing import Union

from espnet_samos.corpora.clip import Clip, ClipSets, make_utt_id
from espnet_samos.corpora.table import Row, parse_rows, read_rows
from espnet_samos.utils.tables import DataError

WHERE = "http://www.mee.tcd.ie/~sigmedia/Resources/TCD-VoIP; licence: CC BY-NC-SA 4.0"
NUM_CLIPS = {"tcd_voip": 384}
LABEL_COLUMNS = ("sample MOS", "MOS")


def prepare(
    corpus_dir: Union[str, Path],
    table: Union[str, Path, None] = None,
    skip_bad_clips: bool = False,
) -> ClipSets:
    """Read the corpus.

    Args:
        corpus_dir: The corpus' folder.
        table: The table of labels; without it, the one `.csv` file in `corpus_dir`.
        skip_bad_clips: As for every corpus.
    """
    corpus_dir = Path(corpus_dir)
    table = Path(table) if table is not None else _find_table(corpus_dir)
    rows = read_rows(table, ("Filename",))
    label = next((name for name in LABEL_COLUMNS if name in rows[0].cells), None)
    if label is None:
        raise DataError(
            f"{table}: line 1: no column {' or '.join(LABEL_COLUMNS)} in the header "
            f"({', '.join(rows[0].cells)}): name the labels so"
        )

    def parse(row: Row) -> Clip:
        name = row.text("Filename")
        match = re.fullmatch(r"C_(\d+)_([A-Z]+)_([A-Z]+)\.wav", name)
        if match is None:
            raise DataError(
                f"Filename '{name}' is not C_<condition>_<DEGRADATION>_<SPEAKER>.wav: "
                "correct it"
            )
        condition, degradation, speaker = match.groups()
        degradation = degradation.lower()
        speaker = f"tcd_voip_{speaker}"
        path = row.file("Filename", corpus_dir / "Test Set" / degradation)
        return Clip(
            utt_id=make_utt_id(speaker, path.stem),
            path=path,
            mos=row.mos(label),
            system=f"{degradation}_{condition}",
            speaker=speaker,
            lang="en",
        )

    return {"tcd_voip": parse_rows(table, rows, parse, ("Filename",), skip_bad_clips)}


def _find_table(corpus_dir: Path) -> Path:
    tables = sorted(corpus_dir.glob("*.csv"))
    if len(tables) != 1:
        found = ", ".join(path.name for path in tables) or "none"
        raise DataError(
            f"{corpus_dir}: one .csv file with the labels was expected, there is: "
            f"{found}; say with --table which it is"
        )
    return tables[0]
