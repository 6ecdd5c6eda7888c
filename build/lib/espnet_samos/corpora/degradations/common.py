"""What several degradations use."""

import numpy as np
import scipy.signal

FRAME_SECONDS = 0.02


def at_snr(x: np.ndarray, disturbance: np.ndarray, snr_db: float) -> np.ndarray:
    """Scale a disturbance to a signal-to-noise ratio."""
    ratio = np.mean(np.square(x)) / np.mean(np.square(disturbance))
    return disturbance * np.sqrt(ratio) * 10 ** (-snr_db / 20)


def speech_stft(fs: int) -> scipy.signal.ShortTimeFFT:
    """Frames of 40 ms, a quarter of that apart."""
    frame = int(2 * FRAME_SECONDS * fs)
    window = scipy.signal.windows.hann(frame, sym=False)
    return scipy.signal.ShortTimeFFT(window, hop=frame // 4, fs=fs)


def average_in_bands(
    magnitude: np.ndarray, frequencies: np.ndarray, bands: int
) -> np.ndarray:
    """Average over bands of equal width in mel: (NBins, NFrames) -> the same."""
    mel = np.log1p(frequencies / 700)
    band = np.minimum((bands * mel / mel[-1]).astype(int), bands - 1)
    means = np.zeros_like(magnitude)
    for b in np.unique(band):
        means[band == b] = np.sqrt(np.mean(magnitude[band == b] ** 2, axis=0))
    return means
