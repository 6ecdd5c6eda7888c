"""URGENT 2024 MOS: enhanced speech at 8 to 48 kHz.

Layout: parquet files, anywhere in the folder, with the columns `id` (`<team>-<clip>`),
`audio` (Hugging Face's structure: `bytes`, `path`), `mos` and `raw_ratings`. A system
is a team. Data directories need files: each clip is written out, once.
"""

from pathlib import Path
from typing import Union

from espnet_samos.corpora.clip import Clip, ClipSets, make_utt_id
from espnet_samos.corpora.parquet import ParquetRow, read_clips
from espnet_samos.corpora.ratings import rating_std
from espnet_samos.corpora.sources import HubDataset
from espnet_samos.utils.tables import DataError

WHERE = (
    "https://huggingface.co/datasets/urgent-challenge/urgent2024_mos; "
    "licence: CC BY-NC-SA"
)
DOWNLOAD = HubDataset("urgent-challenge/urgent2024_mos")
NUM_CLIPS = {"urgent2024_mos": 6900}
COLUMNS = ("id", "mos", "raw_ratings")


def prepare(
    corpus_dir: Union[str, Path],
    audio_dir: Union[str, Path, None] = None,
    skip_bad_clips: bool = False,
) -> ClipSets:
    """Read the corpus and write its audio out.

    Args:
        corpus_dir: The corpus' folder.
        audio_dir: Where the audio goes; without it, `<corpus_dir>/audio`. A file
            that is there already and is right is left alone.
        skip_bad_clips: As for every corpus.
    """
    corpus_dir = Path(corpus_dir)
    folder = Path(audio_dir or corpus_dir / "audio")
    tables = sorted(corpus_dir.rglob("*.parquet"))
    if not tables:
        raise DataError(f"{corpus_dir}: no parquet files in it: get them from {WHERE}")

    def parse(row: ParquetRow) -> Clip:
        name = row.name("id")
        ratings = row.ratings("raw_ratings")
        team, dash, _ = name.partition("-")
        return Clip(
            utt_id=make_utt_id("urgent2024_mos", name),
            path=row.audio_path(folder, name),
            mos=row.mos("mos"),
            system=team if dash else "unknown",
            mos_std=rating_std(ratings),
            votes=len(ratings) or None,
            lang="en",
        )

    clips = read_clips(tables, COLUMNS, ("id",), parse, WHERE, skip_bad_clips)
    return {"urgent2024_mos": clips}
