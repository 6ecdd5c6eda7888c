"""Making the broad corpus: in parallel, resumable, the same clips every time."""

import functools
import hashlib
import json
from functools import partial
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

import numpy as np
import soundfile

from espnet_samos.audio.resampling import resample
from espnet_samos.corpora.broad.bands import band_change
from espnet_samos.corpora.broad.distortion import worst_distortion
from espnet_samos.corpora.broad.kinds import (
    FREQUENT,
    KINDS,
    UNSEEN_KINDS,
    WIDE_KINDS,
    Kind,
    Source,
)
from espnet_samos.corpora.broad.recording import record
from espnet_samos.corpora.broad.voice_list import NATIVE, VOICES, WIDE
from espnet_samos.corpora.journal import read_journal
from espnet_samos.corpora.mini.speech import set_level
from espnet_samos.corpora.pool import make_in_processes
from espnet_samos.peers.abs_peer import AbsPeer
from espnet_samos.peers.distillmos import DistillMos
from espnet_samos.peers.dnsmos import DnsmosP808
from espnet_samos.utils.files import whole_file

# Change this whenever clips or measures change: old and new ones must not mix.
VERSION = "espnet_samos broad corpus 4"
# What was made, a line of JSON for each utterance: what a run resumes from.
MEASURES = "measures.jsonl"

# Of one clean utterance; the first of its clips stays clean.
CLIPS_PER_UTTERANCE = 6
TEACHER_FS = 16000
DEGRADED_AT = (16000, 24000, 48000)
RATES = (8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000)
LEVELS_DB = -38.0, -14.0
MAX_PEAK = 0.97
UNSEEN_VOICE = "june"


class BroadSet(NamedTuple):
    """A set: the phrases, voices and kinds that it has, and how many utterances."""

    part: str
    voices: Sequence[str]
    kinds: Dict[str, Kind]
    num_utterances: int


TEST_VOICES = [voice for voice in NATIVE if not voice.startswith("kokoro")]
SEEN_VOICES = [voice for voice in TEST_VOICES if voice != UNSEEN_VOICE]
# Many speakers at 24 kHz, in training alone, and again the one who has all of the band
NEURAL_VOICES = ["kokoro", "mei", "kokoro_ja", "kokoro"]
# All with all of the band
WIDE_VOICES = [
    f"{WIDE}{name}" for name in ("kokoro", "carlo", "kokoro_ja", "allison", "maxim")
]
SETS = {
    "broad_train": BroadSet("train", SEEN_VOICES, KINDS, 1200),
    "broad_neural": BroadSet("train", NEURAL_VOICES, WIDE_KINDS, 400),
    "broad_wide": BroadSet("train", WIDE_VOICES, WIDE_KINDS, 400),
    "broad_dev": BroadSet("dev", SEEN_VOICES, KINDS, 70),
    "broad_test": BroadSet("test", SEEN_VOICES, KINDS, 70),
    "broad_unseen": BroadSet("test", TEST_VOICES, UNSEEN_KINDS, 70),
}


class Item(NamedTuple):
    """An utterance to make."""

    set_name: str
    number: int

    @property
    def name(self) -> str:
        """Its name, which its random numbers depend on."""
        return f"{self.set_name}-{self.number:04d}"


def prepare_broad(root: Path, recordings: Path, nj: int, share: float) -> None:
    """Make the corpus, or what is missing of it; see `corpora.broad.prepare`.

    Raises:
        DataError: The folder holds another version of the corpus.
    """
    items = [
        Item(name, number)
        for name, broad_set in SETS.items()
        for number in range(max(2, round(share * broad_set.num_utterances)))
    ]
    for name in SETS:
        (root / "wav" / name).mkdir(parents=True, exist_ok=True)
    made = {row["name"] for row in read_measures(root)}
    todo = [item for item in items if item.name not in made]
    if not todo:
        return
    make = partial(make_utterance, root=root, recordings=recordings)
    total, before = (CLIPS_PER_UTTERANCE * n for n in (len(items), len(made)))
    with (root / MEASURES).open("a", encoding="utf-8") as f:
        for clips in make_in_processes(make, todo, nj, total, before):
            f.write(json.dumps(dict(name=clips[0]["utterance"], clips=clips)) + "\n")
            f.flush()


def read_measures(root: Path) -> List[Dict[str, Any]]:
    """Read what was made, utterance by utterance; start the file where there is none.

    Raises:
        DataError: The folder holds another version of the corpus.
    """
    lines = read_journal(root / MEASURES, json.dumps(VERSION))
    return [json.loads(line) for line in lines]


