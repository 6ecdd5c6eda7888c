"""One hidden state of an SSL model, wherever the model comes from."""

from abc import ABC, abstractmethod
from typing import Any

import torch

from espnet_samos.frontend.frozen import fold_weight_norm, keep_types
from espnet_samos.frontend.upstreams.convolutions import Convolutions


def resolve_layer(layer: int, last: int, upstream: str) -> int:
    """Return the index of a hidden state, 0..last, where -1 stands for the last.

    Raises:
        ValueError: There is no such hidden state.
    """
    if not -1 <= layer <= last:
        raise ValueError(
            f"upstream '{upstream}' has no layer {layer}: "
            f"layer can be 0..{last}, or -1 for the last"
        )
    return last if layer == -1 else layer


class AbsUpstream(torch.nn.Module, ABC):
    """A model that gives one of its hidden states.

    What lies behind that hidden state is not part of the model: a pre-norm
    transformer of k layers whose final normalisation is taken out gives hidden
    state k of the transformer it was cut from.

    Args:
        layer: Index of the hidden state: 0 is the input of the first transformer
            layer, k the output of the k-th.
        last: Index of the last hidden state of the complete model.
        hop_length: Samples at 16 kHz from a frame to the next.
        normalise_waveforms: Bring each clip to mean 0 and variance 1 first, as fairseq
            does in training, where the checkpoint demands it.
    """

    def __init__(
        self,
        layer: int,
        last: int,
        hop_length: int,
        normalise_waveforms: bool = False,
    ):
        super().__init__()
        self.layer = layer
        self.last = last
        self.hop_length = hop_length
        self.normalise_waveforms = normalise_waveforms

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Compute the hidden state of clips of one length, at 16 kHz, not normalised.

        (Batch, NSamples) -> (Batch, NFrames, Dim)
        """
        if self.normalise_waveforms:
            # clip by clip
            waveforms = torch.nn.functional.layer_norm(waveforms, waveforms.shape[-1:])
        return self.extract(waveforms)

    def freeze(self) -> None:
        """Rearrange a model that will not be trained: the same numbers, faster."""
        fold_weight_norm(self)
        keep_types(self)

    @abstractmethod
    def extract(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Compute the hidden state of waveforms as the model takes them.

        (Batch, NSamples) -> (Batch, NFrames, Dim)
        """


class FirstLayers(AbsUpstream):
    """A model that was built up to a hidden state, which is its first output.

    Its `feature_extractor` has blocks of convolutions, `conv_layers`.
    """

    convolutions = Convolutions

    def __init__(
        self,
        model: torch.nn.Module,
        layer: int,
        last: int,
        hop_length: int,
        normalise_waveforms: bool,
    ):
        super().__init__(layer, last, hop_length, normalise_waveforms)
        self.model = model.eval()

    def freeze(self) -> None:
        extractor: Any = self.model.feature_extractor
        self.model.feature_extractor = self.convolutions(extractor.conv_layers)
        super().freeze()

    def extract(self, waveforms: torch.Tensor) -> torch.Tensor:
        return self.model(waveforms)[0]
