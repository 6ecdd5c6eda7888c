"""What is lost and what is added above 8 kHz: a full-reference measure of the bands.

Predictors that learnt from people's ratings operate at 16 kHz and cannot see it.
"""

from typing import NamedTuple

import numpy as np
import scipy.signal

from espnet_samos.audio.resampling import resample

FS = 48000
EDGES_KHZ = np.array([8, 10, 12, 14, 16, 20])
# Level of each band in loud frames of full-band speech, in dB re the speech band below
# 4 kHz: what is to be expected of speech whose original has no such band.
EXPECTED_DB = np.array([-37, -41, -46, -50, -50])
NOTHING_DB = -68.0  # what is below is not there
# The lower of them matter most (in listening tests, ever less is missed above 12 kHz).
SHARES = np.array([0.30, 0.27, 0.18, 0.13, 0.12])
TOLERANCE_DB = 3.0
RANGE_DB = 20.0  # a change that is this much larger is total
PAUSE_RANGE_DB = 40.0


class BandChange(NamedTuple):
    """What happened above 8 kHz, each 0 (nothing) to 1 (everything, everywhere)."""

    lost: float
    added: float


def band_change(
    reference: np.ndarray, reference_fs: int, samples: np.ndarray, fs: int
) -> BandChange:
    """Compare a clip with its clean original above 8 kHz.

    Levels in loud frames and in pauses are compared, not frame by frame: the clip need
    not be in time with its original.

    Args:
        reference: Clean speech (NSamples,).
        reference_fs: Its sampling rate in Hz.
        samples: The clip (NSamples',).
        fs: The clip's sampling rate in Hz.
    """
    (loud, pause), (was_loud, was_pause) = (
        _levels(samples, fs),
        _levels(reference, reference_fs),
    )
    missing = was_loud < NOTHING_DB
    target = np.where(missing, EXPECTED_DB, was_loud)
    lost = (target - loud - TOLERANCE_DB) / (RANGE_DB - TOLERANCE_DB)
    louder = (loud - target - TOLERANCE_DB) / RANGE_DB
    noisier = (
        pause - np.maximum(was_pause, NOTHING_DB) - TOLERANCE_DB
    ) / PAUSE_RANGE_DB
    added = np.maximum(louder, noisier)
    return BandChange(*(float(SHARES @ np.clip(x, 0, 1)) for x in (lost, added)))


def _levels(samples: np.ndarray, fs: int) -> np.ndarray:
    """Return the levels in dB of the bands, loud and in pauses: (2, NBands)."""
    x = resample(samples, fs, FS)
    frequencies, _, spectrum = scipy.signal.stft(x, FS, nperseg=960, noverlap=480)
    power = np.abs(spectrum) ** 2
    speech = power[(frequencies > 100) & (frequencies < 4000)].sum(axis=0)
    loudest = np.percentile(speech, 95) + 1e-20
    edges = 1000 * EDGES_KHZ
    bands = np.stack(
        [
            power[(frequencies >= low) & (frequencies < high)].sum(axis=0)
            for low, high in zip(edges[:-1], edges[1:], strict=True)
        ]
    )
    levels = 10 * np.log10(bands / loudest + 1e-9)
    return np.percentile(levels, (92, 15), axis=1)
