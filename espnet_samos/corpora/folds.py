"""Folds of rated sets: each clip is tested by models that never met its talker."""

import dataclasses
import re
from typing import Dict, List, Sequence

from espnet_samos.corpora.clip import Clip
from espnet_samos.corpora.split import split_off
from espnet_samos.utils.mos_scale import ACR
from espnet_samos.utils.tables import DataError

PARTS = ("train", "dev", "test")


def make_folds(
    clips: Sequence[Clip], num_folds: int, dev_every: int = 8
) -> List[Dict[str, List[Clip]]]:
    """Split the clips of a set over talkers.

    Talkers are dealt to the folds in the order of their names, so that sets of the same
    talkers have the same ones in each fold. Where speakers are sentences,
    `<talker>_<number>`, those of a talker stay together.

    Args:
        clips: The clips, with their talkers.
        num_folds: How many folds; at most as many as there are talkers.
        dev_every: Of the clips to train on, one in so many validates.

    Returns:
        For each fold `train`, `dev` and `test`, with labels on the scale 1..5.

    Raises:
        DataError: There are fewer talkers than folds.
    """
    talkers = sorted({_talker(clip) for clip in clips})
    if len(talkers) < num_folds:
        raise DataError(f"{len(talkers)} talkers cannot make {num_folds} folds")
    fold_of = {talker: i % num_folds for i, talker in enumerate(talkers)}
    clips = [_on_acr_scale(clip) for clip in clips]
    folds = []
    for fold in range(num_folds):
        known = [clip for clip in clips if fold_of[_talker(clip)] != fold]
        train, dev = split_off(known, dev_every)
        test = [clip for clip in clips if fold_of[_talker(clip)] == fold]
        folds.append(dict(zip(PARTS, (train, dev, test), strict=True)))
    return folds


def _talker(clip: Clip) -> str:
    return re.sub(r"(_\d+)+$", "", clip.speaker)


def _on_acr_scale(clip: Clip) -> Clip:
    """Return a clip with its label mapped linearly to the scale 1..5."""
    low, high = clip.scale
    factor = (ACR[1] - ACR[0]) / (high - low)
    if clip.mos is None or factor == 1.0:
        return clip
    return dataclasses.replace(
        clip,
        mos=ACR[0] + factor * (clip.mos - low),
        mos_std=None if clip.mos_std is None else factor * clip.mos_std,
        scores={
            name: ACR[0] + factor * (label - low) for name, label in clip.scores.items()
        },
        scale=ACR,
    )
