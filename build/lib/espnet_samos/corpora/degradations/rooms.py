"""Reverberation and echoes."""

import numpy as np
import scipy.signal
from numpy.random import Generator


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


def talker_echo(
    x: np.ndarray,
    fs: int,
    rng: Generator,
    delay_ms: float,
    gain: float,
    feedback: float = 0,
) -> np.ndarray:
    """Add an echo, which comes back again `feedback` times as loud, and so on."""
    delay = int(delay_ms / 1000 * fs)
    repeats = 1 if feedback == 0 else 1 + int(np.log(1e-2) / np.log(feedback))
    response = np.zeros(repeats * delay + 1)
    response[delay::delay] = gain * feedback ** np.arange(repeats)
    response[0] = 1
    return scipy.signal.oaconvolve(x, response)[: len(x)]
