"""The ends of a clip: digital silence is left out, in frames. No torch here."""

from typing import Iterator, List, Tuple

import numpy as np

FRAMES_PER_SECOND = 50
EMPTY = np.zeros(0, dtype=np.float32)
# What samples of a frame of digital silence differ by at most: six steps of 16 bit, as
# rounding and dither leave behind. Around any offset, for there can be DC.
SILENCE_RANGE = 2e-4
# Less than 16-bit samples can differ at half the level: decoders leave as much.
SILENCE_TOLERANCE = 1e-5


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


class EndTrimmer:
    """Leaves out digital silence at a clip's ends, as `sound_bounds`, block by block.

    Args:
        fs: The clip's sampling rate in Hz.
        num_kept: How many samples of a clip without any sound are kept.

    Attributes:
        skipped: Samples of digital silence at the beginning.
    """

    def __init__(self, fs: int, num_kept: int):
        self.fs = fs
        self.num_kept = num_kept
        self.skipped = 0
        self.num_samples = 0
        self.unframed = EMPTY  # what is not yet a whole frame
        self.num_frames = 0
        self.sound = False  # whether there was any
        self.tail = EMPTY  # the constant end of the sound, one sample at least
        self.held: List[np.ndarray] = []  # digital silence that is perhaps the end
        self.num_held = 0

    def push(self, block: np.ndarray) -> Iterator[np.ndarray]:
        """Take the next samples, (NSamples,), and yield what is surely in between."""
        self.num_samples += len(block)
        samples = np.concatenate([self.unframed, block])
        num_frames = self.num_samples * FRAMES_PER_SECOND // self.fs
        edges = _frame_edges(self.num_frames, num_frames, self.fs)
        edges -= edges[0]
        self.num_frames = num_frames
        self.unframed = samples[edges[-1] :]
        yield from self._take_frames(samples[: edges[-1]], edges)

    def finish(self) -> Iterator[np.ndarray]:
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

    def _hold(self, samples: np.ndarray) -> None:
        """Keep what is perhaps the clip's end; before any sound, no more than asked."""
        room = self.num_kept - self.num_held
        self.num_held += len(samples)
        if not self.sound:
            samples = samples[: max(0, room)]
        if len(samples) == 0:
            return
        if samples.min() == samples.max():
            # there may be hours of it
            samples = np.broadcast_to(samples[0], len(samples))
        self.held.append(samples)


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
