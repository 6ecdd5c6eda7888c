"""Disturbances that are added to speech."""

import numpy as np
from numpy.random import Generator

from espnet_samos.corpora.degradations.bandwidth import band_filter
from espnet_samos.corpora.degradations.common import at_snr


def coloured(
    x: np.ndarray, fs: int, rng: Generator, snr_db: float, slope_db: float = 0
) -> np.ndarray:
    """Add noise whose spectrum changes by `slope_db` an octave (white: 0)."""
    spectrum = np.fft.rfft(rng.standard_normal(len(x)))
    frequencies = np.fft.rfftfreq(len(x), 1 / fs)
    # Below 50 Hz the slope would put nearly all of the energy where nobody hears it.
    gain = np.maximum(frequencies, 50) ** (slope_db / (20 * np.log10(2)))
    gain[frequencies < 50] = 0
    return x + at_snr(x, np.fft.irfft(spectrum * gain, len(x)), snr_db)


def crosstalk(x: np.ndarray, fs: int, rng: Generator, snr_db: float) -> np.ndarray:
    """Add another voice: the clip itself, backwards and shifted."""
    shift = int(rng.integers(len(x) // 4, len(x) // 2))
    return x + at_snr(x, np.roll(x[::-1], shift), snr_db)


def add(
    x: np.ndarray, fs: int, rng: Generator, other: np.ndarray, snr_db: float
) -> np.ndarray:
    """Add another sound (NSamples',) at the same rate, from a random place on."""
    shifted = np.roll(other, int(rng.integers(len(other))))
    return x + at_snr(x, np.resize(shifted, len(x)), snr_db)


def hum(
    x: np.ndarray, fs: int, rng: Generator, snr_db: float, mains_hz: float = 50
) -> np.ndarray:
    """Add a mains hum: harmonics at random levels and phases."""
    harmonics = np.arange(1, 20)
    gains = 10 ** (rng.uniform(-30, 0, len(harmonics)) / 20)
    phases = rng.uniform(0, 2 * np.pi, len(harmonics))
    time = np.arange(len(x))[:, None] / fs
    tones = np.cos(2 * np.pi * mains_hz * harmonics * time + phases) @ gains
    return x + at_snr(x, tones, snr_db)


def clicks(
    x: np.ndarray, fs: int, rng: Generator, rate: float, snr_db: float
) -> np.ndarray:
    """Add `rate` clicks a second, each of less than a millisecond."""
    places = rng.random(len(x)) < rate / fs
    places[int(rng.integers(len(x)))] = True  # one at least
    decay = np.exp(-np.arange(int(0.0008 * fs)) / (0.0002 * fs))
    signs = places * rng.choice([-1.0, 1.0], len(x))
    return x + at_snr(x, np.convolve(signs, decay)[: len(x)], snr_db)


def mnru(
    x: np.ndarray, fs: int, rng: Generator, q_db: float, top_khz: float = 24
) -> np.ndarray:
    """Add noise that follows the speech: the MNRU of ITU-T P.810.

    Each sample is multiplied by one plus noise, `q_db` below it. The sum is limited to
    `top_khz`, as the reference systems of listening tests are.
    """
    y = x * (1 + 10 ** (-q_db / 20) * rng.standard_normal(len(x)))
    return y if 2000 * top_khz >= fs else band_filter(y, fs, rng, "lowpass", (top_khz,))
