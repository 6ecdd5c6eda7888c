"""Where the windows of a clip begin, and what share of its time each stands for."""

import math
from typing import List, Sequence, Tuple

import numpy as np


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
