"""Cutting clips into windows: blocks in, windows out. No torch here.

Training, scoring and the loss all take their windows from here, so that a score depends
on the clip and the model alone.
"""

import math
from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple

import numpy as np

from espnet_samos.audio.clip_ends import EndTrimmer, to_whole_frames
from espnet_samos.audio.reading import (
    check_length,
    check_rate,
    check_samples,
    is_silent,
    share_of_sound,
)
from espnet_samos.audio.resampling import ResampledClip
from espnet_samos.audio.window_times import window_starts

WINDOWS = ("all", "first")
# A long clip is cut before it is resampled. This much more than the window is kept on
# either side, so that the resampler's filter (under 0.1 s at 8 kHz) never sees the cut.
CUT_MARGIN_SECONDS = 0.5


class Window(NamedTuple):
    """One window of a clip.

    Attributes:
        start: Where it begins in the clip, in seconds.
        end: Where it or, if that is earlier, the clip ends.
        data: Its samples at each rate, (NSamples,) each.
        silent: Whether its level is below -60 dB re full scale.
        sound: The share of its time that is not silent, 0 to 1.
    """

    start: float
    end: float
    data: Dict[str, np.ndarray]
    silent: bool
    sound: float


def dc_offset(samples: np.ndarray, fs: int, start: float, seconds: float) -> float:
    """Return the mean of a clip's first window, which is next to 0 without DC.

    Args:
        samples: The clip without digital silence at its ends (NSamples,).
        fs: Its sampling rate in Hz.
        start: Where the window begins, in seconds.
        seconds: Its length.
    """
    first = int(start * fs)
    window = samples[first : first + math.ceil(seconds * fs)]
    return float(window.mean(dtype=np.float64))


