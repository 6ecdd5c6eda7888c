"""How much the spectrum changes in a clip's worst moments, below 8 kHz."""

import functools

import numpy as np
import scipy.signal

FS = 16000
NUM_BANDS = 32
# What lies so far below the loudest frames does not count.
FLOOR_DB = -50.0
WORST = 98  # percentile of the frames


def worst_distortion(reference: np.ndarray, samples: np.ndarray) -> float:
    """Compare a clip with its clean original, frame by frame.

    Args:
        reference: Clean speech (NSamples,) at 16 kHz.
        samples: The clip (NSamples,), in time with it.

    Returns:
        The mean change of 32 mel bands in dB, in frames of 10 ms of which only one in
        fifty is worse.
    """
    was, now = (_bands(x) for x in (reference, samples))
    # the level of each band, were all alike, in loud frames
    floor = np.percentile(was.sum(axis=0), 95) / NUM_BANDS * 10 ** (FLOOR_DB / 10)
    change = np.abs(10 * np.log10((now + floor) / (was + floor))).mean(axis=0)
    return float(np.percentile(change, WORST))


def _bands(samples: np.ndarray) -> np.ndarray:
    """Return the power in mel bands: (NSamples,) -> (NBands, NFrames)."""
    _, _, spectrum = scipy.signal.stft(samples, FS, nperseg=512, noverlap=512 - 160)
    return _mel_filters() @ np.abs(spectrum) ** 2


@functools.cache
def _mel_filters() -> np.ndarray:
    from librosa.filters import mel

    return mel(sr=FS, n_fft=512, n_mels=NUM_BANDS)
