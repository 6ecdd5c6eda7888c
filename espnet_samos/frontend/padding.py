"""Keep the padding of a batch out of its features."""

from typing import Callable, Dict, List, Tuple

import torch

# 0.05 s at 16 kHz; SSL models need at least 400 samples for their first frame.
MIN_SAMPLES = 800


def extract_by_length(
    extract: Callable[[torch.Tensor], torch.Tensor],
    waveforms: torch.Tensor,
    lengths: torch.Tensor,
) -> Tuple[torch.Tensor, torch.Tensor]:
    """Extract features from the clips of each length together.

    What normalises over time, as group normalisation does, would mix padding
    into the features of a short clip. Here no clip is ever seen with padding.
    Where all clips have one length, as windows do, that is a single call.

    Args:
        extract: Waveforms of one length (Batch, NSamples) -> features (Batch,
            NFrames, Dim), all frames valid.
        waveforms: (Batch, NSamples) at 16 kHz, padded.
        lengths: (Batch,) in samples.

    Returns:
        Features (Batch, NFrames, Dim), zero where a clip has ended, and the
        number of frames of each clip (Batch,).

    Raises:
        ValueError: A clip is shorter than 0.05 s.
    """
    if torch.compiler.is_exporting():
        # A graph has no groups, and windows have one length.
        feats = extract(waveforms)
        return feats, torch.full_like(lengths, feats.shape[1])
    groups: Dict[int, List[int]] = {}
    for index, length in enumerate(lengths.tolist()):
        groups.setdefault(length, []).append(index)
    if min(groups) < MIN_SAMPLES:
        raise ValueError(
            f"a clip of {min(groups)} samples at 16 kHz is too short: "
            f"at least {MIN_SAMPLES} are needed"
        )
    if len(groups) == 1 and waveforms.shape[1] in groups:
        feats = extract(waveforms)
        return feats, torch.full_like(lengths, feats.shape[1])
    # from the longest: its features set the shape of the batch
    ordered = sorted(groups.items(), reverse=True)
    parts = [extract(waveforms[indices, :length]) for length, indices in ordered]
    feats = parts[0].new_zeros(len(waveforms), *parts[0].shape[1:])
    num_frames = torch.empty_like(lengths)
    for (_, indices), part in zip(ordered, parts, strict=True):
        feats[indices, : part.shape[1]] = part
        num_frames[indices] = part.shape[1]
    return feats, num_frames
