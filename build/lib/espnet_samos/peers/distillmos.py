"""Distill-MOS, as its package has it."""

import contextlib
import io
from typing import Sequence

import numpy as np

from espnet_samos.peers.abs_peer import AbsPeer


class DistillMos(AbsPeer):
    """Distill-MOS (Stahl and Gamper): a small model distilled from XLS-R. MIT."""

    package = "distillmos"
    names = ("distillmos",)
    fs = 16000

    def __init__(self) -> None:
        from distillmos import ConvTransformerSQAModel

        # It prints where its weights are.
        with contextlib.redirect_stdout(io.StringIO()):
            self.model = ConvTransformerSQAModel().eval()

    def _scores(self, samples: np.ndarray) -> Sequence[float]:
        import torch

        with torch.inference_mode():
            # (NSamples,) -> (1, NSamples) -> (1, 1)
            return [self.model(torch.from_numpy(samples)[None]).item()]
