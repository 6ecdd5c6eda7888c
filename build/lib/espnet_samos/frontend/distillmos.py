"""Features from inside Distill-MOS, a small model with its weights in a package."""

import contextlib
import io
from typing import Any

import torch

from espnet_samos.frontend.frozen import Frozen
from espnet_samos.frontend.padding import UnpaddedFrontend

MAX_FRAMES = 384  # what the position encoding covers: 7.68 s
EPS = 1e-8


class _DistillMosLayers(torch.nn.Module):
    """The lower part of Distill-MOS, up to the output of a transformer layer."""

    def __init__(self, model: torch.nn.Module, layer: int):
        super().__init__()
        scorer: Any = model.transformer_pool_attn
        transformer = scorer.transformer
        self.cnn = model.cnn
        self.norm = torch.nn.Sequential(scorer.norm_input, transformer.norm)
        self.projection = transformer.linear_proj
        self.position_encoding = transformer.position_encoding
        self.layers = torch.nn.Sequential(
            *transformer.transformer_encoder.layers[:layer]
        )

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Run clips of one length: (Batch, NSamples) -> (Batch, NFrames, 200)."""
        peak = waveforms.abs().amax(dim=1, keepdim=True)
        # (Batch, NSamples) -> (Batch, 1024, NFrames)
        x = self.norm(self.cnn(waveforms / (peak + EPS)))
        # (Batch, 1024, NFrames) -> (Batch, NFrames, 200)
        x = self.projection(x.transpose(1, 2))
        if len(self.layers) == 0:
            return x
        num_segments = -(-x.shape[1] // MAX_FRAMES)
        parts = x.tensor_split(num_segments, dim=1)
        pe = self.position_encoding.pe  # (1, 384, 200)
        return torch.cat([self.layers(p + pe[:, : p.shape[1]]) for p in parts], dim=1)


class DistillMosFrontend(UnpaddedFrontend):
    """A hidden state of Distill-MOS, frozen, as features.

    Distill-MOS (Stahl and Gamper) is a model of 4 million
    parameters distilled from a MOS predictor on top of XLS-R; the package
    `distillmos` (MIT licence) carries its weights, so nothing is downloaded. A
    frame stands for 20 ms: a 2-D CNN over the complex spectrogram, projected to
    200 dimensions, then transformer layers.

    The waveform is divided by its peak, so the features do not depend on the
    level. The transformer sees segments of equal length, at most 7.68 s (two of
    5 s for a clip of 10 s), and the CNN sees the clip whole. Clips are not
    zero-padded to 7.68 s as the package pads them.

    Args:
        layer: Index of the hidden state: 0 is the projected output of the CNN,
            before the position encoding, k the output of the k-th transformer
            layer, up to 7.

    Raises:
        ImportError: `distillmos` is not installed.
        ValueError: There is no such layer.
    """

    def __init__(self, layer: int = 0):
        super().__init__()
        try:
            from distillmos import ConvTransformerSQAModel
        except ImportError as e:
            raise ImportError(
                "the frontend 'distillmos' needs the package distillmos: "
                "pip install distillmos"
            ) from e
        # It prints where its weights are.
        with contextlib.redirect_stdout(io.StringIO()):
            model = ConvTransformerSQAModel()
        transformer = model.transformer_pool_attn.transformer
        num_layers = len(transformer.transformer_encoder.layers)
        if not 0 <= layer <= num_layers:
            raise ValueError(f"distillmos has layers 0..{num_layers}, not {layer}")
        self._output_size = transformer.linear_proj.out_features
        self.hop_length = 2 * model.cnn.hop_length  # its last convolution has stride 2
        self.model = Frozen(_DistillMosLayers(model, layer))

    def extract(self, waveforms: torch.Tensor) -> torch.Tensor:
        return self.model(waveforms)
