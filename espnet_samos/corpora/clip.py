"""The unit that corpora yield and data directories hold: one labelled clip."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Union

from espnet_samos.utils.mos_scale import ACR, Scale


@dataclass(frozen=True)
class Clip:
    """One labelled clip of a corpus.

    Args:
        utt_id: Utterance id, without white space; starts with `speaker`.
        path: The audio file, at its native sampling rate.
        mos: Its label, on `scale`; None where the corpus gives none.
        system: The system (condition) that made the clip; `unknown` without one.
        speaker: Speaker id; where speakers are unknown, the utterance id itself.
        fs: Sampling rate in Hz; None: as the file's header says.
        mos_std: Standard deviation of the ratings behind `mos`.
        votes: Number of these ratings.
        lang: Language code, as ISO 639-1 has it: `en`, `zh`.
        scale: The lowest and the highest label that listeners could give.
        reference: The clean clip that this one was made of.
        scores: Further labels on `scale`, by name: `sig`, `bak`; those that it has.
    """

    utt_id: str
    path: Union[str, Path]
    mos: Optional[float]
    system: str = "unknown"
    speaker: str = ""
    fs: Optional[int] = None
    mos_std: Optional[float] = None
    votes: Optional[int] = None
    lang: Optional[str] = None
    scale: Scale = ACR
    reference: Union[str, Path, None] = None
    scores: Mapping[str, float] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        """Make the clip its own speaker where it has none."""
        object.__setattr__(self, "speaker", self.speaker or self.utt_id)


ClipSets = Dict[str, List[Clip]]


def make_utt_id(corpus: str, name: str) -> str:
    """Make an utterance id of a clip's name within a corpus, or within a speaker's."""
    return f"{corpus}-" + re.sub(r"[^\w.-]+", "_", name)
