"""Speech that is changed in the time-frequency plane: vocoders and gates."""

import numpy as np
import scipy.ndimage
from numpy.random import Generator

from espnet_samos.corpora.degradations.common import (
    at_snr,
    average_in_bands,
    speech_stft,
)


def spectral_gate(
    x: np.ndarray, fs: int, rng: Generator, depth_db: float
) -> np.ndarray:
    """Drop all that is `depth_db` below a frame's peak: musical noise."""
    stft = speech_stft(fs)
    spectrum = stft.stft(x)
    magnitude = np.abs(spectrum)
    floor = magnitude.max(axis=0) * 10 ** (-depth_db / 20)
    return stft.istft(np.where(magnitude < floor, 0, spectrum), k1=len(x))


def griffin_lim(
    x: np.ndarray, fs: int, rng: Generator, bands: int, iterations: int = 16
) -> np.ndarray:
    """A vocoder: magnitudes in mel bands, phases by Griffin and Lim."""
    stft = speech_stft(fs)
    magnitude = average_in_bands(np.abs(stft.stft(x)), stft.f, bands)
    phase = np.exp(2j * np.pi * rng.random(magnitude.shape))
    for _ in range(iterations):
        phase = stft.stft(stft.istft(magnitude * phase, k1=len(x)))
        phase /= np.maximum(np.abs(phase), 1e-12)
    return stft.istft(magnitude * phase, k1=len(x))


def noise_vocoder(x: np.ndarray, fs: int, rng: Generator, bands: int) -> np.ndarray:
    """A whisper: noise with the magnitudes of the speech in mel bands."""
    stft = speech_stft(fs)
    magnitude = average_in_bands(np.abs(stft.stft(x)), stft.f, bands)
    carrier = stft.stft(rng.standard_normal(len(x)))
    return stft.istft(magnitude * carrier / np.abs(carrier).mean(), k1=len(x))


def noise_suppression(
    x: np.ndarray, fs: int, rng: Generator, snr_db: float, over: float = 2
) -> np.ndarray:
    """Add white noise and subtract its spectrum: what is left is musical noise.

    Args:
        x: Samples (NSamples,).
        fs: Their rate in Hz.
        rng: Random numbers.
        snr_db: Signal-to-noise ratio before.
        over: How often the noise's power is subtracted.
    """
    stft = speech_stft(fs)
    added = at_snr(x, rng.standard_normal(len(x)), snr_db)
    spectrum = stft.stft(x + added)
    noise_power = np.mean(np.abs(stft.stft(added)) ** 2)
    power = np.abs(spectrum) ** 2
    gain = np.sqrt(np.maximum(1 - over * noise_power / np.maximum(power, 1e-12), 1e-3))
    return stft.istft(gain * spectrum, k1=len(x))


def smear(x: np.ndarray, fs: int, rng: Generator, frames: int, bins: int) -> np.ndarray:
    """Average magnitudes over frames of 10 ms and bins of 25 Hz: a poor vocoder."""
    stft = speech_stft(fs)
    spectrum = stft.stft(x)
    magnitude = np.abs(spectrum)
    smooth = scipy.ndimage.uniform_filter(magnitude, (bins, frames))
    smeared = spectrum * smooth / np.maximum(magnitude, 1e-12)
    return _as_loud(stft.istft(smeared, k1=len(x)), x)


def randomise_phases(
    x: np.ndarray, fs: int, rng: Generator, share: float
) -> np.ndarray:
    """Take the phases away in a share of the plane: a buzz, as of a neural codec."""
    stft = speech_stft(fs)
    spectrum = stft.stft(x)
    chosen = rng.random(spectrum.shape) < share
    random = np.abs(spectrum) * np.exp(2j * np.pi * rng.random(spectrum.shape))
    return _as_loud(stft.istft(np.where(chosen, random, spectrum), k1=len(x)), x)


def _as_loud(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Give `y` the level of `x`: frames that do not fit together cancel in part."""
    return y * np.sqrt(np.mean(x**2) / np.mean(y**2))
