"""Degradations of speech: functions of samples, sampling rate and generator.

Every function takes samples (NSamples,) at `fs` Hz and returns as many, in time with
the input; its other arguments set the severity. Random ones draw from `rng`, and
the others take it only to be called alike.
"""

from typing import Tuple

import numpy as np
import scipy.signal
import soxr
from numpy.random import Generator

FRAME_SECONDS = 0.02


def clean(x: np.ndarray, fs: int, rng: Generator) -> np.ndarray:
    """Return the speech as it is."""
    return x


def noise(
    x: np.ndarray, fs: int, rng: Generator, snr_db: float, slope_db: float = 0
) -> np.ndarray:
    """Add noise whose spectrum changes by `slope_db` an octave (white: 0)."""
    spectrum = np.fft.rfft(rng.standard_normal(len(x)))
    frequencies = np.fft.rfftfreq(len(x), 1 / fs)
    # Below 50 Hz the slope would put nearly all of the energy where nobody hears it.
    gain = np.maximum(frequencies, 50) ** (slope_db / (20 * np.log10(2)))
    gain[frequencies < 50] = 0
    return x + _at_snr(x, np.fft.irfft(spectrum * gain, len(x)), snr_db)


def crosstalk(x: np.ndarray, fs: int, rng: Generator, snr_db: float) -> np.ndarray:
    """Add another voice: the clip itself, backwards and shifted."""
    shift = int(rng.integers(len(x) // 4, len(x) // 2))
    return x + _at_snr(x, np.roll(x[::-1], shift), snr_db)


def clipping(x: np.ndarray, fs: int, rng: Generator, percent: float) -> np.ndarray:
    """Clip at a percentage of the peak."""
    limit = percent / 100 * np.abs(x).max()
    return np.clip(x, -limit, limit)


def quantise(x: np.ndarray, fs: int, rng: Generator, bits: int) -> np.ndarray:
    """Quantise the range up to the peak in `2 ** bits` steps."""
    step = 2 * np.abs(x).max() / 2**bits
    return step * np.round(x / step)


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
    return low + _at_snr(x - low, high, -gain_db)


def reverberation(x: np.ndarray, fs: int, rng: Generator, rt60_ms: float) -> np.ndarray:
    """A room: exponentially decaying noise after the direct sound, 3 dB below it."""
    seconds = np.arange(int(rt60_ms / 1000 * fs)) / fs
    tail = rng.standard_normal(len(seconds)) * 10 ** (-3000 * seconds / rt60_ms)
    tail[: int(0.002 * fs)] = 0
    response = tail * np.sqrt(0.5 / np.sum(tail**2))
    response[0] = 1
    return scipy.signal.oaconvolve(x, response)[: len(x)]


def echo(
    x: np.ndarray, fs: int, rng: Generator, delay_ms: float, gain: float
) -> np.ndarray:
    """Feed the output back after a delay: an echo, or a comb where it is short."""
    repeats = int(np.log(1e-3) / np.log(gain))
    delay = int(delay_ms / 1000 * fs)
    response = np.zeros(repeats * delay + 1)
    response[::delay] = gain ** np.arange(repeats + 1)
    return scipy.signal.oaconvolve(x, response)[: len(x)]


def packet_loss(x: np.ndarray, fs: int, rng: Generator, percent: float) -> np.ndarray:
    """Replace frames of 20 ms by silence."""
    frame = int(FRAME_SECONDS * fs)
    lost = rng.random(-(-len(x) // frame)) < percent / 100
    return np.where(np.repeat(lost, frame)[: len(x)], 0, x)


def images(x: np.ndarray, fs: int, rng: Generator, factor: int) -> np.ndarray:
    """Up-sample from `fs / factor` by repeating samples: mirror images of the speech.

    The spectrum above the lower rate's band is the speech mirrored, not speech.
    """
    low = soxr.resample(x, fs, fs / factor)
    return np.pad(np.repeat(low, factor), (0, factor))[factor // 2 :][: len(x)]


def spectral_gate(
    x: np.ndarray, fs: int, rng: Generator, depth_db: float
) -> np.ndarray:
    """Drop all that is `depth_db` below a frame's peak: musical noise."""
    stft = _stft(fs)
    spectrum = stft.stft(x)
    magnitude = np.abs(spectrum)
    floor = magnitude.max(axis=0) * 10 ** (-depth_db / 20)
    return stft.istft(np.where(magnitude < floor, 0, spectrum), k1=len(x))


def griffin_lim(
    x: np.ndarray, fs: int, rng: Generator, bands: int, iterations: int = 16
) -> np.ndarray:
    """A vocoder: magnitudes in mel bands, phases by Griffin and Lim."""
    stft = _stft(fs)
    magnitude = _average_in_bands(np.abs(stft.stft(x)), stft.f, bands)
    phase = np.exp(2j * np.pi * rng.random(magnitude.shape))
    for _ in range(iterations):
        phase = stft.stft(stft.istft(magnitude * phase, k1=len(x)))
        phase /= np.maximum(np.abs(phase), 1e-12)
    return stft.istft(magnitude * phase, k1=len(x))


def noise_vocoder(x: np.ndarray, fs: int, rng: Generator, bands: int) -> np.ndarray:
    """A whisper: noise with the magnitudes of the speech in mel bands."""
    stft = _stft(fs)
    magnitude = _average_in_bands(np.abs(stft.stft(x)), stft.f, bands)
    carrier = stft.stft(rng.standard_normal(len(x)))
    return stft.istft(magnitude * carrier / np.abs(carrier).mean(), k1=len(x))


def _at_snr(x: np.ndarray, disturbance: np.ndarray, snr_db: float) -> np.ndarray:
    """Scale a disturbance to a signal-to-noise ratio."""
    ratio = np.mean(np.square(x)) / np.mean(np.square(disturbance))
    return disturbance * np.sqrt(ratio) * 10 ** (-snr_db / 20)


def _stft(fs: int) -> scipy.signal.ShortTimeFFT:
    """Frames of 40 ms, a quarter of that apart."""
    frame = int(2 * FRAME_SECONDS * fs)
    window = scipy.signal.windows.hann(frame, sym=False)
    return scipy.signal.ShortTimeFFT(window, hop=frame // 4, fs=fs)


def _average_in_bands(
    magnitude: np.ndarray, frequencies: np.ndarray, bands: int
) -> np.ndarray:
    """Average over bands of equal width in mel: (NBins, NFrames) -> the same."""
    mel = np.log1p(frequencies / 700)
    band = np.minimum((bands * mel / mel[-1]).astype(int), bands - 1)
    means = np.zeros_like(magnitude)
    for b in np.unique(band):
        means[band == b] = np.sqrt(np.mean(magnitude[band == b] ** 2, axis=0))
    return means
