"""Keep the padding of a batch out of its features."""

from abc import abstractmethod
from typing import Dict, List, Tuple

import torch
from espnet2.asr.frontend.abs_frontend import AbsFrontend

# 0.05 s at 16 kHz; SSL models need at least 400 samples for their first frame.
MIN_SAMPLES = 800


class UnpaddedFrontend(AbsFrontend):
    """A frontend that runs the clips of each length together, without padding.

    What normalises over time, as group normalisation does, would mix padding
    into the features of a short clip. Here no clip is ever seen with padding.
    Where all clips have one length, as windows do, that is a single call.
    """

    _output_size: int

    @abstractmethod
    def extract(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Run clips of one length: (Batch, NSamples) -> (Batch, NFrames, Dim)."""

    def output_size(self) -> int:
        return self._output_size

    def forward(
        self, input: torch.Tensor, input_lengths: torch.Tensor
    ) -> Tuple[torch.Tensor, torch.Tensor]:
        """Compute the features.

        Args:
            input: Waveforms at 16 kHz (Batch, NSamples), padded.
            input_lengths: (Batch,) in samples, at least 800.

        Returns:
            Features (Batch, NFrames, Dim), zero where a clip has ended, and the
            number of frames of each clip (Batch,).

        Raises:
            ValueError: A clip is shorter than 0.05 s.
        """
        if torch.compiler.is_exporting():
            # A graph has no groups, and windows have one length.
            feats = self.extract(input)
            return feats, torch.full_like(input_lengths, feats.shape[1])
        groups: Dict[int, List[int]] = {}
        for index, length in enumerate(input_lengths.tolist()):
            groups.setdefault(length, []).append(index)
        if min(groups) < MIN_SAMPLES:
            raise ValueError(
                f"a clip of {min(groups)} samples at 16 kHz is too short: "
                f"at least {MIN_SAMPLES} are needed"
            )
        if len(groups) == 1 and input.shape[1] in groups:
            feats = self.extract(input)
            return feats, torch.full_like(input_lengths, feats.shape[1])
        # from the longest: its features set the shape of the batch
        ordered = sorted(groups.items(), reverse=True)
        parts = [self.extract(input[indices, :length]) for length, indices in ordered]
        feats = parts[0].new_zeros(len(input), *parts[0].shape[1:])
        num_frames = torch.empty_like(input_lengths)
        for (_, indices), part in zip(ordered, parts, strict=True):
            feats[indices, : part.shape[1]] = part
            num_frames[indices] = part.shape[1]
        return feats, num_frames
