"""Bands that are lost, or filled with something else."""

from typing import Tuple

import numpy as np
import scipy.signal
import soxr
from numpy.random import Generator

from espnet_samos.corpora.degradations.common import FRAME_SECONDS, at_snr


def band_filter(
    x: np.ndarray, fs: int, rng: Generator, kind: str, khz: Tuple[float, ...]
) -> np.ndarray:
    """Zero-phase filter of a kind that scipy knows, with these edges in kHz."""
    edges = 1000 * np.array(khz)
    sections = scipy.signal.butter(
        8, edges if len(khz) > 1 else edges[0], kind, fs=fs, output="sos"
    )
    return scipy.signal.sosfiltfilt(sections, x)


def fill_high_band(
    x: np.ndarray, fs: int, rng: Generator, khz: float, gain_db: float
) -> np.ndarray:
    """Noise instead of the band above `khz`: a bandwidth extension gone wrong.

    The noise follows the envelope of the speech, `gain_db` above what it replaces.
    """
    low = band_filter(x, fs, rng, "lowpass", (khz,))
    width = int(FRAME_SECONDS * fs)
    envelope = scipy.signal.convolve(np.abs(low), np.hanning(width), mode="same")
    white = rng.standard_normal(len(x))
    high = envelope * band_filter(white, fs, rng, "highpass", (khz,))
    return low + at_snr(x - low, high, -gain_db)


def images(x: np.ndarray, fs: int, rng: Generator, factor: int) -> np.ndarray:
    """Up-sample from `fs / factor` by repeating samples: mirror images of the speech.

    The spectrum above the lower rate's band is the speech mirrored, not speech.
    """
    low = soxr.resample(x, fs, fs / factor)
    return np.pad(np.repeat(low, factor), (0, factor))[factor // 2 :][: len(x)]


def at_rate(x: np.ndarray, fs: int, target_fs: int) -> np.ndarray:
    """Resample in float64: (NSamples,) -> (NSamples',)."""
    return soxr.resample(np.asarray(x, dtype=np.float64), fs, target_fs)
