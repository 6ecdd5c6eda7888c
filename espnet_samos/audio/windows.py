"""Cutting clips into windows: blocks in, windows out. No torch here.

Training, scoring and the loss all take their windows from here, so that a score depends
on the clip and the model alone.
"""

import math
from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import soxr

from espnet_samos.audio.reading import (
    check_length,
    check_rate,
    check_samples,
    is_silent,
    share_of_sound,
)

WINDOWS = ("all", "first")
# A long clip is cut before it is resampled. This much more than the window is kept on
# either side, so that the resampler's filter (under 0.1 s at 8 kHz) never sees the cut.
CUT_MARGIN_SECONDS = 0.5
FRAMES_PER_SECOND = 50
EMPTY = np.zeros(0, dtype=np.float32)
# What samples of a frame of digital silence differ by at most: six steps of 16 bit, as
# rounding and dither leave behind. Around any offset, for there can be DC.
SILENCE_RANGE = 2e-4
# Less than 16-bit samples can differ at half the level: decoders leave as much.
SILENCE_TOLERANCE = 1e-5


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


def window_starts(
    duration: float, seconds: float, hop_seconds: float, windows: str = "all"
) -> List[float]:
    """Return where the windows of a clip begin, in seconds.

    A clip that fits into one window has that one. A longer one has a window every
    `hop_seconds`, and the last one ends with the clip.

    Args:
        duration: Length of the clip in seconds.
        seconds: Length of a window.
        hop_seconds: From the beginning of a window to that of the next.
        windows: `all`, or `first` for the first one alone.
    """
    # to the microsecond, so that rounding makes no window of its own
    last = max(0.0, round(duration - seconds, 6))
    if windows == "first" or last == 0.0:
        return [0.0]
    count = math.ceil(round(last / hop_seconds, 6))
    return [*(i * hop_seconds for i in range(count)), last]


def window_edges(
    starts: Sequence[float], seconds: float
) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the moments where windows begin or end, and where each has its two.

    Args:
        starts: Where the windows begin, in seconds.
        seconds: Length of a window.

    Returns:
        The moments in order, in seconds, (NEdges,), and the indices of each window's
        beginning and end among them, (NWindows,).
    """
    begins = np.asarray(starts, dtype=np.float64)
    edges, index = np.unique(
        np.concatenate([begins, begins + seconds]).round(6), return_inverse=True
    )
    return edges, index[: len(begins)], index[len(begins) :]


def time_shares(
    starts: Sequence[float], seconds: float, counted: Sequence[bool]
) -> np.ndarray:
    """Return the share of a clip's time that each of its windows stands for.

    Windows overlap: a moment stands in equal parts for each window that has it, and all
    moments count alike. With these weights, the mean of the windows' scores is that of
    a window at a random moment.

    Args:
        starts: Where the windows begin, in seconds.
        seconds: Length of a window.
        counted: Which of them count; the others get 0.

    Returns:
        Shares, (NWindows,), with the sum 1; all 0 where no window counts.
    """
    edges, first, last = window_edges(starts, seconds)
    mask = np.asarray(counted, dtype=np.float64)
    # how many windows more, or less, there are from each edge on
    change = np.bincount(first, mask, len(edges)) - np.bincount(last, mask, len(edges))
    overlap = np.maximum(np.cumsum(change)[:-1], 1)
    time = np.concatenate([[0.0], np.cumsum(np.diff(edges) / overlap)])
    shares = mask * (time[last] - time[first])
    return shares / max(shares.sum(), np.finfo(np.float64).tiny)


def sound_bounds(samples: np.ndarray, fs: int) -> Tuple[int, int]:
    """Return where a clip begins and ends without digital silence.

    Frames of 20 ms at either end are left out where their samples differ by no more
    than 2e-4. Whole ones, for rounding and resamplers move the first sound by
    milliseconds, and a model's frames would fall elsewhere. Samples at the very end
    that are all the same are left out as well. A clip of nothing else is kept.

    Args:
        samples: The clip (NSamples,).
        fs: Its sampling rate in Hz.
    """
    edges = _frame_edges(0, -(-len(samples) * FRAMES_PER_SECOND // fs), fs)
    edges[-1] = len(samples)
    heard = _heard_frames(samples, edges)
    if len(heard) == 0:
        return 0, len(samples)
    end = heard[-1] + 1
    # less than a frame at the end is part of the sound before it
    if end == len(samples) * FRAMES_PER_SECOND // fs:
        end = len(edges) - 1
    last = samples[edges[heard[-1]] : edges[end]]
    return int(edges[heard[0]]), int(edges[end]) - _constant_end(last)


def _frame_edges(first: int, end: int, fs: int) -> np.ndarray:
    """Return where frames begin and the last one ends, in samples of the clip."""
    return np.arange(first, end + 1) * fs // FRAMES_PER_SECOND


def _heard_frames(samples: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return which frames are no digital silence, (NFrames,) their indices."""
    if len(edges) < 2:
        return np.zeros(0, dtype=np.int64)
    highest, lowest = (
        extreme.reduceat(samples, edges[:-1]) for extreme in (np.maximum, np.minimum)
    )
    return np.flatnonzero(highest - lowest > SILENCE_RANGE)


