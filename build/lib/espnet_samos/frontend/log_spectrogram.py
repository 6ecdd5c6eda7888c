"""Log-magnitude spectrogram of a waveform."""

from typing import Optional, Tuple, Union

import humanfriendly
import torch
from espnet2.asr.frontend.abs_frontend import AbsFrontend

MIN_MAGNITUDE = 1e-7
MAX_MAGNITUDE = 1e7


class LogSpectrogramFrontend(AbsFrontend):
    """Clipped log10 magnitude spectrogram.

    The STFT runs in float64 whatever the dtype around it: in float32 its
    rounding errors lie above the noise floor of an up-sampled clip's empty band,
    which is what this branch looks at.

    Args:
        fs: Sampling rate of the input: 48000 or "48k".
        n_fft: FFT length in samples.
        win_length: Length of the periodic Hann window in samples.
        hop_length: Hop between frames in samples.
        max_frequency: Drop the bins above this frequency in Hz; None keeps all
            of them up to fs / 2.
    """

    def __init__(
        self,
        fs: Union[int, str] = 48000,
        n_fft: int = 320,
        win_length: int = 320,
        hop_length: int = 160,
        max_frequency: Optional[float] = None,
    ):
        super().__init__()
        self.n_fft = n_fft
        self.win_length = win_length
        self.hop_length = hop_length
        self.num_bins = n_fft // 2 + 1
        if isinstance(fs, str):
            fs = humanfriendly.parse_size(fs)
        if max_frequency is not None:
            self.num_bins = min(self.num_bins, int(max_frequency * n_fft / fs) + 1)

    def output_size(self) -> int:
        """Return the number of frequency bins."""
        return self.num_bins

    def forward(
        self, input: torch.Tensor, input_lengths: torch.Tensor
    ) -> Tuple[torch.Tensor, torch.Tensor]:
        """Compute the spectrogram.

        Args:
            input: Waveforms (Batch, NSamples).
            input_lengths: (Batch,) in samples.

        Returns:
            log10 magnitudes in [-7, 7], float32, (Batch, NFrames, NBins), with
            NFrames = NSamples // hop_length + 1, and the lengths (Batch,).
        """
        device = input.device
        if device.type == "mps":  # has no float64
            input = input.cpu()
        window = torch.hann_window(
            self.win_length, periodic=True, dtype=torch.float64, device=input.device
        )
        # (Batch, NSamples) -> (Batch, NBins, NFrames)
        spectrum = torch.stft(
            input.double(),
            n_fft=self.n_fft,
            hop_length=self.hop_length,
            win_length=self.win_length,
            window=window,
            center=True,
            pad_mode="constant",
            return_complex=True,
        )[:, : self.num_bins]
        magnitude = spectrum.abs().clamp(MIN_MAGNITUDE, MAX_MAGNITUDE)
        # (Batch, NBins, NFrames) -> (Batch, NFrames, NBins)
        feats = magnitude.log10().float().to(device).transpose(1, 2)
        return feats, input_lengths // self.hop_length + 1
