"""The head that composes the score of what is below 8 kHz and what is above."""

from typing import Any, Mapping, Optional, Sequence, Tuple

import torch
import torch.nn.functional as F

from espnet_samos.mos.gaussian_head import GaussianHead, mlp
from espnet_samos.utils.score_names import MOS

LOWEST, HIGHEST = 1.0, 5.0


def _within_scale(x: torch.Tensor) -> torch.Tensor:
    return LOWEST + (HIGHEST - LOWEST) * torch.sigmoid(x)


class _SlowBatchNorm(torch.nn.BatchNorm1d):
    """Normalise by means over all batches at first, and later over about the last 100.

    PyTorch's are over the last 20: what these have by chance moves all scores.
    """

    def __init__(self, num_features: int):
        super().__init__(num_features, affine=False)
        # that of the buffer, which one would have to wait for on a GPU
        self.num_batches = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.num_batches += 1
            self.momentum = max(0.02, 1 / self.num_batches)
        return super().forward(x)

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        super()._load_from_state_dict(*args, **kwargs)
        assert self.num_batches_tracked is not None  # statistics are tracked
        self.num_batches = int(self.num_batches_tracked)


class _LinearAndMlp(torch.nn.Module):
    """A linear map and an MLP of the same input: (Batch, Dim) -> (2, Batch, output)."""

    def __init__(
        self,
        input_size: int,
        hidden_sizes: Sequence[int],
        output_size: int,
        dropout_rate: float,
    ):
        super().__init__()
        self.linear = torch.nn.Linear(input_size, output_size)
        self.mlp = mlp((input_size, *hidden_sizes, output_size), dropout_rate)

    def forward(self, vector: torch.Tensor) -> torch.Tensor:
        return torch.stack([self.linear(vector), self.mlp(vector)])


class ComposedHead(GaussianHead):
    """Partial scores of each branch, and the score that follows from them.

    The SSL branch gives the quality below 8 kHz, which is all that it can see. The
    spectrogram branch gives how much of the band above is there (`band`) and how clean
    that is (`upper`), each from 1 to 5. The score is

        1 + (low - 1) · (1 - lost_share · lost - added_share · added),
        lost = (5 - band) / 4, added = (5 - upper) / 4,

    so that what is above 8 kHz takes a share of the quality away, and neither branch
    can take its guess from the other's evidence. Partial labels (`mos_low`, `mos_band`,
    `mos_upper`) are learnt where the data have them; the score itself always is.

    Each partial score is the mean of those of a linear map and of an MLP, whose errors
    differ: an MLP fits what it was trained on, a linear map strays less elsewhere. How
    far they lead to different scores is part of a prediction's variance. Further scores
    are such means, too, of the whole vector; nothing is composed of them.

    Args:
        input_size: Dimension of the clip's vector.
        spectrogram_size: Dimension of the spectrogram branch's part, which comes last.
        hidden_sizes: Units in the hidden layers of each MLP.
        dropout_rate: Dropout rate before each hidden layer.
        lost_share: What the score loses with all of the band above 8 kHz.
        added_share: What it loses with as much noise there.
        partial_weight: Weight of the partial labels' loss.
        proxy_error: Standard deviation of the labels, where they are computed, around
            what listeners say: part of each prediction, not of the loss.
        corpora: Corpora with scales of their own, as `ScoreAlignments` takes them.
        scores: What is predicted, `mos` first.

    Raises:
        ValueError: One of the branches is missing, or as `GaussianHead`.
    """

    takes_branches = True
    partial_names = ("low", "band", "upper")

    def __init__(
        self,
        input_size: int,
        spectrogram_size: int,
        hidden_sizes: Sequence[int] = (128, 64),
        dropout_rate: float = 0.2,
        lost_share: float = 0.15,
        added_share: float = 0.10,
        partial_weight: float = 1.0,
        proxy_error: float = 0.0,
        corpora: Sequence[str] = (),
        scores: Sequence[str] = (MOS,),
    ):
        super().__init__(input_size, hidden_sizes, corpora, scores)
        if not 0 < spectrogram_size < input_size:
            raise ValueError(
                "head: composed needs both branches: choose an SSL and a spectrogram "
                "frontend, or head: gaussian"
            )
        self.sizes = [input_size - spectrogram_size, spectrogram_size]
        # the features are of any size
        self.norm = _SlowBatchNorm(input_size)
        self.mean_mlp = _LinearAndMlp(self.sizes[0], hidden_sizes, 1, dropout_rate)
        self.band_mlp = _LinearAndMlp(self.sizes[1], hidden_sizes, 2, dropout_rate)
        self.further_mlp: Optional[_LinearAndMlp] = None
        if len(self.scores) > 1:
            sizes = (input_size, hidden_sizes, len(self.scores) - 1)
            self.further_mlp = _LinearAndMlp(*sizes, dropout_rate)
        self.lost_share = lost_share
        self.added_share = added_share
        self.partial_weight = partial_weight
        self.proxy_error = proxy_error

    def all_scores(self, vector: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        """Predict every score: (Batch, Dim) -> means and variances (Batch, NScores).

        Means are from 1 to 5.
        """
        vector = self.norm(vector.float())
        # (2, Batch, 1)
        both = self._compose(self._partial(vector))[..., None]
        if self.further_mlp is not None:
            both = torch.cat([both, _within_scale(self.further_mlp(vector))], dim=-1)
        variance = 4 * F.softplus(self.variance_mlp(vector))
        mean = both.mean(dim=0)
        if not self.training:
            variance = variance + (both - mean).square().mean(dim=0)
            variance = variance + self.proxy_error**2
        return mean, variance

    def partial_scores(self, vector: torch.Tensor) -> torch.Tensor:
        """Predict the partial scores: (Batch, Dim) -> (Batch, 3), each 1 to 5."""
        return self._partial(self.norm(vector.float())).mean(dim=0)

    def _partial(self, vector: torch.Tensor) -> torch.Tensor:
        """(Batch, Dim) -> (2, Batch, 3)"""
        ssl, spectrogram = vector.split(self.sizes, dim=-1)
        both = torch.cat([self.mean_mlp(ssl), self.band_mlp(spectrogram)], dim=-1)
        return _within_scale(both)

    def _compose(self, partial: torch.Tensor) -> torch.Tensor:
        """(..., 3) -> (...)"""
        low, band, upper = partial.unbind(dim=-1)
        kept = 1 - self.lost_share * (HIGHEST - band) / (HIGHEST - LOWEST)
        kept = kept - self.added_share * (HIGHEST - upper) / (HIGHEST - LOWEST)
        return LOWEST + (low - LOWEST) * kept

    def partial_loss(
        self, vector: torch.Tensor, labels: Mapping[str, torch.Tensor]
    ) -> torch.Tensor:
        """Compute the loss of the partial scores whose labels are there."""
        # (Batch, 3)
        label = torch.stack([labels[name] for name in self.partial_names], dim=-1)
        there = ~label.isnan()
        # (2, Batch, 3): each is learnt by itself
        both = self._partial(self.norm(vector.float()))
        losses = F.smooth_l1_loss(
            both.where(there, 0.0),
            label.where(there, 0.0).expand_as(both),
            reduction="none",
            beta=0.4,
        )
        return self.partial_weight * losses.mean(dim=1).sum()