def _constant_end(samples: np.ndarray) -> int:
    """Return how many of the last samples are the same; 0 where it is one alone."""
    others = np.flatnonzero(np.abs(samples - samples[-1]) > SILENCE_TOLERANCE)
    num_same = len(samples) - (int(others[-1]) + 1 if len(others) else 0)
    return num_same if num_same > 1 else 0


def to_whole_frames(num_samples: int, fs: int, seconds: float) -> int:
    """Return how much silence a clip gets, so that its last window begins with a frame.

    Where a clip ends differs by milliseconds for what nobody hears, and with it where
    the frames of the last window would fall.

    Args:
        num_samples: Length of the clip without digital silence at its ends.
        fs: Its sampling rate in Hz.
        seconds: Length of a window; a clip that is no longer gets none.
    """
    if num_samples <= seconds * fs:
        return 0
    num_frames = -(-num_samples * FRAMES_PER_SECOND // fs)
    return -(-num_frames * fs // FRAMES_PER_SECOND) - num_samples


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
        self.streams = {name: _Resampled(fs, rate) for name, rate in rates.items()}
        self.loudest = max(rates, key=rates.__getitem__)  # sees all of the band
        self.num_samples = 0
        self.unframed = EMPTY  # what is not yet a whole frame
        self.num_frames = 0
        self.sound = False  # whether there was any
        self.skipped = 0  # samples of digital silence at the beginning
        self.tail = EMPTY  # the constant end of the sound, one sample at least
        self.held: List[np.ndarray] = []  # digital silence that is perhaps the end
        self.num_held = 0
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
        trims = self.pad_short_clips and self.start == 0
        for part in self._without_ends(block) if trims else [block]:
            yield from self._extend(part)

    def _without_ends(self, block: np.ndarray) -> Iterator[np.ndarray]:
        """Yield what is certainly not digital silence at an end of the clip."""
        samples = np.concatenate([self.unframed, block])
        num_frames = self.num_samples * FRAMES_PER_SECOND // self.fs
        edges = _frame_edges(self.num_frames, num_frames, self.fs)
        edges -= edges[0]
        self.num_frames = num_frames
        self.unframed = samples[edges[-1] :]
        yield from self._take_frames(samples[: edges[-1]], edges)

    def _take_frames(
        self, samples: np.ndarray, edges: np.ndarray
    ) -> Iterator[np.ndarray]:
        heard = _heard_frames(samples, edges)
        if len(heard) == 0:
            self._hold(samples)
            return
        first, end = edges[heard[0]], edges[heard[-1] + 1]
        if self.sound:
            yield from [self.tail, *self.held]
            first = 0
        else:
            self.sound = True
            self.skipped = self.num_held + int(first)
        self.held, self.num_held = [], 0
        tail = end - max(1, _constant_end(samples[edges[heard[-1]] : end]))
        yield samples[first:tail]
        self.tail = samples[tail:end]
        self._hold(samples[end:])

    def _end_of_sound(self) -> Iterator[np.ndarray]:
        """Yield what of the samples that are left is not digital silence at the end."""
        if self.sound and not self.held:
            # less than a frame is part of the sound before it
            self.tail = np.concatenate([self.tail, self.unframed])
        elif len(self.unframed):
            edges = np.array([0, len(self.unframed)])
            yield from self._take_frames(self.unframed, edges)
        if not self.sound:  # there is nothing else
            yield from self.held
        elif len(self.tail):
            yield self.tail[: len(self.tail) - _constant_end(self.tail)]

    def _hold(self, samples: np.ndarray) -> None:
        """Keep what is perhaps the clip's end; before any sound, the first window."""
        room = math.ceil(self.seconds * self.fs) - self.num_held
        self.num_held += len(samples)
        if not self.sound:
            samples = samples[: max(0, room)]
        if len(samples) == 0:
            return
        if samples.min() == samples.max():
            # there may be hours of it
            samples = np.broadcast_to(samples[0], len(samples))
        self.held.append(samples)

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
        for part in self._end_of_sound():
            yield from self._extend(part)
        if self.offset is None:
            self._take_offset()
        if self.pad_short_clips:
            self.added = to_whole_frames(self.num_cut, self.fs, self.seconds)
            self.num_cut += self.added
            for stream in self.streams.values():
                stream.extend(np.zeros(self.added, dtype=np.float32))
        for stream in self.streams.values():
            stream.extend(EMPTY, last=True)
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
        begin = at - self.start + self.skipped / self.fs
        loudest, fs = data[self.loudest], self.streams[self.loudest].fs
        return Window(
            begin,
            min(
                begin + self.seconds,
                (self.skipped + self.num_cut - self.added) / self.fs,
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
        begin = self.skipped / self.fs
        return Window(
            begin,
            begin + duration,
            data,
            is_silent(clip.samples),
            share_of_sound(clip.samples, clip.fs),
        )


class _Resampled:
    """A clip at another rate, as far as it is known and still needed."""

    def __init__(self, fs: int, target_fs: int):
        self.fs = target_fs
        self.stream = None
        if fs != target_fs:
            # float32 throughout: 16-bit rounding noise would fill the empty band above
            # an up-sampled clip's bandwidth, and the spectrogram branch sees it
            self.stream = soxr.ResampleStream(
                fs, target_fs, 1, dtype="float32", quality="HQ"
            )
        self.first = 0  # index of samples[0] in the clip
        self.samples = EMPTY

    def extend(self, block: np.ndarray, last: bool = False) -> None:
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
