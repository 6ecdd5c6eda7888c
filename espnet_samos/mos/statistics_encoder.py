"""Statistics of the frames of a window."""

from typing import Sequence

import torch

from espnet_samos.mos.abs_clip_encoder import AbsClipEncoder


class StatisticsEncoder(AbsClipEncoder):
    """Mean, standard deviation and quantiles of each feature; nothing is learnt here.

    Frames that are zero throughout stand for silence and do not count.

    Args:
        input_size: Dimension of the features.
        num_frames: Frames in a window.
        quantiles: Which quantiles, each between 0 and 1.
        changes: Whether the mean change from frame to frame is among them.
        first: The first feature that is looked at.
    """

    def __init__(
        self,
        input_size: int,
        num_frames: int,
        quantiles: Sequence[float] = (),
        changes: bool = False,
        first: int = 0,
    ):
        super().__init__()
        if not 0 <= first < input_size:
            raise ValueError(f"first is {first}, of {input_size} features")
        self.quantiles = list(quantiles)
        self.changes = changes
        self.first = first
        self._output_size = (input_size - first) * (2 + len(quantiles) + changes)

    def output_size(self) -> int:
        return self._output_size

    def forward(self, feats: torch.Tensor) -> torch.Tensor:
        """Encode: (Batch, NFrames, Dim) -> (Batch, output_size)."""
        counted = (feats != 0).any(dim=-1)
        # a window of silence has no statistics, and is not scored
        counted = counted | ~counted.any(dim=-1, keepdim=True)
        return torch.stack(
            [
                self._statistics(clip[mask])
                for clip, mask in zip(feats[..., self.first :], counted, strict=True)
            ]
        )

    def _statistics(self, frames: torch.Tensor) -> torch.Tensor:
        """(NFrames', Dim) -> (output_size,)."""
        mean = frames.mean(dim=0)
        deviation = frames - mean
        found = [mean, deviation.square().mean(dim=0).clamp(min=1e-10).sqrt()]
        if self.quantiles:
            levels = frames.new_tensor(self.quantiles)
            found += list(torch.quantile(frames, levels, dim=0))
        if self.changes:
            found.append(frames.diff(dim=0).abs().sum(dim=0) / len(frames))
        return torch.cat(found)
