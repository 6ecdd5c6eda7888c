"""A spectrogram to look at, of a clip of any length, in memory that does not grow.

Models have their own: `frontend/log_spectrogram.py`. No torch here.
"""

from typing import Iterable, Iterator, NamedTuple

import numpy as np

FRAME_SECONDS = 0.02
HOP_SECONDS = 0.005
MAX_HZ = 24000.0
MAX_COLUMNS = 2000  # more than a screen has for it; even
FLOOR_DB = -200.0


class Spectrogram(NamedTuple):
    """Levels in time and frequency.

    Attributes:
        level: Level in dB, float32 (NBins, NColumns); a full-scale sine has 0 dB, and
            -200 dB stands for anything less.
        duration: Length of the clip in seconds.
        column_seconds: What a column stands for; it begins at its number times this.
        bin_hz: From a bin to the next; the first is at 0 Hz.
        fs: Sampling rate of the clip in Hz.
    """

    level: np.ndarray
    duration: float
    column_seconds: float
    bin_hz: float
    fs: int


class SpectrogramMonitor:
    """Make the spectrogram of a clip block by block.

    The power of a column is the mean of its frames. Where there would be more than
    `max_columns`, two columns become one: the length need not be known beforehand.

    Args:
        fs: Sampling rate in Hz; what is above 24 kHz is left out.
        max_columns: At most so many columns, an even number.

    Example:
        monitor = SpectrogramMonitor(fs)
        for block in blocks:
            monitor.update(block)
        spectrogram = monitor.spectrogram()
    """

    def __init__(self, fs: int, max_columns: int = MAX_COLUMNS):
        self.fs = fs
        self.frame_length = round(FRAME_SECONDS * fs)
        self.hop_length = round(HOP_SECONDS * fs)
        self.window = np.hanning(self.frame_length).astype(np.float32)
        self.bin_hz = fs / self.frame_length
        num_bins = min(self.frame_length // 2, int(MAX_HZ / self.bin_hz)) + 1
        self.power = np.zeros((max_columns, num_bins))  # sums over a column's frames
        self.frames_per_column = 1
        self.num_frames = 0
        self.num_samples = 0
        # so that the middle of the first frame is that of the first hop
        margin = (self.frame_length - self.hop_length) // 2
        self.rest = np.zeros(margin, dtype=np.float32)

    def update(self, samples: np.ndarray) -> None:
        """Take the next samples, float32 (NSamples,), any number of them."""
        self.num_samples += len(samples)
        for start in range(0, len(samples), self.fs):
            self._add(samples[start : start + self.fs])

    def watched(self, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Pass blocks of samples on, and take them on the way."""
        for block in blocks:
            self.update(block)
            yield block

    def _add(self, samples: np.ndarray) -> None:
        samples = np.concatenate([self.rest, samples])
        num_frames = (len(samples) - self.frame_length) // self.hop_length + 1
        if num_frames <= 0:
            self.rest = samples
            return
        self.rest = samples[num_frames * self.hop_length :]
        # (NSamples,) -> (NFrames, frame_length)
        frames = np.lib.stride_tricks.sliding_window_view(samples, self.frame_length)
        frames = frames[:: self.hop_length][:num_frames]
        spectrum = np.fft.rfft(frames * self.window)[:, : self.power.shape[1]]
        index = self.num_frames + np.arange(num_frames)
        self.num_frames += num_frames
        max_columns = len(self.power)
        while index[-1] // self.frames_per_column >= max_columns:
            halved = self.power.reshape(max_columns // 2, 2, -1).sum(axis=1)
            self.power = np.concatenate([halved, np.zeros_like(halved)])
            self.frames_per_column *= 2
        np.add.at(self.power, index // self.frames_per_column, np.abs(spectrum) ** 2)

    def spectrogram(self) -> Spectrogram:
        """Return the spectrogram of all samples; there can be no more after this."""
        # the last frames, as the first ones, reach beyond the clip
        missing = -(-self.num_samples // self.hop_length) - self.num_frames
        length = (missing - 1) * self.hop_length + self.frame_length
        self._add(np.zeros(max(0, length - len(self.rest)), dtype=np.float32))
        num_columns = -(-self.num_frames // self.frames_per_column)
        counts = np.full(num_columns, self.frames_per_column)
        counts[-1:] -= num_columns * self.frames_per_column - self.num_frames
        power = self.power[:num_columns] / counts[:, None]
        power *= (2 / self.window.sum()) ** 2
        level = 10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10)))
        return Spectrogram(
            level=level.T.astype(np.float32),
            duration=self.num_samples / self.fs,
            column_seconds=self.frames_per_column * self.hop_length / self.fs,
            bin_hz=self.bin_hz,
            fs=self.fs,
        )
