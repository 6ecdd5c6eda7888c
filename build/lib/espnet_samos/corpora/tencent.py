"""The Tencent corpus of ConferencingSpeech 2022: Chinese calls, 16 or 24 kHz.

Layout: `{without,with}ReverberationTrainDevMOS.csv` with `deg_wav,mos`, clips in
`{without,with}ReverberationTrainDev`. It names no systems.
"""

from pathlib import Path
from typing import List, Union

from espnet_samos.corpora.clip import Clip, ClipSets, make_utt_id
from espnet_samos.corpora.table import Row, file_within, parse_rows, read_rows

WHERE = (
    "https://github.com/ConferencingSpeech/ConferencingSpeech2022; licence: Apache 2.0"
)
NUM_CLIPS = {"tencent_without_reverb": 8366, "tencent_with_reverb": 3197}


def prepare(corpus_dir: Union[str, Path], skip_bad_clips: bool = False) -> ClipSets:
    """Read the two parts, a set each."""
    return {
        f"tencent_{part}_reverb": _read_part(Path(corpus_dir), part, skip_bad_clips)
        for part in ("without", "with")
    }


def _read_part(corpus_dir: Path, part: str, skip_bad_clips: bool) -> List[Clip]:
    table = corpus_dir / f"{part}ReverberationTrainDevMOS.csv"

    def parse(row: Row) -> Clip:
        # One table names the folder of its clips as itself.
        name = row.text("deg_wav").replace("TrainDevMOS/", "TrainDev/")
        path = file_within(corpus_dir, name)
        return Clip(
            # Both parts have a 0001.wav.
            utt_id=make_utt_id("tencent", f"{part}_reverb_{path.stem}"),
            path=path,
            mos=row.mos("mos"),
            lang="zh",
        )

    rows = read_rows(table, ("deg_wav", "mos"))
    return parse_rows(table, rows, parse, ("deg_wav",), skip_bad_clips)
