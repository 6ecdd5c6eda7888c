"""Speech that is lost on the way."""

import numpy as np
from numpy.random import Generator

from espnet_samos.corpora.degradations.common import FRAME_SECONDS


def packet_loss(x: np.ndarray, fs: int, rng: Generator, percent: float) -> np.ndarray:
    """Replace frames of 20 ms by silence."""
    frame = int(FRAME_SECONDS * fs)
    lost = rng.random(-(-len(x) // frame)) < percent / 100
    return np.where(np.repeat(lost, frame)[: len(x)], 0, x)


def concealed_loss(
    x: np.ndarray, fs: int, rng: Generator, percent: float, burst: float = 1
) -> np.ndarray:
    """Lose frames of 20 ms, in bursts, and repeat what was before, fading out.

    Args:
        x: Samples (NSamples,).
        fs: Their rate in Hz.
        rng: Random numbers.
        percent: How many frames are lost.
        burst: Mean length of a burst in frames (a two-state model: Gilbert).
    """
    frame = int(FRAME_SECONDS * fs)
    y = x.copy()
    num_lost = 0
    fade = np.hanning(2 * max(2, frame // 10))[: max(2, frame // 10)]
    for start in range(frame, len(x) - frame + 1, frame):
        stays = 1 - 1 / burst if num_lost else percent / 100 / burst
        if rng.random() >= stays:
            num_lost = 0
            continue
        num_lost += 1
        before = y[start - frame : start]
        # so that the repeated frame begins where the one before ended
        y[start : start + frame] = 0.7 * before if num_lost > 1 else before
        edge = slice(start, start + len(fade))
        y[edge] = fade * y[edge] + (1 - fade) * before[-1]
    return y


def chop(
    x: np.ndarray,
    fs: int,
    rng: Generator,
    period_ms: float,
    rate: float,
    mode: str = "silence",
) -> np.ndarray:
    """Chop speech up: drop-outs of `period_ms`, `rate` of them a second on average.

    Args:
        x: Samples (NSamples,).
        fs: Their rate in Hz.
        rng: Random numbers.
        period_ms: Length of a drop-out in ms.
        rate: Drop-outs a second.
        mode: What takes its place: `silence`, `repeat` (what was before), or nothing,
            `delete`, which makes the clip shorter.

    Raises:
        ValueError: Another mode.
    """
    if mode not in ("silence", "repeat", "delete"):
        raise ValueError(f"no mode '{mode}': there are silence, repeat and delete")
    period = int(period_ms / 1000 * fs)
    num_places = max(1, len(x) // period - 1)
    chosen = rng.random(num_places) < rate * period_ms / 1000
    chosen[int(rng.integers(num_places))] = True  # one at least
    y, kept = x.copy(), np.ones(len(x), dtype=bool)
    for start in period * (1 + np.flatnonzero(chosen)):
        gap = slice(start, start + period)
        if mode == "delete":
            kept[gap] = False
        else:
            y[gap] = x[start - period : start] if mode == "repeat" else 0
    return y[kept]
