"""Resampling: of arrays by soxr, of tensors with gradients by torchaudio."""

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import soxr

if TYPE_CHECKING:
    import torch

# soxr HQ's filter as a windowed sinc, in torchaudio's terms: flat up to 0.91 of the
# lower of the two Nyquist frequencies, 120 dB down at 1.
SOXR_HQ = dict(
    resampling_method="sinc_interp_kaiser",
    lowpass_filter_width=91,
    rolloff=0.95688,
    beta=12.6,
)
# torchaudio's cost grows with the product of the two terms of the ratio. Where one is
# larger, the nearest ratio of smaller ones is taken, which is at most 3e-4 from it.
MAX_TERM = 2000
EMPTY = np.zeros(0, dtype=np.float32)


def resample(samples: np.ndarray, fs: int, target_fs: int) -> np.ndarray:
    """Resample with soxr HQ in float32: (NSamples,) -> (NSamples',).

    float32 throughout matters: 16-bit rounding noise would fill the empty band
    above an up-sampled clip's bandwidth, and the spectrogram branch sees it.
    """
    samples = np.ascontiguousarray(samples, dtype=np.float32)
    if fs == target_fs:
        return samples
    return soxr.resample(samples, fs, target_fs, quality="HQ")


class ResampledClip:
    """A clip at another rate, as far as it is known and still needed.

    Args:
        fs: The clip's sampling rate in Hz.
        target_fs: The wanted one.
    """

    def __init__(self, fs: int, target_fs: int):
        self.fs = target_fs
        self.stream = None
        if fs != target_fs:
            # float32, as `resample`
            self.stream = soxr.ResampleStream(
                fs, target_fs, 1, dtype="float32", quality="HQ"
            )
        self.first = 0  # index of samples[0] in the clip
        self.samples = EMPTY

    def extend(self, block: np.ndarray, last: bool = False) -> None:
        """Take the next samples, (NSamples,), the last ones with `last`."""
        if self.stream is not None:
            block = self.stream.resample_chunk(np.ascontiguousarray(block), last=last)
        self.samples = np.concatenate([self.samples, block])

    def reaches(self, seconds: float) -> bool:
        """Return whether the clip is known up to there."""
        return self.first + len(self.samples) >= round(seconds * self.fs)

    def cut(self, start: float, seconds: float) -> np.ndarray:
        """Return a window and forget what is before it."""
        num_samples = round(seconds * self.fs)
        # The last window: the clip's length was rounded at this rate.
        latest = max(0, len(self.samples) - num_samples)
        first = min(round(start * self.fs) - self.first, latest)
        self.samples = self.samples[first:]
        self.first += first
        window = self.samples[:num_samples]
        if len(window) < num_samples:  # rounded, too
            return np.resize(window, num_samples)
        return window.copy()

    def padded(self, seconds: float) -> np.ndarray:
        """Return the clip and silence after it, as long as a window."""
        num_samples = round(seconds * self.fs)
        window = np.zeros(num_samples, dtype=self.samples.dtype)
        samples = self.samples[:num_samples]
        window[: len(samples)] = samples
        return window

    def repeated(self, seconds: float, rotation: float) -> np.ndarray:
        """Return the clip, repeated until a window is full.

        The rotation is taken after resampling, so that the place where the clip begins
        anew sounds as it does without one.
        """
        num_samples = round(seconds * self.fs)
        return np.resize(np.roll(self.samples, -int(rotation * self.fs)), num_samples)


def resample_tensor(
    waveforms: "torch.Tensor", fs: int, target_fs: int
) -> "torch.Tensor":
    """Resample as soxr HQ does, with gradients and on any device.

    Of white noise, up to 0.9 of the lower Nyquist frequency, the two differ by -130 dB
    of the signal between 96, 48, 32, 24, 16 and 8 kHz, and by -72 dB from 44.1, 22.05
    or 11.025 kHz. With the edge of the filter, which soxr builds in another way for
    each pair of rates, it is -85 dB between 48 or 24 and 16 kHz, and -52 dB at worst.
    The sum runs in float64 whatever the dtype around it, so that a clip comes out the
    same in every batch.

    Args:
        waveforms: (Batch, NSamples); what lies beyond either end is silence.
        fs: Their sampling rate in Hz.
        target_fs: The wanted one.

    Returns:
        float32, (Batch, ceil(NSamples * target_fs / fs)).
    """
    import torch
    import torchaudio

    if fs == target_fs:
        return waveforms.float()
    device = waveforms.device
    if device.type == "mps":  # has no float64
        waveforms = waveforms.cpu()
    ratio = Fraction(target_fs, fs)
    if max(ratio.numerator, ratio.denominator) > MAX_TERM:
        ratio = ratio.limit_denominator(int(MAX_TERM / max(1, ratio)))
    resampled = torchaudio.functional.resample(
        waveforms.double(), ratio.denominator, ratio.numerator, **SOXR_HQ
    )
    num_samples = -(-waveforms.shape[1] * target_fs // fs)
    missing = num_samples - resampled.shape[1]  # of a ratio that is not exact
    resampled = torch.nn.functional.pad(resampled, (0, max(0, missing)))
    return resampled[:, :num_samples].float().to(device)
