"""TTSDS2: text-to-speech systems in four domains, 22.05 kHz.

Layout: `subjective_results.csv` with a line for each rating: `audio` (a path relative
to the folder), `dataset` (the domain), `system`, `rating_type`, `value`, `annotator`
and further columns. Ratings of the type `mos` are read; others compare clips. A system
is a system in a domain.

The layout is that of the archive `ttsds2.zip` as two public programs read it; the
corpus itself was not seen.
"""

import logging
from collections import Counter
from pathlib import Path
from typing import Union

from espnet_samos.corpora.clip import ClipSets
from espnet_samos.corpora.ratings import Rating, clips_from_ratings
from espnet_samos.corpora.table import Row, parse_rows, read_rows
from espnet_samos.utils.tables import DataError

WHERE = (
    "https://huggingface.co/datasets/urgent-challenge/urgent26_track2_sqa, file "
    "ttsds2.zip (its makers': https://huggingface.co/datasets/ttsds/listening_test); "
    "licence: MIT"
)
NUM_CLIPS = {"ttsds2": 460}
TABLE = "subjective_results.csv"
COLUMNS = ("audio", "dataset", "system", "rating_type", "value", "annotator")
# An annotator may have met a clip on several pages.
KEY = (*COLUMNS, "survey_part", "page", "id")


def prepare(corpus_dir: Union[str, Path], skip_bad_clips: bool = False) -> ClipSets:
    """Read the opinion scores."""
    corpus_dir = Path(corpus_dir)
    table = corpus_dir / TABLE

    def parse(row: Row) -> Rating:
        system = f"{row.name('dataset')}_{row.name('system')}"
        return Rating(row.file("audio", corpus_dir), system, row.mos("value"), row.line)

    rows = read_rows(table, COLUMNS)
    opinions = [row for row in rows if row["rating_type"] == "mos"]
    if not opinions:
        raise DataError(f"{table}: no lines of rating_type mos: restore them")
    types = Counter(row["rating_type"] for row in rows)
    logging.info("%s: of the types %s, mos is read", table, dict(types))
    ratings = parse_rows(table, opinions, parse, KEY, skip_bad_clips)
    # Systems have clips of the same names.
    clips = clips_from_ratings(ratings, "ttsds2", "en", str(table), corpus_dir)
    return {"ttsds2": clips}
