"""SOMOS: 200 text-to-speech systems, one voice, 24 kHz.

Layout, with `audios.zip` unpacked: clips in `audios`; single ratings in
`training_files/split1/clean/{TRAIN,VALID,TEST}SET` with
`systemId,utteranceId,choice,listenerId`.
"""

from pathlib import Path
from typing import Union

from espnet_samos.corpora.clip import ClipSets
from espnet_samos.corpora.ratings import Rating, clips_from_ratings
from espnet_samos.corpora.sources import ZenodoRecord
from espnet_samos.corpora.table import Row, parse_rows, read_rows

WHERE = "https://zenodo.org/records/7378801; licence: CC BY-NC-SA"
DOWNLOAD = ZenodoRecord(7378801)
NUM_CLIPS = {"somos_train": 14100, "somos_valid": 3000, "somos_test": 3000}
COLUMNS = ("systemId", "utteranceId", "choice", "listenerId")


def prepare(corpus_dir: Union[str, Path], skip_bad_clips: bool = False) -> ClipSets:
    """Read the three sets of the first split, ratings of trustworthy listeners only."""
    corpus_dir = Path(corpus_dir)

    def parse(row: Row) -> Rating:
        path = row.file("utteranceId", corpus_dir / "audios", ".wav")
        return Rating(path, row.name("systemId"), row.mos("choice"), row.line)

    sets = {}
    for name in ("train", "valid", "test"):
        table = corpus_dir / f"training_files/split1/clean/{name.upper()}SET"
        rows = read_rows(table, COLUMNS)
        ratings = parse_rows(table, rows, parse, COLUMNS, skip_bad_clips)
        sets[f"somos_{name}"] = clips_from_ratings(ratings, "somos", "en", str(table))
    return sets
