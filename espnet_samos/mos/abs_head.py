"""The base of the head slot."""

from abc import ABC, abstractmethod
from typing import Tuple

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
        """Give the loss of predictions against labels, each (Batch,), as a scalar."""
