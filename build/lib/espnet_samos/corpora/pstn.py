"""The PSTN corpus of ConferencingSpeech 2022: calls over telephone networks, 8 kHz.

Layout: `pstn_train/pstn_train.csv` with `filename,MOS,std,95%CI,votes`, clips beside
it. It names no systems.
"""

from pathlib import Path
from typing import Union

from espnet_samos.corpora.clip import Clip, ClipSets, make_utt_id
from espnet_samos.corpora.table import Row, parse_rows, read_rows

WHERE = (
    "https://github.com/ConferencingSpeech/ConferencingSpeech2022; "
    "licence: not known to us"
)
NUM_CLIPS = {"pstn_train": 58709}


def prepare(corpus_dir: Union[str, Path], skip_bad_clips: bool = False) -> ClipSets:
    """Read the training set; others were not published."""
    folder = Path(corpus_dir) / "pstn_train"
    table = folder / "pstn_train.csv"

    def parse(row: Row) -> Clip:
        path = row.file("filename", folder)
        return Clip(
            utt_id=make_utt_id("pstn", path.stem),
            path=path,
            mos=row.mos("MOS"),
            mos_std=row.std("std"),
            votes=row.count("votes"),
            lang="en",
        )

    rows = read_rows(table, ("filename", "MOS", "std", "votes"))
    return {"pstn_train": parse_rows(table, rows, parse, ("filename",), skip_bad_clips)}
