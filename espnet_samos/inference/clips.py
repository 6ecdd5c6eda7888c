"""Clips on their way through a model: from wherever they are to their windows."""

from pathlib import Path
from typing import (
    TYPE_CHECKING,
    BinaryIO,
    Callable,
    Dict,
    Iterator,
    Optional,
    Tuple,
    Union,
)

import numpy as np

from espnet_samos.audio.preprocessor import MosPreprocessor
from espnet_samos.audio.reading import (
    AudioError,
    Blocks,
    Mixer,
    as_rate,
    as_samples,
    read_blocks,
)
from espnet_samos.audio.signal_report import SignalMonitor
from espnet_samos.audio.windows import Window, cut_windows
from espnet_samos.utils.files import printable

if TYPE_CHECKING:
    import torch

# A file, an open one, samples and their rate in Hz, or blocks of samples
Audio = Union[
    str, Path, BinaryIO, Tuple[Union[np.ndarray, "torch.Tensor"], int], Blocks
]
Source = Union[Audio, Callable[[], Audio]]


def open_source(source: Source, multichannel: str, name: str) -> Blocks:
    """Open a clip.

    Args:
        source: A file, samples in [-1, 1] with their rate, or a function that gives
            one of these.
        multichannel: As `Mixer` takes it.
        name: What messages call the clip.

    Raises:
        AudioError: The clip cannot be read.
    """
    if callable(source):
        source = source()
    if isinstance(source, Blocks):
        return source
    if isinstance(source, (str, Path)):
        return read_blocks(source, multichannel)
    if not isinstance(source, tuple):
        if not hasattr(source, "read"):
            raise AudioError(f"no clip, but {type(source).__name__}")
        return read_blocks(source, multichannel, name)
    audio, rate = source
    fs = as_rate(rate)
    samples = as_samples(audio)
    mixer = Mixer(multichannel)
    warnings: Dict[str, str] = {}

    def blocks() -> Iterator[np.ndarray]:
        for start in range(0, len(samples), fs):
            yield mixer(samples[start : start + fs])
        warnings.update(mixer.warnings())

    return Blocks(blocks(), fs, warnings)


class Clip:
    """A clip that is being scored.

    Args:
        name: What results and messages call it.
        source: As `open_source` takes it.
        multichannel: As `Mixer` takes it.

    Attributes:
        monitor: What is measured of its signal while it is read; None before that.
        warnings: What was noticed while it was read; as `Blocks` has it.
        error: Why it could not be scored; None if it was.
    """

    def __init__(self, name: str, source: Source, multichannel: str):
        self.name = name
        self.source = source
        self.multichannel = multichannel
        self.monitor: Optional[SignalMonitor] = None
        self.warnings: Dict[str, str] = {}
        self.error: Optional[str] = None

    def windows(
        self, preprocess: MosPreprocessor, hop_seconds: Optional[float], windows: str
    ) -> Iterator[Window]:
        """Read the clip and yield the windows of a model, as `cut_windows` does.

        Raises:
            AudioError: The clip cannot be scored, for whatever reason, so that one clip
                does not end the run of many; the message names it.
        """
        try:
            blocks = open_source(self.source, self.multichannel, self.name)
            self.warnings = blocks.warnings
            self.monitor = SignalMonitor(blocks.fs)
            yield from cut_windows(
                self._watched(blocks),
                blocks.fs,
                preprocess.rates(),
                preprocess.window_seconds,
                hop_seconds,
                windows,
                pad_short_clips=preprocess.pad_short_clips,
            )
        except AudioError as e:
            named = str(e) if self.name in str(e) else f"{self.name}: {e}"
            raise AudioError(printable(named)) from e
        except Exception as e:
            named = f"{self.name}: {type(e).__name__}: {e}"
            raise AudioError(printable(named)) from e

    def _watched(self, blocks: Blocks) -> Iterator[np.ndarray]:
        for block in blocks:
            self.monitor.update(block)
            yield block
