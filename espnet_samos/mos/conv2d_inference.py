"""The encoder of the spectrogram branch in evaluation: the same vector, faster."""

import torch
import torch.nn.functional as F
from torch.nn.utils.fusion import fuse_conv_bn_weights

# Convolutions before the pooling
BEFORE_POOLING = 2
POOL_SIZE = 3
# Pooled frames that a CPU encodes at once. Before the pooling there are 32 numbers for
# each bin of the spectrogram, 62 MB for a window of 10 s: more than its caches hold.
PIECE = 200


def channels_last(feats: torch.Tensor) -> torch.Tensor:
    """Add a channel: (Batch, NFrames, NBins) -> (Batch, 1, NFrames, NBins).

    A single channel is in both memory formats at once, and PyTorch takes the default
    one, for all that follows; the strides made here are those of channels-last format
    alone.
    """
    return feats.unsqueeze(-1).permute(0, 3, 1, 2)


def encode(layers: torch.nn.Sequential, feats: torch.Tensor) -> torch.Tensor:
    """Encode as the layers do in evaluation, followed by the global maximum.

    Args:
        layers: Each begins with a convolution and its batch normalisation, which are
            folded into one convolution here.
        feats: (Batch, NFrames, NBins).

    Returns:
        (Batch, Channels).
    """
    convolutions = []
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
    on_cpu = feats.device.type == "cpu"
    size = PIECE if on_cpu else feats.shape[1]
    return torch.cat(
        [
            torch.stack(
                [
                    _encode_piece(convolutions, clips, start, size)
                    for start in range(0, feats.shape[1] // POOL_SIZE, size)
                ]
            ).amax(dim=0)
            for clips in (feats.split(1) if on_cpu else [feats])
        ]
    )


def _encode_piece(
    convolutions: list, feats: torch.Tensor, start: int, size: int
) -> torch.Tensor:
    """Encode `size` pooled frames from `start` on.

    Each convolution takes in a frame on either side, so that margins are computed with
    them, and cut off.
    """
    before, behind = convolutions[:BEFORE_POOLING], convolutions[BEFORE_POOLING:]
    num_pooled = feats.shape[1] // POOL_SIZE
    end = min(start + size, num_pooled)
    # with the margin of the convolutions behind the pooling, in pooled frames
    pooled_start = max(start - len(behind), 0)
    pooled_end = min(end + len(behind), num_pooled)
    # and with that of the convolutions before it, in frames
    first = max(POOL_SIZE * pooled_start - BEFORE_POOLING, 0)
    last = POOL_SIZE * pooled_end + BEFORE_POOLING
    # (Batch, NFrames, NBins) -> (Batch, Channels, NFrames', NBins)
    hidden = channels_last(feats[:, first:last])
    for i, (weight, bias) in enumerate(before):
        hidden = F.conv2d(hidden, weight, bias, padding=1)
        if i < len(before) - 1:
            hidden = hidden.relu_()
    cut = slice(POOL_SIZE * pooled_start - first, POOL_SIZE * pooled_end - first)
    # ReLU and maximum can change places: it is done on a ninth
    hidden = F.max_pool2d(hidden[:, :, cut], POOL_SIZE).relu_()
    for weight, bias in behind:
        hidden = F.conv2d(hidden, weight, bias, padding=1).relu_()
    # (Batch, Channels, NFrames', NBins') -> (Batch, Channels)
    return hidden[:, :, start - pooled_start : end - pooled_start].amax(dim=(2, 3))
