"""A model that learns to compare clips."""

from typing import Any, Dict, Optional, Sequence

import torch
from espnet2.torch_utils.device_funcs import force_gatherable

from espnet_samos.mos.espnet_model import ESPnetMosModel

WAVEFORMS = ("speech_16k", "speech_48k")


class PairModel(ESPnetMosModel):
    """An `ESPnetMosModel` whose comparison head is trained, on pairs of clips.

    Both clips go through the same frontends and encoders. As long as these are frozen,
    the vectors of a pair are computed once and kept (some KB each).

    Attributes:
        train_encoders: Whether they are trained too; the head of the MOS never is.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.train_encoders = False
        # of each pair (2, Dim), on the CPU
        self.vectors: Dict[str, torch.Tensor] = {}

    def choose_trained(self, train_encoders: bool) -> None:
        """Freeze what is not trained.

        Args:
            train_encoders: Train the encoders, and frontends that are not frozen, too.
        """
        self.train_encoders = train_encoders
        for part in self._frozen():
            part.requires_grad_(False)

    def _frozen(self) -> Sequence[torch.nn.Module]:
        parts = dict(self.named_children())
        kept = ["head"] if self.train_encoders else parts.keys() - {"comparison"}
        return [parts[name] for name in kept]

    def train(self, mode: bool = True) -> "PairModel":
        """Switch to training, but for what is frozen: its statistics stay as well."""
        super().train(mode)
        for part in self._frozen():
            part.eval()
        return self

    def forward(  # type: ignore[override]  # its batches are others
        self,
        ccr: torch.Tensor,
        utt_id: Optional[Sequence[str]] = None,
        **batch: torch.Tensor,
    ) -> Dict[str, object]:
        """Compute the loss of a batch: the Gaussian negative log-likelihood.

        Args:
            ccr: Comparisons (Batch, 1), -3 to 3, above 0 where clip B is better.
            utt_id: The pairs' names, which ESPnet adds.
            batch: As `encode` takes them, windows of clips A; those of clips B have
                names that end in `_b`.

        Returns:
            `loss`, `stats` and `weight`, as ESPnet's trainer takes them.
        """
        vector = self._vectors_of(utt_id, batch).to(ccr.device)
        assert self.comparison is not None  # it is what is trained
        utility, dispersion = self.comparison(vector)
        a, b = zip(utility.chunk(2), dispersion.chunk(2), strict=True)
        mean, variance = self.comparison.compare(a, b)
        ccr = ccr.flatten()
        loss = self.comparison.loss(mean, variance, ccr)
        stats = dict(
            loss=loss.detach(),
            mse=(mean - ccr).square().mean().detach(),
            predicted_std=variance.detach().sqrt().mean(),
        )
        loss, stats, weight = force_gatherable((loss, stats, len(ccr)), loss.device)
        return dict(loss=loss, stats=stats, weight=weight)

    def _vectors_of(
        self, utt_id: Optional[Sequence[str]], batch: Dict[str, torch.Tensor]
    ) -> torch.Tensor:
        """Return the vectors of clips A, and then of clips B: (2 · Batch, Dim)."""
        if self.train_encoders or utt_id is None:
            return self._encode_both(batch)
        if not self.vectors.keys() >= set(utt_id):
            with torch.no_grad():
                a, b = self._encode_both(batch).cpu().chunk(2)
            pairs = torch.stack([a, b], dim=1)  # (Batch, 2, Dim)
            self.vectors.update(zip(utt_id, pairs, strict=True))
        # (2, Dim) each -> (2, Batch, Dim) -> (2 · Batch, Dim)
        known = torch.stack([self.vectors[utt] for utt in utt_id], dim=1)
        return known.flatten(0, 1)

    def _encode_both(self, batch: Dict[str, torch.Tensor]) -> torch.Tensor:
        both = {}
        for name in WAVEFORMS:
            if name in batch:
                # (Batch, NSamples) twice -> (2 · Batch, NSamples)
                both[name] = torch.cat([batch[name], batch[f"{name}_b"]])
                lengths = [batch[f"{key}_lengths"] for key in (name, f"{name}_b")]
                both[f"{name}_lengths"] = torch.cat(lengths)
        return self.encode(**both)
