"""The encoder of the SSL branch."""

import torch

from espnet_samos.mos.abs_clip_encoder import AbsClipEncoder

KERNEL_SIZE = 5
POOL_SIZE = 5


class Conv1dEncoder(AbsClipEncoder):
    """Three 1-D convolutions over time, then flattened.

    Each is followed by layer normalisation over channels and frames, ReLU and
    dropout; the second and third also by max-pooling over time. This is the
    feature processing module of SA-SSL-MOS (arXiv 2602.14785).

    Args:
        input_size: Dimension of the features.
        num_frames: Frames in a window. Layer normalisation has a weight for
            each frame, so that the encoder serves this length only.
        hidden_channels: Channels after the first convolution.
        output_channels: Channels after the second and third.
        dropout_rate: Dropout rate.
    """

    def __init__(
        self,
        input_size: int,
        num_frames: int,
        hidden_channels: int = 128,
        output_channels: int = 32,
        dropout_rate: float = 0.3,
    ):
        super().__init__()
        self.num_frames = num_frames
        frames = num_frames
        channels = input_size
        layers = []
        for out_channels, pool in (
            (hidden_channels, 1),
            (output_channels, POOL_SIZE),
            (output_channels, POOL_SIZE),
        ):
            frames = frames - KERNEL_SIZE + 1
            if frames < pool:
                raise ValueError(
                    f"a window of {num_frames} frames is too short for the encoder: "
                    "use a longer window or a frontend with a shorter hop"
                )
            block = [
                torch.nn.Conv1d(channels, out_channels, KERNEL_SIZE),
                torch.nn.LayerNorm((out_channels, frames)),
                torch.nn.ReLU(),
                torch.nn.Dropout(dropout_rate),
            ]
            if pool > 1:
                block.append(torch.nn.MaxPool1d(pool))
                frames //= pool
            layers.append(torch.nn.Sequential(*block))
            channels = out_channels
        self.layers = torch.nn.Sequential(*layers)
        self._output_size = channels * frames

    def output_size(self) -> int:
        return self._output_size

    def forward(self, feats: torch.Tensor) -> torch.Tensor:
        """Encode: (Batch, NFrames, Dim) -> (Batch, output_size).

        Raises:
            ValueError: NFrames is not the `num_frames` the encoder was built for.
        """
        if feats.shape[1] != self.num_frames:
            raise ValueError(
                f"{feats.shape[1]} feature frames, but the encoder was built for "
                f"windows of {self.num_frames}"
            )
        # (Batch, NFrames, Dim) -> (Batch, Channels, NFrames') -> (Batch, Dim')
        return self.layers(feats.transpose(1, 2)).flatten(1)
