"""TCD-VoIP: five kinds of VoIP degradation, 48 kHz.

Layout: clips in `Test Set/<degradation>/C_<condition>_<DEGRADATION>_<SPEAKER>.wav`;
their clean references, `R_...` for `C_...`, beside them or in a folder `ref` there; a
spreadsheet, whose sheet `Subjective Test Scores` has `Filename`, `sample MOS` and the
24 listeners' ratings in columns `1`, `2`, ... Instead of the spreadsheet, a `.csv` file
with `Filename` and a label, `sample MOS` or `MOS`.

Conditions count from 1 in each degradation, so that a system is a degradation and a
condition. Clips without a label (ECHO 21-24) are logged and left out.
"""

import logging
import re
import statistics
from pathlib import Path
from typing import List, Optional, Union

from espnet_samos.corpora.clip import Clip, ClipSets, make_utt_id
from espnet_samos.corpora.ratings import rating_std
from espnet_samos.corpora.spreadsheet import read_sheet
from espnet_samos.corpora.table import Row, log_left_out, parse_rows, read_rows
from espnet_samos.utils.tables import DataError

WHERE = (
    "its makers (https://sigmedia.github.io, datasets/tcd_voip_ltd); "
    "licence: non-commercial only"
)
NUM_CLIPS = {"tcd_voip": 384}
SPREADSHEET = "TCD VOIP - Test Set Conditions and MOS Results.xlsx"
SHEET = "Subjective Test Scores"
LABEL_COLUMNS = ("sample MOS", "MOS")
# How far a label may be from the mean of its ratings: labels are rounded.
TOLERANCE = 0.01


def prepare(
    corpus_dir: Union[str, Path],
    table: Union[str, Path, None] = None,
    skip_bad_clips: bool = False,
) -> ClipSets:
    """Read the corpus.

    Args:
        corpus_dir: The corpus' folder.
        table: The labels; without it, the spreadsheet in `corpus_dir`, or else the one
            `.csv` file there.
        skip_bad_clips: As for every corpus.
    """
    corpus_dir = Path(corpus_dir)
    table = Path(table) if table is not None else _find_table(corpus_dir)
    logging.info("labels: %s", table)
    if table.suffix.lower() == ".xlsx":
        rows = read_sheet(table, SHEET, ("Filename", "sample MOS"))
    else:
        rows = read_rows(table, ("Filename",))
    label = next((name for name in LABEL_COLUMNS if name in rows[0].cells), None)
    if label is None:
        raise DataError(
            f"{table}: line 1: no column {' or '.join(LABEL_COLUMNS)} in the header "
            f"({', '.join(rows[0].cells)}): name the labels so"
        )
    listeners = [name for name in rows[0].cells if name.isdecimal()]

    def parse(row: Row) -> Clip:
        name = row.text("Filename")
        match = re.fullmatch(r"C_(\d+)_([A-Z]+)_([A-Z]+)(?:\.wav)?", name)
        if match is None:
            raise DataError(
                f"Filename '{name}' is not C_<condition>_<DEGRADATION>_<SPEAKER>.wav: "
                "correct it"
            )
        condition, degradation, speaker = match.groups()
        degradation = degradation.lower()
        speaker = f"tcd_voip_{speaker}"
        path = row.file("Filename", corpus_dir / "Test Set" / degradation, ".wav")
        ratings = [row.mos(listener) for listener in listeners if row[listener]]
        mos = row.mos(label)
        if ratings and abs(statistics.fmean(ratings) - mos) > TOLERANCE:
            raise DataError(
                f"{label} {mos:g} is not the mean of the ratings, "
                f"{statistics.fmean(ratings):.4f}: correct the label or the ratings"
            )
        return Clip(
            utt_id=make_utt_id(speaker, path.stem),
            path=path,
            mos=statistics.fmean(ratings) if ratings else mos,
            system=f"{degradation}_{condition}",
            speaker=speaker,
            mos_std=rating_std(ratings),
            votes=len(ratings) or None,
            lang="en",
            reference=_find_reference(path),
        )

    clips = parse_rows(table, rows, parse, ("Filename",), skip_bad_clips)
    rated = {row["Filename"].removesuffix(".wav") for row in rows}
    clip_files = sorted((corpus_dir / "Test Set").glob("*/C_*.wav"))
    unrated = [path.name for path in clip_files if path.stem not in rated]
    log_left_out(table, "clips without a label", unrated)
    _log_references(corpus_dir, clips)
    return {"tcd_voip": clips}


def _find_table(corpus_dir: Path) -> Path:
    if (corpus_dir / SPREADSHEET).exists():
        return corpus_dir / SPREADSHEET
    tables = sorted(corpus_dir.glob("*.csv"))
    if len(tables) != 1:
        found = ", ".join(path.name for path in tables) or "none"
        raise DataError(
            f"{corpus_dir}: '{SPREADSHEET}' or one .csv file with the labels was "
            f"expected, there is: {found}; say with --table which it is"
        )
    return tables[0]


def _find_reference(clip: Path) -> Optional[Path]:
    name = f"R{clip.name.removeprefix('C')}"
    places = (clip.with_name(name), clip.parent / "ref" / name)
    return next((path for path in places if path.is_file()), None)


def _log_references(corpus_dir: Path, clips: List[Clip]) -> None:
    missing = [Path(clip.path).name for clip in clips if clip.reference is None]
    if missing:
        logging.warning(
            f"{corpus_dir}: no reference (R_...) of {len(missing)} clips "
            f"({missing[0]}, ...), so that there is no ref.scp"
        )
