"""Which clips the mini corpus has: sets, systems, sentences and speakers."""

import hashlib
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence

import numpy as np

from espnet_samos.corpora.mini.speech import SPEAKERS, sentences
from espnet_samos.corpora.mini.systems import SYSTEMS, UNSEEN_SYSTEMS, systems_at
from espnet_samos.utils.tables import DataError

# So many systems share an utterance of clean speech, which is made once for them.
SYSTEMS_PER_SENTENCE = 4

# A few systems of each rate, for a corpus that only shows that everything runs.
TINY_SYSTEMS = (
    *("48k_clean", "48k_mp3_32", "48k_white_20", "48k_lowpass_11"),
    *("24k_clean", "24k_mp3_24", "16k_clean", "16k_opus_6"),
    *("48k_comb_2", "48k_quantise_6", "24k_mp2_24", "16k_mulaw"),
)


class MiniSet(NamedTuple):
    """A set: its systems, and how many clips each has in every size."""

    systems: Sequence[str]
    small: int
    tiny: int


SETS: Dict[str, MiniSet] = {
    "mini_pretrain": MiniSet(systems_at(48000), small=24, tiny=4),
    "mini_pretrain_dev": MiniSet(systems_at(48000), small=4, tiny=2),
    "mini_train": MiniSet(list(SYSTEMS), small=4, tiny=2),
    "mini_dev": MiniSet(list(SYSTEMS), small=2, tiny=1),
    "mini_test": MiniSet(list(SYSTEMS), small=4, tiny=1),
    "mini_unseen": MiniSet(list(UNSEEN_SYSTEMS), small=10, tiny=2),
}
SIZES = ("small", "tiny")

# Copies of this set's clips, which all have 48 kHz, lose the band above a cut-off.
BAND_LIMITED_FROM = "mini_pretrain"
BAND_LIMITED = "mini_pretrain_band_limited"
LOWEST_CUT_OFF_KHZ = 2.0
HIGHEST_CUT_OFF_KHZ = 20.0


class ClipDesign(NamedTuple):
    """One clip to make."""

    utt_id: str  # <speaker>-<set>-<system>-<number>
    set_name: str
    system: str  # what degrades it
    number: int  # which of its system's clips it is, in its set
    speaker: str
    text: str
    cut_off_khz: Optional[float] = None  # what is above is taken away at the end

    @property
    def path(self) -> str:
        """The audio file, relative to the corpus' folder."""
        return f"wav/{self.set_name}/{self.utt_id}.wav"

    def rng(self) -> np.random.Generator:
        """Return the clip's own random numbers: the same in every run and order.

        A band-limited copy has those of its original, whose degradation it has.
        """
        return _rng(self.utt_id.replace(f"-{BAND_LIMITED}-", f"-{BAND_LIMITED_FROM}-"))


def _rng(name: str) -> np.random.Generator:
    digest = hashlib.sha256(name.encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))


def design(size: str = "small") -> List[ClipDesign]:
    """List the clips of the corpus, of which no two sets share a sentence.

    Args:
        size: `small` (about 1200 clips) or `tiny` (about 60 of them).

    Raises:
        DataError: Another size.
    """
    if size not in SIZES:
        raise DataError(f"size must be one of {', '.join(SIZES)}, not '{size}'")
    text = iter(sentences())
    clips = []
    for name, mini_set in SETS.items():
        clips += _clips(name, mini_set, text)
    if size == "tiny":
        clips = [
            clip
            for clip in clips
            if clip.system in TINY_SYSTEMS and clip.number < SETS[clip.set_name].tiny
        ]
    return clips


def _clips(set_name: str, mini_set: MiniSet, text: Iterator[str]) -> List[ClipDesign]:
    """List the clips of a set; take their sentences from `text`."""
    speakers = list(SPEAKERS)
    systems = mini_set.systems
    offset = list(SETS).index(set_name)
    # Systems that share a sentence are of different kinds: far apart in the list.
    num_groups = -(-len(systems) // SYSTEMS_PER_SENTENCE)
    clips = []
    for number in range(mini_set.small):
        for group in range(num_groups):
            sentence = next(text)
            # Every system goes round the speakers, in each set from another one:
            # neither a set nor a system is tied to a speaker.
            speaker = speakers[(offset + number + group) % len(speakers)]
            clips += [
                ClipDesign(
                    utt_id=f"{speaker}-{set_name}-{system}-{number:02d}",
                    set_name=set_name,
                    system=system,
                    number=number,
                    speaker=speaker,
                    text=sentence,
                )
                for system in systems[group::num_groups]
            ]
    return clips


def band_limited_copies(clips: Sequence[ClipDesign]) -> List[ClipDesign]:
    """List band-limited copies of the clips of `mini_pretrain` that are there.

    They make up the set `mini_pretrain_band_limited`. Cut-offs are log-uniform
    between 2 and 20 kHz; they depend on the clip alone.
    """
    low, high = np.log((LOWEST_CUT_OFF_KHZ, HIGHEST_CUT_OFF_KHZ))
    copies = []
    for clip in clips:
        if clip.set_name == BAND_LIMITED_FROM:
            name = clip.utt_id.replace(f"-{BAND_LIMITED_FROM}-", f"-{BAND_LIMITED}-")
            khz = float(np.exp(_rng(name).uniform(low, high)))
            copy = clip._replace(utt_id=name, set_name=BAND_LIMITED, cut_off_khz=khz)
            copies.append(copy)
    return copies
