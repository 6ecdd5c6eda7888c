"""Neural Codec MUSHRA rating dataset: speech codecs, 24 kHz, rated from 0 to 100.

Layout: `mushra_results_dataset` of BenjSta/bernoulli-var-speech-codec, with clips in
`audio/stim_<number>` and `ratings_formated_filtered.csv` with `signal`, `condition`,
`ratings` and `participant_ids` (lists) and `file`. Lines without a file (the anchor)
and clips without ratings are logged and left out.

A system is a condition. A speaker is a signal, that is one sentence: listeners compared
its conditions side by side, and what is computed within a speaker is then within an
utterance. The hidden reference, `ref.wav`, is the reference of its signal's clips.
"""

import re
import statistics
from pathlib import Path
from typing import List, Union

from espnet_samos.corpora.clip import Clip, ClipSets, make_utt_id
from espnet_samos.corpora.ratings import rating_std
from espnet_samos.corpora.sources import GitHubFolder
from espnet_samos.corpora.table import Row, log_left_out, parse_rows, read_rows
from espnet_samos.utils.tables import DataError

WHERE = (
    "https://github.com/BenjSta/bernoulli-var-speech-codec, folder "
    "mushra_results_dataset; licence: CC BY 4.0"
)
DOWNLOAD = GitHubFolder(
    repository="BenjSta/bernoulli-var-speech-codec",
    commit="49b03fe36fa05a77d5cae1d4bd2bdbc62ead290d",
    folder="mushra_results_dataset",
)
LABEL_NOTE = "MUSHRA scores, 0 to 100, not MOS: compare their order, not values"
NUM_CLIPS = {"neural_codec_mushra": 128}
COLUMNS = ("signal", "condition", "ratings", "participant_ids", "file")
SCALE = (0.0, 100.0)


def prepare(corpus_dir: Union[str, Path], skip_bad_clips: bool = False) -> ClipSets:
    """Read the ratings of the listeners that were kept."""
    corpus_dir = Path(corpus_dir)
    table = corpus_dir / "ratings_formated_filtered.csv"

    def parse(row: Row) -> Clip:
        path = row.file("file", corpus_dir / "audio")
        ratings = _read_ratings(row)
        # TSP_FB07_09: talker FB, list 07, sentence 09
        signal = re.sub(r"^(TSP_[A-Z]+)(\d)", r"\1_\2", row.text("signal"))
        speaker = "neural_codec_mushra_" + re.sub(r"[^\w.]", "_", signal)
        reference = path.with_name("ref.wav")
        return Clip(
            utt_id=make_utt_id(speaker, path.stem),
            path=path,
            mos=statistics.fmean(ratings),
            system=row.name("condition"),
            speaker=speaker,
            mos_std=rating_std(ratings),
            votes=len(ratings),
            lang="en",
            scale=SCALE,
            reference=reference if reference.is_file() else None,
        )

    rows = read_rows(table, COLUMNS)
    with_file = [row for row in rows if row["file"]]
    clips = parse_rows(table, with_file, parse, ("file",), skip_bad_clips)
    without = [f"{row['signal']} {row['condition']}" for row in rows if not row["file"]]
    log_left_out(table, "lines without a file", without)
    rated = {corpus_dir / "audio" / row["file"] for row in with_file}
    files = sorted((corpus_dir / "audio").glob("*/*.wav"))
    unrated = [f"{path.parent.name}/{path.name}" for path in files if path not in rated]
    log_left_out(table, "clips without ratings", unrated)
    return {"neural_codec_mushra": clips}


def _read_ratings(row: Row) -> List[float]:
    ratings = row.ratings("ratings", SCALE)
    if len(ratings) != len(row.numbers("participant_ids")):
        raise DataError(
            "ratings and participant_ids are not equally many: correct them"
        )
    return ratings
