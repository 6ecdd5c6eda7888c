"""The head: mean and variance of the opinion score, or of several scores."""

from itertools import pairwise
from typing import Dict, List, Optional, Sequence, Tuple

import torch
import torch.nn.functional as F

from espnet_samos.mos.abs_head import AbsHead
from espnet_samos.mos.score_alignment import ScoreAlignments
from espnet_samos.utils.score_names import MOS, check_scores

MIN_VARIANCE = 1e-6


def mlp(sizes: Sequence[int], dropout_rate: float = 0.0) -> torch.nn.Sequential:
    """Build linear layers of these sizes, with ReLU between them.

    With a dropout rate, there is dropout before each but the last.
    """
    layers: List[torch.nn.Module] = []
    for n_in, n_out in pairwise(sizes):
        if dropout_rate:
            layers.append(torch.nn.Dropout(dropout_rate))
        layers += [torch.nn.Linear(n_in, n_out), torch.nn.ReLU()]
    if dropout_rate:
        del layers[-3]
    return torch.nn.Sequential(*layers[:-1])


def gaussian_nll(
    mean: torch.Tensor, variance: torch.Tensor, label: torch.Tensor
) -> torch.Tensor:
    """Compute the Gaussian negative log-likelihood, the mean over the batch.

    log(variance) / 2 + (label - mean)² / (2 · variance), without its constant. As
    `torch.nn.functional.gaussian_nll_loss`, which would wait for the device to check
    that no variance is negative.
    """
    # gradients pass below the minimum too, or a variance could not recover
    variance = variance + (variance.clamp(min=MIN_VARIANCE) - variance).detach()
    return 0.5 * (variance.log() + (label - mean).square() / variance).mean()


class GaussianHead(AbsHead):
    """Two separate MLPs, trained by the Gaussian negative log-likelihood.

    mean = 2 · mlp(x), variance = 4 · softplus(mlp(x)), as SA-SSL-MOS
    (arXiv 2602.14785).

    Args:
        input_size: Dimension of the clip's vector.
        hidden_sizes: Units in the hidden layers of each MLP.
        corpora: Corpora with scales of their own, as `ScoreAlignments` takes them.
        scores: What is predicted, `mos` first. Several scores share the hidden layers.

    Raises:
        ValueError: `scores` cannot be these, or `ScoreAlignments` refuses `corpora`.
    """

    def __init__(
        self,
        input_size: int,
        hidden_sizes: Sequence[int] = (64, 32),
        corpora: Sequence[str] = (),
        scores: Sequence[str] = (MOS,),
    ):
        super().__init__()
        self.scores = check_scores(scores)
        self.alignment = ScoreAlignments(corpora)
        sizes = (input_size, *hidden_sizes, len(self.scores))
        self.mean_mlp: torch.nn.Module = mlp(sizes)
        self.variance_mlp = mlp(sizes)

    def forward(self, vector: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        """Predict the MOS: (Batch, Dim) -> mean (Batch,) and variance > 0 (Batch,).

        The mean is not clipped to 1..5.
        """
        means, variances = self.all_scores(vector)
        return means[:, 0], variances[:, 0]

    def all_scores(self, vector: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        """Predict every score: (Batch, Dim) -> means and variances (Batch, NScores)."""
        mean = 2 * self.mean_mlp(vector)
        # float32 under autocast too: bfloat16 has three digits
        variance = 4 * F.softplus(self.variance_mlp(vector).float())
        return mean.float(), variance

    def loss(
        self, mean: torch.Tensor, variance: torch.Tensor, mos: torch.Tensor
    ) -> torch.Tensor:
        """Compute the Gaussian negative log-likelihood, the mean over the batch."""
        return gaussian_nll(mean, variance, mos)

    def align(
        self,
        mean: torch.Tensor,
        variance: torch.Tensor,
        corpus: Optional[torch.Tensor],
    ) -> Tuple[torch.Tensor, torch.Tensor]:
        """Map predictions, each (Batch,), to the scales of the clips' corpora."""
        return self.alignment(mean, variance, corpus)

    def stats(self) -> Dict[str, torch.Tensor]:
        """Return the scales of the corpora but the reference."""
        return self.alignment.stats()
