"""The head that compares: what a clip contributes to comparisons with any other."""

from typing import Sequence, Tuple

import torch
import torch.nn.functional as F

from espnet_samos.mos.abs_head import AbsHead
from espnet_samos.mos.gaussian_head import gaussian_nll, mlp
from espnet_samos.utils.ccr import LIMIT


class ComparisonHead(AbsHead):
    """Utility and dispersion of a clip, learnt from comparisons alone.

    Thurstone's law of comparative judgment (1927) with unequal dispersions: a
    comparison of clips A and B has

        mean = 3 · tanh((utility of B - utility of A) / 3),
        variance = dispersion of A + dispersion of B.

    So it changes its sign, and nothing else, with the order of the clips, and is 0 for
    equal ones. Utilities have no zero of their own: only differences mean anything.

    Args:
        input_size: Dimension of the clip's vector.
        hidden_sizes: Units in the hidden layers of each MLP; without any, the utility
            is linear.
        dropout_rate: Dropout rate before each hidden layer.
    """

    def __init__(
        self,
        input_size: int,
        hidden_sizes: Sequence[int] = (64,),
        dropout_rate: float = 0.3,
    ):
        super().__init__()
        # the vectors are of any size
        self.norm = torch.nn.BatchNorm1d(input_size, affine=False)
        sizes = (input_size, *hidden_sizes, 1)
        self.utility_mlp = mlp(sizes, dropout_rate)
        self.dispersion_mlp = mlp(sizes, dropout_rate)

    def forward(self, vector: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        """Return utility (Batch,) and dispersion > 0 (Batch,): (Batch, Dim) -> both."""
        vector = self.norm(vector.float())
        utility = self.utility_mlp(vector).squeeze(-1)
        return utility, F.softplus(self.dispersion_mlp(vector).squeeze(-1))

    @staticmethod
    def compare(
        a: Tuple[torch.Tensor, torch.Tensor], b: Tuple[torch.Tensor, torch.Tensor]
    ) -> Tuple[torch.Tensor, torch.Tensor]:
        """Compare clips.

        Args:
            a: Utilities and dispersions of clips A, (Batch,) each.
            b: Those of clips B.

        Returns:
            Mean (Batch,), -3 to 3, above 0 where B is better, and variance (Batch,) of
            the comparisons.
        """
        # as `utils.ccr.comparison`
        mean = LIMIT * torch.tanh((b[0] - a[0]) / LIMIT)
        return mean, a[1] + b[1]

    def loss(
        self, mean: torch.Tensor, variance: torch.Tensor, ccr: torch.Tensor
    ) -> torch.Tensor:
        """Compute the Gaussian negative log-likelihood of comparisons (Batch,)."""
        return gaussian_nll(mean, variance, ccr)