def make_utterance(item: Item, root: Path, recordings: Path) -> List[Dict[str, Any]]:
    """Make the clips of an utterance, and measure them.

    Returns:
        For each clip its name, system, rate, voice, and what `labels.label` takes.
    """
    broad_set = SETS[item.set_name]
    rng = _rng(item.name)
    names = list(broad_set.voices)
    # every number has its voice, whatever share of the corpus is made
    voice_name = names[item.number % len(names)]
    voices = {name: VOICES[name](recordings) for name in names}
    voice = voices.pop(voice_name)
    clean = record(voice.speak(broad_set.part, rng), voice.fs, rng)

    def other(fs: int) -> np.ndarray:
        """Return some speech of another voice."""
        talker = voices[list(voices)[int(rng.integers(len(voices)))]]
        return resample(talker.speak(broad_set.part, rng), talker.fs, fs)

    at_16k = resample(clean, voice.fs, TEACHER_FS).clip(-1, 1)
    teachers = _teachers()
    of_clean = _scores(teachers, at_16k)
    clips = []
    for number in range(CLIPS_PER_UTTERANCE):
        kinds = {} if number == 0 else draw_kinds(broad_set.kinds, rng)
        fs = draw_rate(voice.fs, rng)
        samples = resample(clean, voice.fs, fs).astype(np.float64)
        for kind in kinds.values():
            samples = kind(Source(fs, partial(other, fs)), rng)(samples, fs, rng)
        degraded = resample(samples, fs, TEACHER_FS)
        degraded /= max(1.0, float(np.abs(degraded).max()))
        in_time = len(degraded) == len(at_16k)
        utt_id = f"{voice_name}-{item.name}-{number}"
        dressed, rate = dress(samples, fs, rng)
        path = root / "wav" / item.set_name / f"{utt_id}.wav"
        with whole_file(path) as unfinished:
            soundfile.write(unfinished, dressed, rate, subtype="PCM_16", format="WAV")
        clips.append(
            dict(
                utt_id=utt_id,
                utterance=item.name,
                set=item.set_name,
                speaker=voice_name,
                lang=voice.lang,
                system="+".join(kinds) or "clean",
                fs=rate,
                made_at=fs,
                **_scores(teachers, degraded),
                **{f"{name}_clean": score for name, score in of_clean.items()},
                distortion=worst_distortion(at_16k, degraded) if in_time else None,
                **band_change(clean, voice.fs, samples, fs)._asdict(),
            )
        )
    return clips


def draw_kinds(kinds: Dict[str, Kind], rng: np.random.Generator) -> Dict[str, Kind]:
    """Draw what happens to a clip: one kind, or two one after the other."""
    weights = np.array([FREQUENT.get(name, 1) for name in kinds], dtype=np.float64)
    number = 2 if rng.random() < 0.35 else 1
    chosen = rng.choice(list(kinds), number, replace=False, p=weights / weights.sum())
    return {str(name): kinds[str(name)] for name in chosen}


def draw_rate(native_fs: int, rng: np.random.Generator) -> int:
    """Draw the rate in Hz at which a clip is degraded: mostly one with all of it."""
    if rng.random() < 0.35:
        return int(rng.choice(DEGRADED_AT))
    return min(fs for fs in DEGRADED_AT if fs >= native_fs)


def dress(
    samples: np.ndarray, fs: int, rng: np.random.Generator
) -> Tuple[np.ndarray, int]:
    """Change what nobody minds: level, sampling rate, silence around, DC.

    Args:
        samples: The clip (NSamples,).
        fs: Its rate in Hz.
        rng: Random numbers.

    Returns:
        Samples (NSamples',) in [-1, 1] and their rate in Hz.
    """
    rate = fs
    if rng.random() < 0.4:
        rate = int(rng.choice([other for other in RATES if other >= fs]))
    level_db = rng.uniform(*LEVELS_DB)
    dressed = resample(set_level(samples, level_db), fs, rate).astype(np.float64)
    if rng.random() < 0.3:
        before, after = (rng.uniform(0, 1, 2) * rate).astype(int)
        dressed = np.pad(dressed, (before, after))
    dressed *= min(1, MAX_PEAK / np.abs(dressed).max())
    if rng.random() < 0.2:
        dressed += rng.uniform(-0.01, 0.01)
    return dressed, rate


def _rng(name: str) -> np.random.Generator:
    digest = hashlib.sha256(name.encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))


@functools.cache
def _teachers() -> List[AbsPeer]:
    return [DistillMos(), DnsmosP808()]


def _scores(teachers: List[AbsPeer], samples: np.ndarray) -> Dict[str, float]:
    """Score samples (NSamples,) at 16 kHz; by name, 1 to 5."""
    scores: Dict[str, float] = {}
    for teacher in teachers:
        scores.update(teacher.scores(samples, TEACHER_FS))
    return scores
