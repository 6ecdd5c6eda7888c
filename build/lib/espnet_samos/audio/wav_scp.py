"""Clips of a `wav.scp`, for training. No torch here."""

from collections.abc import Mapping
from typing import Iterator

import numpy as np

from espnet_samos.audio.reading import read_audio
from espnet_samos.utils.tables import read_table


class ClipReader(Mapping):
    """Clips by utterance, as ESPnet's datasets take them: files of any kind and rate.

    ESPnet's own type `sound` reads as far as the header says, which is not all of some
    files, and fewer formats.

    Args:
        scp: A `wav.scp` with a file for each utterance.

    Raises:
        DataError: The list cannot be read, or has an utterance twice.
    """

    def __init__(self, scp: str):
        self.files = read_table(scp)

    def __getitem__(self, utt: str) -> np.ndarray:
        """Read a clip: float32, (NSamples,) or (NSamples, NChannels).

        Raises:
            AudioError: It cannot be read.
        """
        samples, _ = read_audio(self.files[utt])
        return samples

    def __iter__(self) -> Iterator[str]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)
