"""What can be measured on a clip without a model: bandwidth, and warnings.

Everything is gathered block by block, in memory that does not grow with the samples,
so that hours of audio can be measured. No torch here.
"""

from typing import Dict, List, NamedTuple

import numpy as np

FRAME_SECONDS = 0.02
SILENT_DB = -60.0  # re full scale: a frame with less is silent
# The measured bandwidth ends where a bin's level, as its loudest frames have it, stays
# so far below that of the strongest bin. A 16-bit file's rounding noise is some 90 dB
# below speech at the usual level, the upper end of natural speech some 50 dB.
BANDWIDTH_DB = 70.0
LOUD_SHARE = 0.05  # the share of loud frames: sibilants have it, a click does not
DB_STEP = 1.0  # of the histograms of levels, which span -200..0 dB
NUM_LEVELS = 200

SHORT_SECONDS = 1.0
SILENT_SHARE = 0.5
CLIPPED_SHARE = 1e-4
FLAT_SAMPLES = 3  # so many equal samples in a row at the peak are a flat top
MIN_CREST_DB = 9.0
MAX_OFFSET_SHARE = 0.05  # of the RMS level: more than sound itself is off zero
MIN_BANDWIDTH_SHARE = 0.6  # of half the sampling rate, or of 20 kHz if that is lower
AUDIBLE_HZ = 20000.0


class SignalReport(NamedTuple):
    """What was measured on a clip.

    Attributes:
        duration: Length in seconds.
        bandwidth: Frequency in Hz above which there is next to no energy; 0 where
            the clip is silent.
        warnings: Code -> explanation, for people. The codes are `short` (under 1 s),
            `silence` (most of it is below -60 dB re full scale), `clipping` (flat
            tops at the peak level), `compressed` (its dynamics are: peak and RMS
            level of what is not silent are less than 9 dB apart), `level` (samples
            beyond full scale), `offset` (the mean of the samples is far from zero)
            and `bandwidth` (far below half the sampling rate).
    """

    duration: float
    bandwidth: float
    warnings: Dict[str, str]


class _Second(NamedTuple):
    """What is kept of about one second of samples."""

    peak: float
    num_flat: int  # samples in flat tops at this second's own peak
    energy: float  # of frames that are not silent
    num_frames: int
    num_silent: int


