"""URGENT 2026 SQA, the clips of VoiceMOS Challenge 2026, track 1: enhanced speech.

Layout: the parquet files of the configuration `acr`, in a folder of that name, with
`sample_id`, `system_id`, `speaker_id`, `language` (ISO 639-3), `mos`, `listener_scores`
and `audio` (Hugging Face's structure: `bytes`, `path`). Pairs (`ccr`) are not read.
Data directories need files: each clip is written out, once.

The columns are those that public programs read; the corpus itself was not seen. That
its clips are the challenge's follows from the counts: 1,008 + 4,032, of six systems and
840 recordings. `vmc2026-track1-dev` and `-test`, as their cards describe them, have no
labels and are refused.
"""

import re
from pathlib import Path
from typing import Union

from espnet_samos.corpora.clip import Clip, ClipSets, make_utt_id
from espnet_samos.corpora.parquet import ParquetRow, read_clips
from espnet_samos.corpora.ratings import check_mean, rating_std
from espnet_samos.corpora.sources import HubDataset
from espnet_samos.utils.tables import DataError

WHERE = (
    "https://huggingface.co/datasets/urgent-challenge/urgent2026-sqa, configuration "
    "acr; licence: CC BY 4.0"
)
DOWNLOAD = HubDataset("urgent-challenge/urgent2026-sqa", patterns=("*acr/*",))
NUM_CLIPS = {"urgent2026_sqa": 5040}
COLUMNS = (
    *("sample_id", "system_id", "speaker_id", "language", "mos", "listener_scores"),
)
# ISO 639-3 to ISO 639-1; other codes stay as they are.
LANGUAGES = {
    **{"cmn": "zh", "deu": "de", "eng": "en", "fra": "fr", "ita": "it", "jpn": "ja"},
    **{"kor": "ko", "por": "pt", "rus": "ru", "spa": "es", "zho": "zh"},
}


def prepare(
    corpus_dir: Union[str, Path],
    audio_dir: Union[str, Path, None] = None,
    skip_bad_clips: bool = False,
) -> ClipSets:
    """Read the clips with absolute ratings and write their audio out.

    Args:
        corpus_dir: The corpus' folder.
        audio_dir: Where the audio goes; without it, `<corpus_dir>/audio`. A file
            that is there already and is right is left alone.
        skip_bad_clips: As for every corpus.
    """
    corpus_dir = Path(corpus_dir)
    folder = Path(audio_dir or corpus_dir / "audio")
    tables = [
        table
        for table in sorted(corpus_dir.rglob("*.parquet"))
        if "acr" in table.relative_to(corpus_dir).parts
    ]
    if not tables:
        raise DataError(
            f"{corpus_dir}: no parquet files in a folder acr in it: get them from "
            f"{WHERE}"
        )

    def parse(row: ParquetRow) -> Clip:
        name = row.name("sample_id")
        ratings = row.ratings("listener_scores")
        speaker = re.sub(r"[^\w.]", "_", str(row["speaker_id"] or ""))
        corpus = f"urgent2026_sqa_{speaker}" if speaker else "urgent2026_sqa"
        language = row["language"]
        return Clip(
            utt_id=make_utt_id(corpus, name),
            path=row.audio_path(folder, name),
            mos=check_mean(ratings, row.mos("mos"), "mos"),
            system=row.name("system_id"),
            speaker=corpus if speaker else "",
            mos_std=rating_std(ratings),
            votes=len(ratings) or None,
            lang=LANGUAGES.get(language, language) if language else None,
        )

    clips = read_clips(tables, COLUMNS, ("sample_id",), parse, WHERE, skip_bad_clips)
    return {"urgent2026_sqa": clips}
