"""Validation clips for corpora that are published without."""

import hashlib
from typing import Dict, List, Sequence, Tuple

from espnet_samos.corpora.clip import Clip


def split_off(clips: Sequence[Clip], every: int) -> Tuple[List[Clip], List[Clip]]:
    """Hold `len(clips) // every` clips back, as many of each system as can be.

    Which clips are held back depends on their utterance ids alone: not on the
    order of the clips, the machine or the run.

    Returns:
        The other clips and those held back, in the order of `clips`.
    """
    systems: Dict[str, List[Clip]] = {}
    for clip in sorted(clips, key=lambda clip: _digest(clip.utt_id)):
        systems.setdefault(clip.system, []).append(clip)
    counts = {system: len(group) // every for system, group in systems.items()}
    # What rounding down left over goes to the systems that lost most by it.
    left_over = len(clips) // every - sum(counts.values())
    by_loss = sorted(
        systems, key=lambda system: (-(len(systems[system]) % every), _digest(system))
    )
    for system in by_loss[:left_over]:
        counts[system] += 1
    held_back = {
        clip.utt_id
        for system, group in systems.items()
        for clip in group[: counts[system]]
    }
    return (
        [clip for clip in clips if clip.utt_id not in held_back],
        [clip for clip in clips if clip.utt_id in held_back],
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
