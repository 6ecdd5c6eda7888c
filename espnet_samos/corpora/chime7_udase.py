"""The listening test of CHiME-7 UDASE: enhanced conversations, 16 kHz.

Layout: `listening_test` of the evaluation data, with clips in `data/<condition>` and
`MOS_results_listening_test.csv` with `condition`, `sample`, `scale` (`SIG`, `BAK` or
`OVRL`, as ITU-T P.835 has them), `MOS` and `rating_list`. The label is the overall one;
those of signal and background are kept beside it (`mos_sig`, `mos_bak`). A system is a
condition: `C0` is the noisy recording, `C1` to `C4` are what four systems made of it. A
speaker is a recording, so that what is computed within a speaker is within the same
words. Clips that listeners were trained with (`ref`) are logged and left out.

Columns and folders are those that two public programs read, names of clips those that
the organisers' list for the listeners has; the corpus itself was not seen.
"""

import re
from pathlib import Path
from typing import Dict, List, NamedTuple, Tuple, Union

from espnet_samos.corpora.clip import Clip, ClipSets, make_utt_id
from espnet_samos.corpora.ratings import check_mean, rating_std
from espnet_samos.corpora.sources import ZenodoRecord
from espnet_samos.corpora.table import (
    Row,
    file_within,
    log_left_out,
    parse_rows,
    read_rows,
)
from espnet_samos.utils.tables import DataError, report_problems

WHERE = "https://zenodo.org/records/10418311; licence: CC BY-SA 4.0"
DOWNLOAD = ZenodoRecord(10418311)
NUM_CLIPS = {"chime7_udase": 640}
TABLE = "MOS_results_listening_test.csv"
KEY = ("condition", "sample", "scale")
COLUMNS = (*KEY, "MOS", "rating_list")
SCALES = ("SIG", "BAK", "OVRL")


class Rated(NamedTuple):
    """What listeners gave a clip on one scale."""

    path: Path
    condition: str
    scale: str
    mos: float
    ratings: List[float]


def prepare(corpus_dir: Union[str, Path], skip_bad_clips: bool = False) -> ClipSets:
    """Read the corpus; its folder may also be `listening_test` itself."""
    folder = Path(corpus_dir)
    if not (folder / TABLE).exists():
        folder = folder / "listening_test"
    table = folder / TABLE

    def parse(row: Row) -> Rated:
        condition, scale = row.name("condition"), row.text("scale")
        if scale not in SCALES:
            raise DataError(f"scale '{scale}' is not {', '.join(SCALES)}: correct it")
        path = file_within(folder / "data", f"{condition}/{row.text('sample')}")
        ratings = row.ratings("rating_list")
        mos = check_mean(ratings, row.mos("MOS"), "MOS")
        return Rated(path, condition, scale, mos, ratings)

    rows = read_rows(table, COLUMNS)
    training = {row["sample"] for row in rows if row["condition"].lower() == "ref"}
    rows = [row for row in rows if row["condition"].lower() != "ref"]
    by_clip: Dict[Tuple[Path, str], Dict[str, Rated]] = {}
    for rated in parse_rows(table, rows, parse, KEY, skip_bad_clips):
        by_clip.setdefault((rated.path, rated.condition), {})[rated.scale] = rated
    problems = [
        f"{condition}, {path.name}: no OVRL, its label: restore the line"
        for (path, condition), scales in by_clip.items()
        if "OVRL" not in scales
    ]
    report_problems(str(table), problems, skip_bad_clips)
    log_left_out(table, "clips that listeners were trained with", sorted(training))
    clips = [_make_clip(scales) for scales in by_clip.values() if "OVRL" in scales]
    return {"chime7_udase": clips}


def _make_clip(scales: Dict[str, Rated]) -> Clip:
    label = scales["OVRL"]
    recording = re.sub(r"[^\w.]", "_", label.path.stem.removesuffix("_output"))
    speaker = f"chime7_udase_{recording}"
    return Clip(
        utt_id=make_utt_id(speaker, label.condition),
        path=label.path,
        mos=label.mos,
        system=label.condition,
        speaker=speaker,
        mos_std=rating_std(label.ratings),
        votes=len(label.ratings),
        lang="en",
        scores={
            scale.lower(): rated.mos
            for scale, rated in scales.items()
            if scale != "OVRL"
        },
    )
