"""Levels that do not depend on DC, nor on how much silence is around the sound."""

import torch


def remove_dc(waveforms: torch.Tensor) -> torch.Tensor:
    """Subtract the mean of what is not zero from it: (Batch, NSamples) both.

    Zeros stay zeros: they are silence that was put around a clip.
    """
    there = waveforms != 0
    number = there.sum(dim=1, keepdim=True).clamp(min=1)
    mean = waveforms.sum(dim=1, keepdim=True) / number
    return waveforms - mean * there


def loud_power(power: torch.Tensor) -> torch.Tensor:
    """Compute the power of the loud frames of a window.

    It is (Σp / Σ√p)², a mean that silence does not change and that a click among speech
    raises little.

    Args:
        power: Of each frame (Batch, NFrames).

    Returns:
        (Batch, 1).
    """
    total = power.sum(dim=1, keepdim=True)
    amplitude = power.sqrt().sum(dim=1, keepdim=True)
    tiny = torch.finfo(power.dtype).tiny
    return (total / amplitude.clamp(min=tiny)).square()
