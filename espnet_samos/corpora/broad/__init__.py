"""The broad corpus: speech of many voices with all that happens to speech, made here.

Its labels are computed from predictors that were trained on people's ratings and from
full-reference measures; nobody listened to its clips.
"""

import importlib.util
from pathlib import Path
from typing import Union

from espnet_samos.corpora.clip import Clip, ClipSets
from espnet_samos.utils.tables import DataError

LABEL_NOTE = (
    "labels are computed, by predictors trained on people's ratings and by "
    "full-reference measures"
)


def prepare(
    corpus_dir: Union[str, Path] = "downloads/broad",
    nj: int = 2,
    share: float = 1.0,
) -> ClipSets:
    """Make the corpus where it is not made yet, and read it.

    Args:
        corpus_dir: The corpus' folder, with the recorded voices in `recordings`.
        nj: Number of processes.
        share: How much of it, up to 1 (8500 clips, some three hours on two cores); a
            smaller one is a part of a larger one.

    Returns:
        The clips of each set.

    Raises:
        DataError: A package or the recordings are missing, or the folder holds another
            version of the corpus.
    """
    for package in (
        "av",
        "librosa",
        "onnxruntime",
        "piper",
        "pyopenjtalk",
        "speechmos",
    ):
        if importlib.util.find_spec(package) is None:
            raise DataError(
                f"no Python package {package}, which makes the broad corpus: "
                'pip install "espnet_samos[broad]"'
            )
    from espnet_samos.corpora.broad.labels import label, partial_labels
    from espnet_samos.corpora.broad.make import prepare_broad, read_measures

    root = Path(corpus_dir)
    prepare_broad(root, root / "recordings", nj, share)
    sets: ClipSets = {}
    for utterance in read_measures(root):
        for row in utterance["clips"]:
            partial = partial_labels(row)
            clip = Clip(
                utt_id=row["utt_id"],
                path=root / "wav" / row["set"] / f"{row['utt_id']}.wav",
                mos=label(partial),
                system=row["system"],
                speaker=row["speaker"],
                fs=row["fs"],
                lang=row["lang"],
                scores=partial,
            )
            sets.setdefault(row["set"], []).append(clip)
    return sets
