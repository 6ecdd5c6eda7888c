"""What ours is compared to: the published layers, one after the other."""

import torch

from espnet_samos.mos.abs_clip_encoder import AbsClipEncoder
from espnet_samos.mos.conv2d_encoder import Conv2dEncoder

# of the published layers; ours have some of them in another place
ORDER = (
    torch.nn.Conv2d,
    torch.nn.BatchNorm2d,
    torch.nn.ReLU,
    torch.nn.MaxPool2d,
    torch.nn.Dropout,
)


def place(part: torch.nn.Module) -> int:
    """Return the place of a part in a published layer."""
    return ORDER.index(type(part))


class PlainEncoder(AbsClipEncoder):
    """The layers of a `Conv2dEncoder` as they are, in PyTorch's default format.

    Args:
        encoder: Whose layers to run.
    """

    def __init__(self, encoder: Conv2dEncoder):
        super().__init__()
        self.encoder = encoder
        self.layers = torch.nn.Sequential(
            *(part for layer in encoder.layers for part in sorted(layer, key=place))
        )

    def output_size(self) -> int:
        """Return the dimension of the vector."""
        return self.encoder.output_size()

    def forward(self, feats: torch.Tensor) -> torch.Tensor:
        """Encode: (Batch, NFrames, NBins) -> (Batch, output_size)."""
        return self.layers(feats.unsqueeze(1)).amax(dim=(2, 3))
