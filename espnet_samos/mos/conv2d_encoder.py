"""The encoder of the spectrogram branch."""

import contextlib
from typing import Any, Iterator, Sequence

import torch
from torch.utils.checkpoint import checkpoint

from espnet_samos.mos.abs_clip_encoder import AbsClipEncoder
from espnet_samos.mos.conv2d_inference import (
    BEFORE_POOLING,
    POOL_SIZE,
    channels_last,
    encode,
)


class Conv2dEncoder(AbsClipEncoder):
    """3×3 convolutions over time and frequency, then a global maximum.

    Each convolution is followed by batch normalisation and ReLU, the second
    also by max-pooling, and all but the last by dropout. This is the
    spectrogram processing module of SA-SSL-MOS (arXiv 2602.14785).

    In evaluation, batch normalisation is folded into the convolutions, and a CPU takes
    a window piece by piece; the vector is the same.

    Args:
        input_size: Number of frequency bins, at least 3.
        num_frames: Frames in a window, at least 3.
        channels: Channels after each convolution, at least two.
        dropout_rate: Dropout rate.
        gradient_checkpointing: While training, compute what lies before the pooling
            again when its gradients are due, instead of keeping it until then: less
            memory for more time. The gradients are the same.

    Raises:
        ValueError: There are fewer than two convolutions, or the pooling leaves nothing
            of so few bins or frames.
    """

    def __init__(
        self,
        input_size: int,
        num_frames: int,
        channels: Sequence[int] = (32, 32, 64, 64),
        dropout_rate: float = 0.3,
        gradient_checkpointing: bool = False,
    ):
        super().__init__()
        if len(channels) < BEFORE_POOLING:
            raise ValueError(
                f"spectrogram_encoder_conf.channels is {list(channels)}: the pooling "
                "follows the second convolution, so give two or more"
            )
        if min(input_size, num_frames) < POOL_SIZE:
            raise ValueError(
                f"the spectrogram has {num_frames} frames of {input_size} bins, and at "
                f"least {POOL_SIZE} of each are needed: use a longer window, a smaller "
                "hop or more bins"
            )
        self.gradient_checkpointing = gradient_checkpointing
        layers = []
        for i, out_channels in enumerate(channels):
            block = [
                torch.nn.Conv2d(
                    channels[i - 1] if i > 0 else 1, out_channels, 3, padding=1
                ),
                torch.nn.BatchNorm2d(out_channels),
            ]
            # ReLU changes places with the maximum and with dropout, which multiplies
            # by what is not negative: the same numbers, and fewer to keep
            if i == BEFORE_POOLING - 1:
                block.append(torch.nn.MaxPool2d(POOL_SIZE))
            if i < len(channels) - 1:
                block.append(torch.nn.Dropout(dropout_rate))
            block.append(torch.nn.ReLU(inplace=True))
            layers.append(torch.nn.Sequential(*block))
        self.layers = torch.nn.Sequential(*layers)
        self._output_size = channels[-1]

    def output_size(self) -> int:
        return self._output_size

    def forward(self, feats: torch.Tensor) -> torch.Tensor:
        """Encode: (Batch, NFrames, NBins) -> (Batch, output_size)."""
        if not self.training and not torch.compiler.is_exporting():
            return encode(self.layers, feats)
        # (Batch, NFrames, NBins) -> (Batch, Channels, NFrames', NBins')
        if feats.is_cuda:  # CPUs are slower at it, backwards
            hidden = channels_last(feats)
        else:
            hidden = feats.unsqueeze(1)
        for i, layer in enumerate(self.layers):
            if self.gradient_checkpointing and i < BEFORE_POOLING:
                hidden = _checkpointed(layer, hidden)
            else:
                hidden = layer(hidden)
        # (Batch, Channels, NFrames', NBins') -> (Batch, Channels)
        return hidden.amax(dim=(2, 3))


def _checkpointed(layer: Any, hidden: torch.Tensor) -> torch.Tensor:
    return checkpoint(
        layer,
        hidden,
        use_reentrant=False,
        context_fn=lambda: (contextlib.nullcontext(), _not_counting(layer[1])),
    )


@contextlib.contextmanager
def _not_counting(norm: Any) -> Iterator[None]:
    """Keep batch normalisation from counting a batch twice that is computed again."""
    momentum = norm.momentum
    norm.momentum = 0.0
    try:
        yield
    finally:
        norm.momentum = momentum
        norm.num_batches_tracked.sub_(1)
