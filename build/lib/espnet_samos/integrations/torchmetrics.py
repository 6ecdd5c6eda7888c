"""The score as a metric of torchmetrics: the mean over all clips that were seen."""

from pathlib import Path
from typing import Any, Optional, Sequence, Union

import torch

from espnet_samos.audio.reading import check_rate
from espnet_samos.inference.predictor import MosPredictor
from espnet_samos.integrations.functional import mos_score
from espnet_samos.model_zoo.find import DEFAULT_MODEL

try:
    from torchmetrics import Metric
except ImportError as e:
    raise ImportError(
        "espnet_samos.integrations.torchmetrics needs the package torchmetrics: "
        "pip install torchmetrics (mos_score of espnet_samos does not)"
    ) from e


class SamosMos(Metric):
    """The mean predicted opinion score (MOS) of clips, without a reference.

    `update` and `forward` take `preds` (..., NSamples), samples in [-1, 1] at `fs`, and
    score them as `mos_score` does. `compute` gives a scalar, the mean over clips; NaN
    before there are any.

    Args:
        fs: Sampling rate of the samples in Hz, 8000 to 96000.
        model: A predictor, on the device where scores are to be computed, or what
            `MosPredictor.from_pretrained` takes. It is no part of a checkpoint.
        kwargs: As torchmetrics' other metrics take them.

    Raises:
        ImportError: torchmetrics is not installed.
        AudioError: The rate is another.

    Example:
        metric = SamosMos(fs=48000)
        metric.update(torch.randn(4, 96000) / 10)
        mean_opinion_score = metric.compute()
    """

    full_state_update = False
    is_differentiable = True
    higher_is_better = True
    plot_lower_bound = 1.0
    plot_upper_bound = 5.0
    sum_mos: torch.Tensor
    total: torch.Tensor

    def __init__(
        self,
        fs: int,
        model: Union[MosPredictor, Path, str] = DEFAULT_MODEL,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        check_rate(fs)
        self.fs = fs
        if not isinstance(model, MosPredictor):
            model = MosPredictor.from_pretrained(model)
        self.predictor = model
        self.add_state("sum_mos", default=torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("total", default=torch.tensor(0), dist_reduce_fx="sum")

    def update(self, preds: torch.Tensor) -> None:
        """Score clips (..., NSamples) of one length and count them in."""
        scores = mos_score(preds, self.fs, self.predictor)
        self.sum_mos = self.sum_mos + scores.sum().to(self.sum_mos.device)
        self.total = self.total + scores.numel()

    def compute(self) -> torch.Tensor:
        """Compute the mean over all clips, a scalar."""
        return self.sum_mos / self.total

    def plot(
        self,
        val: Optional[Union[torch.Tensor, Sequence[torch.Tensor]]] = None,
        ax: Optional[Any] = None,
    ) -> Any:
        """Plot values of `forward` or `compute` (default); return figure and axes."""
        return self._plot(val, ax)
