"""Resample inside a model."""

import math

import torch

# soxr HQ's filter as a windowed sinc, in units of the lower of the two Nyquist
# frequencies: flat up to 0.91, 120 dB down at 1.
CUTOFF = 0.95688
ZERO_CROSSINGS = 91  # on either side
KAISER_BETA = 12.6
# Computed at once, whatever the ratio of the rates: one output at a time is slow.
MIN_BLOCK = 64


def resample(waveforms: torch.Tensor, fs: int, target_fs: int) -> torch.Tensor:
    """Resample as soxr HQ does, with gradients and on any device.

    Of white noise, up to 0.9 of the lower Nyquist frequency, the two differ by -130 dB
    of the signal between 96, 48, 32, 24, 16 and 8 kHz, and by -72 dB from 44.1, 22.05
    or 11.025 kHz. With the edge of the filter, which soxr builds in another way for
    each pair of rates, it is -85 dB between 48 or 24 and 16 kHz, and -52 dB at worst.
    The sum runs in float64 whatever the dtype around it, so that a clip comes out the
    same in every batch.

    Args:
        waveforms: (Batch, NSamples); what lies beyond either end is silence.
        fs: Their sampling rate in Hz.
        target_fs: The wanted one.

    Returns:
        float32, (Batch, ceil(NSamples * target_fs / fs)).
    """
    if fs == target_fs:
        return waveforms.float()
    device = waveforms.device
    if device.type == "mps":  # has no float64
        waveforms = waveforms.cpu()
    # A block of outputs at these times, in samples of the input, comes after so many.
    divisor = math.gcd(fs, target_fs)
    num_periods = -(-MIN_BLOCK * divisor // target_fs)
    hop = num_periods * fs // divisor
    block = num_periods * target_fs // divisor
    double = dict(dtype=torch.float64, device=waveforms.device)
    times = torch.arange(block, **double) * (fs / target_fs)

    cutoff = CUTOFF * min(1.0, target_fs / fs)
    radius = ZERO_CROSSINGS / cutoff
    margin = math.ceil(radius)
    # (Block, NTaps)
    offsets = times[:, None] - torch.arange(-margin, hop + margin, **double)
    window = torch.special.i0(
        KAISER_BETA * (1 - (offsets / radius).square()).clamp(min=0.0).sqrt()
    ) / torch.special.i0(torch.tensor(KAISER_BETA, **double))
    kernel = cutoff * torch.sinc(cutoff * offsets) * window
    kernel = kernel.masked_fill(offsets.abs() > radius, 0.0)

    num_samples = waveforms.shape[1]
    num_blocks = -(-num_samples // hop)
    padded = torch.nn.functional.pad(
        waveforms.double(), (margin, margin + num_blocks * hop - num_samples)
    )
    # (Batch, NSamples) -> (Batch, Block, NBlocks) -> (Batch, NBlocks * Block)
    blocks = torch.nn.functional.conv1d(padded[:, None], kernel[:, None], stride=hop)
    resampled = blocks.transpose(1, 2).flatten(1)
    return resampled[:, : -(-num_samples * target_fs // fs)].float().to(device)
