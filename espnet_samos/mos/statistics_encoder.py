"""Statistics of the frames of a window."""

from typing import List, Sequence

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

    ignores_silence = True

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
        counted = (feats != 0).any(dim=-1, keepdim=True)
        # a window of silence has no statistics, and is not scored
        counted = counted | ~counted.any(dim=1, keepdim=True)
        feats = feats[..., self.first :]
        # (Batch, NFrames, Dim) -> (Batch, 1, Dim)
        number = counted.sum(dim=1, keepdim=True)
        mean = (feats * counted).sum(dim=1, keepdim=True) / number
        deviation = (feats - mean) * counted
        variance = deviation.square().sum(dim=1, keepdim=True) / number
        found = [mean, variance.clamp(min=1e-10).sqrt()]
        found += self._quantiles(feats, counted, number)
        if self.changes:
            both = counted[:, 1:] & counted[:, :-1]
            change = feats.diff(dim=1).abs() * both
            found.append(change.sum(dim=1, keepdim=True) / number)
        return torch.cat(found, dim=-1).squeeze(1)

    def _quantiles(
        self, feats: torch.Tensor, counted: torch.Tensor, number: torch.Tensor
    ) -> List[torch.Tensor]:
        """Return the quantiles of the frames that count, (Batch, 1, Dim) each.

        As `torch.quantile`, which neither takes a mask nor can be exported.
        """
        if not self.quantiles:
            return []
        ordered = feats.masked_fill(~counted, torch.inf).sort(dim=1).values
        last = (number - 1).expand(-1, -1, feats.shape[-1])
        found = []
        for level in self.quantiles:
            place = level * last
            below = place.floor().long()
            low = ordered.gather(1, below)
            high = ordered.gather(1, torch.minimum(below + 1, last))
            found.append(low + (place - below) * (high - low))
        return found
