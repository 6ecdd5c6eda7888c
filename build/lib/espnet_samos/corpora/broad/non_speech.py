"""Sounds that are no speech: noise, tones, music, clicks; as speech, the worst."""

import numpy as np
from numpy.random import Generator

from espnet_samos.corpora.degradations import noise
from espnet_samos.corpora.mini.speech import set_level

NON_SPEECH = "non_speech"  # the kind's name
SECONDS = 3.0, 6.0
SEMITONE = 2 ** (1 / 12)
SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 4, 7, 9))


def non_speech(fs: int, rng: Generator) -> np.ndarray:
    """Return a sound at `fs` Hz, (NSamples,), 3 to 6 s long, -26 dB RMS."""
    num_samples = int(rng.uniform(*SECONDS) * fs)
    make = (_noise, _tones, _music, _clicks)[int(rng.integers(4))]
    return set_level(make(num_samples, fs, rng))


def _noise(num_samples: int, fs: int, rng: Generator) -> np.ndarray:
    """Noise of any colour, steady or swelling."""
    silence = np.full(num_samples, 1e-9)
    sound = noise.coloured(silence, fs, rng, 0, rng.uniform(-8, 1))
    if rng.random() < 0.5:
        time = np.arange(num_samples) / fs
        sound = sound * (1.1 + np.sin(2 * np.pi * rng.uniform(0.2, 6) * time))
    return sound


def _tones(num_samples: int, fs: int, rng: Generator) -> np.ndarray:
    """A few tones, steady or sliding, or a hum."""
    time = np.arange(num_samples) / fs
    sound = np.zeros(num_samples)
    for _ in range(int(rng.integers(1, 5))):
        start, end = np.exp(rng.uniform(np.log(40), np.log(6000), 2))
        end = start if rng.random() < 0.5 else end
        frequency = np.linspace(start, end, num_samples)
        sound += rng.random() * np.sin(2 * np.pi * np.cumsum(frequency) / fs)
    return sound + 1e-4 * rng.standard_normal(len(time))


def _music(num_samples: int, fs: int, rng: Generator) -> np.ndarray:
    """Notes of a scale, alone or in chords, with a beat or without."""
    sound = np.zeros(num_samples)
    scale = SCALES[int(rng.integers(len(SCALES)))]
    root = rng.uniform(80, 330)
    beat = rng.uniform(0.12, 0.5)
    harmonics = np.arange(1, 9)
    weights = harmonics ** -rng.uniform(0.7, 2)
    decay = rng.uniform(0.1, 1.5)
    for start in np.arange(0, num_samples / fs, beat):
        for _ in range(int(rng.integers(1, 4))):
            octave = 2.0 ** rng.integers(0, 3)
            pitch = root * octave * SEMITONE ** scale[int(rng.integers(len(scale)))]
            length = min(int(decay * fs), num_samples - int(start * fs))
            time = np.arange(length) / fs
            waves = np.sin(2 * np.pi * pitch * np.outer(time, harmonics))
            note = waves @ weights * np.exp(-3 * time / decay) * rng.uniform(0.3, 1)
            sound[int(start * fs) : int(start * fs) + length] += note
    if rng.random() < 0.5:
        phase = np.arange(num_samples) / fs % beat
        sound += rng.standard_normal(num_samples) * np.exp(-phase / 0.03)
    return sound


def _clicks(num_samples: int, fs: int, rng: Generator) -> np.ndarray:
    """Clicks on a faint noise."""
    faint = 1e-3 * rng.standard_normal(num_samples)
    return noise.clicks(faint, fs, rng, rate=rng.uniform(1, 30), snr_db=-40)
