"""A recording of clean speech: what microphones and quiet rooms do, and nobody minds.

Clean originals differ in this. A model that takes the sound of a room or a microphone
for a degradation would undervalue all recordings but those of studios.
"""

import numpy as np
import scipy.signal
from numpy.random import Generator

from espnet_samos.corpora.degradations import noise
from espnet_samos.corpora.mini.speech import set_level

EQ_DB = 5.0
EQ_KNOTS = 7
LOWEST_KNOT_HZ = 60.0
RT60_MS = 80, 300
DIRECT_DB = 6, 18  # level of the direct sound re the room's
SNR_DB = 40, 70
# How often each of them is there
HAS_EQ, HAS_ROOM, HAS_NOISE = 0.7, 0.5, 0.8


def record(x: np.ndarray, fs: int, rng: Generator) -> np.ndarray:
    """Record clean speech, (NSamples,) at `fs` Hz, -26 dB RMS, in a quiet room."""
    if rng.random() < HAS_EQ:
        x = _equalise(x, fs, rng)
    if rng.random() < HAS_ROOM:
        x = _room(x, fs, rng)
    if rng.random() < HAS_NOISE:
        snr_db, slope_db = rng.uniform(*SNR_DB), rng.uniform(-7, -2)
        x = noise.coloured(x, fs, rng, snr_db, slope_db)
    return set_level(x)


def _equalise(x: np.ndarray, fs: int, rng: Generator) -> np.ndarray:
    """Change the level smoothly over frequency, without delay."""
    knots = np.linspace(np.log(LOWEST_KNOT_HZ), np.log(fs / 2), EQ_KNOTS)
    gains_db = rng.uniform(-EQ_DB, EQ_DB, EQ_KNOTS)
    frequencies = np.fft.rfftfreq(len(x), 1 / fs)
    log_frequencies = np.log(np.maximum(frequencies, LOWEST_KNOT_HZ))
    gain_db = np.interp(log_frequencies, knots, gains_db)
    return np.fft.irfft(np.fft.rfft(x) * 10 ** (gain_db / 20), len(x))


def _room(x: np.ndarray, fs: int, rng: Generator) -> np.ndarray:
    """Add the sound of a small room, from 3 ms after the direct sound on."""
    rt60_ms, direct_db = rng.uniform(*RT60_MS), rng.uniform(*DIRECT_DB)
    seconds = np.arange(int(rt60_ms / 1000 * fs)) / fs
    tail = rng.standard_normal(len(seconds)) * 10 ** (-3000 * seconds / rt60_ms)
    tail[: int(0.003 * fs)] = 0
    tail *= 10 ** (-direct_db / 20) / np.sqrt(np.sum(tail**2))
    tail[0] = 1
    return scipy.signal.oaconvolve(x, tail)[: len(x)]