class SignalMonitor:
    """Measure a clip block by block.

    Args:
        fs: Sampling rate in Hz.

    Example:
        monitor = SignalMonitor(fs)
        for block in blocks:
            monitor.update(block)
        report = monitor.report()
    """

    def __init__(self, fs: int):
        self.fs = fs
        self.frame_length = round(FRAME_SECONDS * fs)
        self.window = np.hanning(self.frame_length).astype(np.float32)
        num_bins = self.frame_length // 2 + 1
        # How many frames had which level, for each bin: percentiles, in fixed memory
        self.histogram = np.zeros((num_bins, NUM_LEVELS), dtype=np.int64)
        self.rest = np.zeros(0, dtype=np.float32)
        self.seconds: List[_Second] = []
        self.num_samples = 0
        self.sum = 0.0

    def update(self, samples: np.ndarray) -> None:
        """Take the next samples, float32 (NSamples,), any number of them."""
        self.num_samples += len(samples)
        # NaN is reported elsewhere
        samples = np.nan_to_num(samples, posinf=0.0, neginf=0.0)
        self.sum += float(samples.sum(dtype=np.float64))
        samples = np.concatenate([self.rest, samples])
        per_second = self.frame_length * round(1 / FRAME_SECONDS)
        whole = len(samples) // per_second * per_second
        for start in range(0, whole, per_second):
            self._look_at(samples[start : start + per_second])
        self.rest = samples[whole:]

    def _look_at(self, samples: np.ndarray) -> None:
        # (NSamples,) -> (NFrames, frame_length); an incomplete last frame is left out
        num_frames = len(samples) // self.frame_length
        frames = samples[: num_frames * self.frame_length]
        frames = frames.reshape(num_frames, self.frame_length)
        energy = np.square(frames, dtype=np.float64).sum(axis=1)
        silent = energy < self.frame_length * 10 ** (SILENT_DB / 10)
        magnitude = np.abs(np.fft.rfft(frames[~silent] * self.window))
        # a full-scale sine has 0 dB
        level = 20 * np.log10(np.maximum(magnitude / self.window.sum() * 2, 1e-10))
        index = np.clip((level / DB_STEP).astype(int) + NUM_LEVELS - 1, 0, None)
        bins = np.broadcast_to(np.arange(index.shape[1]), index.shape)
        np.add.at(self.histogram, (bins, np.minimum(index, NUM_LEVELS - 1)), 1)
        peak = float(np.abs(samples).max(initial=0.0))
        self.seconds.append(
            _Second(
                peak=peak,
                num_flat=_count_flat(samples, peak),
                energy=float(energy[~silent].sum()),
                num_frames=num_frames,
                num_silent=int(silent.sum()),
            )
        )

    def report(self) -> SignalReport:
        """Return what was measured on all samples so far."""
        if len(self.rest):
            self._look_at(self.rest)
            self.rest = self.rest[:0]
        bandwidth = self._bandwidth()
        return SignalReport(
            duration=self.num_samples / self.fs,
            bandwidth=bandwidth,
            warnings=self._warnings(bandwidth),
        )

    def _bandwidth(self) -> float:
        num_frames = self.histogram[0].sum()
        if num_frames == 0:
            return 0.0
        # From the loudest level down, as far as the share of loud frames: (NBins,)
        louder = np.cumsum(self.histogram[:, ::-1], axis=1)
        steps = np.argmax(louder >= max(1, LOUD_SHARE * num_frames), axis=1)
        level = -DB_STEP * steps
        occupied = np.flatnonzero(level > level.max() - BANDWIDTH_DB)
        return min((occupied[-1] + 1) * self.fs / self.frame_length, self.fs / 2)

    def _warnings(self, bandwidth: float) -> Dict[str, str]:
        warnings = {}
        duration = self.num_samples / self.fs
        if duration < SHORT_SECONDS:
            warnings["short"] = f"{duration:.2f} s: less than {SHORT_SECONDS:g} s"
        num_frames = sum(second.num_frames for second in self.seconds)
        num_silent = sum(second.num_silent for second in self.seconds)
        if num_frames and num_silent > SILENT_SHARE * num_frames:
            warnings["silence"] = (
                f"{100 * num_silent / num_frames:.0f} % of it is below "
                f"{SILENT_DB:.0f} dB re full scale"
            )
        num_active = num_frames - num_silent
        if num_active == 0:
            return warnings
        peak = max(second.peak for second in self.seconds)
        num_flat = sum(s.num_flat for s in self.seconds if s.peak > 0.999 * peak)
        if num_flat > CLIPPED_SHARE * self.num_samples:
            warnings["clipping"] = (
                f"{100 * num_flat / self.num_samples:.2f} % of its samples are flat "
                f"tops at {20 * np.log10(peak):.1f} dB re full scale"
            )
        energy = sum(second.energy for second in self.seconds)
        rms = np.sqrt(energy / (num_active * self.frame_length))
        crest_db = 20 * np.log10(peak / rms)
        if crest_db < MIN_CREST_DB:
            warnings["compressed"] = (
                f"peaks are only {crest_db:.1f} dB above the RMS level"
            )
        if peak > 1.0:
            warnings["level"] = (
                f"its peak is {20 * np.log10(peak):.1f} dB above full scale"
            )
        offset = self.sum / self.num_samples
        if abs(offset) > MAX_OFFSET_SHARE * rms:
            warnings["offset"] = (
                f"its mean is {offset:.4f}, not 0: nobody hears a DC offset, but a "
                "model may (the packaged one does not)"
            )
        expected = min(self.fs / 2, AUDIBLE_HZ)
        if bandwidth < MIN_BANDWIDTH_SHARE * expected:
            warnings["bandwidth"] = (
                f"nothing above {bandwidth / 1000:.1f} kHz in a file of "
                f"{self.fs / 1000:g} kHz"
            )
        return warnings


def _count_flat(samples: np.ndarray, peak: float) -> int:
    """Count the samples that are in runs of `FLAT_SAMPLES` or more at the peak.

    Within half a step of 16 bit: a sine's own tops are no wider than that.
    """
    at_peak = np.abs(samples) > peak - 2**-16
    edges = np.flatnonzero(np.diff(at_peak, prepend=False, append=False))
    lengths = edges[1::2] - edges[::2]
    return int(lengths[lengths >= FLAT_SAMPLES].sum())
