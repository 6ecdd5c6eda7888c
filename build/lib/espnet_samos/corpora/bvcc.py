"""BVCC, VoiceMOS Challenge 2022, main track: TTS and voice conversion, 16 kHz.

Layout: clips in `DATA/wav`, named `<system>-<utterance>.wav`; labels in
`DATA/sets/{train,val,test}_mos_list.txt`, lines `file,score`; where published, single
ratings in `DATA/sets/{TRAIN,DEV,TEST}SET`, lines `system,file,rating,_,listener`.
"""

import logging
from pathlib import Path
from typing import Dict, List, Tuple, Union

from espnet_samos.corpora.clip import Clip, ClipSets, make_utt_id
from espnet_samos.corpora.ratings import rating_std
from espnet_samos.corpora.table import Row, parse_rows, read_rows
from espnet_samos.utils.tables import DataError

WHERE = "https://zenodo.org/records/6572573; licence: its own, stated there"
NUM_CLIPS = {"bvcc_train": 4944, "bvcc_valid": 1066, "bvcc_test": 1066}
# The labels and the single ratings of each set
TABLES = {
    "bvcc_train": ("train_mos_list.txt", "TRAINSET"),
    "bvcc_valid": ("val_mos_list.txt", "DEVSET"),
    "bvcc_test": ("test_mos_list.txt", "TESTSET"),
}
RATING_COLUMNS = ("system", "file", "rating", "unused", "listener")


def prepare(corpus_dir: Union[str, Path], skip_bad_clips: bool = False) -> ClipSets:
    """Read the three sets."""
    data = Path(corpus_dir) / "DATA"
    return {
        name: _read_part(data, *tables, skip_bad_clips)
        for name, tables in TABLES.items()
    }


def _read_part(
    data: Path, labels_table: str, ratings_table: str, skip: bool
) -> List[Clip]:
    table = data / "sets" / labels_table
    ratings = _read_ratings(data / "sets" / ratings_table, skip)

    def parse(row: Row) -> Clip:
        path = row.file("file", data / "wav")
        system, dash, _ = path.stem.partition("-")
        if not dash:
            raise DataError(f"'{path.name}' is not <system>-<utterance>.wav: rename")
        values = ratings.get(path.name, [])
        return Clip(
            utt_id=make_utt_id("bvcc", path.stem),
            path=path,
            mos=row.mos("score"),
            system=system,
            mos_std=rating_std(values),
            votes=len(values) or None,
            lang="en",
        )

    rows = read_rows(table, ("file", "score"), header=False)
    clips = parse_rows(table, rows, parse, ("file",), skip)
    unrated = [clip.path.name for clip in clips if clip.votes is None]
    if ratings and unrated:
        logging.warning(
            f"{ratings_table} has no ratings of {len(unrated)} clips of {labels_table} "
            f"({unrated[0]}, ...): no standard deviations"
        )
    return clips


def _read_ratings(table: Path, skip: bool) -> Dict[str, List[float]]:
    """Return the ratings of each file; none where the table was not published."""
    if not table.exists():
        return {}

    def parse(row: Row) -> Tuple[str, float]:
        return row.text("file"), row.mos("rating")

    rows = read_rows(table, RATING_COLUMNS, header=False)
    ratings: Dict[str, List[float]] = {}
    for name, value in parse_rows(table, rows, parse, RATING_COLUMNS, skip):
        ratings.setdefault(name, []).append(value)
    return ratings
