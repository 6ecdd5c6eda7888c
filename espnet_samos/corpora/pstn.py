"""The PSTN corpus of ConferencingSpeech 2022: calls over telephone networks, 8 kHz.

Layout: `pstn_train/pstn_train.csv` with `filename,MOS,std,95%CI,votes`, clips beside
it. It names no systems.
"""

from pathlib import Path
from typing import Dict, List, Union

from espnet_samos.corpora.clip import Clip, make_utt_id
from espnet_samos.corpora.table import Row, parse_rows, read_rows

WHERE = (
    "https://github.com/ConferencingSpeech/ConferencingSpeech2022; "
    "licence: not known to us"
)
NUM_CLIPS = {"pstn_train": 58709}


def prepare(
    corpus_dir: Union[str, Path], skip_bad_clips: bool = False
) -> Dict[str, List[Clip]]:
    """Read the corpus.

    Args:
        corpus_dir: The corpus' folder, which has `pstn_train`.
        skip_bad_clips: Leave out, and list, lines with anything wrong with them.

    Returns:
        The clips of the set `pstn_train`; other sets were not published.

    Raises:
        DataError: The table is missing or has wrong lines.
    """
    folder = Path(corpus_dir) / "pstn_train"
    table = folder / "pstn_train.csv"

    def parse(row: Row) -> Clip:
        path = row.file("filename", folder)
        utt_id = make_utt_id("pstn", path.stem)
        return Clip(
            utt_id=utt_id,
            path=path,
            mos=row.mos("MOS"),
            system="unknown",
            speaker=utt_id,
            mos_std=row.std("std"),
            votes=row.count("votes"),
            lang="en",
        )

    rows = read_rows(table, ("filename", "MOS", "std", "votes"))
    return {"pstn_train": parse_rows(table, rows, parse, ("filename",), skip_bad_clips)}
