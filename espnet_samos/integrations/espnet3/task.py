"""The task as ESPnet3 trains it."""

import argparse
from typing import Any, Dict, Tuple

import torch

from espnet_samos.mos.build import build_model
from espnet_samos.mos.espnet_model import ESPnetMosModel
from espnet_samos.tasks import mos


class Espnet3MosModel(ESPnetMosModel):
    """The model, with the loss as a tuple, which is the one form ESPnet3 takes."""

    def forward(  # type: ignore[override]
        self, *args: Any, **batch: Any
    ) -> Tuple[torch.Tensor, Dict[str, torch.Tensor], torch.Tensor]:
        """Compute the loss of a batch, as `ESPnetMosModel.forward` does.

        Returns:
            Loss, statistics and the number of clips.
        """
        out: Dict[str, Any] = super().forward(*args, **batch)
        return out["loss"], out["stats"], out["weight"]


class MosTask(mos.MosTask):
    """What `task:` of a training configuration of ESPnet3 names."""

    @classmethod
    def build_model(cls, args: argparse.Namespace) -> ESPnetMosModel:
        """Build the model from its slots."""
        return build_model(args, Espnet3MosModel)
