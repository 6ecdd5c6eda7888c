"""The mini corpus: multi-rate speech that is made here, not downloaded.

Synthetic speech is degraded by some 60 systems at 16, 24 and 48 kHz. Its labels are
a proxy computed by ViSQOL, not human opinions.
"""

import csv
import importlib.util
from pathlib import Path
from typing import Union

from espnet_samos.corpora.clip import Clip, ClipSets
from espnet_samos.utils.tables import DataError

LABEL_NOTE = "labels are a proxy computed by ViSQOL, not human opinions"


def prepare(
    corpus_dir: Union[str, Path] = "downloads/mini",
    size: str = "small",
    nj: int = 2,
    band_limited: bool = False,
) -> ClipSets:
    """Make the corpus where it is not made yet, and read it.

    Args:
        corpus_dir: The corpus' folder.
        size: `small` (about 1200 clips, minutes to make) or `tiny` (about 60, which
            only shows that everything runs).
        nj: Number of processes.
        band_limited: Add the set `mini_pretrain_band_limited`: the clips of
            `mini_pretrain` without what is above a random frequency, each with its
            own proxy label.

    Returns:
        The clips of each set.

    Raises:
        DataError: A package that makes the corpus is missing, or the folder holds
            another version of the corpus.
    """
    for package in ("av", "pyopenjtalk", "visqol"):
        if importlib.util.find_spec(package) is None:
            raise DataError(
                f"no Python package {package}, which makes the mini corpus: "
                'pip install "espnet_samos[mini]"'
            )
    from espnet_samos.corpora.mini.make import prepare_mini

    prepare_mini(corpus_dir, nj=nj, size=size, band_limited=band_limited)
    return read_mini(corpus_dir)


def read_mini(corpus_dir: Union[str, Path]) -> ClipSets:
    """Read the corpus from its folder; raise a `DataError` if it is not finished."""
    metadata = Path(corpus_dir) / "metadata.csv"
    if not metadata.is_file():
        raise DataError(
            f"{metadata} is missing: the corpus is not finished; prepare it again"
        )
    sets: ClipSets = {}
    with metadata.open(encoding="utf-8", newline="") as f:
        for row in csv.DictReader(f):
            clip = Clip(
                utt_id=row["utt_id"],
                path=Path(corpus_dir) / row["path"],
                mos=float(row["mos"]),
                system=row["system"],
                speaker=row["speaker"],
                fs=int(row["fs"]),
                lang="ja",
            )
            sets.setdefault(row["set"], []).append(clip)
    return sets
