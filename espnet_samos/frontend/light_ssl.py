"""A light SSL frontend: a small network that imitates a large one."""

from typing import Optional, Sequence

import torch
import torch.nn.functional as F

from espnet_samos.frontend.level import loud_power, remove_dc
from espnet_samos.frontend.padding import UnpaddedFrontend
from espnet_samos.frontend.upstreams.checkpoint import read_checkpoint

# 10 ms and 20 ms at 16 kHz; the first convolution halves the frames.
HOP_LENGTH = 160
WIN_LENGTH = 320
NUM_BINS = WIN_LENGTH // 2 + 1
COMPRESSION = 0.3  # exponent of the magnitudes
EPS = 1e-8
NUM_HEADS = 8
# what the teacher's transformer sees at once: 7.68 s
MAX_FRAMES = 384
# Frames this far below the loud ones are silent, where that lasts for more than 400 ms.
SILENCE_DB = -46.0
LONGEST_GAP = 20
FIRST_BIN = 2  # 100 Hz: what is left of DC does not sound


class CompressedSpectrum(torch.nn.Module):
    """STFT with compressed magnitudes, of waveforms without DC, divided by their peaks.

    As a convolution: ONNX Runtime has no fast transform of this length. No filter of it
    lets a constant through.
    """

    basis: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        phase = torch.outer(
            2 * torch.pi / WIN_LENGTH * torch.arange(NUM_BINS, dtype=torch.float64),
            torch.arange(WIN_LENGTH, dtype=torch.float64),
        )
        window = torch.hann_window(WIN_LENGTH, dtype=torch.float64)
        # (2 * NBins, 1, WinLength)
        basis = torch.cat([phase.cos(), -phase.sin()]) * window
        basis = basis - window * (basis.sum(dim=1, keepdim=True) / window.sum())
        self.register_buffer("basis", basis.float()[:, None], persistent=False)

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Compute the spectrum.

        Args:
            waveforms: At 16 kHz (Batch, NSamples).

        Returns:
            Real and imaginary parts (Batch, 2, NSamples // 160, 161).
        """
        waveforms = remove_dc(waveforms.float())
        top, bottom = waveforms.amax(dim=1), waveforms.amin(dim=1)
        peak = (top - bottom)[:, None] / 2
        margin = (WIN_LENGTH - HOP_LENGTH) // 2
        x = F.pad(waveforms / (peak + EPS), (margin, margin), mode="reflect")
        # (Batch, NSamples') -> (Batch, 2 * NBins, NFrames)
        spectrum = F.conv1d(x[:, None], self.basis, stride=HOP_LENGTH)
        # (Batch, 2 * NBins, NFrames) -> (Batch, 2, NFrames, NBins)
        spectrum = spectrum.unflatten(1, (2, NUM_BINS)).transpose(2, 3)
        # a square root has no gradient at zero
        power = spectrum.square().sum(dim=1, keepdim=True).clamp(min=EPS**2)
        magnitude = power.sqrt()
        return spectrum * magnitude ** (COMPRESSION - 1)


class SeparableConv2d(torch.nn.Module):
    """A depthwise and a pointwise convolution, around which the input is added."""

    def __init__(self, in_channels: int, out_channels: int, stride: int):
        super().__init__()
        self.depthwise = torch.nn.Sequential(
            torch.nn.Conv2d(
                in_channels,
                in_channels,
                3,
                stride=(1, stride),
                padding=1,
                groups=in_channels,
                bias=False,
            ),
            torch.nn.BatchNorm2d(in_channels),
        )
        self.pointwise = torch.nn.Sequential(
            torch.nn.Conv2d(in_channels, out_channels, 1, bias=False),
            torch.nn.BatchNorm2d(out_channels),
            torch.nn.ReLU(),
        )
        self.adds = in_channels == out_channels and stride == 1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.pointwise(self.depthwise(x))
        return x + y if self.adds else y


class LightSslFrontend(UnpaddedFrontend):
    """A small CNN and transformer layers that imitate a large model's hidden states.

    Its weights come from a distillation (`espnet_samos.tasks.distillation`), and are
    part of the trained model. The waveform is divided by its peak, so features do not
    depend on the level. Frames of silence are zero: those 46 dB below the loud ones,
    where that lasts for more than 400 ms; a shorter gap is part of the sound. Frames
    have no positions: a score is not to depend on when a clip begins.

    Args:
        channels: Channels of the CNN after its first convolution and after each pair
            of separable ones; each pair halves the frequency bins.
        output_size: Dimension of a hidden state.
        feedforward_size: Dimension inside a transformer layer.
        num_layers: Number of transformer layers.
        layers: Which hidden states are the features, side by side: 0 is what the CNN
            gives, k the output of the k-th transformer layer.
        freeze: Keep the weights as they are while the rest of a model is trained.
        init_file: What a distillation trained, or a trained predictor with this
            frontend, to begin with its weights. A model that is loaded has its own.

    Raises:
        ValueError: There is no such layer, or the file is of something else.
        FileNotFoundError: There is no such file.
    """

    def __init__(
        self,
        channels: Sequence[int] = (24, 48, 72, 120, 192),
        output_size: int = 200,
        feedforward_size: int = 400,
        num_layers: int = 5,
        layers: Sequence[int] = (3, 5),
        freeze: bool = True,
        init_file: Optional[str] = None,
    ):
        super().__init__()
        if not layers or not all(0 <= layer <= num_layers for layer in layers):
            raise ValueError(
                f"layers is {list(layers)}: give some of 0..{num_layers}, which "
                "num_layers allows"
            )
        self.hop_length = 2 * HOP_LENGTH
        self.layers = list(layers)
        self.spectrum = CompressedSpectrum()
        self._output_size = output_size * len(layers)
        self.stem = torch.nn.Sequential(
            torch.nn.Conv2d(
                2, channels[0], (4, 5), stride=2, padding=(1, 2), bias=False
            ),
            torch.nn.BatchNorm2d(channels[0]),
            torch.nn.ReLU(),
        )
        num_bins = -(-NUM_BINS // 2)
        blocks = []
        for before, after in zip(channels[:-1], channels[1:], strict=True):
            blocks += [
                SeparableConv2d(before, after, stride=2),
                SeparableConv2d(after, after, stride=1),
            ]
            num_bins = -(-num_bins // 2)
        self.cnn = torch.nn.Sequential(*blocks)
        self.projection = torch.nn.Linear(channels[-1] * num_bins, output_size)
        # the teacher's position encoding on average
        self.position = torch.nn.Parameter(torch.zeros(output_size))
        self.transformer = torch.nn.ModuleList(
            torch.nn.TransformerEncoderLayer(
                output_size,
                NUM_HEADS,
                feedforward_size,
                dropout=0.0,
                batch_first=True,
            )
            for _ in range(num_layers)
        )
        if init_file is not None:
            self._load(init_file)
        self.freeze = freeze
        self.requires_grad_(not freeze)

    def _load(self, path: str) -> None:
        weights = {}
        for name, value in read_checkpoint(path).items():
            part, _, rest = name.partition(".")
            if part in ("student", "ssl_frontend"):
                weights[rest] = value
        try:
            self.load_state_dict(weights)
        except RuntimeError as e:
            raise ValueError(
                f"ssl_frontend_conf.init_file: {path} has no frontend of these sizes: "
                f"{e}"
            ) from e

    def train(self, mode: bool = True) -> "LightSslFrontend":
        """Set the mode; a frozen frontend stays in evaluation."""
        return super().train(mode and not self.freeze)

    def ignores_silence(self, num_samples: int) -> bool:
        """Return whether silence after a clip changes none of its frames.

        Args:
            num_samples: How many samples clip and silence have together.
        """
        return num_samples <= MAX_FRAMES * self.hop_length

    def extract(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Run clips of one length: (Batch, NSamples) -> (Batch, NFrames, Dim)."""
        spectrum = self.spectrum(waveforms)
        silent = silent_frames(spectrum)
        states = self.hidden_states(self.cnn_output(spectrum), silent)
        feats = torch.cat([states[layer] for layer in self.layers], dim=-1)
        return feats.masked_fill(silent[..., None], 0.0)

    def cnn_output(self, spectrum: torch.Tensor) -> torch.Tensor:
        """Compute the hidden state 0, (Batch, NFrames', Dim), of `spectrum`."""
        # on a CPU, depthwise convolutions are faster so
        spectrum = spectrum.contiguous(memory_format=torch.channels_last)
        # (Batch, Channels, NFrames', NBins') -> (Batch, NFrames', Channels * NBins')
        x = self.cnn(self.stem(spectrum)).transpose(1, 2).flatten(2)
        return self.projection(x)

    def hidden_states(
        self, x: torch.Tensor, silent: torch.Tensor
    ) -> Sequence[torch.Tensor]:
        """Compute what each transformer layer gives.

        Args:
            x: What the CNN gives (Batch, NFrames, Dim), a frame every 20 ms.
            silent: Frames (Batch, NFrames) that the transformer does not look at.

        Returns:
            `x` and what each layer gives, up to the last that is a feature, each
            (Batch, NFrames, Dim).
        """
        states = [x]
        num_segments = -(-x.shape[1] // MAX_FRAMES)
        parts = list((x + self.position).tensor_split(num_segments, dim=1))
        # where all is silent, all is looked at: there has to be something
        masks = [
            mask & ~mask.all(dim=1, keepdim=True)
            for mask in silent.tensor_split(num_segments, dim=1)
        ]
        for layer in self.transformer[: max(self.layers)]:
            parts = [
                layer(part, src_key_padding_mask=mask)
                for part, mask in zip(parts, masks, strict=True)
            ]
            states.append(torch.cat(parts, dim=1))
        return states


def silent_frames(spectrum: torch.Tensor) -> torch.Tensor:
    """Return which frames of a spectrum are silent.

    Args:
        spectrum: (Batch, 2, NFrames, NBins), as `CompressedSpectrum` gives it.

    Returns:
        For each two frames, (Batch, NFrames // 2).
    """
    # (Batch, 2, NFrames, NBins) -> (Batch, NFrames)
    power = spectrum[..., FIRST_BIN:].square().sum(dim=(1, 3)) ** (1 / COMPRESSION)
    power = F.max_pool1d(power[:, None], 2).squeeze(1)
    heard = power > loud_power(power) * 10 ** (SILENCE_DB / 10)
    # short gaps are closed, also with the sound beyond the ends in mind: there is none
    near = LONGEST_GAP // 2
    x = F.pad(heard[:, None].float(), (near, near))
    x = F.max_pool1d(x, 2 * near + 1, 1, near)
    return F.max_pool1d(1 - x, 2 * near + 1, 1)[:, 0] > 0
