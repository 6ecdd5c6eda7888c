"""The encoder of the spectrogram branch in evaluation: the same vector, faster."""

from typing import Iterator, List, NamedTuple, Tuple

import torch
import torch.nn.functional as F
from torch.nn.utils.fusion import fuse_conv_bn_weights

# Convolutions before the pooling, each of which takes in a frame on either side
BEFORE_POOLING = 2
POOL_SIZE = 3
# Pooled frames that a CPU encodes at once. Before the pooling there are 32 numbers for
# each bin of the spectrogram, 62 MB for a window of 10 s: more than its caches hold.
PIECE = 200


class Piece(NamedTuple):
    """A part of the window.

    Attributes:
        frames: The spectrogram's frames that it takes.
        cut: Those of its frames that are pooled; the others are the margin of the
            convolutions before.
        pooled_cut: Those of its pooled frames that are its own; the others are the
            margin of the convolutions behind.
    """

    frames: slice
    cut: slice
    pooled_cut: slice


def pieces(num_frames: int, num_behind: int, size: int) -> Iterator[Piece]:
    """Divide a window into pieces that can be encoded one by one.

    Args:
        num_frames: Frames in the window.
        num_behind: Convolutions behind the pooling.
        size: Pooled frames in a piece.
    """
    num_pooled = num_frames // POOL_SIZE
    for start in range(0, num_pooled, size):
        end = min(start + size, num_pooled)
        pooled = slice(max(start - num_behind, 0), min(end + num_behind, num_pooled))
        taken = slice(
            max(POOL_SIZE * pooled.start - BEFORE_POOLING, 0),
            min(POOL_SIZE * pooled.stop + BEFORE_POOLING, num_frames),
        )
        yield Piece(
            frames=taken,
            cut=slice(
                POOL_SIZE * pooled.start - taken.start,
                POOL_SIZE * pooled.stop - taken.start,
            ),
            pooled_cut=slice(start - pooled.start, end - pooled.start),
        )


def fold(layers: torch.nn.Sequential) -> List[Tuple[torch.Tensor, torch.Tensor]]:
    """Fold batch normalisations into the convolutions before them.

    Args:
        layers: Each begins with a convolution and its batch normalisation.

    Returns:
        Weights, channels last, and biases of convolutions that compute what the two did
        together.
    """
    convolutions: List[Tuple[torch.Tensor, torch.Tensor]] = []
    for layer in layers:
        convolution, norm = layer[0], layer[1]
        weight, bias = fuse_conv_bn_weights(
            convolution.weight,
            convolution.bias,
            norm.running_mean,
            norm.running_var,
            norm.eps,
            norm.weight,
            norm.bias,
        )
        convolutions.append(
            (weight.contiguous(memory_format=torch.channels_last), bias)
        )
    return convolutions


def encode(layers: torch.nn.Sequential, feats: torch.Tensor) -> torch.Tensor:
    """Encode as the layers do in evaluation, followed by the global maximum.

    (Batch, NFrames, NBins) -> (Batch, Channels)
    """
    convolutions = fold(layers)
    before, behind = convolutions[:BEFORE_POOLING], convolutions[BEFORE_POOLING:]
    on_cpu = feats.device.type == "cpu"
    size = PIECE if on_cpu else feats.shape[1]
    return torch.cat(
        [
            torch.stack(
                [
                    _encode_piece(before, behind, clips, piece)
                    for piece in pieces(feats.shape[1], len(behind), size)
                ]
            ).amax(dim=0)
            for clips in (feats.split(1) if on_cpu else [feats])
        ]
    )


def _encode_piece(before: list, behind: list, feats: torch.Tensor, piece: Piece):
    # (Batch, NFrames, NBins) -> (Batch, Channels, NFrames', NBins)
    hidden = feats[:, piece.frames].unsqueeze(1)
    hidden = hidden.contiguous(memory_format=torch.channels_last)
    for i, (weight, bias) in enumerate(before):
        hidden = F.conv2d(hidden, weight, bias, padding=1)
        if i < len(before) - 1:
            hidden = hidden.relu_()
    # ReLU and maximum can change places: it is done on a ninth
    hidden = F.max_pool2d(hidden[:, :, piece.cut], POOL_SIZE).relu_()
    for weight, bias in behind:
        hidden = F.conv2d(hidden, weight, bias, padding=1).relu_()
    # (Batch, Channels, NFrames', NBins') -> (Batch, Channels)
    return hidden[:, :, piece.pooled_cut].amax(dim=(2, 3))
