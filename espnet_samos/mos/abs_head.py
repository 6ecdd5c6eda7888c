"""The base of the head slot."""

from abc import ABC, abstractmethod
from typing import Dict, Optional, Tuple

import torch


class AbsHead(torch.nn.Module, ABC):
    """Turn a clip's vector into a predicted distribution of its score."""

    @abstractmethod
    def forward(self, vector: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        """Predict: (Batch, Dim) -> mean (Batch,) and variance (Batch,)."""

    @abstractmethod
    def loss(
        self, mean: torch.Tensor, variance: torch.Tensor, mos: torch.Tensor
    ) -> torch.Tensor:
        """Compute the loss of predictions against labels, each (Batch,): a scalar."""

    def align(
        self,
        mean: torch.Tensor,
        variance: torch.Tensor,
        corpus: Optional[torch.Tensor],
    ) -> Tuple[torch.Tensor, torch.Tensor]:
        """Map predictions, each (Batch,), to the scales of the clips' corpora.

        Heads that know one scale only leave them as they are. `corpus` is each clip's
        place (Batch,) in the head's list of corpora; None where there is one corpus.
        """
        return mean, variance

    def stats(self) -> Dict[str, torch.Tensor]:
        """Return what the head reports while it is trained, by name."""
        return {}
