"""Clips on their way through a model: from wherever they are to their windows."""

from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Callable,
    Dict,
    Iterable,
    Iterator,
    Optional,
    Tuple,
    Union,
)

import numpy as np

from espnet_samos.audio.reading import AudioError, read_blocks, to_mono
from espnet_samos.audio.signal_report import SignalMonitor
from espnet_samos.audio.windows import Window, cut_windows

if TYPE_CHECKING:
    import torch

# A clip as it is read: blocks of mono samples and their rate in Hz
Blocks = Tuple[Iterable[np.ndarray], int]
# Samples, or blocks of them, and their rate in Hz
Audio = Tuple[Union[np.ndarray, "torch.Tensor", Iterator[np.ndarray]], int]
Source = Union[str, Path, Audio, Callable[[], Audio]]


def open_source(source: Source, multichannel: str) -> Blocks:
    """Open a clip: a file, samples and their rate, or a function that gives these.

    Args:
        source: The clip.
        multichannel: As `to_mono` takes it.

    Raises:
        AudioError: The clip cannot be read.
        TypeError: The samples are integers.
    """
    if isinstance(source, (str, Path)):
        return read_blocks(source, multichannel)
    audio, fs = source() if callable(source) else source
    if isinstance(audio, Iterator):
        return audio, fs
    if hasattr(audio, "detach"):  # a tensor, without importing torch
        audio = audio.detach().cpu().float().numpy()
    audio = np.asarray(audio)
    if not np.issubdtype(audio.dtype, np.floating):
        raise TypeError(
            f"samples are {audio.dtype}: give floats in [-1, 1], of 16 bit for "
            "example samples / 32768"
        )
    samples = to_mono(audio, multichannel).astype(np.float32)
    return (samples[i : i + fs] for i in range(0, len(samples), fs)), fs


class Clip:
    """A clip that is being scored.

    Args:
        name: What results and messages call it.
        source: As `open_source` takes it.
        multichannel: As `to_mono` takes it.

    Attributes:
        monitor: What is measured of its signal while it is read; None before that.
        error: Why it could not be scored; None if it was.
    """

    def __init__(self, name: str, source: Source, multichannel: str):
        self.name = name
        self.source = source
        self.multichannel = multichannel
        self.monitor: Optional[SignalMonitor] = None
        self.error: Optional[str] = None

    def windows(
        self, rates: Dict[str, int], seconds: float, hop_seconds: float, windows: str
    ) -> Iterator[Window]:
        """Read the clip and yield its windows, as `cut_windows` does.

        Raises:
            AudioError: The clip cannot be scored; the message names it.
        """
        try:
            blocks, fs = open_source(self.source, self.multichannel)
            self.monitor = SignalMonitor(fs)
            yield from cut_windows(
                self._watched(blocks), fs, rates, seconds, hop_seconds, windows
            )
        except AudioError as e:
            named = str(e) if self.name in str(e) else f"{self.name}: {e}"
            raise AudioError(named) from e

    def _watched(self, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        for block in blocks:
            self.monitor.update(block)
            yield block
