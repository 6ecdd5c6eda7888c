"""The convolutions at the entrance of wav2vec 2.0 and its relatives."""

from typing import Any, Iterable

import torch
import torch.nn.functional as F

from espnet_samos.frontend.frozen import same_type


class Convolutions(torch.nn.Module):
    """Convolutions over time, each followed by its normalisation and activation.

    The numbers of a frame lie together in memory, where layer normalisation and the
    matrix products of convolutions need them: nothing is transposed in between.

    Args:
        blocks: Modules with a `Conv1d` each, and a `LayerNorm`, a `GroupNorm` or no
            normalisation, whose weights are shared; `activation`, where it is not GELU.
    """

    def __init__(self, blocks: Iterable[torch.nn.Module]):
        super().__init__()
        self.convolutions = torch.nn.ModuleList()
        self.norms = torch.nn.ModuleList()
        self.activations = []
        for block in blocks:
            norm: torch.nn.Module = torch.nn.Identity()
            for part in block.modules():
                if isinstance(part, torch.nn.Conv1d):
                    self.convolutions.append(part)
                elif isinstance(part, torch.nn.LayerNorm):
                    norm = same_type(part)
                elif isinstance(part, torch.nn.GroupNorm):
                    norm = part
            self.norms.append(norm)
            self.activations.append(getattr(block, "activation", F.gelu))

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        """(Batch, NSamples) -> (Batch, Channels, NFrames)"""
        # (Batch, 1, 1, NSamples), with the strides of channels-last format
        hidden = waveforms[:, :, None, None].permute(0, 3, 2, 1)
        convolution: Any  # a module of any kind, to a type checker
        for convolution, norm, activation in zip(
            self.convolutions, self.norms, self.activations, strict=True
        ):
            # (Batch, Channels, 1, NFrames)
            hidden = F.conv2d(
                hidden,
                convolution.weight.unsqueeze(2),
                convolution.bias,
                stride=(1, *convolution.stride),
            )
            if isinstance(norm, torch.nn.LayerNorm):
                # of (Batch, 1, NFrames, Channels)
                hidden = norm(hidden.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
            else:
                hidden = norm(hidden)
            hidden = activation(hidden)
        return hidden.squeeze(2)
