"""The base of both encoder slots."""

from abc import ABC, abstractmethod

import torch


class AbsClipEncoder(torch.nn.Module, ABC):
    """Turn the feature frames of a whole window into one vector.

    An encoder is built with `input_size`, the features' dimension, and
    `num_frames`, how many frames a window has, before its own options.

    Attributes:
        ignores_silence: Whether frames that are zero throughout change nothing, so that
            there may be fewer of them, or none.
    """

    ignores_silence = False

    @abstractmethod
    def output_size(self) -> int:
        """Return the dimension of the vector."""

    @abstractmethod
    def forward(self, feats: torch.Tensor) -> torch.Tensor:
        """Encode: (Batch, NFrames, Dim) -> (Batch, output_size)."""