def cut_around(
    samples: np.ndarray, fs: int, rates: Iterable[int], start: float, seconds: float
) -> Tuple[np.ndarray, float]:
    """Keep what the resampler needs for one window of a long clip.

    Args:
        samples: The clip (NSamples,) at `fs`.
        fs: Its sampling rate in Hz.
        rates: The rates in Hz that it will be resampled to.
        start: Where the window begins, in seconds.
        seconds: Length of the window.

    Returns:
        The part, and where the window begins in it, in seconds: up to a few
        milliseconds earlier, where a sample at each rate falls on one of the clip's,
        so that the window has the samples that it has in the clip resampled whole.
    """
    step = fs // math.gcd(fs, *rates)
    margin = -(-int(CUT_MARGIN_SECONDS * fs) // step) * step
    first = int(start * fs) // step * step
    begin = max(0, first - margin)
    end = first + int(seconds * fs) + margin
    return samples[begin:end], (first - begin) / fs


def cut_windows(
    blocks: Iterable[np.ndarray],
    fs: int,
    rates: Dict[str, int],
    seconds: float,
    hop_seconds: Optional[float] = None,
    windows: str = "all",
    start: float = 0.0,
    rotation: float = 0.0,
    pad_short_clips: bool = False,
) -> Iterator[Window]:
    """Cut a clip into windows at several rates, while it is read; to its end.

    Args:
        blocks: The clip's samples one after the other, mono, float32 (NSamples,).
        fs: Their sampling rate in Hz.
        rates: As `WindowCutter` takes them, and the rest likewise.
        seconds: Length of a window.
        hop_seconds: From the beginning of a window to that of the next.
        windows: As `window_starts` takes it.
        start: Where the first window begins, in seconds.
        rotation: A clip that is repeated begins there, in seconds.
        pad_short_clips: As `WindowCutter` takes it.

    Raises:
        AudioError: The clip cannot be scored; the caller adds the clip's name.
    """
    cutter = WindowCutter(
        fs, rates, seconds, hop_seconds, windows, start, rotation, pad_short_clips
    )
    for block in blocks:
        yield from cutter.push(block)
    yield from cutter.finish()


class WindowCutter:
    """Cuts a clip into windows at several rates, block by block.

    The clip is resampled as a whole, so that its windows do not begin with the edge of
    a filter; a few seconds of it are held at a time. Where it is shorter than a window,
    it is repeated until that is full, or silence follows it. Where silence may follow,
    digital silence at either end of the clip is left out (`sound_bounds`), a DC offset
    is taken away (`dc_offset`), which would end in a step, and the last window begins
    with a whole frame (`to_whole_frames`).

    Args:
        fs: The clip's sampling rate in Hz.
        rates: The windows' rates in Hz by name, at least one.
        seconds: Length of a window.
        hop_seconds: From the beginning of a window to that of the next, above 0 and at
            most a window's length, which is the default.
        windows: As `window_starts` takes it.
        start: Where the first window begins, in seconds.
        rotation: A clip that is repeated begins there, in seconds.
        pad_short_clips: Let silence follow a clip that is shorter than a window, leave
            out that at the ends of a clip that is cut from its beginning on, and take
            its DC offset away.

    Raises:
        AudioError: The rate is outside 8-384 kHz.
    """

    def __init__(
        self,
        fs: int,
        rates: Dict[str, int],
        seconds: float,
        hop_seconds: Optional[float] = None,
        windows: str = "all",
        start: float = 0.0,
        rotation: float = 0.0,
        pad_short_clips: bool = False,
    ):
        check_rate(fs)
        self.fs = fs
        self.seconds = seconds
        self.hop_seconds = seconds if hop_seconds is None else hop_seconds
        self.which = windows
        self.start = start
        self.rotation = rotation
        self.pad_short_clips = pad_short_clips
        self.streams = {name: ResampledClip(fs, rate) for name, rate in rates.items()}
        self.loudest = max(rates, key=rates.__getitem__)  # sees all of the band
        self.num_samples = 0
        self.ends: Optional[EndTrimmer] = None
        if pad_short_clips and start == 0:
            self.ends = EndTrimmer(fs, num_kept=math.ceil(seconds * fs))
        self.num_cut = 0  # samples that windows are cut from
        self.added = 0  # how many of them are silence at the end
        self.offset: Optional[float] = None if pad_short_clips else 0.0
        self.unheard: List[np.ndarray] = []  # until the offset is known
        self.count = 0  # of windows

    def push(self, block: np.ndarray) -> Iterator[Window]:
        """Take the next samples, (NSamples,), and yield the windows that are complete.

        Raises:
            AudioError: The samples cannot be scored.
        """
        check_samples(block)
        self.num_samples += len(block)
        for part in [block] if self.ends is None else self.ends.push(block):
            yield from self._extend(part)

    @property
    def _begin(self) -> float:
        """Where in the clip the samples begin that windows are cut from, in seconds."""
        return 0.0 if self.ends is None else self.ends.skipped / self.fs

    def _extend(self, block: np.ndarray) -> Iterator[Window]:
        self.num_cut += len(block)
        if self.which == "first" and self.count == 1:
            return
        if self.offset is None:
            self.unheard.append(block)
            if self.num_cut >= math.ceil((self.start + self.seconds) * self.fs):
                self._take_offset()
        else:
            self._resample(block)
        yield from self._complete()

    def _take_offset(self) -> None:
        """Find the DC offset, and resample what was waiting for it."""
        samples = np.concatenate(self.unheard)
        self.unheard = []
        self.offset = dc_offset(samples, self.fs, self.start, self.seconds)
        self._resample(samples)

    def _resample(self, samples: np.ndarray) -> None:
        if self.offset:
            samples = samples - np.float32(self.offset)
        for stream in self.streams.values():
            stream.extend(samples)

    def _complete(self) -> Iterator[Window]:
        """Yield the windows that are known to their end."""
        while all(
            stream.reaches(self.start + self.count * self.hop_seconds + self.seconds)
            for stream in self.streams.values()
        ):
            self.count += 1
            yield self._cut(self.start + (self.count - 1) * self.hop_seconds)
            if self.which == "first":
                break

    def finish(self) -> Iterator[Window]:
        """Yield the windows that end with the clip.

        Raises:
            AudioError: It is shorter than 0.1 s.
        """
        check_length(self.num_samples, self.fs)
        for part in () if self.ends is None else self.ends.finish():
            yield from self._extend(part)
        if self.offset is None:
            self._take_offset()
        if self.pad_short_clips:
            self.added = to_whole_frames(self.num_cut, self.fs, self.seconds)
            self.num_cut += self.added
            for stream in self.streams.values():
                stream.extend(np.zeros(self.added, dtype=np.float32))
        for stream in self.streams.values():
            stream.extend(np.zeros(0, dtype=np.float32), last=True)
        duration = self.num_cut / self.fs - self.start
        starts = window_starts(duration, self.seconds, self.hop_seconds, self.which)
        for at in starts[self.count :]:
            if duration >= self.seconds:
                yield self._cut(self.start + at)
            else:
                yield self._fill(duration)

    def _cut(self, at: float) -> Window:
        data = {
            name: stream.cut(at, self.seconds) for name, stream in self.streams.items()
        }
        begin = at - self.start + self._begin
        loudest, fs = data[self.loudest], self.streams[self.loudest].fs
        return Window(
            begin,
            min(
                begin + self.seconds,
                self._begin + (self.num_cut - self.added) / self.fs,
            ),
            data,
            is_silent(loudest),
            share_of_sound(loudest, fs),
        )

    def _fill(self, duration: float) -> Window:
        """Return the only window of a clip that does not fill it."""
        data = {
            name: stream.padded(self.seconds)
            if self.pad_short_clips
            else stream.repeated(self.seconds, self.rotation)
            for name, stream in self.streams.items()
        }
        clip = self.streams[self.loudest]
        return Window(
            self._begin,
            self._begin + duration,
            data,
            is_silent(clip.samples),
            share_of_sound(clip.samples, clip.fs),
        )


def check_windows(windows: str) -> None:
    """Check an option that says which windows are scored.

    Raises:
        ValueError: It is none of `WINDOWS`.
    """
    if windows not in WINDOWS:
        raise ValueError(f"windows is '{windows}': it can be {' or '.join(WINDOWS)}")


def check_hop(hop_seconds: float, seconds: float) -> None:
    """Check the hop of windows of a length.

    Raises:
        ValueError: It is not above 0 and at most a window.
    """
    if not 0 < hop_seconds <= seconds:
        raise ValueError(
            f"hop_seconds is {hop_seconds:g}: give more than 0 and at most a window, "
            f"{seconds:g} s"
        )
