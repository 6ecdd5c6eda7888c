"""URGENT 2025 SQA: enhanced speech of the second URGENT challenge that people rated.

Layout: the parquet files of the split `blind_test_mos`, the one with opinions, with
`system_id`, `sample_id`, `mos` and `audio` (Hugging Face's structure: `bytes`, `path`).
The other splits have scores of metrics only and are not read. Data directories need
files: each clip is written out, once.

Splits and columns are those that public programs read; the corpus itself was not seen.
"""

from pathlib import Path
from typing import Union

from espnet_samos.corpora.clip import Clip, ClipSets, make_utt_id
from espnet_samos.corpora.parquet import ParquetRow, read_clips
from espnet_samos.corpora.sources import HubDataset
from espnet_samos.utils.tables import DataError

WHERE = (
    "https://huggingface.co/datasets/urgent-challenge/urgent2025-sqa, split "
    "blind_test_mos; licence: CC BY-NC-SA"
)
SPLIT = "blind_test_mos"
DOWNLOAD = HubDataset("urgent-challenge/urgent2025-sqa", patterns=(f"*{SPLIT}*",))
KEY = ("system_id", "sample_id")


def prepare(
    corpus_dir: Union[str, Path],
    audio_dir: Union[str, Path, None] = None,
    skip_bad_clips: bool = False,
) -> ClipSets:
    """Read the clips that people rated and write their audio out.

    Args:
        corpus_dir: The corpus' folder.
        audio_dir: Where the audio goes, a folder for each system; without it,
            `<corpus_dir>/audio`. A file that is there already and is right is left
            alone.
        skip_bad_clips: As for every corpus.
    """
    corpus_dir = Path(corpus_dir)
    folder = Path(audio_dir or corpus_dir / "audio")
    tables = [
        table
        for table in sorted(corpus_dir.rglob("*.parquet"))
        if SPLIT in str(table.relative_to(corpus_dir))
    ]
    if not tables:
        raise DataError(
            f"{corpus_dir}: no parquet files of the split {SPLIT} in it: get them from "
            f"{WHERE}"
        )

    def parse(row: ParquetRow) -> Clip:
        # A sample has the same name in all systems.
        system, sample = map(row.name, KEY)
        return Clip(
            utt_id=make_utt_id("urgent2025_sqa", f"{system}_{sample}"),
            path=row.audio_path(folder / system, sample),
            mos=row.mos("mos"),
            system=system,
        )

    clips = read_clips(tables, (*KEY, "mos"), KEY, parse, WHERE, skip_bad_clips)
    return {"urgent2025_sqa": clips}
