"""Distortions of the amplitude."""

import numpy as np
from numpy.random import Generator


def clean(x: np.ndarray, fs: int, rng: Generator) -> np.ndarray:
    """Return the speech as it is."""
    return x


def clipping(x: np.ndarray, fs: int, rng: Generator, percent: float) -> np.ndarray:
    """Clip at a percentage of the peak."""
    limit = percent / 100 * np.abs(x).max()
    return np.clip(x, -limit, limit)


def quantise(x: np.ndarray, fs: int, rng: Generator, bits: int) -> np.ndarray:
    """Quantise the range up to the peak in `2 ** bits` steps."""
    step = 2 * np.abs(x).max() / 2**bits
    return step * np.round(x / step)


def gain_steps(
    x: np.ndarray, fs: int, rng: Generator, rate: float, range_db: float
) -> np.ndarray:
    """Change the level at random moments, `rate` a second, within `range_db`."""
    steps = rng.random(len(x)) < rate / fs
    levels = rng.uniform(-range_db, 0, 1 + int(steps.sum()))
    smooth = np.hanning(int(0.02 * fs))
    gain = np.pad(levels[np.cumsum(steps)], len(smooth) // 2, mode="edge")
    gain = np.convolve(gain, smooth / smooth.sum(), mode="same")
    first = len(smooth) // 2
    return x * 10 ** (gain[first : first + len(x)] / 20)


def wow(
    x: np.ndarray, fs: int, rng: Generator, rate: float, percent: float
) -> np.ndarray:
    """Let the speed waver, `rate` times a second, by `percent` up and down."""
    time = np.arange(len(x)) / fs
    depth = percent / 100 / (2 * np.pi * rate)  # in seconds: the integral of the speed
    moved = time + depth * np.sin(2 * np.pi * rate * time + rng.uniform(0, 2 * np.pi))
    return np.interp(moved, time, x)
