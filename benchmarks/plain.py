"""What ours is compared to: the published layers, one after the other."""

import torch

from espnet_samos.mos.abs_clip_encoder import AbsClipEncoder
from espnet_samos.mos.conv2d_encoder import Conv2dEncoder


class PlainEncoder(AbsClipEncoder):
    """The layers of a `Conv2dEncoder` as they are, in PyTorch's default format.

    Args:
        encoder: Whose layers to run.
    """

    def __init__(self, encoder: Conv2dEncoder):
        super().__init__()
        self.encoder = encoder

    def output_size(self) -> int:
        """Return the dimension of the vector."""
        return self.encoder.output_size()

    def forward(self, feats: torch.Tensor) -> torch.Tensor:
        """Encode: (Batch, NFrames, NBins) -> (Batch, output_size)."""
        return self.encoder.layers(feats.unsqueeze(1)).amax(dim=(2, 3))
