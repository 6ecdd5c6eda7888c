"""The base of the head slot."""

from abc import ABC, abstractmethod
from typing import Dict, Mapping, Optional, Sequence, Tuple

import torch

from espnet_samos.utils.score_names import MOS


class AbsHead(torch.nn.Module, ABC):
    """Turn a clip's vector into a predicted distribution of its score, or of several.

    A head is built with `input_size`, the vector's dimension, before its own options.

    Attributes:
        takes_branches: Whether it is also built with `spectrogram_size`, the dimension
            of the spectrogram branch's part, which comes last; 0 without that branch.
        scores: What it predicts: the MOS, and further scores with labels
            `mos_<name>`.
        partial_names: Scores from 1 to 5 that the MOS is composed of, whose labels
            `mos_<name>` it learns too.
    """

    takes_branches = False
    scores: Tuple[str, ...] = (MOS,)
    partial_names: Tuple[str, ...] = ()

    @classmethod
    def further_labels(cls, scores: Sequence[str]) -> Tuple[str, ...]:
        """Return the names of the labels `mos_<name>` that such a head learns."""
        return tuple(dict.fromkeys((*scores[1:], *cls.partial_names)))

    @abstractmethod
    def forward(self, vector: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        """Predict the MOS: (Batch, Dim) -> mean (Batch,) and variance (Batch,)."""

    def all_scores(self, vector: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        """Predict every score: (Batch, Dim) -> means and variances (Batch, NScores)."""
        mean, variance = self(vector)
        return mean[:, None], variance[:, None]

    @abstractmethod
    def loss(
        self, mean: torch.Tensor, variance: torch.Tensor, mos: torch.Tensor
    ) -> torch.Tensor:
        """Compute the loss of predictions against labels, each (Batch,): a scalar."""

    def partial_scores(self, vector: torch.Tensor) -> torch.Tensor:
        """Predict the partial scores: (Batch, Dim) -> (Batch, len(partial_names))."""
        return vector.new_zeros(len(vector), 0)

    def partial_loss(
        self, vector: torch.Tensor, labels: Mapping[str, torch.Tensor]
    ) -> torch.Tensor:
        """Compute the loss of the partial scores, a scalar.

        Args:
            vector: The clips' vectors (Batch, Dim).
            labels: Labels (Batch,) by name; NaN where a clip has none.
        """
        return vector.new_zeros(())

    def align(
        self,
        mean: torch.Tensor,
        variance: torch.Tensor,
        corpus: Optional[torch.Tensor],
    ) -> Tuple[torch.Tensor, torch.Tensor]:
        """Map predictions, each (Batch,), to the scales of the clips' corpora.

        It is the MOS that has scales. Heads that know one scale only leave them as they
        are. `corpus` is each clip's
        place (Batch,) in the head's list of corpora; None where there is one corpus.
        """
        return mean, variance

    def stats(self) -> Dict[str, torch.Tensor]:
        """Return what the head reports while it is trained, by name."""
        return {}
