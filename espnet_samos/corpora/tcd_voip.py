"""TCD-VoIP: five kinds of VoIP degradation, 48 kHz.

Layout: clips in `Test Set/<degradation>/C_<condition>_<DEGRADATION>_<SPEAKER>.wav`;
their clean references, `R_...` for `C_...`, beside them or in a folder `ref` there; a
spreadsheet, whose sheet `Subjective Test Scores` has `Filename`, `sample MOS` and the
24 listeners' ratings in columns `1`, `2`, ... Instead of the spreadsheet, a `.csv` file
with `Filename` and a label, `sample MOS` or `MOS`.

QxLab's layout (`tcdvoip` of QxLabIreland/datasets): `tcdvoip.csv` with `Test_Wave` and
`Ref_Wave`, paths relative to it, `sampleMOS`, `sampleSTD` and `sumVotes`. The table was
seen: 12 of its lines were compared with the single ratings and agree.

Conditions count from 1 in each degradation, so that a system is a degradation and a
condition. Clips without a label (ECHO 21-24) are logged and left out.
"""

import logging
import re
from pathlib import Path, PurePath
from typing import List, Optional, Union

from espnet_samos.corpora.clip import Clip, ClipSets, make_utt_id
from espnet_samos.corpora.ratings import MEAN_TOLERANCE, check_mean, rating_std
from espnet_samos.corpora.spreadsheet import read_sheet
from espnet_samos.corpora.table import (
    Row,
    check_header,
    log_left_out,
    parse_rows,
    read_rows,
)
from espnet_samos.utils.tables import DataError

WHERE = (
    "its makers (https://sigmedia.github.io, datasets/tcd_voip_ltd) or "
    "https://github.com/QxLabIreland/datasets, folder tcdvoip; "
    "licence: non-commercial only"
)
NUM_CLIPS = {"tcd_voip": 384}
SPREADSHEET = "TCD VOIP - Test Set Conditions and MOS Results.xlsx"
SHEET = "Subjective Test Scores"
QXLAB_TABLE = "tcdvoip.csv"
QXLAB_FILE = "Test_Wave"
LABEL_COLUMNS = ("sample MOS", "MOS", "sampleMOS")


def prepare(
    corpus_dir: Union[str, Path],
    table: Union[str, Path, None] = None,
    skip_bad_clips: bool = False,
) -> ClipSets:
    """Read the corpus.

    Args:
        corpus_dir: The corpus' folder.
        table: The labels; without it, the spreadsheet in `corpus_dir`, QxLab's table
            there, or else the one `.csv` file there.
        skip_bad_clips: As for every corpus.
    """
    corpus_dir = Path(corpus_dir)
    table = Path(table) if table is not None else _find_table(corpus_dir)
    logging.info("labels: %s", table)
    if table.suffix.lower() == ".xlsx":
        rows = read_sheet(table, SHEET, ("Filename", "sample MOS"))
    else:
        rows = read_rows(table, ())
    file = QXLAB_FILE if QXLAB_FILE in rows[0].cells else "Filename"
    check_header(f"{table}: line 1", list(rows[0].cells), (file,))
    label = next((name for name in LABEL_COLUMNS if name in rows[0].cells), None)
    if label is None:
        raise DataError(
            f"{table}: line 1: no column {' or '.join(LABEL_COLUMNS)} in the header "
            f"({', '.join(rows[0].cells)}): name the labels so"
        )
    listeners = [name for name in rows[0].cells if name.isdecimal()]

    def parse(row: Row) -> Clip:
        name = PurePath(row.text(file)).name
        match = re.fullmatch(r"C_(\d+)_([A-Z]+)_([A-Z]+)(?:\.wav)?", name)
        if match is None:
            raise DataError(
                f"{file} '{name}' is not C_<condition>_<DEGRADATION>_<SPEAKER>.wav: "
                "correct it"
            )
        condition, degradation, speaker = match.groups()
        degradation = degradation.lower()
        speaker = f"tcd_voip_{speaker}"
        folder = corpus_dir / "Test Set" / degradation
        path = row.file(file, table.parent if file == QXLAB_FILE else folder, ".wav")
        ratings = [row.mos(listener) for listener in listeners if row[listener]]
        mos = check_mean(ratings, row.mos(label), label)
        return Clip(
            utt_id=make_utt_id(speaker, path.stem),
            path=path,
            mos=mos,
            system=f"{degradation}_{condition}",
            speaker=speaker,
            mos_std=rating_std(ratings) if ratings else row.std("sampleSTD"),
            votes=len(ratings) or _count_votes(row, mos),
            lang="en",
            reference=_find_reference(path),
        )

    clips = parse_rows(table, rows, parse, (file,), skip_bad_clips)
    rated = {PurePath(row[file]).name.removesuffix(".wav") for row in rows}
    clip_files = sorted(corpus_dir.glob("**/Test[ _]Set/*/C_*.wav"))
    unrated = [path.name for path in clip_files if path.stem not in rated]
    log_left_out(table, "clips without a label", unrated)
    _log_references(corpus_dir, clips)
    return {"tcd_voip": clips}


def _find_table(corpus_dir: Path) -> Path:
    for name in (SPREADSHEET, QXLAB_TABLE):
        if (corpus_dir / name).exists():
            return corpus_dir / name
    tables = sorted(corpus_dir.glob("*.csv"))
    if len(tables) != 1:
        found = ", ".join(path.name for path in tables) or "none"
        raise DataError(
            f"{corpus_dir}: '{SPREADSHEET}' or one .csv file with the labels was "
            f"expected, there is: {found}; say with --table which it is"
        )
    return tables[0]


def _count_votes(row: Row, mos: float) -> Optional[int]:
    """Return how many ratings add up to QxLab's `sumVotes`; None without it."""
    if not row["sumVotes"]:
        return None
    votes = row.number("sumVotes") / mos
    if votes < 1 or abs(votes - round(votes)) > MEAN_TOLERANCE:
        raise DataError(
            f"sumVotes {row['sumVotes']} is not a sum of ratings whose mean is "
            f"{mos:g}: correct one of them"
        )
    return round(votes)


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
