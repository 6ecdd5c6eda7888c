"""Cutting clips of any length into windows, in memory that does not grow with them."""

import itertools
from typing import Dict, Iterable, Iterator, NamedTuple, Tuple

import numpy as np
import soxr

from espnet_samos.audio import AudioError, check_finite, check_rate
from espnet_samos.train.preprocessor import MosPreprocessor

SILENT_RMS = 1e-3  # -60 dB re full scale
EMPTY = np.zeros(0, dtype=np.float32)


class Window(NamedTuple):
    """One window of a clip.

    Attributes:
        start: Where it begins in the clip, in seconds.
        end: Where it or, if that is earlier, the clip ends.
        data: What `MosPreprocessor` gives, each (NSamples,).
        silent: Whether its level is below -60 dB re full scale, and the clip has
            other windows.
    """

    start: float
    end: float
    data: Dict[str, np.ndarray]
    silent: bool = False


class _Resampled:
    """A clip at another rate, as far as it is known and still needed."""

    def __init__(self, fs: int, target_fs: int):
        self.fs = target_fs
        self.stream = None
        if fs != target_fs:
            self.stream = soxr.ResampleStream(
                fs, target_fs, 1, dtype="float32", quality="HQ"
            )
        self.first = 0  # index of samples[0] in the clip
        self.samples = EMPTY

    def extend(self, block: np.ndarray, last: bool = False) -> None:
        if self.stream is not None:
            block = self.stream.resample_chunk(block, last=last)
        self.samples = np.concatenate([self.samples, block])

    def reaches(self, seconds: float) -> bool:
        """Tell whether the clip is known up to there."""
        return self.first + len(self.samples) >= round(seconds * self.fs)

    def cut(self, start: float, seconds: float) -> np.ndarray:
        """Give a window and forget what is before it."""
        num_samples = round(seconds * self.fs)
        # The last window: the clip's length was rounded at this rate.
        latest = max(0, len(self.samples) - num_samples)
        first = min(round(start * self.fs) - self.first, latest)
        self.samples = self.samples[first:]
        self.first += first
        return self.samples[:num_samples].copy()


def cut_windows(
    preprocess: MosPreprocessor,
    blocks: Iterable[np.ndarray],
    fs: int,
    name: str,
    hop_seconds: float,
) -> Iterator[Window]:
    """Cut a clip into overlapping windows.

    A clip that fits into one window gives that one, as in training and in scoring with
    the recipe. A longer one gives a window every `hop_seconds`, and the last one ends
    with the clip, so that nothing is repeated or padded. It is resampled as a whole:
    its windows do not begin with the edge of a filter.

    Args:
        preprocess: The audio path of the model.
        blocks: The clip's samples one after the other, mono, float32 (NSamples,).
        fs: Their sampling rate in Hz.
        name: What messages call the clip.
        hop_seconds: From the beginning of a window to that of the next, above 0 and at
            most a window's length.

    Yields:
        The windows in order. A few seconds are held at a time, not the clip.

    Raises:
        AudioError: The clip cannot be scored; the message names it.
    """
    seconds = preprocess.window_seconds
    blocks = iter(blocks)
    head = [EMPTY]
    num_samples = 0
    for block in blocks:
        head.append(block)
        num_samples += len(block)
        if num_samples > seconds * fs:
            break
    else:
        clip = np.concatenate(head)
        data = preprocess(name, dict(speech=clip, fs=np.array([fs])))
        yield Window(0.0, num_samples / fs, data)
        return

    windows = _cut_long(
        preprocess.rates(), itertools.chain(head, blocks), fs, seconds, hop_seconds
    )
    try:
        check_rate(fs)
        for start, data in windows:
            yield Window(start, start + seconds, data, silent=_is_silent(data))
    except AudioError as e:
        raise AudioError(f"{name}: {e}") from e


def _is_silent(data: Dict[str, np.ndarray]) -> bool:
    samples = next(iter(data.values()))
    return np.sqrt(np.mean(np.square(samples, dtype=np.float64))) < SILENT_RMS


def _cut_long(
    rates: Dict[str, int],
    blocks: Iterable[np.ndarray],
    fs: int,
    seconds: float,
    hop_seconds: float,
) -> Iterator[Tuple[float, Dict[str, np.ndarray]]]:
    """Cut a clip that is longer than a window; gives starts and windows."""
    clips = {name: _Resampled(fs, rate) for name, rate in rates.items()}

    def cut(start: float) -> Tuple[float, Dict[str, np.ndarray]]:
        return start, {name: clip.cut(start, seconds) for name, clip in clips.items()}

    num_samples = count = 0
    for block in blocks:
        check_finite(block)
        num_samples += len(block)
        for clip in clips.values():
            clip.extend(block)
        while all(c.reaches(count * hop_seconds + seconds) for c in clips.values()):
            yield cut(count * hop_seconds)
            count += 1
    for clip in clips.values():
        clip.extend(EMPTY, last=True)
    # to the microsecond, so that rounding makes no window of its own
    last_start = round(num_samples / fs - seconds, 6)
    while round(count * hop_seconds, 6) < last_start:
        yield cut(count * hop_seconds)
        count += 1
    if round((count - 1) * hop_seconds, 6) < last_start:
        yield cut(last_start)
