"""A voice with all of the band: what it has is continued up to 24 kHz.

Recordings and synthetic voices of the broad corpus end at 7 to 12 kHz. A model that
never hears clean speech above takes what is there for noise.
"""

from typing import List

import numpy as np
import scipy.signal

from espnet_samos.audio.resampling import resample
from espnet_samos.corpora.broad.voices import AbsVoice
from espnet_samos.corpora.mini.speech import REFERENCE_FS

BAND_SHARE = 0.88  # of its Nyquist frequency, up to where a voice's own band is kept
WIDTH_HZ = 2000.0  # of the band below that is continued
SLOPE_DB = 0.0, 3.5  # per kHz, less and less level
# Short enough for plosives
WINDOW, HOP = 480, 120


class WideVoice(AbsVoice):
    """A voice whose uppermost band is continued, as noise that follows it.

    Args:
        voice: The voice.
    """

    fs = REFERENCE_FS

    def __init__(self, voice: AbsVoice):
        self.voice = voice
        self.lang = voice.lang
        self.attribution = voice.attribution

    def phrases(self) -> List[str]:
        """List what the voice can say."""
        return self.voice.phrases()

    def say(self, phrase: str, rng: np.random.Generator) -> np.ndarray:
        """Return a phrase with all of the band; its slope is the speaker's."""
        slope_db = float(rng.uniform(*SLOPE_DB))
        return continue_band(self.voice.say(phrase, rng), self.voice.fs, rng, slope_db)


def continue_band(
    samples: np.ndarray, fs: int, rng: np.random.Generator, slope_db: float
) -> np.ndarray:
    """Fill what is missing above a voice's band: (NSamples,) -> (NSamples',) at 48 kHz.

    Args:
        samples: Speech (NSamples,).
        fs: Its rate in Hz.
        rng: Random numbers.
        slope_db: By how many dB the level falls from one kHz to the next.
    """
    wide = resample(samples, fs, REFERENCE_FS)
    options = dict(fs=REFERENCE_FS, nperseg=WINDOW, noverlap=WINDOW - HOP)
    frequencies, _, spectrum = scipy.signal.stft(wide, **options)
    white = rng.standard_normal(len(wide))
    noise = scipy.signal.stft(white, **options)[2]
    noise /= np.sqrt(np.mean(np.abs(noise) ** 2))

    edge = BAND_SHARE * fs / 2
    highest = (frequencies >= edge - WIDTH_HZ) & (frequencies < edge)
    level = np.sqrt(np.mean(np.abs(spectrum[highest]) ** 2, axis=0))
    above = frequencies >= edge
    khz = (frequencies[above] - edge + WIDTH_HZ / 2) / 1000
    spectrum[above] = noise[above] * level * 10 ** (-slope_db * khz / 20)[:, None]
    return scipy.signal.istft(spectrum, **options)[1][: len(wide)]
