"""The encoder of the spectrogram branch."""

from typing import Sequence

import torch

from espnet_samos.mos.abs_clip_encoder import AbsClipEncoder

POOL_SIZE = 3


class Conv2dEncoder(AbsClipEncoder):
    """3×3 convolutions over time and frequency, then a global maximum.

    Each convolution is followed by batch normalisation and ReLU, the second
    also by max-pooling, and all but the last by dropout. This is the
    spectrogram processing module of SA-SSL-MOS (arXiv 2602.14785).

    Args:
        input_size: Number of frequency bins (any number will do).
        num_frames: Frames in a window (any number will do).
        channels: Channels after each convolution.
        dropout_rate: Dropout rate.
    """

    def __init__(
        self,
        input_size: int,
        num_frames: int,
        channels: Sequence[int] = (32, 32, 64, 64),
        dropout_rate: float = 0.3,
    ):
        super().__init__()
        layers = []
        for i, out_channels in enumerate(channels):
            block = [
                torch.nn.Conv2d(
                    channels[i - 1] if i > 0 else 1, out_channels, 3, padding=1
                ),
                torch.nn.BatchNorm2d(out_channels),
                torch.nn.ReLU(),
            ]
            if i == 1:
                block.append(torch.nn.MaxPool2d(POOL_SIZE))
            if i < len(channels) - 1:
                block.append(torch.nn.Dropout(dropout_rate))
            layers.append(torch.nn.Sequential(*block))
        self.layers = torch.nn.Sequential(*layers)
        self._output_size = channels[-1]

    def output_size(self) -> int:
        """Return the dimension of the vector: the last channel count."""
        return self._output_size

    def forward(self, feats: torch.Tensor) -> torch.Tensor:
        """Encode: (Batch, NFrames, NBins) -> (Batch, output_size)."""
        # (Batch, NFrames, NBins) -> (Batch, Channels, NFrames', NBins')
        hidden = self.layers(feats.unsqueeze(1))
        # (Batch, Channels, NFrames', NBins') -> (Batch, Channels)
        return hidden.amax(dim=(2, 3))
