"""The NISQA Corpus: simulated and live telephone and VoIP conditions, 48 kHz.

Layout: `NISQA_<SET>/NISQA_<SET>_file.csv`, clips in `NISQA_<SET>/deg`. A system is a
condition (`con`) within its database (`db`). Beside `mos` there are further labels:
noisiness, coloration, discontinuity and loudness.
"""

from pathlib import Path
from typing import List, Union

from espnet_samos.corpora.clip import Clip, ClipSets, make_utt_id
from espnet_samos.corpora.sources import ZenodoRecord
from espnet_samos.corpora.table import Row, parse_rows, read_rows

WHERE = (
    "https://zenodo.org/records/4728081 or "
    "https://depositonce.tu-berlin.de/handle/11303/13012.5; "
    "licence: the terms of its sources, listed there"
)
DOWNLOAD = ZenodoRecord(4728081)
NUM_CLIPS = {
    "nisqa_train": 11020,
    "nisqa_valid": 2700,
    "nisqa_test_for": 240,
    "nisqa_test_p501": 240,
    "nisqa_test_livetalk": 232,
}
SETS = {
    "nisqa_train": ("TRAIN_SIM", "TRAIN_LIVE"),
    "nisqa_valid": ("VAL_SIM", "VAL_LIVE"),
    "nisqa_test_for": ("TEST_FOR",),
    "nisqa_test_p501": ("TEST_P501",),
    "nisqa_test_livetalk": ("TEST_LIVETALK",),
}
COLUMNS = ("db", "con", "filename_deg", "mos")
SCORES = {name: name for name in ("noi", "col", "dis", "loud")}


def prepare(corpus_dir: Union[str, Path], skip_bad_clips: bool = False) -> ClipSets:
    """Read the five sets."""
    return {
        name: [
            clip
            for part in parts
            for clip in _read_part(Path(corpus_dir), part, skip_bad_clips)
        ]
        for name, parts in SETS.items()
    }


def _read_part(corpus_dir: Path, part: str, skip_bad_clips: bool) -> List[Clip]:
    folder = corpus_dir / f"NISQA_{part}"
    table = folder / f"NISQA_{part}_file.csv"

    def parse(row: Row) -> Clip:
        path = row.file("filename_deg", folder / "deg")
        return Clip(
            # Names of files start anew in each part.
            utt_id=make_utt_id("nisqa", f"{part.lower()}_{path.stem}"),
            path=path,
            mos=row.mos("mos"),
            system=f"{row.name('db')}_{row.name('con')}",
            mos_std=row.std("mos_std"),
            votes=row.count("votes"),
            lang=row["lang"].lower() or None,
            scores=row.scores(SCORES),
        )

    rows = read_rows(table, COLUMNS)
    return parse_rows(table, rows, parse, ("filename_deg",), skip_bad_clips)
